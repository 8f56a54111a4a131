-- message_page: one message, and the messages of a campaign in pages.

CREATE FUNCTION @extschema@.lt_get_message(message_id uuid)
RETURNS TABLE (
    campaign_id uuid,
    step integer,
    lead_id uuid,
    email text,
    due_at timestamptz,
    state text,
    reason text,
    attempt integer,
    lease_id uuid,
    settled_at timestamptz
)
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT
        m.campaign_id, m.step::integer, m.lead_id, l.email, m.due_at,
        leadterra.shown_state(m.state, e.status, l.verification_status),
        leadterra.shown_reason(m.state, m.reason, e.status, l.verification_status),
        m.attempt::integer, m.lease_id, m.settled_at
    FROM leadterra.enter_message('messages:read', lt_get_message.message_id) r
    CROSS JOIN LATERAL (
        SELECT m.*
        FROM leadterra.messages m
        WHERE m.workspace_id = leadterra.current_workspace() AND m.campaign_id = r.campaign_id
          AND m.step = r.step AND m.lead_id = r.lead_id
          AND m.batch_id = r.batch_id AND m."position" = r."position"
          AND m.campaign_status <> 'draft'
        OFFSET 0
    ) m
    CROSS JOIN LATERAL (
        SELECT e.status
        FROM leadterra.enrollments e
        WHERE e.workspace_id = leadterra.current_workspace() AND e.campaign_id = r.campaign_id
          AND e.lead_id = r.lead_id
        OFFSET 0
    ) e
    CROSS JOIN LATERAL (
        SELECT l.email, l.verification_status
        FROM leadterra.leads l
        WHERE l.workspace_id = leadterra.current_workspace() AND l.lead_id = r.lead_id
        OFFSET 0
    ) l;
END;

COMMENT ON FUNCTION @extschema@.lt_get_message(uuid) IS
'Show a message with its state, by its id

Parameters:
- message_id: the message
Returns: one row, with the columns of lt_messages; none where the lead was deleted or the
campaign is a draft.
Errors: PT400 invalid_request, PT404 message_not_found.';

-- Pages go through what waits, then through leases, then through exceptions, each in the
-- order of an index.  Each of the three stops after so many rows as are looked at here
-- where they are of other states; then its last row is null but for next_after.

CREATE FUNCTION leadterra.page_end(next_after text)
RETURNS SETOF @extschema@.lt_message_page
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT NULL::uuid, NULL::uuid, NULL::integer, NULL::uuid, NULL::text,
        NULL::timestamptz, NULL::text, NULL::text, NULL::integer,
        NULL::uuid, NULL::timestamptz, page_end.next_after;
END;

COMMENT ON FUNCTION leadterra.page_end(text) IS
'Return the last row of a page that stopped early: where to go on, and nothing else.';

CREATE FUNCTION leadterra.waiting_page(campaign_id uuid, state text, after text, wanted integer)
RETURNS SETOF @extschema@.lt_message_page
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_sort = off
AS $$
#variable_conflict use_column
DECLARE
    workspace CONSTANT uuid := leadterra.current_workspace();
    place CONSTANT text[] := string_to_array(after, ':');
    start_sender CONSTANT uuid := coalesce(place[2]::uuid, leadterra.nobody());
    start_step CONSTANT integer := coalesce(place[3]::integer, 0);
    start_time CONSTANT timestamptz := coalesce(
        timestamptz 'epoch' + place[4]::bigint * interval '1 microsecond', '-infinity');
    start_range CONSTANT uuid := coalesce(place[5]::uuid, leadterra.nobody());
    look_at CONSTANT integer := greatest(wanted, 1000);
    more integer := wanted;
    looked integer := 0;
    found integer;
    started timestamptz;
    windows jsonb;
    start integer;
    lead_ids uuid[];
    delay integer;
    since text;
    w record;
