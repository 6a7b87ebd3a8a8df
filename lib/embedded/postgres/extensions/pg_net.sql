-- Requests are queued and never sent: nobody reads net.http_request_queue, and net._http_response stays empty.

do $$
begin
  if to_regnamespace('net') is null then
    create schema net;
  end if;
end
$$;

create domain net.http_method as text check (value ilike 'get' or value ilike 'post' or value ilike 'delete');
create type net.request_status as enum ('PENDING', 'SUCCESS', 'ERROR');
create type net.http_response as (status_code integer, headers jsonb, body text);
create type net.http_response_result as (status net.request_status, message text, response net.http_response);

create unlogged table net.http_request_queue (
  id bigserial,
  method net.http_method not null,
  url text not null,
  headers jsonb,
  body bytea,
  timeout_milliseconds integer not null
);
create unlogged table net._http_response (
  id bigint,
  status_code integer,
  content_type text,
  headers jsonb,
  content text,
  timed_out boolean,
  error_msg text,
  created timestamptz not null default now()
);
create index _http_response_created_idx on net._http_response (created);

create function net.check_worker_is_up() returns void language plpgsql as $$
begin
  raise exception using message = 'the pg_net background worker is not up',
    detail = 'simulated: the embedded platform queues requests and sends none';
end
$$;

create function net._await_response(request_id bigint) returns boolean language plpgsql as $$
begin
  if not exists (select from net._http_response r where r.id = request_id) then
    perform net.check_worker_is_up();
  end if;
  return true;
end
$$;

create function net._urlencode_string(string varchar) returns text language sql immutable as $$
  select coalesce(string_agg(
    case when chr(get_byte(b, i)) ~ '[A-Za-z0-9._~-]' and get_byte(b, i) < 128 then chr(get_byte(b, i))
      else '%' || upper(lpad(to_hex(get_byte(b, i)), 2, '0')) end, '' order by i), '')
  from convert_to(string, 'UTF8') as b, generate_series(0, length(b) - 1) as i
$$;

create function net._encode_url_with_params_array(url text, params_array text[]) returns text language sql immutable as $$
  select case when coalesce(cardinality(params_array), 0) = 0 then url
    else url || case when url like '%?%' then '&' else '?' end || array_to_string(params_array, '&') end
$$;

create function net.worker_restart() returns boolean language sql as $$ select false $$;
create function net.wait_until_running() returns void language sql as $$ select net.check_worker_is_up() $$;
create function net.wake() returns void language sql as $$ select $$;

create function net._stand_in_queue(method text, url text, params jsonb, headers jsonb, body jsonb, timeout_milliseconds integer)
returns bigint language sql as $$
  insert into net.http_request_queue (method, url, headers, body, timeout_milliseconds)
  select method, net._encode_url_with_params_array(url, (
      select array_agg(net._urlencode_string(key) || '=' || net._urlencode_string(value)) from jsonb_each_text(params))),
    headers, convert_to(body::text, 'UTF8'), timeout_milliseconds
  returning id
$$;

create function net.http_get(
  url text, params jsonb default '{}', headers jsonb default '{}', timeout_milliseconds integer default 5000
) returns bigint language plpgsql as $$
begin
  return net._stand_in_queue('GET', url, params, headers, null, timeout_milliseconds);
end
$$;

create function net.http_post(
  url text, body jsonb default '{}', params jsonb default '{}',
  headers jsonb default '{"Content-Type": "application/json"}', timeout_milliseconds integer default 5000
) returns bigint language plpgsql as $$
declare
  kind text := (select value from jsonb_each_text(headers) where lower(key) = 'content-type' limit 1);
begin
  if kind is null then
    headers := headers || '{"Content-Type": "application/json"}';
  elsif kind <> 'application/json' then
    raise exception 'Content-Type header must be "application/json"';
  end if;
  return net._stand_in_queue('POST', url, params, headers, body, timeout_milliseconds);
end
$$;

create function net.http_delete(
  url text, params jsonb default '{}', headers jsonb default '{}', timeout_milliseconds integer default 5000,
  body jsonb default null
) returns bigint language plpgsql as $$
begin
  return net._stand_in_queue('DELETE', url, params, headers, body, timeout_milliseconds);
end
$$;

create function net._http_collect_response(request_id bigint, async boolean default true)
returns net.http_response_result language plpgsql as $$
declare
  seen net._http_response;
begin
  if not async then
    perform net._await_response(request_id);
  end if;
  select * into seen from net._http_response r where r.id = request_id;
  if not found or seen.error_msg is not null then
    return ('ERROR', coalesce(seen.error_msg, 'request matching request_id not found'), null)::net.http_response_result;
  end if;
  return ('SUCCESS', 'ok', (seen.status_code, seen.headers, seen.content)::net.http_response)::net.http_response_result;
end
$$;

create function net.http_collect_response(request_id bigint, async boolean default true)
returns net.http_response_result language plpgsql as $$
begin
  raise notice 'The net.http_collect_response function is deprecated.';
  return net._http_collect_response(request_id, async);
end
$$;

grant usage on schema net to public, supabase_functions_admin, postgres, anon, authenticated, service_role;
grant all on all sequences in schema net to public;
grant all on all tables in schema net to public;
