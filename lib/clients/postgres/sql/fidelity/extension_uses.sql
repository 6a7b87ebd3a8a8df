-- Which objects of the schemas can't exist without one of these extensions: columns, defaults, indexes,
-- constraints, functions, views, policies and triggers that depend on a member of it.
with members as (
    select e.extname, d.classid, d.objid
    from pg_catalog.pg_depend d
    join pg_catalog.pg_extension e on e.oid = d.refobjid
    where d.refclassid = 'pg_catalog.pg_extension'::regclass and d.deptype = 'e'
      and e.extname = any (cast(:names as text[]))
),
reached as (
    select extname, classid, objid from members
    union
    select m.extname, m.classid, t.typarray  -- a column may be an array of a member's type
    from members m
    join pg_catalog.pg_type t on t.oid = m.objid
    where m.classid = 'pg_catalog.pg_type'::regclass and t.typarray <> 0
),
spaces as (
    select n.oid from pg_catalog.pg_namespace n where n.nspname = any (cast(:schemas as text[]))
),
ours as (
    select 'pg_catalog.pg_class'::regclass as class, c.oid from pg_catalog.pg_class c where c.relnamespace in (select oid from spaces)
    union all
    select 'pg_catalog.pg_proc'::regclass, p.oid from pg_catalog.pg_proc p where p.pronamespace in (select oid from spaces)
    union all
    select 'pg_catalog.pg_type'::regclass, t.oid from pg_catalog.pg_type t where t.typnamespace in (select oid from spaces)
    union all
    select 'pg_catalog.pg_operator'::regclass, o.oid from pg_catalog.pg_operator o where o.oprnamespace in (select oid from spaces)
    union all
    select 'pg_catalog.pg_constraint'::regclass, k.oid from pg_catalog.pg_constraint k
    where k.connamespace in (select oid from spaces)
    union all
    select 'pg_catalog.pg_attrdef'::regclass, a.oid from pg_catalog.pg_attrdef a
    join pg_catalog.pg_class c on c.oid = a.adrelid where c.relnamespace in (select oid from spaces)
    union all
    select 'pg_catalog.pg_rewrite'::regclass, w.oid from pg_catalog.pg_rewrite w
    join pg_catalog.pg_class c on c.oid = w.ev_class where c.relnamespace in (select oid from spaces)
    union all
    select 'pg_catalog.pg_policy'::regclass, y.oid from pg_catalog.pg_policy y
    join pg_catalog.pg_class c on c.oid = y.polrelid where c.relnamespace in (select oid from spaces)
    union all
    select 'pg_catalog.pg_trigger'::regclass, g.oid from pg_catalog.pg_trigger g
    join pg_catalog.pg_class c on c.oid = g.tgrelid where c.relnamespace in (select oid from spaces)
)
select distinct r.extname::text as extension, pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid) as used_by
from pg_catalog.pg_depend d
join reached r on r.classid = d.refclassid and r.objid = d.refobjid
join ours o on o.class = d.classid and o.oid = d.objid
where d.deptype in ('n', 'a', 'i')
  and not exists (select from members m where m.classid = d.classid and m.objid = d.objid)
order by 1, 2
