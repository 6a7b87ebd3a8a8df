-- One vote a member, and drafts that are nobody else's business.
begin;
create extension if not exists pgtap with schema extensions;
set local search_path = public, extensions;
select plan(12);

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
insert into public.drafts (id, workspace_id, author_id, title) values (
  '00000000-0000-4000-8000-0000000000d1', '00000000-0000-4000-8000-0000000000f1',
  '00000000-0000-4000-8000-00000000000b', 'Half a thought'
);
update public.ideas set last_activity_at = '2025-11-01 00:00:00+00'
where id = '00000000-0000-4000-8000-0000000000e1';

set local role authenticated;
set local request.jwt.claims = '{"sub": "00000000-0000-4000-8000-00000000000c", "role": "authenticated"}';
select lives_ok(
  $$ insert into public.votes (idea_id, voter_id, workspace_id) values ('00000000-0000-4000-8000-0000000000e1',
     '00000000-0000-4000-8000-00000000000c', '00000000-0000-4000-8000-0000000000f1') $$,
  'a viewer votes'
);
select results_eq(
  $$ select votes from public.idea_board where id = '00000000-0000-4000-8000-0000000000e1' $$, array[1::bigint],
  'and the board counts it'
);
select results_eq(
  $$ select last_activity_at > '2025-11-01 00:00:00+00' from public.ideas
     where id = '00000000-0000-4000-8000-0000000000e1' $$, array[true],
  'and the idea counts as active, though the voter may not edit it'
);
select throws_ok(
  $$ insert into public.votes (idea_id, voter_id, workspace_id) values ('00000000-0000-4000-8000-0000000000e1',
     '00000000-0000-4000-8000-00000000000c', '00000000-0000-4000-8000-0000000000f1') $$,
  '23505', null,
  'but not twice'
);
select throws_ok(
  $$ insert into public.votes (idea_id, voter_id, workspace_id) values ('00000000-0000-4000-8000-0000000000e1',
     '00000000-0000-4000-8000-00000000000b', '00000000-0000-4000-8000-0000000000f1') $$,
  '42501', 'new row violates row-level security policy for table "votes"',
  'nor in another name'
);
select throws_ok(
  $$ update public.votes set created_at = now() $$, '42501', 'permission denied for table votes',
  'a vote is never changed'
);

set local request.jwt.claims = '{"sub": "00000000-0000-4000-8000-00000000000d", "role": "authenticated"}';
select throws_ok(
  $$ insert into public.votes (idea_id, voter_id, workspace_id) values ('00000000-0000-4000-8000-0000000000e1',
     '00000000-0000-4000-8000-00000000000d', '00000000-0000-4000-8000-0000000000f2') $$,
  '23503', null,
  'an outsider can not vote by naming the own workspace'
);
select is_empty(
  $$ select 1 from public.votes where idea_id = '00000000-0000-4000-8000-0000000000e1' $$,
  'nor see who voted'
);
select is_empty(
  $$ delete from public.votes where idea_id = '00000000-0000-4000-8000-0000000000e1' returning 1 $$,
  'and withdraws no vote of others'
);

set local request.jwt.claims = '{"sub": "00000000-0000-4000-8000-00000000000a", "role": "authenticated"}';
select is_empty(
  $$ select 1 from public.drafts where id = '00000000-0000-4000-8000-0000000000d1' $$,
  'not even an admin reads the drafts of others'
);

set local request.jwt.claims = '{"sub": "00000000-0000-4000-8000-00000000000b", "role": "authenticated"}';
select isnt_empty(
  $$ update public.drafts set title = 'A whole thought'
     where id = '00000000-0000-4000-8000-0000000000d1' returning id $$,
  'an author edits the own draft'
);
select throws_ok(
  $$ insert into public.drafts (workspace_id, author_id) values
     ('00000000-0000-4000-8000-0000000000f2', '00000000-0000-4000-8000-00000000000b') $$,
  '42501', 'new row violates row-level security policy for table "drafts"',
  'nobody drafts in a workspace of others'
);

select * from finish();
rollback;
