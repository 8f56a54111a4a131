-- What leadterra-maintain.service runs: slices of housekeeping, a hundred a call.
SET search_path = api;
DO $$ BEGIN FOR i IN 1..100 LOOP EXIT WHEN api.lt_maintain() = 0; COMMIT; END LOOP; END $$;
