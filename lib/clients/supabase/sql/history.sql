-- What was applied, with the statements as the CLI recorded them.
-- Through JSON, for versions before 2 of the table lack the columns name and statements.
select
    h.version,
    to_jsonb(h) ->> 'name' as name,
    to_jsonb(h) -> 'statements' as statements
from supabase_migrations.schema_migrations h
order by h.version
