-- http: reading what a request gives as text or as JSON, and showing times.

CREATE FUNCTION leadterra.read_id(id text)
RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT @extschema@.lt_from_typeid(read_id.id);
END;

COMMENT ON FUNCTION leadterra.read_id(text) IS
'Return the UUID of a TypeID or UUID: lt_from_typeid for PL/pgSQL.';

CREATE FUNCTION leadterra.url_decode(encoded text)
RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_url_decode';

COMMENT ON FUNCTION leadterra.url_decode(text) IS
'Decode a part of a query, as forms encode it, or raise PT400 invalid_request.';

CREATE FUNCTION leadterra.http_query(query text, name text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    parameter text;
    found text;
BEGIN
    FOREACH parameter IN ARRAY string_to_array(query, '&') LOOP
        CONTINUE WHEN leadterra.url_decode(split_part(parameter, '=', 1)) <> name;
        -- Which of two is meant nobody knows.
        IF found IS NOT NULL THEN
            PERFORM leadterra.raise_error('invalid_request',
                format('parameter "%s" is given twice', name));
        END IF;
        found := leadterra.url_decode(CASE WHEN strpos(parameter, '=') > 0
            THEN substr(parameter, strpos(parameter, '=') + 1) ELSE '' END);
    END LOOP;
    RETURN found;
END;
$$;

COMMENT ON FUNCTION leadterra.http_query(text, text) IS
'Return a parameter of a query

Parameters:
  query  what stands behind the "?" of a URL
  name   of the parameter

Returns: its value, the empty string if it has none, null if it is not there.

Errors: PT400 invalid_request, also where it is given twice.';

CREATE FUNCTION leadterra.http_query_all(query text, name text)
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT array_agg(leadterra.url_decode(substr(p.parameter, strpos(p.parameter, '=') + 1))
        ORDER BY p.place)
    FROM unnest(string_to_array(http_query_all.query, '&')) WITH ORDINALITY
        AS p (parameter, place)
    WHERE leadterra.url_decode(split_part(p.parameter, '=', 1)) = http_query_all.name;
END;

COMMENT ON FUNCTION leadterra.http_query_all(text, text) IS
'Return all values of a parameter that a query may have several times; null: it has none.';

CREATE FUNCTION leadterra.http_flag(name text, given text)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF given NOT IN ('true', 'false') THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('parameter "%s" must be "true" or "false", not "%s"', name, given));
    END IF;
    RETURN given = 'true';
END;
$$;

COMMENT ON FUNCTION leadterra.http_flag(text, text) IS
'Read a parameter that is true or false

Parameters:
  name   of the parameter, for an error
  given  its value

Errors: PT400 invalid_request.';

CREATE FUNCTION leadterra.http_number(name text, given text)
RETURNS integer
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF given !~ '^[1-9][0-9]{0,6}$' THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('parameter "%s" must be a number from 1, not "%s"', name, given));
    END IF;
    RETURN given::integer;
END;
$$;

COMMENT ON FUNCTION leadterra.http_number(text, text) IS
'Read a parameter that is a number from 1 to 9,999,999

Parameters:
  name   of the parameter, for an error
  given  its value

Errors: PT400 invalid_request.';

CREATE FUNCTION leadterra.http_choice(name text, given text, choices text[])
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF given <> ALL (choices) THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('parameter "%s" must be one of %s, not "%s"',
                name, array_to_string(choices, ', '), given));
    END IF;
    RETURN given;
END;
$$;

COMMENT ON FUNCTION leadterra.http_choice(text, text, text[]) IS
'Read a parameter that is one of a few words

Parameters:
  name     of the parameter, for an error
  given    its value; null: it is not there
  choices  what it may be

Errors: PT400 invalid_request.';

CREATE FUNCTION leadterra.http_limit(given integer, most integer)
RETURNS integer
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF given > most THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('parameter "limit" must be at most %s, not %s', most, given));
    END IF;
    RETURN given;
END;
$$;

COMMENT ON FUNCTION leadterra.http_limit(integer, integer) IS
'Return how many entries a page may have, or raise PT400 invalid_request where it is too many.';

CREATE FUNCTION leadterra.http_cursor(given text)
RETURNS uuid
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN leadterra.read_id(given);
EXCEPTION WHEN SQLSTATE 'PT400' THEN
    PERFORM leadterra.raise_error('invalid_request',
        format('"%s" is not where a page goes on', given));
END;
$$;

