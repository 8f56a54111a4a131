-- enroll: importing the rows of a table, a chunk a transaction.

CREATE FUNCTION leadterra.import_report(campaign_id uuid, leads jsonb, repair boolean)
RETURNS TABLE (index integer, is_new boolean, reason text, field text, code text, lead jsonb)
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_import_report';

COMMENT ON FUNCTION leadterra.import_report(uuid, jsonb, boolean) IS
'Enroll leads that were made of rows, leave invalid ones out, and say what became of each

Those that are left out have a reason. Unless their address is suppressed they come with
what was given.';

CREATE FUNCTION leadterra.import_leads(
    campaign_id uuid, leads jsonb, repair boolean, rows_before bigint,
    OUT enrolled bigint, OUT updated bigint, OUT rejects jsonb)
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT
        count(*) FILTER (WHERE r.is_new),
        count(*) FILTER (WHERE NOT r.is_new AND r.reason IS NULL),
        coalesce(jsonb_agg(jsonb_build_object(
            'row_number', import_leads.rows_before + r.index + 1, 'reason', r.reason,
            'field', r.field, 'code', r.code, 'lead', r.lead) ORDER BY r.index)
            FILTER (WHERE r.reason IS NOT NULL), '[]')
    FROM leadterra.import_report(import_leads.campaign_id, import_leads.leads,
        import_leads.repair) r;
END;

COMMENT ON FUNCTION leadterra.import_leads(uuid, jsonb, boolean, bigint) IS
'Do that, and count what became of them

rejects is an array of objects, as leadterra.advance_import takes them.';

CREATE FUNCTION leadterra.read_address(given text)
RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_read_address';

COMMENT ON FUNCTION leadterra.read_address(text) IS
'Return the address in a text, in normal form; null: there is none, or it is invalid

It may be in a link, between angle brackets behind a name, or end with a full stop.';

-- Rows that were done must be where they were, and as many: who deleted them
-- and loaded others into the same file would have those passed over.
CREATE FUNCTION leadterra.import_goes_on(i leadterra.imports, source regclass)
RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    same boolean;
BEGIN
    EXECUTE format(
        'SELECT $2 = 0 OR EXISTS (SELECT FROM ONLY %1$s t WHERE t.ctid = $1 AND t.xmin = $3)'
        ' AND (SELECT count(*) FROM ONLY %1$s t WHERE t.ctid <= $1) = $2', source)
    INTO same USING i.position, i.rows_done, i.position_xmin;
    RETURN same;
END;
$$;

COMMENT ON FUNCTION leadterra.import_goes_on(leadterra.imports, regclass) IS
'Say whether the rows that an import has done are still in their places.';

-- An import reads a table of the caller's as the caller, and notes how far it is as
-- the owner of the extension.  These are what it notes: each begins with the scope,
-- and so does what is called by hand.

-- Of two that start at once the second goes on with what the first made, also if
-- that has come to its end while the second waited.  What they wait for is no row:
-- whoever starts or pauses the campaign would wait too.
CREATE FUNCTION leadterra.lock_open_import(
    workspace uuid, campaign_id uuid, source text, source_file oid, mapping jsonb, repair boolean)
RETURNS leadterra.imports
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    i leadterra.imports;
BEGIN
    PERFORM leadterra.keep_campaign(workspace, lock_open_import.campaign_id);
    PERFORM leadterra.lock_start_of_imports(workspace, lock_open_import.campaign_id);
    SELECT x.import_id INTO i.import_id
    FROM leadterra.imports x
    WHERE x.workspace_id = workspace AND x.campaign_id = lock_open_import.campaign_id
      AND x.source = lock_open_import.source AND x.source_file = lock_open_import.source_file
      AND x.mapping IS NOT DISTINCT FROM lock_open_import.mapping
      AND x.repair = lock_open_import.repair
      AND x.finished_at IS NULL
    ORDER BY x.import_id DESC
    LIMIT 1;
    SELECT x.* INTO i
    FROM leadterra.imports x
    WHERE x.workspace_id = workspace AND x.import_id = i.import_id
    FOR UPDATE;
    RETURN i;
