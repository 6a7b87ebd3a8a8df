-- Every publication, as the statement that makes it again without its tables, and its owner.
select
    p.pubname::text as name,
    pg_catalog.pg_get_userbyid(p.pubowner)::text as owner,
    format('create publication %I%s with (publish = %L, publish_via_partition_root = %s)',
           p.pubname, case when p.puballtables then ' for all tables' else '' end,
           concat_ws(', ', case when p.pubinsert then 'insert' end, case when p.pubupdate then 'update' end,
                     case when p.pubdelete then 'delete' end, case when p.pubtruncate then 'truncate' end),
           case when p.pubviaroot then 'true' else 'false' end) as statement
from pg_catalog.pg_publication p
order by 1
