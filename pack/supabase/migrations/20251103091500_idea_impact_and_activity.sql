-- Ideas get an impact estimate and the time of their last activity, which the board will sort by.
-- This file only touches the catalogue; the next one does what takes longer the more ideas there are.
set local lock_timeout = '2s';
set local statement_timeout = '30s';

-- A constant default is kept in the catalogue: no row is rewritten. The default of last_activity_at
-- comes in a second step, or every present idea would get today's date.
alter table public.ideas
add column impact bigint not null default 0,
add column last_activity_at timestamptz;

alter table public.ideas alter column last_activity_at set default now();

alter table public.ideas
add constraint ideas_impact_range check (impact between 0 and 5) not valid;
