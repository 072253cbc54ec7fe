-- Load jobs of the last 24 hours by table. BigQuery takes 1,500 a table a day, failed ones included.
SELECT loaded_table, SUM(batches) AS load_jobs, COUNT(*) AS files, SUM(rows_loaded) AS rows_loaded
FROM ops.ingestion_runs
WHERE finished_on >= DATE_SUB(CURRENT_DATE(), INTERVAL 1 DAY)
  AND finished_at >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 24 HOUR)
GROUP BY loaded_table
ORDER BY load_jobs DESC