END;
$$;

COMMENT ON FUNCTION leadterra.lock_open_import(uuid, uuid, text, oid, jsonb, boolean) IS
'Return an import into a campaign that is not finished, locked

Others start no import into the campaign until commit.';

CREATE FUNCTION leadterra.lock_start_of_imports(workspace uuid, campaign_id uuid)
RETURNS void
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_lock_start_of_imports';

COMMENT ON FUNCTION leadterra.lock_start_of_imports(uuid, uuid) IS
'Wait for whoever is starting an import into a campaign, and keep others from it until commit.';

CREATE FUNCTION leadterra.lock_open_import(
    campaign_id uuid, source text, source_file oid, mapping jsonb, repair boolean)
RETURNS leadterra.imports
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_lock_open_import';

COMMENT ON FUNCTION leadterra.lock_open_import(uuid, text, oid, jsonb, boolean) IS
    'Do the same in the current workspace.';

CREATE FUNCTION leadterra.insert_import(
    campaign_id uuid, source text, source_file oid, mapping jsonb, repair boolean)
RETURNS leadterra.imports
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_insert_import';

COMMENT ON FUNCTION leadterra.insert_import(uuid, text, oid, jsonb, boolean) IS
    'Note that an import begins.';

CREATE FUNCTION leadterra.count_import(import_id uuid, rows bigint)
RETURNS leadterra.imports
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_count_import';

COMMENT ON FUNCTION leadterra.count_import(uuid, bigint) IS
'Note how many rows an import still has, and that this session is at them.';

-- Another session may be at the same import: under the lock of its row the chunk
-- is what is left of it.  The campaign is locked first, as by who deletes it.
CREATE FUNCTION leadterra.lock_import(workspace uuid, campaign_id uuid, import_id uuid)
RETURNS leadterra.imports
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    i leadterra.imports;
BEGIN
    PERFORM leadterra.keep_campaign(workspace, lock_import.campaign_id);
    SELECT x.* INTO i
    FROM leadterra.imports x
    WHERE x.workspace_id = workspace AND x.import_id = lock_import.import_id
    FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the import was removed while it ran'
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN i;
END;
$$;

COMMENT ON FUNCTION leadterra.lock_import(uuid, uuid, uuid) IS
    'Lock the row of an import and return it.';

CREATE FUNCTION leadterra.lock_import(campaign_id uuid, import_id uuid)
RETURNS leadterra.imports
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_lock_import';

COMMENT ON FUNCTION leadterra.lock_import(uuid, uuid) IS 'Do the same in the current workspace.';

-- rejects is an array of objects with row_number, reason, code and, unless these are null,
-- field and lead.
CREATE FUNCTION leadterra.advance_import(
    import_id uuid, chunk_end tid, last_xmin xid, enrolled bigint, updated bigint, rejects jsonb)
RETURNS leadterra.imports
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_advance_import';

COMMENT ON FUNCTION leadterra.advance_import(uuid, tid, xid, bigint, bigint, jsonb) IS
'Note what became of a chunk of an import.';

CREATE FUNCTION leadterra.finish_import(workspace uuid, campaign_id uuid, import_id uuid)
RETURNS leadterra.imports
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    i leadterra.imports;
BEGIN
    -- As by who deletes the campaign, who then takes the import along.
    BEGIN
        PERFORM leadterra.keep_campaign(workspace, finish_import.campaign_id);
    EXCEPTION WHEN SQLSTATE 'PT404' THEN
        RETURN i;
    END;
    UPDATE leadterra.imports x
    SET rows_total = x.rows_done, finished_at = leadterra.clock(), updated_at = leadterra.clock()
    WHERE x.workspace_id = workspace AND x.import_id = finish_import.import_id
    RETURNING x.* INTO i;
    RETURN i;
END;
$$;

COMMENT ON FUNCTION leadterra.finish_import(uuid, uuid, uuid) IS 'Note that an import is complete.';