COMMENT ON FUNCTION leadterra.http_cursor(text) IS
'Read where a page goes on that is in the order of ids; null: with the first entry.';

CREATE FUNCTION leadterra.http_page(entries jsonb, next text)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT jsonb_build_object(
        'data', coalesce(http_page.entries, '[]'), 'next', http_page.next);
END;

COMMENT ON FUNCTION leadterra.http_page(jsonb, text) IS
'Return a page of the first service: its entries, and where the next one goes on

next is null on the last page.';

-- The body comes as bytes: what the encoding or the type's input refuses is an error
-- of the request like any other, and has to be caught.
CREATE FUNCTION leadterra.http_body(given bytea)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN convert_from(given, 'UTF8')::jsonb;
-- Not UTF-8, not JSON, characters that are none, numbers and strings too large, nesting too deep.
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    PERFORM leadterra.raise_error('invalid_request', 'the body of the request is not valid JSON');
END;
$$;

COMMENT ON FUNCTION leadterra.http_body(bytea) IS 'Return the body of a request.';

-- Members of a request's body: a body that is no object has none.
CREATE FUNCTION leadterra.http_member(body jsonb, name text, type text)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF jsonb_typeof(body) IS DISTINCT FROM 'object' THEN
        PERFORM leadterra.raise_error('invalid_request',
            'the body of the request must be a JSON object');
    ELSIF coalesce(jsonb_typeof(body -> name), 'missing') NOT IN ('missing', type) THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('"%s" must be of type %s', name, type));
    END IF;
    RETURN body -> name;
END;
$$;

COMMENT ON FUNCTION leadterra.http_member(jsonb, text, text) IS
'Return a member of the body of a request, null if it has none

Errors: PT400 invalid_request if it is of another type.';

CREATE FUNCTION leadterra.http_strings(body jsonb, name text)
RETURNS text[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    given constant jsonb := leadterra.http_member(body, name, 'array');
BEGIN
    IF given IS NULL THEN
        PERFORM leadterra.raise_error('invalid_request', format('"%s" is missing', name));
    ELSIF jsonb_array_length(given) > 1000 THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('%s %s are more than 1000', jsonb_array_length(given), name));
    ELSIF jsonb_path_exists(given, '$[*] ? (@.type() != "string")') THEN
        PERFORM leadterra.raise_error('invalid_request', format('"%s" must hold strings', name));
    END IF;
    RETURN ARRAY(
        SELECT e.value
        FROM jsonb_array_elements_text(given) WITH ORDINALITY AS e (value, place)
        ORDER BY e.place);
END;
$$;

COMMENT ON FUNCTION leadterra.http_strings(jsonb, text) IS
'Return a member of the body of a request that is an array of at most 1,000 strings

Errors: PT400 invalid_request, also where it has none.';

CREATE FUNCTION leadterra.http_emails(body jsonb)
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT leadterra.http_strings(http_emails.body, 'emails');
END;

COMMENT ON FUNCTION leadterra.http_emails(jsonb) IS
'Return the array of addresses, at most 1,000, in the body of a request.';

CREATE FUNCTION leadterra.http_id(body jsonb, name text)
RETURNS uuid
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    given jsonb := leadterra.http_member(
        CASE WHEN body -> name = 'null' THEN body - name ELSE body END, name, 'string');
BEGIN
    RETURN leadterra.read_id(given #>> '{}');
END;
$$;

COMMENT ON FUNCTION leadterra.http_id(jsonb, text) IS
'Return a member of the body of a request that is an id; null if it has none.';

CREATE FUNCTION leadterra.http_boolean(body jsonb, name text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(
        leadterra.http_member(http_boolean.body, http_boolean.name, 'boolean')::boolean,
        false);
END;

COMMENT ON FUNCTION leadterra.http_boolean(jsonb, text) IS
'Return a member of the body of a request that is true or false; false if it has none.';

CREATE FUNCTION leadterra.camel_case(name text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT left(camel_case.name, 1)
        || substr(replace(initcap(camel_case.name COLLATE "C"), '_', ''), 2);
END;

COMMENT ON FUNCTION leadterra.camel_case(text) IS
'Return a name with capital letters in place of "_": campaignId for campaign_id.';

CREATE FUNCTION leadterra.http_time(moment timestamptz)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT to_char(http_time.moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
END;

COMMENT ON FUNCTION leadterra.http_time(timestamptz) IS 'Return a time as ISO 8601 in UTC.';
