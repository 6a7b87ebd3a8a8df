-- Undoes backfill_idea_activity. The times that were filled in stay: they are true, and nothing reads
-- them any more.
set local lock_timeout = '2s';

-- A validated constraint can't be made unvalidated, only replaced by one that is not.
alter table public.ideas
drop constraint ideas_impact_range,
add constraint ideas_impact_range check (impact between 0 and 5) not valid;
