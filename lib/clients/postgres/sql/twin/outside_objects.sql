-- What the pack keeps outside its own schemas, as statements that make it again, with the schema it is in: triggers
-- elsewhere that call its functions, policies on other schemas' tables, its tables in publications, its event triggers.
select s.statement, s.place::text as place
from (
    select 1 as step, pg_catalog.pg_get_triggerdef(g.oid) as statement, n.nspname as place
    from pg_catalog.pg_trigger g
    join pg_catalog.pg_class c on c.oid = g.tgrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_proc p on p.oid = g.tgfoid
    join pg_catalog.pg_namespace f on f.oid = p.pronamespace
    where f.nspname = any (cast(%(schemas)s as text[])) and n.nspname <> all (cast(%(schemas)s as text[]))
      and not g.tgisinternal
    union all
    select 2, format(
        'create policy %%I on %%I.%%I as %%s for %%s to %%s%%s%%s', p.policyname, p.schemaname, p.tablename,
        lower(p.permissive), lower(p.cmd),
        (select string_agg(case when r = 'public' then 'public' else quote_ident(r) end, ', ') from unnest(p.roles) r),
        ' using (' || p.qual || ')', ' with check (' || p.with_check || ')'), p.schemaname
    from pg_catalog.pg_policies p
    where p.schemaname <> all (cast(%(schemas)s as text[]))
    union all
    select 3, format('alter publication %%I add table %%I.%%I', t.pubname, t.schemaname, t.tablename), t.schemaname
    from pg_catalog.pg_publication_tables t
    join pg_catalog.pg_publication p on p.pubname = t.pubname
    where t.schemaname = any (cast(%(schemas)s as text[])) and not p.puballtables
    union all
    select 4, format(
        'create event trigger %%I on %%s%%s execute function %%I.%%I()', e.evtname, e.evtevent,
        (select ' when tag in (' || string_agg(quote_literal(t), ', ' order by t) || ')' from unnest(e.evttags) t),
        n.nspname, f.proname), n.nspname
    from pg_catalog.pg_event_trigger e
    join pg_catalog.pg_proc f on f.oid = e.evtfoid
    join pg_catalog.pg_namespace n on n.oid = f.pronamespace
    where n.nspname = any (cast(%(schemas)s as text[])) and e.evtenabled <> 'D'
) s
order by s.step, s.statement