CREATE FUNCTION leadterra.finish_import(campaign_id uuid, import_id uuid)
RETURNS leadterra.imports
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_finish_import';

COMMENT ON FUNCTION leadterra.finish_import(uuid, uuid) IS 'Do the same in the current workspace.';

CREATE FUNCTION leadterra.source_problem(source regclass)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    s record;
BEGIN
    SELECT n.nspname, c.relname, c.relkind,
        EXISTS (SELECT FROM pg_inherits h WHERE h.inhparent = c.oid) AS has_children
    INTO s
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = source;
    IF NOT FOUND THEN
        RETURN 'argument "source" must be a table';
    ELSIF s.relkind IN ('r', 'm') AND NOT s.has_children THEN
        RETURN NULL;
    END IF;
    RETURN format('argument "source" must be a table or materialized view, and "%I.%I" is %s',
        s.nspname, s.relname,
        CASE s.relkind
            WHEN 'v' THEN 'a view'
            WHEN 'f' THEN 'a foreign table'
            WHEN 'p' THEN 'a partitioned table'
            WHEN 'S' THEN 'a sequence'
            WHEN 'c' THEN 'a type'
            WHEN 'r' THEN 'a table with children'
            WHEN 't' THEN 'a TOAST table'
            ELSE 'an index'
        END);
END;
$$;

COMMENT ON FUNCTION leadterra.source_problem(regclass) IS
'Say why the rows of something cannot be imported; null: they can.';

-- The ends of chunks are found in one pass, so that a chunk reads its own rows
-- and no others, and in order without relying on that of a scan.
CREATE FUNCTION leadterra.start_import(
    campaign_id uuid, source regclass, mapping jsonb, chunk integer, repair boolean,
    OUT import_id uuid, OUT object text, OUT chunk_ends tid[])
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    problem text;
    name text;
    i leadterra.imports;
    rows_left bigint;
BEGIN
    PERFORM leadterra.enter_campaign('leads:create', campaign_id);
    PERFORM leadterra.require_read_committed('importing');
    problem := CASE
        WHEN chunk IS NULL OR chunk NOT BETWEEN 1 AND 100000
            THEN 'argument "chunk" must be from 1 to 100000'
        WHEN repair IS NULL THEN 'argument "repair" must not be null'
        ELSE coalesce(leadterra.source_problem(source), leadterra.mapping_problem(source, mapping))
    END;
    IF problem IS NOT NULL THEN
        PERFORM leadterra.raise_error('invalid_request', problem);
    END IF;
    IF leadterra.import_goes_by_names(mapping) THEN
        PERFORM leadterra.tell_columns(source, mapping);
    END IF;

    SELECT format('%I.%I', n.nspname, c.relname) INTO name
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = source;
    i := leadterra.lock_open_import(campaign_id, name, pg_relation_filenode(source), mapping,
        repair);
    IF i.import_id IS NULL OR NOT leadterra.import_goes_on(i, source) THEN
        i := leadterra.insert_import(campaign_id, name, pg_relation_filenode(source), mapping,
            repair);
    END IF;

    EXECUTE format(
        'SELECT coalesce(sum(c.rows), 0), coalesce(array_agg(c.last ORDER BY c.last), ''{}'')'
        ' FROM (SELECT count(*) AS rows, max(r.ctid) AS last'
        '       FROM (SELECT t.ctid, (row_number() OVER (ORDER BY t.ctid) - 1) / $2 AS chunk'
        '             FROM ONLY %s t WHERE t.ctid > $1) r'
        '       GROUP BY r.chunk) c', source)
    INTO rows_left, chunk_ends USING i.position, chunk;
    i := leadterra.count_import(i.import_id, rows_left);
    IF i.rows_done > 0 THEN
        RAISE NOTICE 'an unfinished import goes on: %', leadterra.import_progress(i);
    END IF;
    import_id := i.import_id;
    object := leadterra.import_object(source, mapping);
END;
$$;

