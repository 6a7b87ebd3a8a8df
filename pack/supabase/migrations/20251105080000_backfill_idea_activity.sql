-- Gives every present idea its last activity. In a file of its own: a strong lock asked for after this
-- update would wait for writers that themselves wait for its rows, and one of them would have to give up.
-- What is here lets readers pass, and writers of rows not yet reached.
set local lock_timeout = '2s';
set local statement_timeout = '30s';

update public.ideas i
set last_activity_at = greatest(
  i.updated_at,
  (select max(v.created_at) from public.votes v where v.idea_id = i.id)
)
where i.last_activity_at is null;

alter table public.ideas validate constraint ideas_impact_range;
