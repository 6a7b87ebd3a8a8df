-- One row a table of the exposed schemas, with what a probe must know of its columns, keys, triggers and policies.
-- A table of the platform is exposed once it has a policy and an API role has a right on it: without one it is closed.
-- Binds: schemas text[], also text[] (tables of the platform that are asked for anyhow).
with recursive written as materialized (
  select f.oid, f.proname, f.provolatile, f.prosrc, f.prosqlbody is not null as is_parsed
  from pg_catalog.pg_proc f
  join pg_catalog.pg_namespace n on n.oid = f.pronamespace
  where n.nspname not in ('pg_catalog', 'information_schema')
), writers (oid, proname) as (
  -- What may write: a function that says so, and one that calls such a one, whatever it says of itself.
  select oid, proname from written where provolatile = 'v'
  union
  select f.oid, f.proname
  from writers w
  join written f on f.provolatile <> 'v' and (f.is_parsed or position(w.proname in f.prosrc) > 0)
), used_by_policies (relation, attnum) as (
  -- Read once and hashed: for one column alone the server would read what every policy rests on.
  select d.refobjid, d.refobjsubid
  from pg_catalog.pg_depend d
  where d.classid = 'pg_catalog.pg_policy'::regclass and d.refclassid = 'pg_catalog.pg_class'::regclass
)
select
  n.nspname as schema,
  c.relname as name,
  format('%%I.%%I', n.nspname, c.relname) as display_name,
  c.relrowsecurity as rls_enabled,
  c.relispartition as is_partition,
  c.relkind = 'p' or exists (select from pg_catalog.pg_inherits h where h.inhparent = c.oid) as has_parts,
  c.relkind = 'r' and not c.relhasrules
    and not exists (select from pg_catalog.pg_inherits h where h.inhparent = c.oid)
    and not exists (
      select from pg_catalog.pg_trigger t where t.tgrelid = c.oid and (not t.tgisinternal or t.tgenabled not in ('O', 'D'))
    ) and not exists (
      select from pg_catalog.pg_policy p
      join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_policy'::regclass and d.objid = p.oid
      join pg_catalog.pg_proc f on d.refclassid = 'pg_catalog.pg_proc'::regclass and d.refobjid = f.oid
      where p.polrelid = c.oid and (f.provolatile = 'v' or f.oid = any (array(select w.oid from writers w)))
    ) as is_plain,
  (select count(*) from pg_catalog.pg_policy p where p.polrelid = c.oid) as policies,
  (
    select jsonb_agg(
      jsonb_build_object(
        'name', a.attname,
        'written', a.attgenerated = '',
        'nullable', not a.attnotnull,
        'updatable', a.attgenerated = '' and a.attidentity <> 'a',
        'primary', exists (
          select from pg_catalog.pg_index i
          where i.indrelid = c.oid and i.indisprimary and a.attnum = any (i.indkey::int2[])
        ),
        'narrow', (select y.typtype = 'e' or y.oid = 'boolean'::regtype from pg_catalog.pg_type y where y.oid = a.atttypid),
        'holds_id', a.atttypid = 'uuid'::regtype and (c.oid, a.attnum::int) in (select u.relation, u.attnum from used_by_policies u),
        'free', not exists (
          select from pg_catalog.pg_index i
          where i.indrelid = c.oid and (i.indisunique or i.indisexclusion)
            and (a.attnum = any (i.indkey::int2[]) or i.indexprs is not null)
        ) and not exists (
          select from pg_catalog.pg_constraint k
          where k.conrelid = c.oid and a.attnum = any (k.conkey) and k.contype in ('c', 'f', 'x')
        ) and (c.oid, a.attnum) not in (
          -- Not by exists: no index finds a key by what it refers to, so each column would read every constraint.
          select k.confrelid, unnest(k.confkey) from pg_catalog.pg_constraint k where k.contype = 'f'
        ) and (c.oid, a.attnum::int) not in (select u.relation, u.attnum from used_by_policies u) and c.relkind <> 'p' and not c.relispartition
      ) order by a.attnum
    )
    from pg_catalog.pg_attribute a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  ) as columns,
  (
    select coalesce(jsonb_agg(distinct verb.name), '[]')
    from pg_catalog.pg_trigger t
    cross join (values ('insert', 4), ('delete', 8), ('update', 16)) as verb (name, bit)
    where t.tgrelid = c.oid and not t.tgisinternal and t.tgtype & verb.bit <> 0
  ) as triggers
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where (
    n.nspname = any (cast(%(schemas)s as text[]))
    or n.nspname in ('auth', 'realtime', 'storage') and not c.relispartition and (
      format('%%I.%%I', n.nspname, c.relname) = any (cast(%(also)s as text[]))
      or exists (select from pg_catalog.pg_policy p where p.polrelid = c.oid) and exists (
        select from pg_catalog.pg_roles r
        where r.rolname in ('anon', 'authenticated') and pg_catalog.has_schema_privilege(r.oid, n.oid, 'usage')
          and pg_catalog.has_table_privilege(r.oid, c.oid, 'select, insert, update, delete')
      )
    )
  )
  and c.relkind in ('r', 'p')
  and not exists (
    select from pg_catalog.pg_depend d
    where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
  )
order by n.nspname, c.relname
