-- Sets a database up for the calls over HTTP: psql -X -d leadterra <deploy/setup.sql
--
-- As a superuser, once.  The key that it prints is shown this once.

\set ON_ERROR_STOP on
\set QUIET on

BEGIN;

CREATE SCHEMA api;
CREATE EXTENSION leadterra SCHEMA api;

-- Who PostgREST logs in as has no rights, but may become the role of the API.
-- A cluster with another such database has the roles already.
SELECT
    NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'api') AS no_api,
    NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'authenticator') AS no_authenticator,
    NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'leadterra_worker') AS no_worker \gset
\if :no_api
CREATE ROLE api NOLOGIN;
\endif
\if :no_authenticator
CREATE ROLE authenticator LOGIN NOINHERIT;
\endif
\if :no_worker
CREATE ROLE leadterra_worker LOGIN;
\endif
GRANT api TO authenticator;
SELECT api.lt_grant_api('api') \g /dev/null

-- Headers, and with them keys, are parameters of PostgREST's statements: a server
-- that logs statements must leave parameters out.
ALTER ROLE authenticator SET log_parameter_max_length = 0;
ALTER ROLE authenticator SET log_parameter_max_length_on_error = 0;
-- The gateway gives up after a minute; so does the call.
ALTER ROLE authenticator SET statement_timeout = '50s';
ALTER ROLE authenticator SET idle_in_transaction_session_timeout = '60s';

SELECT api.lt_create_workspace('First') AS workspace \gset
SET LOCAL leadterra.workspace_id = :'workspace';
SELECT api.lt_create_api_key('first key') AS key \gset
-- The worker sends what is in this workspace, and sees no other.
SELECT api.lt_grant_worker('leadterra_worker', :'workspace') \g /dev/null

COMMIT;

-- PostgREST, where it runs already, learns the functions.
NOTIFY pgrst, 'reload schema';

\echo workspace :workspace
\echo key :key
