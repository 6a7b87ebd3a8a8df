-- Who sees, joins and changes a workspace.
begin;
create extension if not exists pgtap with schema extensions;
set local search_path = public, extensions;
select plan(13);

-- One workspace with an admin, an editor and a viewer; another with an outsider.
insert into auth.users (id, email) values
  ('00000000-0000-4000-8000-00000000000a', 'admin@pgtap.test'),
  ('00000000-0000-4000-8000-00000000000b', 'editor@pgtap.test'),
  ('00000000-0000-4000-8000-00000000000c', 'viewer@pgtap.test'),
  ('00000000-0000-4000-8000-00000000000d', 'outsider@pgtap.test');
insert into public.workspaces (id, slug, name) values
  ('00000000-0000-4000-8000-0000000000f1', 'pgtap-inside', 'Inside'),
  ('00000000-0000-4000-8000-0000000000f2', 'pgtap-outside', 'Outside');
insert into public.workspace_members (workspace_id, user_id, role) values
  ('00000000-0000-4000-8000-0000000000f1', '00000000-0000-4000-8000-00000000000a', 'admin'),
  ('00000000-0000-4000-8000-0000000000f1', '00000000-0000-4000-8000-00000000000b', 'editor'),
  ('00000000-0000-4000-8000-0000000000f1', '00000000-0000-4000-8000-00000000000c', 'viewer'),
  ('00000000-0000-4000-8000-0000000000f2', '00000000-0000-4000-8000-00000000000d', 'admin');

set local role authenticated;
set local request.jwt.claims = '{"sub": "00000000-0000-4000-8000-00000000000c", "role": "authenticated"}';
select results_eq(
  $$ select slug from public.workspaces where slug like 'pgtap-%' $$, array['pgtap-inside'],
  'a viewer sees the own workspace and no other'
);
select results_eq(
  $$ select count(*) from public.workspace_members $$, array[3::bigint],
  'a viewer sees all members of the own workspace and no others'
);
select is_empty(
  $$ update public.workspaces set name = 'Mine' returning id $$,
  'a viewer renames nothing'
);
select is_empty(
  $$ update public.workspace_members set role = 'admin' returning user_id $$,
  'a viewer promotes nobody'
);
select throws_ok(
  $$ insert into public.workspace_members (workspace_id, user_id, role) values
     ('00000000-0000-4000-8000-0000000000f2', '00000000-0000-4000-8000-00000000000c', 'viewer') $$,
  '42501', 'new row violates row-level security policy for table "workspace_members"',
  'nobody joins another workspace uninvited'
);
select results_eq(
  $$ delete from public.workspace_members returning user_id $$,
  array['00000000-0000-4000-8000-00000000000c'::uuid],
  'a viewer may leave, and removes nobody else'
);

set local request.jwt.claims = '{"sub": "00000000-0000-4000-8000-00000000000a", "role": "authenticated"}';
select results_eq(
  $$ update public.workspaces set name = 'Renamed' returning slug $$, array['pgtap-inside'],
  'an admin renames the own workspace alone'
);
select lives_ok(
  $$ insert into public.workspace_members (workspace_id, user_id, role) values
     ('00000000-0000-4000-8000-0000000000f1', '00000000-0000-4000-8000-00000000000d', 'viewer') $$,
  'an admin invites somebody'
);
select throws_ok(
  $$ insert into public.workspace_members (workspace_id, user_id, role) values
     ('00000000-0000-4000-8000-0000000000f2', '00000000-0000-4000-8000-00000000000a', 'viewer') $$,
  '42501', 'new row violates row-level security policy for table "workspace_members"',
  'an admin of one workspace has no say in another'
);
select throws_ok(
  $$ insert into public.workspaces (slug, name) values ('pgtap-new', 'New') $$,
  '42501', 'permission denied for table workspaces',
  'workspaces are opened by the service alone'
);
select throws_ok(
  $$ delete from public.workspaces $$,
  '42501', 'permission denied for table workspaces',
  'workspaces are closed by the service alone'
);

set local role anon;
set local request.jwt.claims = '{"role": "anon"}';
select throws_ok(
  $$ select 1 from public.workspaces $$, '42501', 'permission denied for table workspaces',
  'anon sees no workspace'
);
select throws_ok(
  $$ select 1 from public.workspace_members $$, '42501', 'permission denied for table workspace_members',
  'anon sees no member'
);

select * from finish();
rollback;
