-- Undoes idea_impact_and_activity. Estimates made so far go with their column.
set local lock_timeout = '2s';

-- The constraint on impact goes with it.
alter table public.ideas
drop column last_activity_at,
drop column impact;
