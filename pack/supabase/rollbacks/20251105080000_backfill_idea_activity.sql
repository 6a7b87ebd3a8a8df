-- Undoes backfill_idea_activity. The times that were filled in stay: they are true, and nothing reads
-- them any more.
set local lock_timeout = '2s';

drop trigger votes_note_activity on public.votes;
drop trigger ideas_note_activity on public.ideas;
drop function private.note_votes();
drop function private.note_edit();

-- A validated constraint can't be made unvalidated, only replaced by one that is not.
alter table public.ideas
drop constraint ideas_last_activity_at_known,
drop constraint ideas_impact_range,
add constraint ideas_impact_range check (impact between 0 and 5) not valid;
