-- Undoes analytics_facts.
set local lock_timeout = '2s';

drop function public.roll_up_tile_loads(date);
drop table public.tile_daily_rollups;
drop table public.tile_loads;
drop table public.analytics_tiles;
