-- What must hold of every table, view and function of the pack, whoever adds the next one.
begin;
create extension if not exists pgtap with schema extensions;
set local search_path = public, extensions;
select plan(9);

select is_empty(
  $$ select c.oid::regclass from pg_class c
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relrowsecurity $$,
  'every table has row level security'
);
select is_empty(
  $$ select c.oid::regclass from pg_class c
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
       and not exists (select from pg_policy p where p.polrelid = c.oid) $$,
  'every table has a policy'
);
select is_empty(
  $$ select c.oid::regclass from pg_class c
     where c.relnamespace = 'public'::regnamespace and c.relkind = 'v'
       and not coalesce(c.reloptions::text[] @> array['security_invoker=true'], false) $$,
  'every view runs with the rights of its reader'
);
select is_empty(
  $$ select p.oid::regprocedure from pg_proc p
     where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace)
       and not coalesce(p.proconfig @> array['search_path=""'], false) $$,
  'every function has a fixed, empty search_path'
);
select is_empty(
  $$ select p.oid::regprocedure from pg_proc p
     where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace)
       and has_function_privilege('anon', p.oid, 'execute') $$,
  'anon may call none of our functions'
);
select set_eq(
  $$ select c.relname::text from pg_class c
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v')
       and has_table_privilege('anon', c.oid, 'select') $$,
  array['analytics_tiles'],
  'anon may read the catalogue of tiles and nothing else'
);
select is_empty(
  $$ select c.oid::regclass from pg_class c
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v')
       and has_table_privilege('anon', c.oid, 'insert, update, delete, truncate') $$,
  'anon may write nothing'
);
select is_empty(
  $$ select c.oid::regclass from pg_class c
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v')
       and has_table_privilege('authenticated', c.oid, 'truncate, trigger, references') $$,
  'authenticated may neither truncate nor attach anything'
);
select enum_has_labels(
  'public', 'member_role', array['viewer', 'editor', 'admin'],
  'member roles are declared from the least to the most'
);

select * from finish();
rollback;
