-- leadterra: an upgrade script.  It has the functions that tables call, the changes to
-- tables since the earlier version, all other functions and views, and the end of every
-- script.  The Makefile has the order.

\echo Use "ALTER EXTENSION leadterra UPDATE" to load this file. \quit

-- Nothing in these scripts may depend on what stands in the caller's schemas.
SET LOCAL search_path TO pg_catalog, pg_temp;

-- A session that began before the new library was installed still has the old one.
SELECT leadterra.require_version();

