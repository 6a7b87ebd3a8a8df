-- Workspaces are what everything else is scoped to; members say who may see and do what in each.
set local lock_timeout = '2s';
set local statement_timeout = '30s';

-- Helpers of policies and triggers live outside the schemas that the API exposes.
create schema private;
revoke all on schema private from public;
grant usage on schema private to authenticated, service_role;

-- Declared from the least to the most: policies compare with >=.
create type public.member_role as enum ('viewer', 'editor', 'admin');

create table public.workspaces (
  id uuid primary key default gen_random_uuid(),
  slug text not null unique check (slug ~ '^[a-z0-9-]{3,40}$'),
  name text not null check (char_length(name) between 1 and 120),
  settings jsonb not null default '{}',
  created_at timestamptz not null default now()
);

create table public.workspace_members (
  workspace_id uuid not null references public.workspaces (id) on delete cascade,
  user_id uuid not null references auth.users (id) on delete cascade,
  role public.member_role not null default 'viewer',
  joined_at timestamptz not null default now(),
  primary key (workspace_id, user_id)
);
create index workspace_members_user_id_idx on public.workspace_members (user_id);

-- Security definer, because a policy on workspace_members that read workspace_members would recurse.
-- It answers only about the caller, so it tells nobody anything new.
create function private.workspaces_as(minimum public.member_role)
returns setof uuid
language sql
stable
security definer
set search_path = ''
as $$
  select m.workspace_id
  from public.workspace_members m
  where m.user_id = (select auth.uid()) and m.role >= minimum
$$;
revoke all on function private.workspaces_as(public.member_role) from public, anon;
grant execute on function private.workspaces_as(public.member_role) to authenticated, service_role;

alter table public.workspaces enable row level security;
alter table public.workspace_members enable row level security;

-- A project may still grant every new table to everybody by default: start from nothing.
revoke all on table public.workspaces, public.workspace_members from anon, authenticated, service_role;
grant select, update on table public.workspaces to authenticated;
grant select, insert, update, delete on table public.workspace_members to authenticated;
grant select, insert, update, delete on table public.workspaces, public.workspace_members to service_role;

create policy workspaces_read_as_member on public.workspaces
for select to authenticated
using (id in (select private.workspaces_as('viewer')));

create policy workspaces_change_as_admin on public.workspaces
for update to authenticated
using (id in (select private.workspaces_as('admin')))
with check (id in (select private.workspaces_as('admin')));

create policy workspace_members_read_as_member on public.workspace_members
for select to authenticated
using (workspace_id in (select private.workspaces_as('viewer')));

create policy workspace_members_add_as_admin on public.workspace_members
for insert to authenticated
with check (workspace_id in (select private.workspaces_as('admin')));

create policy workspace_members_change_as_admin on public.workspace_members
for update to authenticated
using (workspace_id in (select private.workspaces_as('admin')))
with check (workspace_id in (select private.workspaces_as('admin')));

-- A member may always leave; an admin may remove anybody of the workspace.
create policy workspace_members_leave_or_remove on public.workspace_members
for delete to authenticated
using (
  user_id = (select auth.uid())
  or workspace_id in (select private.workspaces_as('admin'))
);
