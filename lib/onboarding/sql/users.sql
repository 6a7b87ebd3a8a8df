-- The oldest users, one a row. Binds: most int.
select u.id::text as id, u.email::text as email, u.raw_app_meta_data as app_metadata, u.raw_user_meta_data as user_metadata
from auth.users u
order by u.created_at nulls last, u.id
limit :most
