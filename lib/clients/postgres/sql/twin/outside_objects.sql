-- What the pack keeps outside its own schemas, as statements that make it again: triggers elsewhere that
-- call its functions, policies on other schemas' tables, its tables in publications.
select s.statement
from (
    select 1 as step, pg_catalog.pg_get_triggerdef(g.oid) as statement
    from pg_catalog.pg_trigger g
    join pg_catalog.pg_class c on c.oid = g.tgrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_proc p on p.oid = g.tgfoid
    join pg_catalog.pg_namespace f on f.oid = p.pronamespace
    where f.nspname = any (cast(:schemas as text[])) and n.nspname <> all (cast(:schemas as text[]))
      and not g.tgisinternal
    union all
    select 2, format(
        'create policy %I on %I.%I as %s for %s to %s%s%s', p.policyname, p.schemaname, p.tablename,
        lower(p.permissive), lower(p.cmd),
        (select string_agg(case when r = 'public' then 'public' else quote_ident(r) end, ', ') from unnest(p.roles) r),
        ' using (' || p.qual || ')', ' with check (' || p.with_check || ')')
    from pg_catalog.pg_policies p
    where p.schemaname <> all (cast(:schemas as text[]))
    union all
    select 3, format('alter publication %I add table %I.%I', t.pubname, t.schemaname, t.tablename)
    from pg_catalog.pg_publication_tables t
    join pg_catalog.pg_publication p on p.pubname = t.pubname
    where t.schemaname = any (cast(:schemas as text[])) and not p.puballtables
) s
order by s.step, s.statement
