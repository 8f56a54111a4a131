-- http: the second service's calls on campaigns.
--
-- Its delay is the wait before the next step, ours the one before a step itself.

CREATE FUNCTION leadterra.http_v2_fixed_campaign()
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT jsonb_build_object(
        'stop_on_reply', true, 'open_tracking', false, 'link_tracking', false,
        'text_only', false, 'first_email_text_only', false, 'stop_for_company', false,
        'match_lead_esp', false, 'insert_unsubscribe_header', true, 'is_evergreen', false,
        'allow_risky_contacts', true, 'email_gap', NULL, 'random_wait_max', NULL,
        'pl_value', NULL, 'cc_list', '[]'::jsonb, 'bcc_list', '[]'::jsonb,
        'email_tag_list', '[]'::jsonb);
END;

COMMENT ON FUNCTION leadterra.http_v2_fixed_campaign() IS
'Return fields of campaigns that have one value alone, which says what happens.';

CREATE FUNCTION leadterra.http_v2_senders(pool_id uuid)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    RETURN coalesce((
        SELECT jsonb_agg(s.email ORDER BY s.email COLLATE "C")
        FROM leadterra.pool_senders p
        JOIN leadterra.senders s
            ON s.workspace_id = p.workspace_id AND s.sender_id = p.sender_id
        WHERE p.workspace_id = leadterra.current_workspace()
          AND p.pool_id = http_v2_senders.pool_id AND NOT p.has_left), '[]');
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_senders(uuid) IS
'Return the addresses of the senders of a pool.';

-- Their number is that of the sequence''s one step before.
CREATE FUNCTION leadterra.http_v2_show_steps(campaign_id uuid)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    RETURN coalesce((
        SELECT jsonb_agg(
            jsonb_build_object(
                'type', 'email',
                'delay', CASE WHEN s.wait % 1440 = 0 THEN s.wait / 1440
                    WHEN s.wait % 60 = 0 THEN s.wait / 60 ELSE s.wait END,
                'delay_unit', CASE WHEN s.wait % 1440 = 0 THEN 'days'
                    WHEN s.wait % 60 = 0 THEN 'hours' ELSE 'minutes' END,
                'variants', (
                    SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
                        'subject', coalesce(v.variant -> 'subject', to_jsonb(s.subject)),
                        'body', coalesce(v.variant -> 'bodyHtml', to_jsonb(s.body_html)),
                        'v_disabled', CASE WHEN v.variant -> 'disabled' = 'true'
                            OR v.variant -> 'weight' = '0' THEN true END))
                        ORDER BY v.place)
                    FROM jsonb_array_elements(coalesce(s.variants, '[{}]'))
                        WITH ORDINALITY AS v (variant, place)))
            ORDER BY s.step)
        FROM (
            SELECT s.*, lead(s.delay_minutes, 1, 0) OVER (ORDER BY s.step) AS wait
            FROM leadterra.steps s
            WHERE s.workspace_id = leadterra.current_workspace()
              AND s.campaign_id = http_v2_show_steps.campaign_id
        ) s), '[]');
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_show_steps(uuid) IS
'Return the steps of a campaign as the second service has them, with the wait behind each.';

CREATE FUNCTION leadterra.http_v2_show_schedule(schedule jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT jsonb_strip_nulls(jsonb_build_object(
        'start_date', nullif(coalesce(s.schedule ->> 'startDate', s.schedule ->> 'start_date'), ''),
        'end_date', nullif(coalesce(s.schedule ->> 'endDate', s.schedule ->> 'end_date'), '')))
        || jsonb_build_object('schedules', (
            SELECT jsonb_agg(
                '{"name": ""}' || jsonb_strip_nulls(w.given)
                || jsonb_build_object('days', (
                    SELECT jsonb_object_agg(n.day, coalesce(w.given -> 'days' -> n.day, 'false'))
                    FROM unnest('{0, 1, 2, 3, 4, 5, 6}'::text[]) AS n (day)))
                ORDER BY w.place)
            FROM jsonb_array_elements(s.schedule -> 'schedules') WITH ORDINALITY AS w (given, place)
        ))
    FROM (SELECT coalesce(
        http_v2_show_schedule.schedule,
        '{"schedules": [{"name": "Always", "timing": {"from": "00:00", "to": "24:00"},
            "days": {"0": true, "1": true, "2": true, "3": true, "4": true, "5": true, "6": true},
            "timezone": "UTC"}]}') AS schedule) s;
