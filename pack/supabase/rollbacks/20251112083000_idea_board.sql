-- Undoes idea_board.
set local lock_timeout = '2s';

drop view public.idea_board;
drop index public.ideas_workspace_last_activity_idx;

-- A validated constraint can't be made unvalidated, only replaced by one that is not.
alter table public.ideas
drop constraint ideas_last_activity_at_known,
add constraint ideas_last_activity_at_known check (last_activity_at is not null) not valid;
