-- http: headers of answers, and keeping answers, for requests that are sent again.

CREATE FUNCTION leadterra.http_set_header(name text, value text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM set_config('response.headers',
        (coalesce(nullif(current_setting('response.headers', true), '')::jsonb, '[]')
            || jsonb_build_object(name, value))::text, true);
END;
$$;

COMMENT ON FUNCTION leadterra.http_set_header(text, text) IS
'Add a header to the answer of the request.';

-- Whoever sends a request again waits for one that is under way with its key.
CREATE FUNCTION leadterra.open_answer(workspace uuid, idempotency_key text, request_hash bytea)
RETURNS leadterra.answers
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    earlier leadterra.answers;
BEGIN
    LOOP
        DELETE FROM leadterra.answers a
        WHERE a.workspace_id = workspace AND a.idempotency_key = open_answer.idempotency_key
          AND a.created_at < leadterra.clock() - interval '24 hours';
        INSERT INTO leadterra.answers (workspace_id, idempotency_key, request_hash, created_at)
        VALUES (workspace, open_answer.idempotency_key, open_answer.request_hash, leadterra.clock())
        ON CONFLICT DO NOTHING;
        IF FOUND THEN
            RETURN NULL;
        END IF;
        SELECT a.* INTO earlier
        FROM leadterra.answers a
        WHERE a.workspace_id = workspace AND a.idempotency_key = open_answer.idempotency_key;
        -- Another session may have removed it in between.
        IF FOUND THEN
            RETURN earlier;
        END IF;
    END LOOP;
END;
$$;

COMMENT ON FUNCTION leadterra.open_answer(uuid, text, bytea) IS
'Return what is kept for an Idempotency-Key, or make room for the answer to come and return null.';

CREATE FUNCTION leadterra.open_answer(idempotency_key text, request_hash bytea)
RETURNS leadterra.answers
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_open_answer';

COMMENT ON FUNCTION leadterra.open_answer(text, bytea) IS 'Do the same in the current workspace.';

CREATE FUNCTION leadterra.store_answer(idempotency_key text, answer jsonb)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_store_answer';

COMMENT ON FUNCTION leadterra.store_answer(text, jsonb) IS
'Keep the answer to a request with an Idempotency-Key.';

CREATE FUNCTION leadterra.answer_names(answer jsonb, address text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT strpos(lower(answer_names.answer::text COLLATE "C"), answer_names.address) > 0;
END;

COMMENT ON FUNCTION leadterra.answer_names(jsonb, text) IS
'Say whether an answer names an address in normal form.';

CREATE FUNCTION leadterra.forget_answers(workspace uuid, address text)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
BEGIN ATOMIC
    DELETE FROM leadterra.answers a
    WHERE a.workspace_id = forget_answers.workspace
      AND leadterra.answer_names(a.answer, forget_answers.address);
END;

COMMENT ON FUNCTION leadterra.forget_answers(uuid, text) IS
'Remove answers that name an address in normal form.';

CREATE FUNCTION leadterra.maintain_answers(workspace uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM leadterra.answers a
    WHERE a.workspace_id = workspace AND a.ctid = ANY (ARRAY(
        SELECT o.ctid
        FROM leadterra.answers o
        WHERE o.workspace_id = workspace AND o.created_at < leadterra.clock() - interval '24 hours'
        FOR UPDATE SKIP LOCKED));
END;
$$;

COMMENT ON FUNCTION leadterra.maintain_answers(uuid) IS
'Remove answers that are older than a day.';
