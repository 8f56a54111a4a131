-- http: what the second service's pages have in common.

CREATE FUNCTION leadterra.http_v2_members(given jsonb, names text[], place text DEFAULT '')
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    unknown text;
BEGIN
    IF jsonb_typeof(given) IS DISTINCT FROM 'object' THEN
        PERFORM leadterra.raise_error('invalid_request', format('%s must be a JSON object',
            CASE place WHEN '' THEN 'the body of the request' ELSE format('"%s"', place) END));
    END IF;
    -- What is misspelled would be passed over in silence.
    SELECT k.name INTO unknown
    FROM jsonb_object_keys(given) AS k (name)
    WHERE k.name <> ALL (names)
    ORDER BY k.name COLLATE "C"
    LIMIT 1;
    IF FOUND THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('"%s" is unknown here', concat_ws('.', nullif(place, ''), unknown)));
    END IF;
    RETURN given;
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_members(jsonb, text[], text) IS
'Return an object of a request that has no members but some

Parameters:
  given  the object
  names  of the members that it may have
  place  where it stands in the body; empty: it is the body

Errors: PT400 invalid_request.';

CREATE FUNCTION leadterra.http_v2_given(given jsonb, name text, type text)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT leadterra.http_member(
        CASE WHEN http_v2_given.given -> http_v2_given.name = 'null'
            THEN http_v2_given.given - http_v2_given.name ELSE http_v2_given.given END,
        http_v2_given.name, http_v2_given.type);
END;

COMMENT ON FUNCTION leadterra.http_v2_given(jsonb, text, text) IS
'Return a member of a request as http_member does; null is as if it were left out.';

CREATE FUNCTION leadterra.http_v2_require(given jsonb, name text, type text)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    member constant jsonb := leadterra.http_member(given, name, type);
BEGIN
    IF member IS NULL THEN
        PERFORM leadterra.raise_error('invalid_request', format('"%s" is missing', name));
    END IF;
    RETURN member;
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_require(jsonb, text, text) IS
'Return a member of a request, or raise PT400 invalid_request where there is none.';

-- What this engine does not do can be asked for by nobody: where a request says what it
-- does anyway, that is true.
CREATE FUNCTION leadterra.http_v2_fixed(given jsonb, fixed jsonb)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wrong record;
BEGIN
    SELECT f.key AS name, f.value INTO wrong
    FROM jsonb_each(fixed) AS f
    WHERE given ? f.key AND given -> f.key NOT IN (f.value, 'null')
    ORDER BY f.key COLLATE "C"
    LIMIT 1;
    IF FOUND THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('"%s" can only be %s here', wrong.name, wrong.value));
    END IF;
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_fixed(jsonb, jsonb) IS
'Raise PT400 invalid_request where a request asks for another value of what cannot be changed.';

CREATE FUNCTION leadterra.http_v2_page(items jsonb, next text)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT jsonb_strip_nulls(jsonb_build_object('next_starting_after', http_v2_page.next))
        || jsonb_build_object('items', coalesce(http_v2_page.items, '[]'));
END;

COMMENT ON FUNCTION leadterra.http_v2_page(jsonb, text) IS
'Return a page of the second service, without next_starting_after on the last one.';

CREATE FUNCTION leadterra.http_v2_time(name text, given text)
RETURNS timestamptz
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $$
BEGIN
    IF given !~ ('^[0-9]{4}-[0-9]{2}-[0-9]{2}'
        '(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[-+][0-9]{2}:[0-9]{2}))?$') THEN
        RAISE invalid_datetime_format;
    END IF;
    RETURN given::timestamptz;
EXCEPTION WHEN data_exception THEN
    PERFORM leadterra.raise_error('invalid_request',
        format('parameter "%s" must be a date or a time in ISO 8601, not "%s"', name, given));
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_time(text, text) IS
'Read a parameter that is a date, which begins at midnight in UTC, or a time.';
