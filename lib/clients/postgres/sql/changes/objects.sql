-- Each single change of an object of the schemas that a comparison of definitions must show: its kind, the object, and the
-- statement. What a statement would leave as it is is left out.
with relations as (
    select c.oid, c.oid::regclass::text as name, c.relkind, c.relowner, c.relacl, c.relrowsecurity, c.relispartition,
           c.reloptions, c.relreplident, n.oid as schema_oid, n.nspname
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = any (cast(%(schemas)s as text[]))
      and not exists (
          select from pg_catalog.pg_depend d
          where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
),
tables as (select * from relations where relkind in ('r', 'p') and not relispartition),
columns as (
    select t.name, quote_ident(a.attname) as part, a.attnum, a.attnotnull, a.attidentity, a.attgenerated, a.atthasdef,
           a.attstorage, y.typname, t.oid, a.attcollation
    from tables t
    join pg_catalog.pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
    join pg_catalog.pg_type y on y.oid = a.atttypid
),
constraints as (
    select o.oid, t.name, quote_ident(o.conname) as part, o.contype, o.convalidated, pg_catalog.pg_get_constraintdef(o.oid) as text,
           o.conkey, o.conrelid
    from pg_catalog.pg_constraint o
    join tables t on t.oid = o.conrelid
    where o.conparentid = 0 and o.contype in ('c', 'f', 'p', 'u', 'x')
),
functions as (
    select p.oid, p.oid::regprocedure::text as name, p.prosecdef, p.provolatile, p.prosrc, p.prokind, l.lanname, p.proacl, p.proowner,
           n.oid as schema_oid
    from pg_catalog.pg_proc p
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    join pg_catalog.pg_language l on l.oid = p.prolang
    where n.nspname = any (cast(%(schemas)s as text[])) and p.prokind = 'f'
      and not exists (
          select from pg_catalog.pg_depend d
          where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
),
triggers as (
    select t.name, quote_ident(g.tgname) as part, g.tgenabled
    from pg_catalog.pg_trigger g join tables t on t.oid = g.tgrelid
    where not g.tgisinternal
),
policies as (
    select t.name, quote_ident(p.polname) as part, p.polqual, p.polwithcheck, p.polroles, p.polcmd,
           pg_catalog.pg_get_expr(p.polqual, p.polrelid) as used, pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) as checked
    from pg_catalog.pg_policy p join tables t on t.oid = p.polrelid
),
granted as (
    select t.name, t.relkind, x.grantee, x.privilege_type
    from relations t, lateral pg_catalog.aclexplode(t.relacl) x
    where x.grantee <> t.relowner and t.relkind in ('r', 'p', 'v', 'S')
),
others as (
    -- A role that this user may give an object of a schema to.
    select s.oid as schema_oid, (
        select r.oid from pg_catalog.pg_roles r
        where pg_has_role(r.oid, 'member') and not r.rolsuper and has_schema_privilege(r.oid, s.oid, 'create')
        order by r.rolname <> current_user, r.rolname limit 1) as role
    from pg_catalog.pg_namespace s where s.nspname = any (cast(%(schemas)s as text[]))
)
select kind, place, statement from (
    select 'a table is gone' as kind, name as place, format('drop table %%s cascade', name) as statement from tables
    union all select 'a column is added', name, format('alter table %%s add column launch_fault integer', name) from tables
    union all select 'a column is gone', name || '.' || part, format('alter table %%s drop column %%s cascade', name, part) from columns
    union all select 'a default is gone', name || '.' || part, format('alter table %%s alter column %%s drop default', name, part)
        from columns where atthasdef and attgenerated = '' and attidentity = ''
    union all select 'a generated column is plain', name || '.' || part,
        format('alter table %%s alter column %%s drop expression', name, part) from columns where attgenerated = 's'
    union all select 'a column may be empty', name || '.' || part, format('alter table %%s alter column %%s drop not null', name, part)
        from columns c where attnotnull and attidentity = '' and not exists (
            select from constraints o where o.conrelid = c.oid and o.contype = 'p' and c.attnum = any (o.conkey))
    union all select 'a column is stored otherwise', name || '.' || part,
        format('alter table %%s alter column %%s set storage external', name, part)
        from columns where typname in ('text', 'jsonb') and attstorage = 'x'
    union all select 'a constraint is gone', part || ' of ' || name, format('alter table %%s drop constraint %%s cascade', name, part)
        from constraints
    union all select 'a constraint was never validated', part || ' of ' || name,
        format('alter table %%s drop constraint %%s, add constraint %%s %%s not valid', name, part, part, text)
        from constraints where contype in ('c', 'f') and convalidated
    union all select 'a constraint is added', name, format('alter table %%s add constraint launch_fault check (true)', name) from tables
    union all select 'an index is gone', i.indexrelid::regclass::text, format('drop index %%s', i.indexrelid::regclass)
        from pg_catalog.pg_index i join tables t on t.oid = i.indrelid
        where not exists (select from pg_catalog.pg_constraint o where o.conindid = i.indexrelid)
    union all select 'an index is added', name, format('create index launch_fault on %%s ((1))', name) from tables
    union all select 'a trigger is gone', part || ' of ' || name, format('drop trigger %%s on %%s', part, name) from triggers
    union all select 'a trigger is switched off', part || ' of ' || name, format('alter table %%s disable trigger %%s', name, part)
        from triggers where tgenabled <> 'D'
    union all select 'a trigger fires always', part || ' of ' || name, format('alter table %%s enable always trigger %%s', name, part)
        from triggers where tgenabled <> 'A'
    union all select 'a policy is gone', part || ' of ' || name, format('drop policy %%s on %%s', part, name) from policies
    union all select 'a policy is for another role', part || ' of ' || name, format('alter policy %%s on %%s to service_role', part, name)
        from policies where to_regrole('service_role') is not null and polroles <> array[to_regrole('service_role')::oid]
    union all select 'a policy lets everything through', part || ' of ' || name, format('alter policy %%s on %%s using (true)', part, name)
        from policies where used <> 'true'
    union all select 'a policy checks nothing', part || ' of ' || name, format('alter policy %%s on %%s with check (true)', part, name)
        from policies where checked <> 'true'
    union all select 'row level security is off', name, format('alter table %%s disable row level security', name)
        from tables where relrowsecurity
    union all select 'row level security is on', name, format('alter table %%s enable row level security', name)
        from tables where not relrowsecurity
    union all select 'a view is gone', name, format('drop view %%s cascade', name) from relations where relkind = 'v'
    union all select 'a view has another option', name, format('alter view %%s set (security_barrier = true)', name)
        from relations where relkind = 'v' and 'security_barrier=true' <> all (coalesce(reloptions, '{}'))
    union all select 'a view reads with its owner''s rights', name, format('alter view %%s set (security_invoker = false)', name)
        from relations where relkind = 'v' and 'security_invoker=true' = any (reloptions)
    union all select 'a function is gone', name, format('drop function %%s cascade', name) from functions
    union all select 'a function has another body', name, replace(pg_catalog.pg_get_functiondef(oid), prosrc, E'\nbegin\n  return null;\nend\n')
        from functions where lanname = 'plpgsql' and strpos(pg_catalog.pg_get_functiondef(oid), prosrc) > 0
    union all select 'a function has other rights', name,
        format('alter function %%s security %%s', name, case when prosecdef then 'invoker' else 'definer' end) from functions
    union all select 'a function has another setting', name, format('alter function %%s set work_mem = ''7MB''', name) from functions
    union all select 'a function is open to a role', name, format('grant execute on function %%s to anon', name)
        from functions f where to_regrole('anon') is not null and not exists (
            select from pg_catalog.aclexplode(coalesce(f.proacl, pg_catalog.acldefault('f', f.proowner))) x
            where x.grantee = to_regrole('anon'))
    union all select 'a function is closed to everybody', name, format('revoke execute on function %%s from public', name)
        from functions f where exists (
            select from pg_catalog.aclexplode(coalesce(f.proacl, pg_catalog.acldefault('f', f.proowner))) x where x.grantee = 0)
    union all select 'a right is taken', format('%%s on %%s from %%s', lower(privilege_type), name,
            case grantee when 0 then 'public' else grantee::regrole::text end),
        format('revoke %%s on %%s%%s from %%s', privilege_type, case relkind when 'S' then 'sequence ' else '' end, name,
            case grantee when 0 then 'public' else grantee::regrole::text end)
        from granted
    union all select 'a right is given', 'references on ' || name || ' to anon', format('grant references on %%s to anon', name)
        from tables t where to_regrole('anon') is not null and not exists (
            select from granted g where g.name = t.name and g.grantee = to_regrole('anon') and g.privilege_type = 'REFERENCES')
    union all select 'a right on one column is given', name || '.' || part, format('grant references (%%s) on %%s to anon', part, name)
        from columns where to_regrole('anon') is not null and attnum = 1
    union all select 'a schema is open to everybody', nspname, format('grant usage, create on schema %%I to public', nspname)
        from pg_catalog.pg_namespace where nspname = any (cast(%(schemas)s as text[]))
    union all select 'an owner is another', t.name, format('alter table %%s owner to %%s', t.name, o.role::regrole)
        from tables t join others o using (schema_oid) where o.role <> t.relowner
    union all select 'an owner is another', f.name, format('alter function %%s owner to %%s', f.name, o.role::regrole)
        from functions f join others o using (schema_oid) where o.role <> f.proowner
    union all select 'a sequence counts otherwise', name, format('alter sequence %%s increment 7', name)
        from relations where relkind = 'S'
    union all select 'a type has another value', t.oid::regtype::text, format('alter type %%s add value ''launch_fault''', t.oid::regtype)
        from pg_catalog.pg_type t join pg_catalog.pg_namespace n on n.oid = t.typnamespace
        where t.typtype = 'e' and n.nspname = any (cast(%(schemas)s as text[]))
    union all select 'a comment is another', name, format('comment on table %%s is ''launch fault''', name) from tables
    union all select 'a comment is another', name || '.' || part, format('comment on column %%s.%%s is ''launch fault''', name, part)
        from columns where attnum = 1
    union all select 'a rule is added', name, format('create rule launch_fault as on delete to %%s do also nothing', name) from tables
    union all select 'a storage parameter is another', name, format('alter table %%s set (fillfactor = 71)', name)
        from tables where relkind = 'r'
    union all select 'the replica identity is another', name, format('alter table %%s replica identity full', name)
        from tables where relreplident <> 'f'
    union all select 'default privileges open what is to come', nspname,
        format('alter default privileges in schema %%I grant references on tables to public', nspname)
        from pg_catalog.pg_namespace where nspname = any (cast(%(schemas)s as text[]))
) changes
order by 1, 2, 3
