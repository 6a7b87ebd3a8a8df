-- Undoes note_idea_activity.
set local lock_timeout = '2s';

drop trigger votes_note_activity on public.votes;
drop trigger ideas_note_activity on public.ideas;
drop function private.note_votes();
drop function private.note_edit();
