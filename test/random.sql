-- For tests with random input: sets the seed, which it prints, and the variable long, which
-- says whether scripts/test --long asks for more cases.
-- LEADTERRA_SEED=0.5 scripts/test pgtap NAME repeats a run.
\set long false
\getenv long LEADTERRA_LONG
SELECT trunc(random()::numeric, 6) AS seed \gset
\getenv seed LEADTERRA_SEED
SELECT diag('seed ' || :'seed');
SELECT setseed(:'seed');
