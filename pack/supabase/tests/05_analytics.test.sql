-- Tile loads, roll-ups and the ingestion log: who records, who reads, what the service keeps to itself.
begin;
create extension if not exists pgtap with schema extensions;
set local search_path = public, extensions;
select plan(16);

-- One workspace with an admin, an editor and a viewer; another with an outsider.
insert into auth.users (id, email) values
  ('00000000-0000-4000-8000-00000000000a', 'admin@pgtap.test'),
  ('00000000-0000-4000-8000-00000000000b', 'editor@pgtap.test'),
  ('00000000-0000-4000-8000-00000000000c', 'viewer@pgtap.test'),
  ('00000000-0000-4000-8000-00000000000d', 'outsider@pgtap.test');
insert into public.workspaces (id, slug, name) values
  ('00000000-0000-4000-8000-0000000000f1', 'pgtap-inside', 'Inside'),
  ('00000000-0000-4000-8000-0000000000f2', 'pgtap-outside', 'Outside');
insert into public.workspace_members (workspace_id, user_id, role) values
  ('00000000-0000-4000-8000-0000000000f1', '00000000-0000-4000-8000-00000000000a', 'admin'),
  ('00000000-0000-4000-8000-0000000000f1', '00000000-0000-4000-8000-00000000000b', 'editor'),
  ('00000000-0000-4000-8000-0000000000f1', '00000000-0000-4000-8000-00000000000c', 'viewer'),
  ('00000000-0000-4000-8000-0000000000f2', '00000000-0000-4000-8000-00000000000d', 'admin');
insert into public.analytics_tiles (id, key, title, published) values
  ('00000000-0000-4000-8000-0000000000a1', 'pgtap_shown', 'Shown', true),
  ('00000000-0000-4000-8000-0000000000a2', 'pgtap_hidden', 'Hidden', false);
-- Ten loads of 10, 20, ... 100 ms on a day of their own, four of them from the cache.
insert into public.tile_loads (workspace_id, tile_id, viewer_id, loaded_at, latency_ms, cache_hit)
select
  '00000000-0000-4000-8000-0000000000f1', '00000000-0000-4000-8000-0000000000a1',
  '00000000-0000-4000-8000-00000000000b', timestamptz '2001-01-01 12:00:00+00', n * 10, n <= 4
from generate_series(1, 10) as n;
insert into public.ingestion_runs (workspace_id, source, status, finished_at) values
  ('00000000-0000-4000-8000-0000000000f1', 'pgtap', 'failed', now());

set local role anon;
set local request.jwt.claims = '{"role": "anon"}';
select results_eq(
  $$ select key from public.analytics_tiles where key like 'pgtap_%' $$, array['pgtap_shown'],
  'anon sees published tiles alone'
);
select throws_ok(
  $$ select 1 from public.tile_loads $$, '42501', 'permission denied for table tile_loads',
  'anon sees no loads'
);

set local role authenticated;
set local request.jwt.claims = '{"sub": "00000000-0000-4000-8000-00000000000b", "role": "authenticated"}';
select results_eq(
  $$ select key from public.analytics_tiles where key like 'pgtap_%' $$, array['pgtap_shown'],
  'nor do users see what is not published'
);
select lives_ok(
  $$ insert into public.tile_loads (workspace_id, tile_id, viewer_id, latency_ms) values
     ('00000000-0000-4000-8000-0000000000f1', '00000000-0000-4000-8000-0000000000a1',
      '00000000-0000-4000-8000-00000000000b', 120) $$,
  'a member records the own load'
);
select throws_ok(
  $$ insert into public.tile_loads (workspace_id, tile_id, viewer_id, latency_ms) values
     ('00000000-0000-4000-8000-0000000000f1', '00000000-0000-4000-8000-0000000000a1',
      '00000000-0000-4000-8000-00000000000c', 120) $$,
  '42501', 'new row violates row-level security policy for table "tile_loads"',
  'and nobody else''s'
);
select throws_ok(
  $$ select public.roll_up_tile_loads(date '2001-01-01') $$,
  '42501', 'permission denied for function roll_up_tile_loads',
  'rolling up is for the nightly job'
);
select is_empty(
  $$ select 1 from public.ingestion_runs where source = 'pgtap' $$,
  'an editor sees no ingestion run'
);

set local request.jwt.claims = '{"sub": "00000000-0000-4000-8000-00000000000c", "role": "authenticated"}';
select is_empty(
  $$ select 1 from public.tile_loads $$,
  'a viewer sees no loads of others'
);

set local request.jwt.claims = '{"sub": "00000000-0000-4000-8000-00000000000a", "role": "authenticated"}';
select isnt_empty(
  $$ select 1 from public.tile_loads where viewer_id = '00000000-0000-4000-8000-00000000000b' $$,
  'an admin sees the loads of the whole workspace'
);
select isnt_empty(
  $$ select 1 from public.ingestion_runs where source = 'pgtap' and status = 'failed' $$,
  'an admin sees that an ingestion failed'
);
select throws_ok(
  $$ select 1 from public.ingestion_failures $$, '42501', 'permission denied for table ingestion_failures',
  'but not the payloads'
);

set local role service_role;
set local request.jwt.claims = '{"role": "service_role"}';
select results_eq(
  $$ select public.roll_up_tile_loads(date '2001-01-01') $$, array[1::bigint],
  'the service rolls up a day'
);
select results_eq(
  $$ select loads, p50_ms, p95_ms, cache_hit_ratio from public.tile_daily_rollups where day = date '2001-01-01' $$,
  $$ values (10::bigint, 50::bigint, 100::bigint, 0.4::numeric) $$,
  'with the right figures'
);
select lives_ok(
  $$ select 1 from public.ingestion_failures $$,
  'the service reads the payloads'
);

set local role authenticated;
set local request.jwt.claims = '{"sub": "00000000-0000-4000-8000-00000000000c", "role": "authenticated"}';
select isnt_empty(
  $$ select 1 from public.tile_daily_rollups where day = date '2001-01-01' $$,
  'a viewer reads the roll-ups of the workspace'
);
set local request.jwt.claims = '{"sub": "00000000-0000-4000-8000-00000000000d", "role": "authenticated"}';
select is_empty(
  $$ select 1 from public.tile_daily_rollups where day = date '2001-01-01' $$,
  'an outsider does not'
);

select * from finish();
rollback;
