-- The hash of each column of the rows with these keys, in the table's own order of columns.
select key, hashes
from (select {key} as key, array[{hashes}]::bigint[] as hashes from only {table} as t offset 0) as s
where key = any (%(keys)s)
order by key
