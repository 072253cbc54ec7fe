-- Rows of the last 30 days by day and regime, and how many files they came from.
SELECT data_date, regime_name, COUNT(*) AS row_count, COUNT(DISTINCT symbol) AS symbols, COUNT(DISTINCT run_id) AS files
FROM features.daily_ml_matrix
WHERE data_date >= DATE_SUB(CURRENT_DATE(), INTERVAL 30 DAY)
GROUP BY data_date, regime_name
ORDER BY data_date DESC, regime_name
