"""An embedded Postgres that looks like a hosted Supabase project."""
