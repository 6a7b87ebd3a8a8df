-- How many files each bucket of the platform's storage holds: their bytes are kept outside of the database.
select bucket_id as bucket, count(*) as files from storage.objects group by bucket_id order by bucket_id
