-- What the benchmark needs in a database: payloads, finished rows, and the
-- contenders that a user could write instead of calling lt_bulk_upsert.
--
-- All write to the tables of the extension, so columns and indexes are the
-- same.  None makes batches of messages, which lt_bulk_upsert always does.
CREATE EXTENSION leadterra;
CREATE EXTENSION pg_stat_statements;
CREATE SCHEMA bench;
SET search_path TO bench, public;

CREATE TABLE campaigns (name text PRIMARY KEY, id uuid);

-- The payload of each call, and its leads as rows that are ready to insert.
-- added: the same leads as lt_add_leads takes them.
CREATE UNLOGGED TABLE payloads (call integer PRIMARY KEY, leads jsonb, added jsonb);
ALTER TABLE payloads ALTER leads SET STORAGE EXTERNAL, ALTER added SET STORAGE EXTERNAL;
CREATE UNLOGGED TABLE ready (
    call integer, lead_id uuid, email text COLLATE "C", first_name text, last_name text,
    company text, job_title text, phone text, website text, custom jsonb);
CREATE INDEX ON ready (call);

-- One person; the address is as random as people's are, the rest as long.
CREATE FUNCTION lead(number bigint, OUT email text, OUT first_name text, OUT last_name text,
    OUT company text, OUT job_title text, OUT phone text, OUT website text, OUT custom jsonb)
LANGUAGE sql IMMUTABLE AS $$
    SELECT format('%s.%s@%s.example', substr(h, 1, 6), number, substr(md5((number % 20000)::text), 1, 8)),
        initcap(translate(substr(h, 1, 6), '0123456789', 'aeioulmnrs')),
        initcap(translate(substr(h, 7, 8), '0123456789', 'aeioulmnrs')),
        'Company ' || number % 20000,
        (ARRAY['Head of Growth', 'VP Sales', 'Founder', 'Director of Revenue'])[1 + number % 4],
        '+49 30 ' || lpad((number % 10000000)::text, 7, '0'),
        'https://' || substr(md5((number % 20000)::text), 1, 8) || '.example',
        jsonb_build_object('useCase', 'outbound ' || number % 100, 'city', 'Berlin')
    FROM md5(number::text) AS h
$$;

-- Makes the calls of a run: leads a call, of which some are known (numbers from
-- 1 on) and the others are new (numbers from first_new on); known ones get a job
-- title of their own, or keep theirs.
CREATE FUNCTION make_payloads(calls integer, leads integer, known integer, first_new bigint, title text)
RETURNS void LANGUAGE sql SET search_path = bench, public AS $$
    TRUNCATE payloads, ready;
    INSERT INTO ready
    SELECT call, lt_uuidv7(), l.email, l.first_name, l.last_name, l.company,
        CASE WHEN place < known THEN coalesce(title, l.job_title) ELSE l.job_title END,
        l.phone, l.website, l.custom
    FROM generate_series(1, calls) AS call
    CROSS JOIN generate_series(0, leads - 1) AS place
    CROSS JOIN LATERAL lead(CASE WHEN place < known THEN (call - 1) * known + place + 1
                                 ELSE first_new + (call - 1) * (leads - known) + place END) AS l;
    INSERT INTO payloads
    SELECT call, jsonb_agg(jsonb_build_object('email', email, 'firstName', first_name, 'lastName', last_name,
            'company', company, 'jobTitle', job_title, 'phone', phone, 'website', website, 'customFields', custom)
        ORDER BY md5(email)),
        jsonb_agg(jsonb_build_object('email', email, 'first_name', first_name, 'last_name', last_name,
            'company_name', company, 'job_title', job_title, 'phone', phone, 'website', website, 'custom_variables', custom)
        ORDER BY md5(email)) FILTER (WHERE leads <= 1000)
    FROM ready GROUP BY call;
    ANALYZE payloads, ready;
$$;

