-- Weekdays without a row between two dates of a symbol. Exchange holidays are among them.
WITH dates AS (
  SELECT DISTINCT symbol, data_date FROM features.daily_ml_matrix
),
neighbours AS (
  SELECT symbol, data_date, LAG(data_date) OVER (PARTITION BY symbol ORDER BY data_date) AS previous_date
  FROM dates
)
SELECT symbol, MIN(missing) AS first_missing, MAX(missing) AS last_missing, COUNT(*) AS weekdays
FROM neighbours
CROSS JOIN UNNEST(GENERATE_DATE_ARRAY(DATE_ADD(previous_date, INTERVAL 1 DAY), DATE_SUB(data_date, INTERVAL 1 DAY))) AS missing
WHERE previous_date < DATE_SUB(data_date, INTERVAL 1 DAY)
  AND EXTRACT(DAYOFWEEK FROM missing) BETWEEN 2 AND 6
GROUP BY symbol, previous_date
ORDER BY symbol, first_missing
