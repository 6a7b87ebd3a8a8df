-- The board: ideas with their vote totals, most recently active first within a workspace.
set local lock_timeout = '2s';
set local statement_timeout = '30s';

alter table public.ideas validate constraint ideas_last_activity_at_known;

-- CONCURRENTLY would make this file one that can be half applied. The pool has thousands of ideas, so
-- the build holds writers up for milliseconds, and lock_timeout bounds the wait to get started.
-- squawk-ignore require-concurrent-index-creation
create index ideas_workspace_last_activity_idx on public.ideas (workspace_id, last_activity_at desc);

-- security_invoker: the policies of ideas and votes decide what each reader sees.
create view public.idea_board
with (security_invoker = true)
as
select
  i.id,
  i.workspace_id,
  i.owner_id,
  i.title,
  i.review_state,
  i.impact,
  i.last_activity_at,
  i.metadata -> 'tags' as tags,
  (select count(*) from public.votes v where v.workspace_id = i.workspace_id and v.idea_id = i.id) as votes
from public.ideas i;

revoke all on table public.idea_board from anon, authenticated, service_role;
grant select on table public.idea_board to authenticated, service_role;
