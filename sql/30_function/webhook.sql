-- webhook: creating and changing webhooks, and what is removed of them.

-- A name may lead to an internal address, too: the worker looks where it connects.
CREATE FUNCTION leadterra.is_public_address(address text)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- Networks that are not, or not by this address, reached from everywhere (RFC 6890).
    internal constant inet[] := '{0.0.0.0/8, 10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8,
        169.254.0.0/16, 172.16.0.0/12, 192.0.0.0/24, 192.0.2.0/24, 192.88.99.0/24,
        192.168.0.0/16, 198.18.0.0/15, 198.51.100.0/24, 203.0.113.0/24, 224.0.0.0/3,
        2001::/23, 2001:db8::/32, 2002::/16, 3fff::/20}';
    parsed inet;
BEGIN
    parsed := address::inet;
    RETURN (family(parsed) = 4 OR parsed <<= '2000::/3') AND NOT parsed <<= ANY (internal);
EXCEPTION WHEN invalid_text_representation THEN
    RETURN false;
END;
$$;

COMMENT ON FUNCTION leadterra.is_public_address(text) IS
'Say whether an IP address is one, and can be reached from everywhere.';

CREATE FUNCTION leadterra.webhook_url_problem(url text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    octet constant text := '(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])';
    authority text;
    host text;
    port text;
BEGIN
    IF webhook_url_problem.url IS NULL THEN
        RETURN 'must not be null';
    ELSIF octet_length(webhook_url_problem.url) > 2048 THEN
        RETURN 'must have at most 2048 bytes';
    ELSIF NOT starts_with(webhook_url_problem.url, 'https://') THEN
        RETURN 'must begin with https://';
    ELSIF webhook_url_problem.url ~ '#' THEN
        RETURN 'must have no fragment';
    ELSIF webhook_url_problem.url ~ '[^!-~]' THEN
        RETURN 'must have no blanks, control characters or characters beyond ASCII';
    END IF;
    authority := substring(webhook_url_problem.url FROM '^https://([^/?\\]*)(?:[/?]|$)');
    IF authority ~ '@' THEN
        RETURN 'must have no user or password';
    END IF;
    SELECT lower(m.part[1]), m.part[2] INTO host, port
    FROM regexp_match(authority, '^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?$')
        AS m (part);
    IF host IS NULL OR port::integer NOT BETWEEN 1 AND 65535 THEN
        RETURN 'must have a host, and no port but one from 1 to 65535';
    END IF;
    host := rtrim(host, '.');
    -- What ends in a number is an address of IPv4, in one of many forms.
    IF starts_with(host, '[') THEN
        IF host ~ ':' AND leadterra.is_public_address(btrim(host, '[]')) THEN
            RETURN NULL;
        END IF;
    ELSIF host ~ '(?:^|\.)(?:0x[0-9a-f]*|[0-9]+)$' THEN
        IF host ~ format('^%s(?:\.%1$s){3}$', octet) AND leadterra.is_public_address(host) THEN
            RETURN NULL;
        END IF;
    ELSIF host ~ '\.' AND host !~ '\.(?:localhost|local|internal|home\.arpa)$'
        AND host !~ '(?:^|\.)(?:\.|$)' THEN
        RETURN NULL;
    END IF;
    RETURN 'must not lead to an internal address';
END;
$$;

COMMENT ON FUNCTION leadterra.webhook_url_problem(text) IS
'Say what keeps a URL from being that of a webhook, as the end of a sentence; null: nothing does.';

CREATE FUNCTION leadterra.check_webhook(url text, events text[])
RETURNS text[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    problem constant text := leadterra.webhook_url_problem(check_webhook.url);
    wrong text;
BEGIN
    IF problem IS NOT NULL THEN
        PERFORM leadterra.raise_error('invalid_request', format('argument "url" %s', problem));
    ELSIF coalesce(cardinality(check_webhook.events), 0) = 0 THEN
        PERFORM leadterra.raise_error('invalid_request', 'a webhook must have an event');
    END IF;
    SELECT coalesce(e.event, 'null') INTO wrong
    FROM unnest(check_webhook.events) AS e (event)
    WHERE (e.event = ANY (leadterra.webhook_events())) IS NOT TRUE
    LIMIT 1;
    IF FOUND THEN
        PERFORM leadterra.raise_error('invalid_request', format('event "%s" is unknown', wrong));
    END IF;
    RETURN ARRAY(SELECT DISTINCT e.event FROM unnest(check_webhook.events) AS e (event) ORDER BY 1);
END;
$$;

COMMENT ON FUNCTION leadterra.check_webhook(text, text[]) IS
'Return the events that a webhook is to be told of, each once

Errors: PT400 invalid_request.';

CREATE FUNCTION leadterra.create_webhook(
    workspace uuid, url text, events text[], campaign_id uuid)
RETURNS @extschema@.lt_webhook
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    wanted constant text[] := leadterra.check_webhook(create_webhook.url, create_webhook.events);
    made record;
BEGIN
    IF create_webhook.campaign_id IS NOT NULL THEN
        PERFORM leadterra.keep_campaign(workspace, create_webhook.campaign_id);
    END IF;
    INSERT INTO leadterra.webhooks (
        workspace_id, webhook_id, url, events, campaign_id, secret, created_at)
    VALUES (workspace, leadterra.uuidv7(), create_webhook.url, wanted, create_webhook.campaign_id,
        'whsec_' || encode(leadterra.random_key(), 'base64'), leadterra.clock())
    RETURNING webhook_id, url, events, campaign_id, status, created_at, secret INTO made;
    RETURN made;
END;
$$;

COMMENT ON FUNCTION leadterra.create_webhook(uuid, text, text[], uuid) IS
'Do what lt_create_webhook says, in a workspace.';

CREATE FUNCTION @extschema@.lt_create_webhook(
    url text, events text[], campaign_id uuid DEFAULT NULL)
RETURNS @extschema@.lt_webhook
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_create_webhook';

COMMENT ON FUNCTION @extschema@.lt_create_webhook(text, text[], uuid) IS
'Create a webhook: an address that is told of what happens from now on

A worker posts each event to it, as JSON and signed, until it answers 2xx: see
doc/webhooks.md. Nobody but the owner of the extension can read the secret again.

Parameters:
- url: https, at most 2,048 bytes, without a user and a fragment; an address that is not public
  is refused
- events: any of campaign.started, campaign.paused, campaign.finished, message.sent,
  message.bounced, message.failed, message.complained, message.clicked, reply.received and
  lead.unsubscribed
- campaign_id: of this campaign alone; null: of the whole workspace
Returns: the webhook, with its secret: whsec_ and 32 random bytes in base 64.
Errors: PT400 invalid_request, PT404 campaign_not_found.';

CREATE FUNCTION leadterra.update_webhook(
    workspace uuid, webhook_id uuid, url text, events text[])
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    new_url text;
    new_events text[];
BEGIN
    SELECT coalesce(update_webhook.url, w.url), coalesce(update_webhook.events, w.events)
    INTO new_url, new_events
    FROM leadterra.webhooks w
    WHERE w.workspace_id = workspace AND w.webhook_id = update_webhook.webhook_id
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM leadterra.raise_webhook_not_found(update_webhook.webhook_id);
    END IF;
    new_events := leadterra.check_webhook(new_url, new_events);
    UPDATE leadterra.webhooks w SET url = new_url, events = new_events
    WHERE w.workspace_id = workspace AND w.webhook_id = update_webhook.webhook_id;
END;
$$;

COMMENT ON FUNCTION leadterra.update_webhook(uuid, uuid, text, text[]) IS
'Do what lt_update_webhook says, in a workspace.';

CREATE FUNCTION leadterra.raise_webhook_not_found(webhook_id uuid)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF webhook_id IS NULL THEN
        PERFORM leadterra.raise_error('invalid_request', 'argument "webhook_id" must not be null');
    END IF;
    PERFORM leadterra.raise_error('webhook_not_found',
        format('webhook "%s" does not exist', webhook_id));
END;
$$;

COMMENT ON FUNCTION leadterra.raise_webhook_not_found(uuid) IS
'Raise the error for an id that is no webhook of the current workspace.';

CREATE FUNCTION @extschema@.lt_update_webhook(
    webhook_id uuid, url text DEFAULT NULL, events text[] DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_update_webhook';

COMMENT ON FUNCTION @extschema@.lt_update_webhook(uuid, text, text[]) IS
'Change where a webhook is, or what it is told of

What waits for it goes to the new address. Its secret stays.

Parameters:
- webhook_id: the webhook
- url: as in lt_create_webhook; null: as it is
- events: as in lt_create_webhook; null: as they are
Errors: PT400 invalid_request, PT404 webhook_not_found.';

CREATE FUNCTION leadterra.delete_webhook(workspace uuid, webhook_id uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    DELETE FROM leadterra.webhooks w
    WHERE w.workspace_id = workspace AND w.webhook_id = delete_webhook.webhook_id;
    IF NOT FOUND THEN
        PERFORM leadterra.raise_webhook_not_found(delete_webhook.webhook_id);
    END IF;
END;
$$;

COMMENT ON FUNCTION leadterra.delete_webhook(uuid, uuid) IS
'Do what lt_delete_webhook says, in a workspace.';

CREATE FUNCTION @extschema@.lt_delete_webhook(webhook_id uuid)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_delete_webhook';

COMMENT ON FUNCTION @extschema@.lt_delete_webhook(uuid) IS
'Delete a webhook, with what waits for it and its log

What a worker is just delivering may still arrive.

Parameters:
- webhook_id: the webhook
Errors: PT400 invalid_request, PT404 webhook_not_found.';

CREATE FUNCTION leadterra.resume_webhook(workspace uuid, webhook_id uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    UPDATE leadterra.webhooks w
    SET status = 'active', disabled_at = NULL, disabled_reason = NULL, given_up = 0,
        resting_until = NULL
    WHERE w.workspace_id = workspace AND w.webhook_id = resume_webhook.webhook_id;
    IF NOT FOUND THEN
        PERFORM leadterra.raise_webhook_not_found(resume_webhook.webhook_id);
    END IF;
    PERFORM pg_notify('leadterra_deliveries', '');
END;
$$;

COMMENT ON FUNCTION leadterra.resume_webhook(uuid, uuid) IS
'Do what lt_resume_webhook says, in a workspace.';

CREATE FUNCTION @extschema@.lt_resume_webhook(webhook_id uuid)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_resume_webhook';

COMMENT ON FUNCTION @extschema@.lt_resume_webhook(uuid) IS
'Let a webhook that was disabled go on

What waited for it when it was disabled is delivered now. What happened while it was disabled is
not; nor is what was given up, but for lt_redeliver. Of one that is active it ends the rest
after a failure.

Parameters:
- webhook_id: the webhook
Errors: PT400 invalid_request, PT404 webhook_not_found.';

-- See leadterra.leads_deleted_1_enrollments().  Who finishes a delivery keeps its webhook, and
-- is waited for before this.
CREATE FUNCTION leadterra.webhooks_deleted()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    DELETE FROM leadterra.webhook_deliveries d USING deleted w
    WHERE d.workspace_id = w.workspace_id AND d.webhook_id = w.webhook_id;
    DELETE FROM leadterra.webhook_outbox o USING deleted w
    WHERE o.workspace_id = w.workspace_id AND o.webhook_id = w.webhook_id;
    DELETE FROM leadterra.webhook_log g USING deleted w
    WHERE g.workspace_id = w.workspace_id AND g.webhook_id = w.webhook_id;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION leadterra.webhooks_deleted() IS
'Delete what is there of webhooks that are deleted

A transaction that does not see the deletion yet may add to it: nobody delivers that, and
lt_maintain removes it.';

CREATE TRIGGER webhooks_deleted AFTER DELETE ON leadterra.webhooks
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.webhooks_deleted();

CREATE TRIGGER webhooks_truncated BEFORE TRUNCATE ON leadterra.webhooks
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.refuse_truncate();

-- See leadterra.leads_deleted_1_enrollments().
CREATE FUNCTION leadterra.campaigns_deleted_8_webhooks()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    DELETE FROM leadterra.webhooks w USING deleted d
    WHERE w.workspace_id = d.workspace_id AND w.campaign_id = d.campaign_id;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION leadterra.campaigns_deleted_8_webhooks() IS
'Delete webhooks that are told of a campaign alone which is deleted.';

CREATE TRIGGER campaigns_deleted_8_webhooks AFTER DELETE ON leadterra.campaigns
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.campaigns_deleted_8_webhooks();

-- Ids rise with time, so the oldest rows come first.
CREATE FUNCTION leadterra.maintain_webhooks(workspace uuid, before timestamptz, slice bigint)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
AS $$
DECLARE
    old record;
    removed bigint := 0;
BEGIN
    FOR old IN
        SELECT o.outbox_id, o.created_at
        FROM leadterra.webhook_outbox o
        WHERE o.workspace_id = workspace
        ORDER BY o.workspace_id, o.outbox_id
        LIMIT slice
    LOOP
        EXIT WHEN old.created_at >= before;
        DELETE FROM leadterra.webhook_outbox o
        WHERE o.workspace_id = workspace AND o.outbox_id = old.outbox_id;
        removed := removed + 1;
    END LOOP;
    FOR old IN
        SELECT g.delivery_id, g.lease_id
        FROM leadterra.webhooks w
        CROSS JOIN LATERAL (
            SELECT g.delivery_id, g.lease_id
            FROM leadterra.webhook_log g
            WHERE g.workspace_id = workspace AND g.webhook_id = w.webhook_id
              AND g.finished_at < before
            ORDER BY g.finished_at
            LIMIT slice
        ) g
        WHERE w.workspace_id = workspace
        LIMIT slice - removed
    LOOP
        DELETE FROM leadterra.webhook_log g
        WHERE g.workspace_id = workspace AND g.delivery_id = old.delivery_id
          AND g.lease_id = old.lease_id;
        removed := removed + 1;
    END LOOP;
    RETURN removed;
END;
$$;

COMMENT ON FUNCTION leadterra.maintain_webhooks(uuid, timestamptz, bigint) IS
'Remove what webhooks were, or were to be, told before a time, a slice of it; return how much.';