BEGIN
    SELECT c.started_at, c.schedule INTO started, windows
    FROM leadterra.campaigns c
    WHERE c.workspace_id = workspace AND c.campaign_id = waiting_page.campaign_id;
    FOR w IN
        SELECT w.*, leadterra.waiting_state(w.attempt, w.tried_at) AS state
        FROM leadterra.waiting w
        WHERE w.workspace_id = workspace AND w.campaign_id = waiting_page.campaign_id
          AND (w.sender_id, w.step, w.waiting_since, w.range_id)
              >= (start_sender, start_step, start_time, start_range)
        ORDER BY w.sender_id, w.step, w.waiting_since, w.range_id
        LIMIT look_at
    LOOP
        looked := looked + 1;
        since := (extract(epoch FROM w.waiting_since) * 1000000)::bigint;
        CONTINUE WHEN w.state <> waiting_page.state;
        SELECT greatest(
            max(l.partial_last) + 1,
            w.first,
            CASE WHEN w.range_id = start_range THEN place[6]::integer + 1 END)
        INTO start
        FROM leadterra.leases l
        WHERE l.workspace_id = workspace AND l.partial_range_id = w.range_id AND w.first < w.last;
        SELECT b.lead_ids[start:w.last], s.delay_minutes INTO lead_ids, delay
        FROM leadterra.batches b, leadterra.steps s
        WHERE b.workspace_id = workspace AND b.batch_id = w.batch_id
          AND s.workspace_id = workspace AND s.campaign_id = waiting_page.campaign_id
          AND s.step = w.step;
        -- In the order of the positions, and no further than the page goes: leads may be gone.
        RETURN QUERY
        SELECT leadterra.message_id(w.batch_id, start + u.number - 1), w.campaign_id,
            w.step::integer, u.lead_id, l.email,
            leadterra.window_opens(windows, leadterra.due_at(w.waiting_since, started, delay)),
            w.state, w.error, w.attempt::integer,
            NULL::uuid, NULL::timestamptz,
            concat_ws(
                ':', 'waiting', w.sender_id, w.step, since, w.range_id, start + u.number - 1)
        FROM (
            SELECT u.lead_id, u.number
            FROM unnest(lead_ids) WITH ORDINALITY AS u (lead_id, number)
            ORDER BY u.number
            OFFSET 0
        ) u
        CROSS JOIN LATERAL (
            SELECT l.email
            FROM leadterra.leads l
            WHERE l.workspace_id = workspace AND l.lead_id = u.lead_id
            OFFSET 0
        ) l
        ORDER BY u.number
        LIMIT more;
        GET DIAGNOSTICS found = ROW_COUNT;
        more := more - found;
        EXIT WHEN more <= 0;
    END LOOP;
    IF more > 0 AND looked = look_at THEN
        RETURN QUERY
        SELECT * FROM leadterra.page_end(
            concat_ws(':', 'waiting', w.sender_id, w.step, since, w.range_id, 1000));
    END IF;
END;
$$;

COMMENT ON FUNCTION leadterra.waiting_page(uuid, text, text, integer) IS
'List messages of a campaign that wait

Those with which no sender has begun come first, by step and time, then the rest by sender.';

CREATE FUNCTION leadterra.lease_page(campaign_id uuid, state text, after text, wanted integer)
RETURNS SETOF @extschema@.lt_message_page
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
    workspace CONSTANT uuid := leadterra.current_workspace();
    place CONSTANT text[] := string_to_array(after, ':');
    start_lease CONSTANT uuid := coalesce(place[2]::uuid, '00000000-0000-0000-0000-000000000000');
    look_at CONSTANT integer := greatest(wanted, 1000);
    more integer := wanted;
    looked integer := 0;
    found integer;
    started timestamptz;
    windows jsonb;
    h record;
