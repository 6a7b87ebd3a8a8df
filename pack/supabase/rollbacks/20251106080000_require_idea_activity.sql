-- Undoes require_idea_activity.
set local lock_timeout = '2s';

alter table public.ideas drop constraint ideas_last_activity_at_known;
