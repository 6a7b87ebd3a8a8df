-- Fixtures of the idea pool and analytics pack. Every value follows from a row's number, so that each run
-- makes the same rows: ids are digests of a name, times are counted from fixed days. Running it twice
-- changes nothing. E-mail addresses lie under domains reserved for examples.

-- 40 users. The first two are named: ana and ben belong to different workspaces, and each is an admin
-- in one (1 and 2) and something less in another (editor in 3, viewer in 4).
insert into auth.users (
  instance_id, id, aud, role, email, email_confirmed_at,
  confirmation_token, recovery_token, email_change_token_new, email_change,
  raw_app_meta_data, raw_user_meta_data, created_at, updated_at
)
select
  '00000000-0000-0000-0000-000000000000',
  md5('user:' || n)::uuid,
  'authenticated',
  'authenticated',
  case n
    when 1 then 'ana@example.com'
    when 2 then 'ben@example.org'
    else format('user%s@%s', n, (array['example.com', 'example.org', 'ideas.test', 'nobody.invalid'])[1 + n % 4])
  end,
  timestamptz '2025-10-06 08:00:00+00' + n * interval '1 minute',
  -- The auth service can't read a null in these four.
  '', '', '', '',
  '{"provider": "email", "providers": ["email"]}'::jsonb,
  jsonb_build_object('name', case n when 1 then 'Ana' when 2 then 'Ben' else 'User ' || n end),
  timestamptz '2025-10-06 08:00:00+00' + n * interval '1 minute',
  timestamptz '2025-10-06 08:00:00+00' + n * interval '1 minute'
from generate_series(1, 40) as n
on conflict do nothing;

insert into public.workspaces (id, slug, name, settings, created_at)
select
  md5('workspace:' || n)::uuid,
  (array['atlas', 'borealis', 'cascade', 'delta-works'])[n],
  (array['Atlas', 'Borealis', 'Cascade', 'Delta Works'])[n],
  jsonb_build_object('week_starts_on', 'monday', 'votes_per_member', 5 + n),
  timestamptz '2025-10-06 07:00:00+00' + n * interval '1 hour'
from generate_series(1, 4) as n
on conflict do nothing;

-- Users 3 to 40 are in one workspace each, and every third of them in the next one too.
insert into public.workspace_members (workspace_id, user_id, role, joined_at)
select
  md5('workspace:' || w)::uuid,
  md5('user:' || u)::uuid,
  r::public.member_role,
  timestamptz '2025-10-06 12:00:00+00' + u * interval '1 minute'
from (
  values (1, 1, 'admin'), (3, 1, 'editor'), (2, 2, 'admin'), (4, 2, 'viewer')
) as named (w, u, r)
union all
select
  md5('workspace:' || (1 + u % 4))::uuid,
  md5('user:' || u)::uuid,
  (case when u <= 6 then 'admin' when u % 5 = 0 then 'viewer' else 'editor' end)::public.member_role,
  timestamptz '2025-10-06 12:00:00+00' + u * interval '1 minute'
from generate_series(3, 40) as u
union all
select
  md5('workspace:' || (1 + (u + 1) % 4))::uuid,
  md5('user:' || u)::uuid,
  'viewer',
  timestamptz '2025-10-07 12:00:00+00' + u * interval '1 minute'
from generate_series(3, 40, 3) as u
on conflict do nothing;