BEGIN
    SELECT c.started_at, c.schedule INTO started, windows
    FROM leadterra.campaigns c
    WHERE c.workspace_id = workspace AND c.campaign_id = lease_page.campaign_id;
    FOR h IN
        SELECT l.lease_id, l.state,
            CASE WHEN l.lease_id = start_lease THEN place[3]::uuid END AS start
        FROM leadterra.leases l
        WHERE l.workspace_id = workspace AND l.campaign_id = lease_page.campaign_id
          AND l.lease_id >= start_lease
        ORDER BY l.lease_id
        LIMIT look_at
    LOOP
        looked := looked + 1;
        CONTINUE WHEN lease_page.state = 'leased' AND h.state <> 'open';
        RETURN QUERY
        SELECT m.message_id, m.campaign_id, m.step::integer, m.lead_id, l.email,
            leadterra.window_opens(
                windows, leadterra.due_at(m.waiting_since, started, s.delay_minutes)),
            m.state, m.reason,
            m.attempt::integer, m.lease_id, m.settled_at,
            concat_ws(':', 'lease', h.lease_id, m.message_id)
        FROM (
            SELECT m.*
            FROM (
                SELECT m.*, leadterra.message_id(m.batch_id, m."position") AS message_id
                FROM leadterra.message_states m
                WHERE m.workspace_id = workspace AND m.campaign_id = lease_page.campaign_id
                  AND m.lease_id = h.lease_id
                  AND (lease_page.state IS NULL OR m.state = lease_page.state)
            ) m
            WHERE h.start IS NULL OR m.message_id > h.start
            ORDER BY m.message_id
            OFFSET 0
        ) m
        -- In the order of the messages, and no further than the page goes.
        CROSS JOIN LATERAL (
            SELECT l.email
            FROM leadterra.leads l
            WHERE l.workspace_id = workspace AND l.lead_id = m.lead_id
            OFFSET 0
        ) l
        CROSS JOIN LATERAL (
            SELECT s.delay_minutes
            FROM leadterra.steps s
            WHERE s.workspace_id = workspace AND s.campaign_id = lease_page.campaign_id
              AND s.step = m.step
            OFFSET 0
        ) s
        ORDER BY m.message_id
        LIMIT more;
        GET DIAGNOSTICS found = ROW_COUNT;
        more := more - found;
        EXIT WHEN more <= 0;
    END LOOP;
    IF more > 0 AND looked = look_at THEN
        RETURN QUERY
        SELECT * FROM leadterra.page_end(
            concat_ws(':', 'lease', h.lease_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff'));
    END IF;
END;
$$;

COMMENT ON FUNCTION leadterra.lease_page(uuid, text, text, integer) IS
'List messages of a campaign that workers hold or have sent, in the order of their leases.';

CREATE FUNCTION leadterra.exception_page(campaign_id uuid, state text, after text, wanted integer)
RETURNS SETOF @extschema@.lt_message_page
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
AS $$
#variable_conflict use_column
DECLARE
    workspace CONSTANT uuid := leadterra.current_workspace();
    place CONSTANT text[] := string_to_array(after, ':');
    start_lead CONSTANT uuid := coalesce(place[2]::uuid, '00000000-0000-0000-0000-000000000000');
    start_step CONSTANT integer := coalesce(place[3]::integer, 0);
    look_at CONSTANT integer := greatest(wanted, 1000);
    more integer := wanted;
    looked integer := 0;
    found integer;
    x record;
BEGIN
    FOR x IN
        SELECT x.*
        FROM leadterra.exceptions x
        WHERE x.workspace_id = workspace AND x.campaign_id = exception_page.campaign_id
          AND (x.lead_id, x.step) > (start_lead, start_step)
        ORDER BY x.lead_id, x.step
        LIMIT look_at
    LOOP
        looked := looked + 1;
        CONTINUE WHEN x.state <> exception_page.state;
        RETURN QUERY
        SELECT leadterra.message_id(x.batch_id, x."position"), x.campaign_id,
            x.step::integer, x.lead_id, l.email,
            leadterra.window_opens(
                c.schedule, leadterra.due_at(b.waiting_since, c.started_at, s.delay_minutes)),
            x.state, x.reason,
            x.attempt::integer, NULL::uuid, x.created_at,
            concat_ws(':', 'exception', x.lead_id, x.step)
        FROM leadterra.leads l, leadterra.batches b, leadterra.campaigns c, leadterra.steps s
        WHERE l.workspace_id = workspace AND l.lead_id = x.lead_id
          AND b.workspace_id = workspace AND b.batch_id = x.batch_id
          AND c.workspace_id = workspace AND c.campaign_id = exception_page.campaign_id
          AND s.workspace_id = workspace AND s.campaign_id = exception_page.campaign_id
          AND s.step = x.step;
        GET DIAGNOSTICS found = ROW_COUNT;
        more := more - found;
        EXIT WHEN more <= 0;
    END LOOP;
    IF more > 0 AND looked = look_at THEN
        RETURN QUERY
        SELECT * FROM leadterra.page_end(
            concat_ws(':', 'exception', x.lead_id, x.step));
    END IF;
END;
$$;

COMMENT ON FUNCTION leadterra.exception_page(uuid, text, text, integer) IS
'List messages of a campaign that failed or were skipped, in the order of their leads.';

CREATE FUNCTION @extschema@.lt_campaign_messages(
    campaign_id uuid,
    state text DEFAULT NULL,
    after text DEFAULT NULL,
    max_messages integer DEFAULT 100
)
RETURNS SETOF @extschema@.lt_message_page
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    campaign CONSTANT uuid := leadterra.enter_campaign('messages:read', campaign_id);
    more integer := leadterra.row_limit('max_messages', max_messages);
    parts CONSTANT text[] := CASE
        WHEN state IS NULL THEN '{waiting, lease, exception}'
        WHEN state IN ('queued', 'retry') THEN '{waiting}'
        WHEN state IN ('leased', 'sent') THEN '{lease}'
        WHEN state IN ('failed', 'skipped') THEN '{exception}'
    END;
    uuid CONSTANT text := '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}';
    first integer;
    part text;
    m record;
BEGIN
    IF parts IS NULL THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('state "%s" is not one of a message', state));
    END IF;
    first := CASE WHEN after IS NULL THEN 1
        ELSE array_position(parts, split_part(after, ':', 1)) END;
    IF first IS NULL OR after !~ format(
        '^(waiting:%1$s:\d{1,3}:-?\d{1,18}:%1$s:\d{1,4}|lease:%1$s:%1$s|exception:%1$s:\d{1,3})$',
        uuid) THEN
        PERFORM leadterra.raise_error('invalid_request',
            'argument "after" is not from a page of such messages');
    END IF;
    PERFORM FROM leadterra.campaigns c
    WHERE c.workspace_id = leadterra.current_workspace() AND c.campaign_id = campaign
      AND c.status <> 'draft';
    IF NOT FOUND THEN
        RETURN;
    END IF;
    FOREACH part IN ARRAY parts[first:] LOOP
        FOR m IN
            SELECT * FROM leadterra.waiting_page(campaign, state, after, more)
            WHERE part = 'waiting'
            UNION ALL
            SELECT * FROM leadterra.lease_page(campaign, state, after, more)
            WHERE part = 'lease'
            UNION ALL
            SELECT * FROM leadterra.exception_page(campaign, state, after, more)
            WHERE part = 'exception'
        LOOP
            RETURN NEXT m;
            IF m.message_id IS NULL THEN
                RETURN;
            END IF;
            more := more - 1;
        END LOOP;
        EXIT WHEN more = 0;
        after := NULL;
    END LOOP;
END;
$$;

COMMENT ON FUNCTION @extschema@.lt_campaign_messages(uuid, text, text, integer) IS
'List the messages of a campaign by their states, a page at a time

First those that wait, then those that workers hold or have sent, then those that failed or
were skipped. A page reads little, however large the campaign is: it stops after a bounded
number of messages in other states. Then it is shorter than asked, and its last row is null
but for next_after. A message that changes its state between two pages may come twice, or
not at all.

Parameters:
- campaign_id: the campaign
- state: queued, retry, leased, sent, failed or skipped, as it is stored: a message that waits
  for a lead whose sequence has ended is skipped when a worker comes to it; null: all
- after: next_after of the last row of the page before; null: from the first message
- max_messages: how many at most, 1 to 10,000
Returns: messages; none of a draft. No row means that there are no more.
Errors: PT400 invalid_request, PT404 campaign_not_found.';
