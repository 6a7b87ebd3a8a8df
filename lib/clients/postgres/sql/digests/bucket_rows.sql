-- Each row of the buckets named: its key and the hashes of the whole row.
select key, hashtextextended(line, 0) as hash0, hashtextextended(line, 1) as hash1
from (select {key} as key, {line} as line from only {table} as t offset 0) as s
where hashtextextended(key, 2) & {mask} = any (%(buckets)s)
order by key, hash0, hash1
