"""The Supabase CLI, and the files that it reads."""
