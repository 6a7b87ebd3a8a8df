-- The project's buckets.
select id::text as id, coalesce(public, false) as is_public from storage.buckets order by id
