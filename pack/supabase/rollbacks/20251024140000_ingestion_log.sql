-- Undoes ingestion_log.
set local lock_timeout = '2s';

drop table public.ingestion_failures;
drop table public.ingestion_runs;
drop type public.ingestion_status;