END;

COMMENT ON FUNCTION leadterra.http_v2_show_schedule(jsonb) IS
'Return a schedule as the second service has it, also of a campaign that always sends.';

CREATE FUNCTION leadterra.http_v2_status(campaign_id uuid, status text, pause_reason text)
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    workspace constant uuid := leadterra.current_workspace();
BEGIN
    RETURN CASE
        WHEN status = 'draft' THEN 0
        WHEN status = 'paused' THEN CASE pause_reason WHEN 'bounce_limit' THEN -2 ELSE 2 END
        WHEN EXISTS (
            SELECT FROM leadterra.waiting w
            WHERE w.workspace_id = workspace AND w.campaign_id = http_v2_status.campaign_id
        ) OR EXISTS (
            SELECT FROM leadterra.leases l
            WHERE l.workspace_id = workspace AND l.campaign_id = http_v2_status.campaign_id
              AND l.state = 'open'
        ) THEN 1
        ELSE 3
    END;
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_status(uuid, text, text) IS
'Return the number of a campaign''s state

Returns: 0 draft, 1 active, 2 paused, 3 completed (nothing waits, and nothing is with a
worker), -2 paused by itself.';

CREATE FUNCTION leadterra.http_v2_show_campaign(campaign_id uuid)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    RETURN (
        SELECT leadterra.http_v2_fixed_campaign() || jsonb_build_object(
            'id', c.campaign_id,
            'name', c.name,
            'status', leadterra.http_v2_status(c.campaign_id, c.status, c.pause_reason),
            'organization', c.workspace_id,
            'owned_by', c.owner,
            'campaign_schedule', leadterra.http_v2_show_schedule(c.schedule),
            'sequences', jsonb_build_array(jsonb_build_object(
                'steps', leadterra.http_v2_show_steps(c.campaign_id))),
            'email_list', leadterra.http_v2_senders(c.pool_id),
            'daily_limit', c.daily_limit,
            'daily_max_leads', c.daily_new_leads,
            'prioritize_new_leads', c.new_leads_first,
            'stop_on_auto_reply', c.stop_on_auto_reply,
            'disable_bounce_protect', c.bounce_limit IS NULL,
            'timestamp_created', leadterra.http_time(c.created_at),
            'timestamp_updated', leadterra.http_time(
                greatest(c.created_at, c.started_at, c.resumed_at, c.paused_at)))
        FROM leadterra.campaigns c
        WHERE c.workspace_id = leadterra.current_workspace()
          AND c.campaign_id = http_v2_show_campaign.campaign_id);
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_show_campaign(uuid) IS
'Return a campaign as the second service has it.';

CREATE FUNCTION leadterra.http_v2_wait(step jsonb, place text)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    delay constant jsonb := leadterra.http_v2_require(step, 'delay', 'number');
    unit constant text :=
        coalesce(leadterra.http_v2_given(step, 'delay_unit', 'string') #>> '{}', 'days');
BEGIN
    IF delay::numeric % 1 <> 0 OR delay::numeric NOT BETWEEN 0 AND 3650 * (
            CASE unit WHEN 'minutes' THEN 1440 WHEN 'hours' THEN 24 ELSE 1 END) THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('"%s.delay" must be a whole number of up to 3650 days', place));
    ELSIF unit NOT IN ('minutes', 'hours', 'days') THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('"%s.delay_unit" must be minutes, hours or days', place));
    END IF;
    RETURN jsonb_build_object('delay', delay::numeric::integer, 'delayUnit', unit);
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_wait(jsonb, text) IS
'Return the wait behind a step of the second service as the delay of our next one.';

