-- The types and functions of an HTTP client. Addresses are encoded for real; a request is refused.

create domain @extschema@.http_method as text;
create domain @extschema@.content_type as text check (value ~ '^\S+\/\S+');
create type @extschema@.http_header as (field varchar, value varchar);
create type @extschema@.http_response as (
  status integer, content_type varchar, headers @extschema@.http_header[], content varchar
);
create type @extschema@.http_request as (
  method @extschema@.http_method, uri varchar, headers @extschema@.http_header[], content_type varchar, content varchar
);

create function @extschema@.http(request @extschema@.http_request) returns @extschema@.http_response language plpgsql as $$
begin
  raise exception using errcode = '0A000', message = 'simulated: the embedded platform sends no request',
    detail = format('%s %s was asked for.', request.method, request.uri);
end
$$;

create function @extschema@.http_set_curlopt(curlopt varchar, value varchar) returns boolean language sql as $$ select true $$;
create function @extschema@.http_reset_curlopt() returns boolean language sql as $$ select true $$;
create function @extschema@.http_list_curlopt() returns table (curlopt text, value text) language sql as $$
  select null::text, null::text where false
$$;

create function @extschema@.http_header(field varchar, value varchar) returns @extschema@.http_header language sql as $$
  select row(field, value)::@extschema@.http_header
$$;
create function @extschema@.http_headers(variadic args text[]) returns @extschema@.http_header[]
language plpgsql immutable strict as $$
begin
  if cardinality(args) % 2 <> 0 then
    raise exception 'Arguments must be provided in key-value pairs';
  end if;
  return (select array_agg(row(args[i], args[i + 1])::@extschema@.http_header order by i)
    from generate_series(1, cardinality(args), 2) as i);
end
$$;

create function @extschema@.urlencode(string bytea) returns text language sql immutable strict as $$
  select coalesce(string_agg(
    case when get_byte(string, i) < 128 and chr(get_byte(string, i)) ~ '[A-Za-z0-9._~-]' then chr(get_byte(string, i))
      else '%' || upper(lpad(to_hex(get_byte(string, i)), 2, '0')) end, '' order by i), '')
  from generate_series(0, length(string) - 1) as i
$$;
create function @extschema@.urlencode(string varchar) returns text language sql immutable strict as $$
  select @extschema@.urlencode(convert_to(string, 'UTF8'))
$$;
create function @extschema@.urlencode(data jsonb) returns text language sql immutable strict as $$
  select string_agg(@extschema@.urlencode(key::varchar) || '=' || @extschema@.urlencode(coalesce(value, '')::varchar), '&')
  from jsonb_each_text(data)
$$;
create function @extschema@.text_to_bytea(data text) returns bytea language sql immutable strict as $$
  select convert_to(data, getdatabaseencoding())
$$;
create function @extschema@.bytea_to_text(data bytea) returns text language sql immutable strict as $$
  select convert_from(data, getdatabaseencoding())
$$;

create function @extschema@.http_get(uri varchar) returns @extschema@.http_response language sql as $$
  select @extschema@.http(('GET', uri, null, null, null)::@extschema@.http_request)
$$;
create function @extschema@.http_get(uri varchar, data jsonb) returns @extschema@.http_response language sql as $$
  select @extschema@.http(('GET', uri || '?' || @extschema@.urlencode(data), null, null, null)::@extschema@.http_request)
$$;
create function @extschema@.http_post(uri varchar, content varchar, content_type varchar) returns @extschema@.http_response
language sql as $$
  select @extschema@.http(('POST', uri, null, content_type, content)::@extschema@.http_request)
$$;
create function @extschema@.http_post(uri varchar, data jsonb) returns @extschema@.http_response language sql as $$
  select @extschema@.http(('POST', uri, null, 'application/x-www-form-urlencoded',
    @extschema@.urlencode(data))::@extschema@.http_request)
$$;
create function @extschema@.http_put(uri varchar, content varchar, content_type varchar) returns @extschema@.http_response
language sql as $$
  select @extschema@.http(('PUT', uri, null, content_type, content)::@extschema@.http_request)
$$;
create function @extschema@.http_patch(uri varchar, content varchar, content_type varchar) returns @extschema@.http_response
language sql as $$
  select @extschema@.http(('PATCH', uri, null, content_type, content)::@extschema@.http_request)
$$;
create function @extschema@.http_delete(uri varchar) returns @extschema@.http_response language sql as $$
  select @extschema@.http(('DELETE', uri, null, null, null)::@extschema@.http_request)
$$;
create function @extschema@.http_delete(uri varchar, content varchar, content_type varchar)
returns @extschema@.http_response language sql as $$
  select @extschema@.http(('DELETE', uri, null, content_type, content)::@extschema@.http_request)
$$;
create function @extschema@.http_head(uri varchar) returns @extschema@.http_response language sql as $$
  select @extschema@.http(('HEAD', uri, null, null, null)::@extschema@.http_request)
$$;
