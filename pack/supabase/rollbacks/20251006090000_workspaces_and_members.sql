-- Undoes workspaces_and_members.
set local lock_timeout = '2s';

-- The policies call the function and the function reads the table, so neither can simply go first.
drop policy workspaces_read_as_member on public.workspaces;
drop policy workspaces_change_as_admin on public.workspaces;
drop policy workspace_members_read_as_member on public.workspace_members;
drop policy workspace_members_add_as_admin on public.workspace_members;
drop policy workspace_members_change_as_admin on public.workspace_members;
drop policy workspace_members_leave_or_remove on public.workspace_members;
drop function private.workspaces_as(public.member_role);
drop table public.workspace_members;
drop table public.workspaces;
drop type public.member_role;
drop schema private;
