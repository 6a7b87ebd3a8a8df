-- The idea pool: ideas with a review state, one vote a member, and private drafts.
set local lock_timeout = '2s';
set local statement_timeout = '30s';

create type public.review_state as enum ('submitted', 'in_review', 'accepted', 'rejected', 'shipped');

create table public.ideas (
  id uuid primary key default gen_random_uuid(),
  workspace_id uuid not null references public.workspaces (id) on delete cascade,
  owner_id uuid not null references auth.users (id) on delete cascade,
  title text not null check (char_length(title) between 3 and 200),
  body text not null default '',
  review_state public.review_state not null default 'submitted',
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  -- What votes and drafts point at: an idea together with its workspace, so that the two can't disagree.
  unique (workspace_id, id)
);
create index ideas_owner_id_idx on public.ideas (owner_id);
create index ideas_workspace_review_state_idx on public.ideas (workspace_id, review_state);
create index ideas_metadata_idx on public.ideas using gin (metadata jsonb_path_ops);

create table public.votes (
  idea_id uuid not null,
  voter_id uuid not null references auth.users (id) on delete cascade,
  workspace_id uuid not null,
  created_at timestamptz not null default now(),
  primary key (idea_id, voter_id),
  foreign key (workspace_id, idea_id) references public.ideas (workspace_id, id) on delete cascade
);
create index votes_voter_id_idx on public.votes (voter_id);
create index votes_workspace_idea_idx on public.votes (workspace_id, idea_id);

create table public.drafts (
  id uuid primary key default gen_random_uuid(),
  workspace_id uuid not null references public.workspaces (id) on delete cascade,
  author_id uuid not null references auth.users (id) on delete cascade,
  idea_id uuid,
  title text not null default '',
  content jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  foreign key (workspace_id, idea_id) references public.ideas (workspace_id, id) on delete cascade
);
create index drafts_author_id_idx on public.drafts (author_id);
create index drafts_workspace_idea_idx on public.drafts (workspace_id, idea_id);

create function private.touch_updated_at()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.updated_at := now();
  return new;
end
$$;
revoke all on function private.touch_updated_at() from public, anon, authenticated;

-- Named columns only, so that a later backfill of some other column does not look like an edit.
create trigger ideas_touch_updated_at before update of title, body, review_state, metadata on public.ideas
for each row execute function private.touch_updated_at();
create trigger drafts_touch_updated_at before update of idea_id, title, content on public.drafts
for each row execute function private.touch_updated_at();

alter table public.ideas enable row level security;
alter table public.votes enable row level security;
alter table public.drafts enable row level security;

revoke all on table public.ideas, public.votes, public.drafts from anon, authenticated, service_role;
grant select, insert, update, delete on table public.ideas, public.drafts to authenticated;
-- A vote is cast or withdrawn, never changed.
grant select, insert, delete on table public.votes to authenticated;
grant select, insert, update, delete on table public.ideas, public.votes, public.drafts to service_role;

create policy ideas_read_as_member on public.ideas
for select to authenticated
using (workspace_id in (select private.workspaces_as('viewer')));

-- Nobody files an idea that is already accepted.
create policy ideas_submit_own on public.ideas
for insert to authenticated
with check (
  owner_id = (select auth.uid())
  and review_state = 'submitted'
  and workspace_id in (select private.workspaces_as('editor'))
);

create policy ideas_change_own_or_as_admin on public.ideas
for update to authenticated
using (
  (owner_id = (select auth.uid()) and workspace_id in (select private.workspaces_as('editor')))
  or workspace_id in (select private.workspaces_as('admin'))
)
with check (
  (owner_id = (select auth.uid()) and workspace_id in (select private.workspaces_as('editor')))
  or workspace_id in (select private.workspaces_as('admin'))
);

create policy ideas_withdraw_own on public.ideas
for delete to authenticated
using (owner_id = (select auth.uid()) and workspace_id in (select private.workspaces_as('editor')));

create policy votes_read_as_member on public.votes
for select to authenticated
using (workspace_id in (select private.workspaces_as('viewer')));

create policy votes_cast_own on public.votes
for insert to authenticated
with check (voter_id = (select auth.uid()) and workspace_id in (select private.workspaces_as('viewer')));

create policy votes_withdraw_own on public.votes
for delete to authenticated
using (voter_id = (select auth.uid()) and workspace_id in (select private.workspaces_as('viewer')));

create policy drafts_read_own on public.drafts
for select to authenticated
using (author_id = (select auth.uid()));

create policy drafts_start_own on public.drafts
for insert to authenticated
with check (author_id = (select auth.uid()) and workspace_id in (select private.workspaces_as('editor')));

create policy drafts_change_own on public.drafts
for update to authenticated
using (author_id = (select auth.uid()) and workspace_id in (select private.workspaces_as('editor')))
with check (author_id = (select auth.uid()) and workspace_id in (select private.workspaces_as('editor')));

create policy drafts_discard_own on public.drafts
for delete to authenticated
using (author_id = (select auth.uid()));
