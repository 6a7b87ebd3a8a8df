-- Hypothetical indexes live in the planner, where SQL can't put them: none can be created, and the lists are empty.

create function hypopg(
  out indexname text, out indexrelid oid, out indrelid oid, out innatts integer, out indisunique boolean,
  out indkey int2vector, out indcollation oidvector, out indclass oidvector, out indoption oidvector,
  out indexprs pg_node_tree, out indpred pg_node_tree, out amid oid
) returns setof record language sql as $$
  select null::text, null::oid, null::oid, null::integer, null::boolean, null::int2vector, null::oidvector, null::oidvector,
    null::oidvector, null::pg_node_tree, null::pg_node_tree, null::oid where false
$$;
create function hypopg_create_index(in sql_order text, out indexrelid oid, out indexname text)
returns setof record language plpgsql strict as $$
begin
  raise exception using errcode = '0A000',
    message = 'simulated: hypopg.hypopg_create_index is not carried out by the embedded platform';
end
$$;
create function hypopg_reset() returns void language sql as $$ select $$;
create function hypopg_reset_index() returns void language sql as $$ select $$;
create function hypopg_drop_index(in indexid oid) returns boolean language sql strict as $$ select false $$;
create function hypopg_get_indexdef(in indexid oid) returns text language sql strict as $$ select null::text $$;
create function hypopg_relation_size(in indexid oid) returns bigint language plpgsql strict as $$
begin
  raise exception 'oid % is not a hypothetical index', indexid;
end
$$;
create function hypopg_hide_index(in indexid oid) returns boolean language plpgsql strict as $$
begin
  raise exception using errcode = '0A000',
    message = 'simulated: hypopg.hypopg_hide_index is not carried out by the embedded platform';
end
$$;
create function hypopg_unhide_index(in indexid oid) returns boolean language sql strict as $$ select false $$;
create function hypopg_unhide_all_indexes() returns void language sql as $$ select $$;
create function hypopg_hidden_indexes() returns table (indexid oid) language sql strict as $$
  select null::oid where false
$$;

create view hypopg_list_indexes as
select h.indexrelid, h.indexname as index_name, n.nspname as schema_name, coalesce(c.relname, '<dropped>') as table_name,
  a.amname as am_name
from hypopg() h
left join pg_catalog.pg_class c on c.oid = h.indrelid
left join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_am a on a.oid = h.amid;

create view hypopg_hidden_indexes as
select h.indexid as indexrelid, null::name as index_name, null::name as schema_name, null::name as table_name,
  null::name as am_name, false as is_hypo
from hypopg_hidden_indexes() h;
