#!/usr/bin/env bash
# Runs a file of pgTAP in a database of its own, a copy of another: what files before
# it left, dead rows and statistics too, would decide how fast it is.
#
# test/pgtap.sh DATABASE FILE
set -eu

database=$1_copy
psql -X -q -v ON_ERROR_STOP=1 -v copy="$database" -d "$1" <<'SQL'
SET client_min_messages = warning;
DROP DATABASE IF EXISTS :"copy";
CREATE DATABASE :"copy" TEMPLATE :"DBNAME";
SELECT format('ALTER DATABASE %I SET search_path = %s', :'copy', current_setting('search_path'))
\gexec
SQL
exec psql -X -q -A -t -P pager=off -v ON_ERROR_STOP=1 -d "$database" -f "$2"