COMMENT ON FUNCTION leadterra.start_import(uuid, regclass, jsonb, integer, boolean) IS
'Begin an import, or find the unfinished one, and return where its chunks end

object is the SQL expression that makes a lead object of a row.';

-- It runs as the caller, who may as well run what is in object himself.
CREATE FUNCTION leadterra.import_chunk(
    campaign_id uuid, source regclass, import_id uuid, object text, chunk_end tid)
RETURNS leadterra.imports
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    i leadterra.imports := leadterra.lock_import(campaign_id, import_id);
    leads jsonb;
    last_xmin xid;
    done record;
BEGIN
    IF i.position >= chunk_end THEN
        RETURN i;
    END IF;

    EXECUTE format(
        'SELECT coalesce(jsonb_agg(r.lead ORDER BY r.place), ''[]''),'
        ' (SELECT t.xmin FROM ONLY %2$s t WHERE t.ctid = $2)'
        ' FROM (SELECT t.ctid AS place, %1$s AS lead FROM ONLY %2$s t'
        ' WHERE t.ctid > $1 AND t.ctid <= $2) r',
        object, source)
    INTO leads, last_xmin USING i.position, chunk_end;
    -- Reading has locked the table, so it stays as it is now.
    IF pg_relation_filenode(source) IS DISTINCT FROM i.source_file THEN
        RAISE EXCEPTION 'table "%" was rewritten while it was imported', source
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Call lt_import_table again, which starts from the beginning.';
    END IF;

    done := leadterra.import_leads(campaign_id, leads, i.repair, i.rows_done);
    RETURN leadterra.advance_import(i.import_id, chunk_end, last_xmin, done.enrolled, done.updated,
        done.rejects);
END;
$$;

COMMENT ON FUNCTION leadterra.import_chunk(uuid, regclass, uuid, text, tid) IS
'Enroll the rows of an import up to a place, unless that is done, and return how far it is.';

