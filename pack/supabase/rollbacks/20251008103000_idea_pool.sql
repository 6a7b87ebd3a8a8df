-- Undoes idea_pool.
set local lock_timeout = '2s';

drop table public.drafts;
drop table public.votes;
drop table public.ideas;
drop function private.touch_updated_at();
drop type public.review_state;
