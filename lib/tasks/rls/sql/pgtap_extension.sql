-- Where pgTAP is, or could be put: one row. No binds.
select
  (
    select n.nspname
    from pg_catalog.pg_extension e
    join pg_catalog.pg_namespace n on n.oid = e.extnamespace
    where e.extname = 'pgtap'
  ) as installed_in,
  exists (select from pg_catalog.pg_available_extensions a where a.name = 'pgtap') as is_available,
  exists (select from pg_catalog.pg_namespace n where n.nspname = 'extensions') as has_extensions
order by 1
