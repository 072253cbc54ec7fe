-- Today's runs (UTC), the failed first.
SELECT finished_at, feed, status, reason, rows_loaded, rows_skipped, source_uri, message, run_id
FROM ops.ingestion_runs
WHERE finished_on = CURRENT_DATE()
ORDER BY status = 'failed' DESC, finished_at DESC
