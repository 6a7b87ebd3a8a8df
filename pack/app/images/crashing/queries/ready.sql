select count(*) as ideas from public.ideas