-- 2,000 ideas, each owned by a member of its workspace; ben's in workspace 4 date from when he could
-- still edit there. The members of a workspace take turns, in the order of their ids.
with member as (
  select
    workspace_id,
    user_id,
    row_number() over (partition by workspace_id order by user_id) - 1 as turn,
    count(*) over (partition by workspace_id) as members
  from public.workspace_members
)
insert into public.ideas (
  id, workspace_id, owner_id, title, body, review_state, metadata, impact, created_at, updated_at, last_activity_at
)
select
  md5('idea:' || n)::uuid,
  member.workspace_id,
  member.user_id,
  (array['Speed up', 'Rethink', 'Retire', 'Automate', 'Explain', 'Measure', 'Share'])[1 + n % 7]
    || ' '
    || (array['the weekly report', 'onboarding', 'tile filters', 'exports', 'the review queue'])[1 + (n / 7) % 5]
    || ' #' || n,
  'Idea number ' || n || ', written for the fixtures.',
  (array['submitted', 'submitted', 'in_review', 'accepted', 'rejected', 'shipped'])[1 + (n / 4) % 6]::public.review_state,
  jsonb_build_object(
    'tags', jsonb_build_array('t' || n % 12, 'area-' || n % 5),
    'effort', (array['small', 'medium', 'large'])[1 + n % 3]
  ),
  (n / 4) % 6,
  timestamptz '2025-10-08 09:00:00+00' + n * interval '17 minutes',
  timestamptz '2025-10-08 09:00:00+00' + n * interval '17 minutes',
  timestamptz '2025-10-08 09:00:00+00' + n * interval '17 minutes'
from generate_series(1, 2000) as n
join member
  on member.workspace_id = md5('workspace:' || (1 + n % 4))::uuid
  and member.turn = (n / 4) % member.members
on conflict do nothing;

-- Three votes an idea, by three members in a row of its workspace.
with member as (
  select
    workspace_id,
    user_id,
    row_number() over (partition by workspace_id order by user_id) - 1 as turn,
    count(*) over (partition by workspace_id) as members
  from public.workspace_members
)
insert into public.votes (idea_id, voter_id, workspace_id, created_at)
select
  md5('idea:' || n)::uuid,
  member.user_id,
  member.workspace_id,
  timestamptz '2025-10-08 10:00:00+00' + n * interval '17 minutes' + k * interval '3 hours'
from generate_series(1, 2000) as n
cross join generate_series(0, 2) as k
join member
  on member.workspace_id = md5('workspace:' || (1 + n % 4))::uuid
  and member.turn = (n / 3 + k) % member.members
on conflict do nothing;

-- Ten drafts a member: half start a new idea, half rework one of their workspace.
with member as (
  select w, m.workspace_id, m.user_id, row_number() over (order by w, m.user_id) as number
  from generate_series(1, 4) as w
  join public.workspace_members as m on m.workspace_id = md5('workspace:' || w)::uuid
)
insert into public.drafts (id, workspace_id, author_id, idea_id, title, content, created_at, updated_at)
select
  md5('draft:' || member.number || ':' || k)::uuid,
  member.workspace_id,
  member.user_id,
  idea.id,
  'Draft ' || k,
  jsonb_build_object('blocks', jsonb_build_array('Draft ' || k || ' of member ' || member.number)),
  timestamptz '2025-10-09 09:00:00+00' + (member.number * 10 + k) * interval '11 minutes',
  timestamptz '2025-10-09 09:00:00+00' + (member.number * 10 + k) * interval '11 minutes'
from member
cross join generate_series(1, 10) as k
left join public.ideas as idea
  on k % 2 = 0
  and idea.id = md5('idea:' || (4 * (1 + (member.number * 10 + k) % 499) + member.w - 1))::uuid
on conflict do nothing;

-- The way of each idea that is past 'submitted': first into review, then on.
insert into public.idea_review_events (id, workspace_id, idea_id, actor_id, from_state, to_state, changed_at)
select
  2 * n - 1,
  i.workspace_id,
  i.id,
  md5('user:' || (case n % 4 when 0 then 1 when 1 then 2 when 2 then 6 else 3 end))::uuid,
  'submitted'::public.review_state,
  'in_review'::public.review_state,
  i.created_at + interval '24 hours'
from generate_series(1, 2000) as n
join public.ideas as i on i.id = md5('idea:' || n)::uuid
where i.review_state <> 'submitted'
union all
select
  2 * n,
  i.workspace_id,
  i.id,
  md5('user:' || (case n % 4 when 0 then 1 when 1 then 2 when 2 then 6 else 3 end))::uuid,
  'in_review',
  i.review_state,
  i.created_at + interval '48 hours'