-- Empties the tables and enrolls known leads, numbers from 1 on, in a campaign.
CREATE FUNCTION reset(campaign uuid, known bigint)
RETURNS void LANGUAGE plpgsql SET search_path = bench, public SET session_replication_role = replica AS $$
BEGIN
    TRUNCATE leadterra.leads, leadterra.enrollments, leadterra.batches, leadterra.waiting, leadterra.deletions;
    PERFORM add_known(campaign, 1, known);
END;
$$;

CREATE FUNCTION add_known(campaign uuid, first bigint, last bigint)
RETURNS void LANGUAGE sql SET search_path = bench, public AS $$
    WITH known AS (
        INSERT INTO leadterra.leads (workspace_id, lead_id, email, first_name, last_name, company, job_title, phone, website, custom)
        SELECT lt_current_workspace(), lt_uuidv7(), l.*
        FROM generate_series(first, last) AS number CROSS JOIN LATERAL lead(number) AS l
        RETURNING lead_id)
    INSERT INTO leadterra.enrollments (workspace_id, campaign_id, lead_id)
    SELECT lt_current_workspace(), campaign, lead_id FROM known WHERE campaign IS NOT NULL;
$$;

-- Contender "rows": the floor, INSERT ... SELECT of finished rows, in the order
-- of the index that is the most expensive to insert into.
CREATE FUNCTION insert_rows(campaign uuid, wanted integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO leadterra.leads (workspace_id, lead_id, email, first_name, last_name, company, job_title, phone, website, custom)
    SELECT lt_current_workspace(), r.lead_id, r.email, r.first_name, r.last_name, r.company, r.job_title, r.phone, r.website, r.custom
    FROM bench.ready r WHERE r.call = wanted
    ORDER BY r.email;
    INSERT INTO leadterra.enrollments (workspace_id, campaign_id, lead_id)
    SELECT lt_current_workspace(), campaign, r.lead_id
    FROM bench.ready r WHERE r.call = wanted;
END;
$$;

-- Contender "set": one statement over the whole payload.
CREATE FUNCTION upsert_set(campaign uuid, leads jsonb) RETURNS lt_bulk_result LANGUAGE plpgsql AS $$
DECLARE
    workspace uuid := lt_current_workspace();
    given integer := jsonb_array_length(leads);
    allowed integer;
    result lt_bulk_result;
BEGIN
    WITH input AS (
        SELECT DISTINCT ON (email) lower(btrim(x.email)) AS email, x."firstName", x."lastName", x.company,
            x."jobTitle", x.phone, x.website, coalesce(x."customFields", '{}') AS custom
        FROM jsonb_to_recordset(leads) AS x (email text, "firstName" text, "lastName" text, company text,
            "jobTitle" text, phone text, website text, "customFields" jsonb)
        ORDER BY email
    ), allowed AS (
        SELECT i.* FROM input i
        WHERE NOT EXISTS (
            SELECT FROM leadterra.suppressions s
            WHERE s.workspace_id = workspace AND s.blocklist_id = workspace AND s.entry = i.email)
          AND NOT EXISTS (
            SELECT FROM leadterra.suppressions s
            WHERE s.workspace_id = workspace AND s.blocklist_id = workspace AND s.entry = split_part(i.email, '@', 2))
    ), upserted AS (
        INSERT INTO leadterra.leads AS l (workspace_id, lead_id, email, first_name, last_name, company, job_title, phone, website, custom)
        SELECT workspace, lt_uuidv7(), a.email, a."firstName", a."lastName", a.company, a."jobTitle", a.phone, a.website, a.custom
        FROM allowed a
        ORDER BY a.email
        ON CONFLICT (workspace_id, email) DO UPDATE SET
            first_name = coalesce(excluded.first_name, l.first_name),
            last_name = coalesce(excluded.last_name, l.last_name),
            company = coalesce(excluded.company, l.company),
            job_title = coalesce(excluded.job_title, l.job_title),
            phone = coalesce(excluded.phone, l.phone),
            website = coalesce(excluded.website, l.website),
            custom = l.custom || excluded.custom,
            updated_at = now()
        RETURNING l.lead_id
    ), enrolled AS (
        INSERT INTO leadterra.enrollments (workspace_id, campaign_id, lead_id)
        SELECT workspace, campaign, u.lead_id FROM upserted u
        ON CONFLICT DO NOTHING
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM enrolled), (SELECT count(*) FROM allowed) INTO result.enrolled, allowed;
    result.updated := allowed - result.enrolled;
    result.skipped := given - allowed;
    result.total := allowed;
    RETURN result;
END;
$$;

-- Contender "rules": one statement, too, that keeps the rules of lt_bulk_upsert:
-- the syntax of addresses, wildcards, null that clears, other keys as custom
-- fields, all standard fields.
CREATE FUNCTION upsert_rules(campaign uuid, leads jsonb) RETURNS lt_bulk_result LANGUAGE plpgsql AS $$
DECLARE
    workspace uuid := lt_current_workspace();
    standard text[] := '{email,firstName,lastName,company,jobTitle,phone,website,personalization,leadValue,interestStatus,assignedTo,customFields}';
    given integer := jsonb_array_length(leads);
    allowed integer;
    result lt_bulk_result;
BEGIN
    IF EXISTS (SELECT FROM jsonb_to_recordset(leads) AS x (email text)
               WHERE x.email IS NULL OR btrim(x.email) !~* '^[a-z0-9.!#$%&''*+/=?^_`{|}~-]+@[a-z0-9-]+(\.[a-z0-9-]+)+$') THEN
        RAISE EXCEPTION 'invalid leads' USING ERRCODE = 'PT422';
    END IF;
    WITH input AS (
        SELECT DISTINCT ON (address) lower(btrim(u.email)) AS address, split_part(lower(btrim(u.email)), '@', 2) AS domain, u.*,
            coalesce(nullif(u."customFields", 'null'), '{}') || (u.entry - standard) AS fields
        FROM ROWS FROM (
            jsonb_array_elements(leads),
            jsonb_to_recordset(leads) AS (email text, "firstName" text, "lastName" text, company text, "jobTitle" text, phone text,
                website text, personalization text, "leadValue" text, "interestStatus" integer, "assignedTo" uuid, "customFields" jsonb)
        ) WITH ORDINALITY AS u (entry, email, "firstName", "lastName", company, "jobTitle", phone, website, personalization,
            "leadValue", "interestStatus", "assignedTo", "customFields", place)
        ORDER BY address, place DESC
    ), allowed AS MATERIALIZED (
        SELECT i.* FROM input i
        WHERE NOT EXISTS (
            SELECT FROM leadterra.suppressions s
            WHERE s.workspace_id = workspace AND s.blocklist_id = workspace AND s.entry = i.address)
          AND NOT EXISTS (
            SELECT FROM leadterra.suppressions s
            WHERE s.workspace_id = workspace AND s.blocklist_id = workspace AND s.entry = i.domain)
          AND NOT EXISTS (
            SELECT FROM generate_series(2, cardinality(string_to_array(i.domain, '.'))) n
            JOIN leadterra.suppressions s ON s.workspace_id = workspace AND s.blocklist_id = workspace
                AND s.entry = '*.' || array_to_string((string_to_array(i.domain, '.'))[n:], '.'))
    ), updated AS (
        UPDATE leadterra.leads l SET
            first_name = CASE WHEN a.entry ? 'firstName' THEN a."firstName" ELSE l.first_name END,
            last_name = CASE WHEN a.entry ? 'lastName' THEN a."lastName" ELSE l.last_name END,
            company = CASE WHEN a.entry ? 'company' THEN a.company ELSE l.company END,
            job_title = CASE WHEN a.entry ? 'jobTitle' THEN a."jobTitle" ELSE l.job_title END,
            phone = CASE WHEN a.entry ? 'phone' THEN a.phone ELSE l.phone END,
            website = CASE WHEN a.entry ? 'website' THEN a.website ELSE l.website END,
            personalization = CASE WHEN a.entry ? 'personalization' THEN a.personalization ELSE l.personalization END,
            lead_value = CASE WHEN a.entry ? 'leadValue' THEN a."leadValue" ELSE l.lead_value END,
            interest_status = CASE WHEN a.entry ? 'interestStatus' THEN a."interestStatus" ELSE l.interest_status END,
            assigned_to = CASE WHEN a.entry ? 'assignedTo' THEN a."assignedTo" ELSE l.assigned_to END,
            custom = jsonb_strip_nulls(l.custom || a.fields),
            updated_at = now()
        FROM allowed a
        WHERE l.workspace_id = workspace AND l.email = a.address
        RETURNING l.lead_id
    ), inserted AS (
        INSERT INTO leadterra.leads (workspace_id, lead_id, email, first_name, last_name, company, job_title, phone, website,
            personalization, lead_value, interest_status, assigned_to, custom)
        SELECT workspace, lt_uuidv7(), a.address, a."firstName", a."lastName", a.company, a."jobTitle", a.phone, a.website,
            a.personalization, a."leadValue", a."interestStatus", a."assignedTo", jsonb_strip_nulls(a.fields)
        FROM allowed a
        ORDER BY a.address
        ON CONFLICT (workspace_id, email) DO NOTHING
        RETURNING lead_id
    ), enrolled AS (
        INSERT INTO leadterra.enrollments (workspace_id, campaign_id, lead_id)
        SELECT workspace, campaign, lead_id FROM (SELECT lead_id FROM updated UNION ALL SELECT lead_id FROM inserted) u
        ON CONFLICT DO NOTHING
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM enrolled), (SELECT count(*) FROM allowed) INTO result.enrolled, allowed;
    result.updated := allowed - result.enrolled;
    result.skipped := given - allowed;
    result.total := allowed;
    RETURN result;
END;
$$;

-- Contender "loop": one row at a time.
CREATE FUNCTION upsert_loop(campaign uuid, leads jsonb) RETURNS lt_bulk_result LANGUAGE plpgsql AS $$
DECLARE
    workspace uuid := lt_current_workspace();
    entry record;
    address text;
    lead uuid;
    result lt_bulk_result := (0, 0, 0, 0);
BEGIN
    FOR entry IN
        SELECT * FROM jsonb_to_recordset(leads) AS x (email text, "firstName" text, "lastName" text, company text,
            "jobTitle" text, phone text, website text, "customFields" jsonb)
    LOOP
        address := lower(btrim(entry.email));
        IF EXISTS (SELECT FROM leadterra.suppressions s
                   WHERE s.workspace_id = workspace AND s.blocklist_id = workspace AND s.entry IN (address, split_part(address, '@', 2))) THEN
            result.skipped := result.skipped + 1;
            CONTINUE;
        END IF;
        INSERT INTO leadterra.leads AS l (workspace_id, lead_id, email, first_name, last_name, company, job_title, phone, website, custom)
        VALUES (workspace, lt_uuidv7(), address, entry."firstName", entry."lastName", entry.company, entry."jobTitle",
            entry.phone, entry.website, coalesce(entry."customFields", '{}'))
        ON CONFLICT (workspace_id, email) DO UPDATE SET
            first_name = coalesce(excluded.first_name, l.first_name),
            last_name = coalesce(excluded.last_name, l.last_name),
            company = coalesce(excluded.company, l.company),
            job_title = coalesce(excluded.job_title, l.job_title),
            phone = coalesce(excluded.phone, l.phone),
            website = coalesce(excluded.website, l.website),
            custom = l.custom || excluded.custom,
            updated_at = now()
        RETURNING l.lead_id INTO lead;
        INSERT INTO leadterra.enrollments (workspace_id, campaign_id, lead_id) VALUES (workspace, campaign, lead)
        ON CONFLICT DO NOTHING;
        IF FOUND THEN
            result.enrolled := result.enrolled + 1;
        ELSE
            result.updated := result.updated + 1;
        END IF;
    END LOOP;
    result.total := result.enrolled + result.updated;
    RETURN result;
END;
$$;
