-- Keeps each idea's last activity up to date from here on; the next file gives it to the present ones.
-- What needs a strong lock is quick, and holds no row meanwhile.
set local lock_timeout = '2s';
set local statement_timeout = '30s';

-- Security definer, because who votes for an idea is seldom its owner.
create function private.note_votes()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  update public.ideas i
  set last_activity_at = greatest(i.last_activity_at, cast_votes.latest)
  from (select idea_id, max(created_at) as latest from new_votes group by idea_id) as cast_votes
  where i.id = cast_votes.idea_id;
  return null;
end
$$;
revoke all on function private.note_votes() from public, anon, authenticated;

create function private.note_edit()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.last_activity_at := greatest(old.last_activity_at, now());
  return new;
end
$$;
revoke all on function private.note_edit() from public, anon, authenticated;

create trigger votes_note_activity after insert on public.votes
referencing new table as new_votes
for each statement execute function private.note_votes();

create trigger ideas_note_activity before update of title, body, review_state on public.ideas
for each row execute function private.note_edit();
