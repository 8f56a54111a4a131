-- What leadterra-maintain.service runs: slices of housekeeping, a hundred a call.
SET search_path = api;
SELECT 'SELECT lt_maintain()' FROM generate_series(1, 100) \gexec
