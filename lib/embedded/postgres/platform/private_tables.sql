-- The default of hosted projects since 2026: what postgres makes in public is closed to the API roles until a
-- migration grants it. Run as supabase_admin after the other scripts.
-- Only reading and writing is withdrawn, as the vendor does it: truncate, references, trigger and maintain on new
-- tables stay granted, and so do the defaults of supabase_admin.
-- Source: https://supabase.com/docs/guides/api/securing-your-api, "Default privileges for new tables and functions".

alter default privileges for role postgres in schema public
  revoke select, insert, update, delete on tables from anon, authenticated, service_role;
alter default privileges for role postgres in schema public
  revoke execute on functions from anon, authenticated, service_role;
alter default privileges for role postgres in schema public
  revoke usage, select on sequences from anon, authenticated, service_role;
