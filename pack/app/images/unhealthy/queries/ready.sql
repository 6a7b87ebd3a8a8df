select count(*) as ideas from public.ideas where archived_at is null
