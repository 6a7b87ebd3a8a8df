-- Every migration the database says was applied, in order.
select version, name from supabase_migrations.schema_migrations order by version
