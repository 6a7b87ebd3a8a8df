select i.id, i.title, i.review_state, i.updated_at as active_at, count(v.idea_id) as votes
from public.ideas i
left join public.votes v on v.workspace_id = i.workspace_id and v.idea_id = i.id
group by i.id
order by votes desc, i.id
limit 10
