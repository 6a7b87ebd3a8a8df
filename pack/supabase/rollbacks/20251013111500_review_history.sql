-- Undoes review_history. The history kept so far goes with its table.
set local lock_timeout = '2s';

drop trigger ideas_record_review_event on public.ideas;
drop trigger ideas_guard_review_state on public.ideas;
drop function private.record_review_event();
drop function private.guard_review_state();
drop table public.idea_review_events;
