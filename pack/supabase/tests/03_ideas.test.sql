-- Who files, edits and judges an idea, and who may look.
begin;
create extension if not exists pgtap with schema extensions;
set local search_path = public, extensions;
select plan(17);

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
insert into public.ideas (id, workspace_id, owner_id, title) values (
  '00000000-0000-4000-8000-0000000000e1', '00000000-0000-4000-8000-0000000000f1',
  '00000000-0000-4000-8000-00000000000b', 'An idea of the editor'
);

set local role authenticated;
set local request.jwt.claims = '{"sub": "00000000-0000-4000-8000-00000000000d", "role": "authenticated"}';
select is_empty(
  $$ select 1 from public.ideas where id = '00000000-0000-4000-8000-0000000000e1' $$,
  'an outsider sees no idea of the workspace'
);
select is_empty(
  $$ select 1 from public.idea_board where id = '00000000-0000-4000-8000-0000000000e1' $$,
  'nor does the board show it'
);

set local request.jwt.claims = '{"sub": "00000000-0000-4000-8000-00000000000c", "role": "authenticated"}';
select isnt_empty(
  $$ select 1 from public.ideas where id = '00000000-0000-4000-8000-0000000000e1' $$,
  'a viewer reads the ideas of the workspace'
);
select throws_ok(
  $$ insert into public.ideas (workspace_id, owner_id, title) values ('00000000-0000-4000-8000-0000000000f1',
     '00000000-0000-4000-8000-00000000000c', 'Not by a viewer') $$,
  '42501', 'new row violates row-level security policy for table "ideas"',
  'a viewer files none'
);
select is_empty(
  $$ update public.ideas set title = 'Changed' returning id $$,
  'a viewer edits none'
);

set local request.jwt.claims = '{"sub": "00000000-0000-4000-8000-00000000000b", "role": "authenticated"}';
select lives_ok(
  $$ insert into public.ideas (workspace_id, owner_id, title) values ('00000000-0000-4000-8000-0000000000f1',
     '00000000-0000-4000-8000-00000000000b', 'Another idea') $$,
  'an editor files an idea'
);
select throws_ok(
  $$ insert into public.ideas (workspace_id, owner_id, title) values ('00000000-0000-4000-8000-0000000000f1',
     '00000000-0000-4000-8000-00000000000a', 'In another name') $$,
  '42501', 'new row violates row-level security policy for table "ideas"',
  'nobody files an idea in another name'
);
select throws_ok(
  $$ insert into public.ideas (workspace_id, owner_id, title, review_state) values
     ('00000000-0000-4000-8000-0000000000f1', '00000000-0000-4000-8000-00000000000b', 'Done', 'accepted') $$,
  '42501', 'new row violates row-level security policy for table "ideas"',
  'nobody files an idea that is accepted already'
);
select throws_ok(
  $$ update public.ideas set review_state = 'accepted' where id = '00000000-0000-4000-8000-0000000000e1' $$,
  '42501', 'only an admin of the workspace may change a review state',
  'an owner does not accept the own idea'
);
select throws_ok(
  $$ update public.ideas set workspace_id = '00000000-0000-4000-8000-0000000000f2'
     where id = '00000000-0000-4000-8000-0000000000e1' $$,
  '42501', 'new row violates row-level security policy for table "ideas"',
  'an idea is not moved to a workspace that its owner is not in'
);
select lives_ok(
  $$ update public.ideas set title = 'A better title' where id = '00000000-0000-4000-8000-0000000000e1' $$,
  'an owner edits the own idea'
);

set local request.jwt.claims = '{"sub": "00000000-0000-4000-8000-00000000000a", "role": "authenticated"}';
select lives_ok(
  $$ update public.ideas set review_state = 'in_review' where id = '00000000-0000-4000-8000-0000000000e1' $$,
  'an admin moves an idea into review'
);
select results_eq(
  $$ select actor_id, from_state::text, to_state::text from public.idea_review_events
     where idea_id = '00000000-0000-4000-8000-0000000000e1' $$,
  $$ values ('00000000-0000-4000-8000-00000000000a'::uuid, 'submitted', 'in_review') $$,
  'and the history says who did'
);
select throws_ok(
  $$ delete from public.idea_review_events $$, '42501', 'permission denied for table idea_review_events',
  'not even an admin rewrites the history'
);
select is_empty(
  $$ delete from public.ideas where id = '00000000-0000-4000-8000-0000000000e1' returning id $$,
  'an admin does not delete what somebody else filed'
);

set local request.jwt.claims = '{"sub": "00000000-0000-4000-8000-00000000000d", "role": "authenticated"}';
select is_empty(
  $$ select 1 from public.idea_review_events where idea_id = '00000000-0000-4000-8000-0000000000e1' $$,
  'an outsider does not read the history'
);

set local role anon;
set local request.jwt.claims = '{"role": "anon"}';
select throws_ok(
  $$ select 1 from public.ideas $$, '42501', 'permission denied for table ideas',
  'anon reads no idea'
);

select * from finish();
rollback;