from generate_series(1, 2000) as n
join public.ideas as i on i.id = md5('idea:' || n)::uuid
where i.review_state not in ('submitted', 'in_review')
on conflict do nothing;

-- 12 tiles, of which the first 8 are published.
insert into public.analytics_tiles (id, key, title, definition, published)
select
  md5('tile:' || n)::uuid,
  'tile_' || lpad(n::text, 2, '0'),
  'Tile ' || n,
  jsonb_build_object('chart', (array['line', 'bar', 'number'])[1 + n % 3], 'days', 7 * (1 + n % 4)),
  n <= 8
from generate_series(1, 12) as n
on conflict do nothing;

-- 5,000 tile loads over ten days: mostly 40 to 400 ms, every 97th a slow one.
with member as (
  select
    workspace_id,
    user_id,
    row_number() over (partition by workspace_id order by user_id) - 1 as turn,
    count(*) over (partition by workspace_id) as members
  from public.workspace_members
)
insert into public.tile_loads (id, workspace_id, tile_id, viewer_id, loaded_at, latency_ms, cache_hit, context)
select
  n,
  member.workspace_id,
  md5('tile:' || (1 + n % 12))::uuid,
  member.user_id,
  timestamptz '2025-11-01 00:00:00+00' + n * interval '172 seconds',
  case when n % 97 = 0 then 1500 + n % 700 else 40 + (n * 37) % 361 end,
  n % 3 = 0,
  jsonb_build_object('app_version', '1.' || n % 4, 'device', (array['desktop', 'phone'])[1 + n % 2])
from generate_series(1, 5000) as n
join member
  on member.workspace_id = md5('workspace:' || (1 + (n / 12) % 4))::uuid
  and member.turn = (n / 48) % member.members
on conflict do nothing;

-- The nightly job's own function makes the roll-ups.
do $$
begin
  perform public.roll_up_tile_loads(date '2025-11-01' + d) from generate_series(0, 9) as d;
end
$$;

-- 240 runs, hourly: every 11th failed, every 7th refused some rows, the last still runs.
insert into public.ingestion_runs (
  id, workspace_id, source, status, started_at, finished_at, rows_read, rows_rejected
)
select
  n,
  md5('workspace:' || (1 + n % 4))::uuid,
  (array['tile_events', 'idea_import', 'directory_sync'])[1 + n % 3],
  (case when n = 240 then 'running' when n % 11 = 0 then 'failed' else 'succeeded' end)::public.ingestion_status,
  timestamptz '2025-11-01 00:00:00+00' + n * interval '1 hour',
  case when n < 240 then timestamptz '2025-11-01 00:00:00+00' + n * interval '1 hour' + n % 50 * interval '1 second' end,
  100 + (n * 13) % 400,
  case when n % 7 = 0 or n % 11 = 0 then 1 + n % 3 else 0 end
from generate_series(1, 240) as n
on conflict do nothing;

-- One failure for each row that a run refused.
insert into public.ingestion_failures (id, run_id, reason, payload, occurred_at)
select
  r.id * 10 + k,
  r.id,
  (array['unknown tile', 'negative latency', 'not a JSON object'])[1 + (r.id + k) % 3],
  jsonb_build_object('line', k * 17, 'raw', 'row ' || k || ' of run ' || r.id),
  r.started_at + k * interval '1 second'
from public.ingestion_runs as r
cross join lateral generate_series(1, r.rows_rejected) as k
where r.id between 1 and 240
on conflict do nothing;

-- Fixed ids do not move a sequence, and the next row that the app makes must not collide with one.
select setval(pg_get_serial_sequence('public.idea_review_events', 'id'), (select max(id) from public.idea_review_events));
select setval(pg_get_serial_sequence('public.tile_loads', 'id'), (select max(id) from public.tile_loads));
select setval(pg_get_serial_sequence('public.ingestion_runs', 'id'), (select max(id) from public.ingestion_runs));
select setval(pg_get_serial_sequence('public.ingestion_failures', 'id'), (select max(id) from public.ingestion_failures));
