-- Every idea has its last activity now. NOT VALID first: the scan comes later, under a weaker lock.
set local lock_timeout = '2s';
set local statement_timeout = '30s';

alter table public.ideas
add constraint ideas_last_activity_at_known check (last_activity_at is not null) not valid;