CREATE FUNCTION leadterra.http_v2_step(step jsonb, has_variants boolean, place text)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    variants jsonb;
BEGIN
    PERFORM leadterra.http_v2_members(
        step, '{type, delay, delay_unit, pre_delay, pre_delay_unit, variants}', place);
    IF leadterra.http_v2_require(step, 'type', 'string') <> '"email"' THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('"%s.type" can only be email', place));
    ELSIF num_nonnulls(step ->> 'pre_delay', step ->> 'pre_delay_unit') > 0 THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('"%s.pre_delay" is of subsequences, which there are none of', place));
    END IF;
    variants := leadterra.http_v2_require(step, 'variants', 'array');
    PERFORM leadterra.http_v2_members(v.variant, '{subject, body, v_disabled}',
        format('%s.variants[%s]', place, v.number - 1))
    FROM jsonb_array_elements(variants) WITH ORDINALITY AS v (variant, number);
    -- A single text is the step''s own, and costs no room in leases.
    IF has_variants OR jsonb_array_length(variants) <> 1
        OR coalesce(variants #> '{0, v_disabled}' NOT IN ('false', 'null'), false) THEN
        RETURN jsonb_build_object('variants', variants);
    END IF;
    RETURN jsonb_build_object(
        'subject', variants #> '{0, subject}', 'bodyHtml', variants #> '{0, body}');
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_step(jsonb, boolean, text) IS
'Return the texts of a step of the second service as lt_set_steps takes them

Parameters:
  step          as the second service has it
  has_variants  whether the step of the campaign has some, which it then keeps
  place         of the step in the body of the request';

CREATE FUNCTION leadterra.http_v2_steps(sequences jsonb, campaign_id uuid DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    workspace constant uuid := leadterra.current_workspace();
    steps jsonb;
    place text;
    has_variants boolean;
    wait jsonb;
    result jsonb := '[]';
BEGIN
    IF sequences IS NULL OR jsonb_array_length(sequences) = 0 THEN
        RETURN result;
    ELSIF jsonb_array_length(sequences) > 1 THEN
        PERFORM leadterra.raise_error('invalid_request',
            '"sequences" must have one entry, since nobody is ever sent the others');
    END IF;
    steps := leadterra.http_v2_require(
        leadterra.http_v2_members(sequences -> 0, '{steps}', 'sequences[0]'), 'steps', 'array');
    -- What the first step waits for is no wait behind any: it stays as it is.
    SELECT jsonb_build_object('delay', s.delay_minutes, 'delayUnit', 'minutes') INTO wait
    FROM leadterra.steps s
    WHERE s.workspace_id = workspace AND s.campaign_id = http_v2_steps.campaign_id AND s.step = 1;
    wait := coalesce(wait, '{"delay": 0}');
    FOR number IN 1 .. jsonb_array_length(steps) LOOP
        place := format('sequences[0].steps[%s]', number - 1);
        SELECT s.variants IS NOT NULL INTO has_variants
        FROM leadterra.steps s
        WHERE s.workspace_id = workspace AND s.campaign_id = http_v2_steps.campaign_id
          AND s.step = number;
        result := result || jsonb_build_array(leadterra.http_v2_step(
            steps -> (number - 1), coalesce(has_variants, false), place) || wait);
        wait := leadterra.http_v2_wait(steps -> (number - 1), place);
    END LOOP;
    RETURN result;
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_steps(jsonb, uuid) IS
'Return the one sequence of a request as the steps that lt_set_steps takes

Parameters:
  sequences    an array; null: none
  campaign_id  the campaign that has steps already; null: a new one

Errors: PT400 invalid_request.';

CREATE FUNCTION leadterra.http_v2_settings(body jsonb, campaign_id uuid DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    pool uuid;
    limited boolean;
    unprotected jsonb;
    settings jsonb;
BEGIN
    PERFORM leadterra.http_v2_members(body, ARRAY(
        SELECT jsonb_object_keys(leadterra.http_v2_fixed_campaign())
    ) || '{name, owned_by, campaign_schedule, sequences, email_list, daily_limit, daily_max_leads,
        prioritize_new_leads, stop_on_auto_reply, disable_bounce_protect}');
    SELECT c.pool_id, c.bounce_limit IS NOT NULL INTO pool, limited
    FROM leadterra.campaigns c
    WHERE c.workspace_id = leadterra.current_workspace()
      AND c.campaign_id = http_v2_settings.campaign_id;
    PERFORM leadterra.http_v2_fixed(body, leadterra.http_v2_fixed_campaign()
        || jsonb_build_object('email_list', leadterra.http_v2_senders(pool)));
    SELECT coalesce(jsonb_object_agg(s.name, body -> s.name), '{}') INTO settings
    FROM unnest('{campaign_schedule, daily_limit, daily_max_leads, prioritize_new_leads,
        stop_on_auto_reply}'::text[]) AS s (name)
    WHERE body ? s.name;
    unprotected := leadterra.http_v2_given(body, 'disable_bounce_protect', 'boolean');
    RETURN settings || CASE
        WHEN unprotected = 'true' THEN '{"bounceLimit": null}'
        WHEN unprotected = 'false' AND limited IS NOT TRUE THEN '{"bounceLimit": 0.05}'
        ELSE '{}'
    END::jsonb;
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_settings(jsonb, uuid) IS
'Return what the body of a request says of a campaign as settings that lt_set_sending takes

Parameters:
  body         has fields of a campaign, and no others
  campaign_id  the campaign; null: a new one

Errors: PT400 invalid_request.';

CREATE FUNCTION leadterra.http_v2_create_campaign(body jsonb)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    WITH given AS MATERIALIZED (
        SELECT
            leadterra.http_v2_settings(http_v2_create_campaign.body) AS settings,
            leadterra.http_v2_require(http_v2_create_campaign.body, 'campaign_schedule', 'object')
    ), created AS MATERIALIZED (
        SELECT @extschema@.lt_draft_campaign(
            leadterra.http_v2_require(http_v2_create_campaign.body, 'name', 'string') #>> '{}',
            leadterra.http_v2_steps(
                leadterra.http_v2_given(http_v2_create_campaign.body, 'sequences', 'array')),
            g.settings,
            leadterra.http_id(http_v2_create_campaign.body, 'owned_by')) AS campaign_id
        FROM given g
    )
    SELECT leadterra.http_v2_show_campaign(c.campaign_id) FROM created c;
END;

COMMENT ON FUNCTION leadterra.http_v2_create_campaign(jsonb) IS
'Answer POST /api/v2/campaigns

Parameters:
  body  has name and campaign_schedule, and may have other fields of a campaign

Returns: the campaign, a draft.

Errors: those of lt_draft_campaign.';

CREATE FUNCTION leadterra.http_v2_campaigns(
    search text DEFAULT NULL,
    tag_ids text DEFAULT NULL,
    status text DEFAULT NULL,
    exclude_status text DEFAULT NULL,
    starting_after text DEFAULT NULL,
    "limit" integer DEFAULT 10)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    workspace constant uuid := leadterra.current_workspace();
    wanted constant integer := leadterra.http_limit("limit", 100);
    before constant uuid :=
        coalesce(leadterra.http_cursor(starting_after), 'ffffffff-ffff-ffff-ffff-ffffffffffff');
    asked constant integer := leadterra.http_v2_state('status', status);
    unwanted constant integer := leadterra.http_v2_state('exclude_status', exclude_status);
    campaigns uuid[];
BEGIN
    IF tag_ids IS NOT NULL THEN
        PERFORM leadterra.raise_error('invalid_request', 'campaigns have no tags to look for');
    END IF;
    campaigns := ARRAY(
        SELECT c.campaign_id
        FROM leadterra.campaigns c
        WHERE c.workspace_id = workspace AND c.campaign_id < before
          AND (search IS NULL OR strpos(lower(c.name), lower(search)) > 0)
          AND (num_nonnulls(asked, unwanted) = 0 OR (
              SELECT s.status = coalesce(asked, s.status) AND s.status IS DISTINCT FROM unwanted
              FROM leadterra.http_v2_status(c.campaign_id, c.status, c.pause_reason) AS s (status)
          ))
        ORDER BY c.campaign_id DESC
        LIMIT wanted);
    RETURN leadterra.http_v2_page(
        (SELECT jsonb_agg(leadterra.http_v2_show_campaign(c.campaign_id) ORDER BY c.place)
         FROM unnest(campaigns) WITH ORDINALITY AS c (campaign_id, place)),
        campaigns[wanted]::text);
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_campaigns(text, text, text, text, text, integer) IS
'Answer GET /api/v2/campaigns

Parameters:
  search          of those with this in their names, in any letter case
  tag_ids         an error, for there are no tags
  status          the number of a state
  exclude_status  the number of a state that they are not in
  starting_after  next_starting_after of the page before
  limit           of the page, up to 100

Returns: a page of campaigns, the newest first.';

CREATE FUNCTION leadterra.http_v2_state(name text, given text)
RETURNS integer
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF given NOT IN ('0', '1', '2', '3', '4', '-1', '-2', '-99') THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('parameter "%s" must be the number of a state, not "%s"', name, given));
    END IF;
    RETURN given::integer;
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_state(text, text) IS
'Read a parameter that is the number of a campaign''s state.';

CREATE FUNCTION leadterra.http_v2_campaign(campaign_id uuid)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.http_v2_show_campaign(http_v2_campaign.campaign_id)
        || jsonb_build_object('not_sending_status', CASE s.status
            WHEN 'outside_window' THEN 1
            WHEN 'nothing_due' THEN 2
            WHEN 'no_leads' THEN 2
            WHEN 'finished' THEN 2
            WHEN 'campaign_limit' THEN 3
            WHEN 'senders_full' THEN 4
            WHEN 'no_free_sender' THEN 4
        END)
    FROM @extschema@.lt_sending_status(http_v2_campaign.campaign_id) s;
END;

COMMENT ON FUNCTION leadterra.http_v2_campaign(uuid) IS
'Answer GET /api/v2/campaigns/:id

Returns: the campaign, with a number for why it sends nothing; null: it does, or is not active.';

CREATE FUNCTION leadterra.http_v2_change_campaign(campaign_id uuid, body jsonb)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    WITH given AS MATERIALIZED (
        SELECT
            leadterra.http_v2_settings(
                http_v2_change_campaign.body, http_v2_change_campaign.campaign_id) AS settings,
            leadterra.http_v2_given(http_v2_change_campaign.body, 'name', 'string') AS name,
            leadterra.http_v2_given(http_v2_change_campaign.body, 'sequences', 'array')
                AS sequences,
            leadterra.http_id(http_v2_change_campaign.body, 'owned_by') AS owner
    ), changed AS MATERIALIZED (
        SELECT
            CASE WHEN g.settings <> '{}' THEN @extschema@.lt_set_sending(
                http_v2_change_campaign.campaign_id, g.settings) END,
            CASE WHEN g.name IS NOT NULL THEN @extschema@.lt_rename_campaign(
                http_v2_change_campaign.campaign_id, g.name #>> '{}') END,
            CASE WHEN g.sequences IS NOT NULL THEN @extschema@.lt_set_steps(
                http_v2_change_campaign.campaign_id, leadterra.http_v2_steps(
                    g.sequences, http_v2_change_campaign.campaign_id)) END,
            CASE WHEN http_v2_change_campaign.body ? 'owned_by'
                THEN @extschema@.lt_set_campaign_owner(
                    http_v2_change_campaign.campaign_id, g.owner) END
        FROM given g
    )
    SELECT leadterra.http_v2_show_campaign(http_v2_change_campaign.campaign_id)
    FROM changed;
END;

COMMENT ON FUNCTION leadterra.http_v2_change_campaign(uuid, jsonb) IS
'Answer PATCH /api/v2/campaigns/:id

Parameters:
  body  has fields of a campaign; what it leaves out stays as it is

Returns: the campaign.

Errors: those of lt_set_sending, lt_rename_campaign and lt_set_steps.';

CREATE FUNCTION leadterra.http_v2_delete_campaign(campaign_id uuid)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    WITH shown AS MATERIALIZED (
        SELECT leadterra.http_v2_show_campaign(http_v2_delete_campaign.campaign_id) AS campaign
    ), deleted AS MATERIALIZED (
        SELECT s.campaign, @extschema@.lt_delete_campaign(http_v2_delete_campaign.campaign_id)
        FROM shown s
    )
    SELECT d.campaign FROM deleted d;
END;

COMMENT ON FUNCTION leadterra.http_v2_delete_campaign(uuid) IS
'Answer DELETE /api/v2/campaigns/:id

Returns: the campaign as it was.

Errors: those of lt_delete_campaign.';

CREATE FUNCTION leadterra.http_v2_activate(campaign_id uuid)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    WITH started AS MATERIALIZED (
        SELECT @extschema@.lt_start_campaign(http_v2_activate.campaign_id)
    )
    SELECT leadterra.http_v2_show_campaign(http_v2_activate.campaign_id)
    FROM started;
END;

COMMENT ON FUNCTION leadterra.http_v2_activate(uuid) IS
'Answer POST /api/v2/campaigns/:id/activate

Returns: the campaign.

Errors: those of lt_start_campaign.';

CREATE FUNCTION leadterra.http_v2_pause(campaign_id uuid)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    WITH paused AS MATERIALIZED (
        SELECT @extschema@.lt_pause_campaign(http_v2_pause.campaign_id)
    )
    SELECT leadterra.http_v2_show_campaign(http_v2_pause.campaign_id)
    FROM paused;
END;

COMMENT ON FUNCTION leadterra.http_v2_pause(uuid) IS
'Answer POST /api/v2/campaigns/:id/pause

Returns: the campaign.

Errors: those of lt_pause_campaign.';