CREATE FUNCTION leadterra.end_import(campaign_id uuid, import_id uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    i constant leadterra.imports := leadterra.finish_import(campaign_id, import_id);
BEGIN
    IF i.rejected > 0 THEN
        RAISE NOTICE '%', leadterra.import_progress(i)
            USING HINT = 'lt_import_reject_counts says why rows were left out, and '
                'lt_import_rejects has them.';
    ELSIF i.import_id IS NOT NULL THEN
        RAISE NOTICE '%', leadterra.import_progress(i);
    END IF;
END;
$$;

COMMENT ON FUNCTION leadterra.end_import(uuid, uuid) IS
'Note that an import is complete, and say what it did.';

-- A procedure that commits cannot have a search_path of its own.  So it does
-- nothing itself: it names functions that have one, and types, with their schemas.
-- It assigns what they return: that has less to say of an error than a statement.
CREATE PROCEDURE @extschema@.lt_import_table(
    campaign_id uuid,
    source regclass,
    mapping jsonb DEFAULT NULL,
    chunk integer DEFAULT 1000,
    repair boolean DEFAULT false
)
LANGUAGE plpgsql
AS $$
DECLARE
    told_at pg_catalog.timestamptz;
    work pg_catalog.record;
    chunk_end pg_catalog.tid;
    done leadterra.imports;
BEGIN
    told_at := leadterra.require_commit('importing');
    COMMIT;
    work := leadterra.start_import(campaign_id, source, mapping, chunk, repair);
    COMMIT;
    FOREACH chunk_end IN ARRAY work.chunk_ends LOOP
        done := leadterra.import_chunk(campaign_id, source, work.import_id, work.object, chunk_end);
        COMMIT;
        told_at := leadterra.tell_import(done, told_at);
    END LOOP;
    PERFORM leadterra.end_import(campaign_id, work.import_id);
    COMMIT;
END;
$$;

COMMENT ON PROCEDURE @extschema@.lt_import_table(uuid, regclass, jsonb, integer, boolean) IS
'Enroll the rows of a table in a campaign, and commit each chunk of them

Rows are taken in the order in which they stand. A null column is left out and keeps what
is known. A standard field takes what it can be made of: numbers as texts, texts of digits
as numbers, without white space around them. Rows that are invalid or suppressed are left
out: lt_import_rejects has them with their reasons, lt_imports the counts, and how far it is.

What was done stays. After an error or a lost connection the same call goes on there,
unless the table was changed meanwhile. Once it has finished, it begins anew. Do not change
the table while it is imported.

A column goes by its name: it is a standard field in any letter case, with underscores or
without, or as lt_leads shows it, and else a custom field. Serial and identity columns,
lead_id, created_at and updated_at are passed over.

Parameters:
- campaign_id: the campaign
- source: a table or materialized view that the caller may read
- mapping: an object of lead keys and names of columns. With "email" among them no other
  columns are taken; without, the others go by their names, and null leaves one out
- chunk: rows a transaction, 1 to 100,000
- repair: take an address out of a link, from behind a name, or from before a full stop
Errors: PT400 invalid_request, PT404 campaign_not_found, PT409 wrong_isolation, 2D000 in a
transaction block or a function, 55000 if the table is rewritten meanwhile.';

-- An import that was given up is never finished; one that runs has a day.
CREATE FUNCTION leadterra.maintain_imports(
    workspace uuid, campaign uuid, before timestamptz, slice integer)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    old uuid;
    gone bigint;
    removed bigint := 0;
BEGIN
    FOR old IN
        SELECT i.import_id
        FROM leadterra.imports i
        WHERE i.workspace_id = workspace AND i.campaign_id = campaign
          AND coalesce(i.finished_at, i.updated_at + interval '1 day') < before
        ORDER BY i.import_id
        LIMIT slice
        FOR UPDATE SKIP LOCKED
    LOOP
        DELETE FROM leadterra.import_rejects r
        WHERE r.workspace_id = workspace AND r.import_id = old
          AND r.row_number <= (
              SELECT max(f.row_number)
              FROM (
                  SELECT f.row_number
                  FROM leadterra.import_rejects f
                  WHERE f.workspace_id = workspace AND f.import_id = old
                  ORDER BY f.row_number
                  LIMIT slice - removed
              ) f);
        GET DIAGNOSTICS gone = ROW_COUNT;
        removed := removed + gone;
        EXIT WHEN removed >= slice;
        DELETE FROM leadterra.imports i
        WHERE i.workspace_id = workspace AND i.import_id = old;
        removed := removed + 1;
        EXIT WHEN removed >= slice;
    END LOOP;
    RETURN removed;
END;
$$;

COMMENT ON FUNCTION leadterra.maintain_imports(uuid, uuid, timestamptz, integer) IS
'Remove imports of a campaign that ended before a time, a slice of them

Returns how many rows, with those that they left out.';

CREATE FUNCTION leadterra.forget_rejects(workspace uuid, address text)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
BEGIN ATOMIC
    DELETE FROM leadterra.import_rejects r
    WHERE r.workspace_id = forget_rejects.workspace
      AND leadterra.read_address(r.lead ->> 'email') = forget_rejects.address;
END;

COMMENT ON FUNCTION leadterra.forget_rejects(uuid, text) IS
'Remove the rows with an address in normal form that imports left out.';

-- See leadterra.leads_deleted_1_enrollments().
CREATE FUNCTION leadterra.campaigns_deleted_6_imports()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    DELETE FROM leadterra.import_rejects r USING leadterra.imports i, deleted d
    WHERE i.workspace_id = d.workspace_id AND i.campaign_id = d.campaign_id
      AND r.workspace_id = i.workspace_id AND r.import_id = i.import_id;
    DELETE FROM leadterra.imports i USING deleted d
    WHERE i.workspace_id = d.workspace_id AND i.campaign_id = d.campaign_id;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION leadterra.campaigns_deleted_6_imports() IS
'Delete the imports of campaigns that are deleted.';

CREATE TRIGGER campaigns_deleted_6_imports AFTER DELETE ON leadterra.campaigns
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.campaigns_deleted_6_imports();
