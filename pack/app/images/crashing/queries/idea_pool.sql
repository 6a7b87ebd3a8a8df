select id, title, review_state, last_activity_at as active_at, votes
from public.idea_board
order by votes desc, id
limit 10
