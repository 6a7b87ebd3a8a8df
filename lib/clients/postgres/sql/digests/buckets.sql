-- What the rows of one table add up to, by bucket: buckets that differ hold the rows that differ.
select
    hashtextextended(key, 2) & {mask} as bucket,
    count(*) as rows,
    sum(hashtextextended(line, 0)) as sum0,
    sum(hashtextextended(line, 1)) as sum1
from (select {key} as key, {line} as line from only {table} as t offset 0) as s
group by 1
order by 1
