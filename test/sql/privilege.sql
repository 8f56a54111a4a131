-- Granting what a group of roles may do, and what is said of it.
\set SHOW_CONTEXT never
SET client_min_messages = notice;
CREATE ROLE regress_leadterra;
CREATE ROLE regress_leadterra_bypass BYPASSRLS;
CREATE ROLE regress_leadterra_super SUPERUSER;
CREATE ROLE regress_leadterra_member;
CREATE ROLE regress_leadterra_distant NOINHERIT;
SELECT current_user AS owner \gset
GRANT :"owner" TO regress_leadterra_member, regress_leadterra_distant;

-- A role that row-level security binds, now and after it is granted again.
SELECT lt_grant_reader('regress_leadterra');
SELECT lt_grant_reader('regress_leadterra');
SELECT lt_grant_api('regress_leadterra');
SELECT lt_grant_worker('regress_leadterra');
SELECT lt_grant_monitor('regress_leadterra');
-- It has the rights of the owner once it becomes the owner.
SELECT lt_grant_reader('regress_leadterra_distant');

-- Roles that it does not bind.
SELECT lt_grant_reader('regress_leadterra_bypass');
SELECT lt_grant_api('regress_leadterra_bypass');
SELECT lt_grant_worker('regress_leadterra_bypass');
SELECT lt_grant_monitor('regress_leadterra_bypass');
SELECT lt_grant_reader('regress_leadterra_super');
SELECT lt_grant_reader('regress_leadterra_member');

SELECT lt_grant_reader('regress_leadterra_none');
SELECT lt_grant_reader('public');
SELECT lt_grant_reader('regress_leadterra', '0197c043-e39c-7d91-a325-6615db0e1b99');
-- For the owner alone.
SET ROLE regress_leadterra;
SELECT lt_grant_reader('regress_leadterra');
RESET ROLE;

DROP OWNED BY regress_leadterra, regress_leadterra_bypass, regress_leadterra_super, regress_leadterra_member, regress_leadterra_distant;
DROP ROLE regress_leadterra, regress_leadterra_bypass, regress_leadterra_super, regress_leadterra_member, regress_leadterra_distant;
