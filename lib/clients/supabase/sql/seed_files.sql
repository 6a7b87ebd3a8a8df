-- What the CLI noted of each seed file it applied: its path in the project and the sha256 it had.
select path, hash from supabase_migrations.seed_files order by path
