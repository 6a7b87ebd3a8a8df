select review_state, count(*) as ideas
from public.ideas
group by review_state
order by review_state
