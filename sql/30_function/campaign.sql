-- campaign: campaigns, their steps, start and pause, and their counts.

CREATE FUNCTION @extschema@.lt_create_campaign(name text, steps jsonb DEFAULT '[]')
RETURNS uuid
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_create_campaign';

COMMENT ON FUNCTION @extschema@.lt_create_campaign(text, jsonb) IS
'Create a campaign in state draft

Parameters:
- name: a name for people, at most 1,000 bytes
- steps: an array of at most 100 objects. What is null counts as left out.
  - subject, bodyHtml: strings. A later step with a blank subject continues the thread: it
    gets "Re: " and the subject of the nearest step before that has one.
  - bodyText: the body as text; left out: whoever sends makes it of the one in HTML
  - preheader: what mailboxes show beside the subject; it becomes the first text of the body,
    which nobody sees who opens the mail
  - headers: an object of at most 50 headers, each name with a string. A name has at most 76
    characters and is none that delivery sets, such as Subject, Content-Type or
    List-Unsubscribe. What is rendered is one line of at most 10,000 bytes; a blank one is left
    out.
  - delayDays, or delay with delayUnit (minutes, hours or days, of 24 hours; left out: days): a
    whole number, up to 3650 days. It runs before the step. Both left out: 0 for the first
    step, a day for a later one.
  - variants: 1 to 26 objects of subject, bodyHtml, bodyText, weight (0 to 1000; left out: 1)
    and disabled (true or false). What one leaves out is the step''s own, which has to have it
    unless each variant does. One at least has a weight and is not disabled.
  - delay_unit, and of variants body and v_disabled, are the second service''s names for
    delayUnit, bodyHtml and disabled, which go before them.
Returns: the id of the campaign.
Errors: PT400 invalid_request.';

CREATE FUNCTION @extschema@.lt_set_steps(campaign_id uuid, steps jsonb)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_set_steps';

COMMENT ON FUNCTION @extschema@.lt_set_steps(uuid, jsonb) IS
'Replace the steps of a campaign

A draft takes any steps. A paused campaign takes new texts, and weights of variants. Steps and
variants may be added behind those that it has, and variants be disabled; leads that had
finished go on with added steps by lt_continue_campaign. None is removed: they
are known by their numbers. A step without variants has none, so it may get some. A delay that
is given must be the one there is.

Parameters:
- campaign_id: the campaign
- steps: an array as in lt_create_campaign
Errors: PT400 invalid_request, PT404 campaign_not_found, PT409 campaign_running, PT409
sequence_fixed.';

CREATE FUNCTION @extschema@.lt_start_campaign(campaign_id uuid)
RETURNS @extschema@.lt_campaign_state
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_start_campaign';

COMMENT ON FUNCTION @extschema@.lt_start_campaign(uuid) IS
'Start a draft or resume a paused campaign

Queues the first step for every enrolled lead. A paused campaign goes on where it stopped.
Starting a running one changes nothing. Raises a WARNING where texts or settings have what
lt_preflight calls an error. It does not look at values of leads, so no token_unknown.

Parameters:
- campaign_id: the campaign
Returns: its state.
Errors: PT400 invalid_request, PT400 no_leads_enrolled, PT400 no_sequence_steps, PT404
campaign_not_found.';

CREATE FUNCTION @extschema@.lt_pause_campaign(campaign_id uuid)
RETURNS @extschema@.lt_campaign_state
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_pause_campaign';

COMMENT ON FUNCTION @extschema@.lt_pause_campaign(uuid) IS
'Hold the queued messages of a running campaign until it is started again

Pausing a draft or a paused campaign changes nothing.

Parameters:
- campaign_id: the campaign
Returns: its state.
Errors: PT400 invalid_request, PT404 campaign_not_found.';

CREATE FUNCTION @extschema@.lt_continue_campaign(campaign_id uuid)
RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_continue_campaign';

COMMENT ON FUNCTION @extschema@.lt_continue_campaign(uuid) IS
'Let leads that had finished a campaign go on with steps that were added

Call it after lt_set_steps has added steps, until it returns 0. Each call queues the first of
the added steps for about 10,000 leads; its delay runs from when they completed the one before.
Whoever has not finished needs no call. Leads whose history lt_maintain has removed do not go
on. The campaign may run or be paused; in a draft nobody has finished.

Parameters:
- campaign_id: the campaign
Returns: how many leads are left.
Errors: PT400 invalid_request, PT404 campaign_not_found, PT409 wrong_isolation.';

CREATE FUNCTION @extschema@.lt_rename_campaign(campaign_id uuid, name text)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_rename_campaign';

COMMENT ON FUNCTION @extschema@.lt_rename_campaign(uuid, text) IS
'Rename a campaign, whatever its state

Parameters:
- campaign_id: the campaign
- name: a name for people, at most 1,000 bytes
Errors: PT400 invalid_request, PT404 campaign_not_found.';

CREATE FUNCTION @extschema@.lt_set_campaign_owner(campaign_id uuid, owner uuid)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_set_campaign_owner';

COMMENT ON FUNCTION @extschema@.lt_set_campaign_owner(uuid, uuid) IS
'Set who owns a campaign

lt_add_leads assigns leads to the owner that have nobody else.

Parameters:
- campaign_id: the campaign
- owner: an id of the caller, which is not looked up anywhere; null: nobody
Errors: PT400 invalid_request, PT404 campaign_not_found.';

CREATE FUNCTION @extschema@.lt_copy_campaign(campaign_id uuid, name text DEFAULT NULL)
RETURNS uuid
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_copy_campaign';

COMMENT ON FUNCTION @extschema@.lt_copy_campaign(uuid, text) IS
'Create a draft with the steps and settings of a campaign, without its leads

Its owner, the names of custom fields and all that lt_set_sending sets are copied, too.

Parameters:
- campaign_id: the campaign
- name: the name of the copy; null: that of the original and "(copy)"
Returns: the id of the copy.
Errors: PT400 invalid_request, PT404 campaign_not_found.';

CREATE FUNCTION @extschema@.lt_delete_campaign(campaign_id uuid)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_delete_campaign';

COMMENT ON FUNCTION @extschema@.lt_delete_campaign(uuid) IS
'Delete a draft or paused campaign with its enrollments and queued messages

Its leads stay in the workspace.

Parameters:
- campaign_id: the campaign
Errors: PT400 invalid_request, PT404 campaign_not_found, PT409 campaign_running, PT409
wrong_isolation.';

CREATE FUNCTION @extschema@.lt_preflight(campaign_id uuid)
RETURNS TABLE (
    step integer,
    place text,
    severity text,
    code text,
    token text,
    has_fallback boolean,
    leads_without_value bigint,
    message text
)
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_preflight';

COMMENT ON FUNCTION @extschema@.lt_preflight(uuid) IS
'Tell what is wrong with the texts of a campaign, and which values its leads lack

Reads every active lead once, whatever the number of tokens. A missing, null or blank field is
no value.

Parameters:
- campaign_id: the campaign
Returns: rows in the order of the texts, each finding once a text, at most 100 flaws a text.
step is null for what is about the workspace. place is subject, body, text, preheader, header
with its name, the same of a variant (variant 2 body), or workspace. Variants that are never
sent are left out. severity is error (nobody can mean what will be mailed), warning (somebody
may), or info. code is the same for programs as message is for people: braces, encoded_braces,
single_braces, other_language, token_markup, fallback_filter, fallback_quoted, filter_unknown,
random_empty, token (all leads have a value, or get the fallback), token_without_value (some
have neither), token_unknown (no lead has a value), unsubscribe_url_unset,
unsubscribe_link_missing, postal_address_unset, postal_address_missing, subject_missing. A link
or an address counts also where the body as text alone has it. token is the name of a token, or
at most 60 bytes of what stands in the text. For tokens, has_fallback says that every use in
that text has one, and leads_without_value counts the active leads without a value.
Errors: PT400 invalid_request, PT404 campaign_not_found.';

CREATE FUNCTION leadterra.keep_campaign(workspace uuid, campaign_id uuid)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_keep_campaign';

COMMENT ON FUNCTION leadterra.keep_campaign(uuid, uuid) IS
'Keep a campaign from being deleted until commit, or raise PT404 campaign_not_found.';

CREATE FUNCTION leadterra.keep_free_campaign(workspace uuid, campaign_id uuid)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    PERFORM FROM leadterra.campaigns c
    WHERE c.workspace_id = workspace AND c.campaign_id = keep_free_campaign.campaign_id
    FOR KEY SHARE SKIP LOCKED;
    RETURN FOUND;
END;
$$;

COMMENT ON FUNCTION leadterra.keep_free_campaign(uuid, uuid) IS
'Keep a campaign of a workspace from being deleted until commit

Returns false where there is none, or it is just being deleted.';

CREATE FUNCTION leadterra.begin_to_count(workspace uuid, campaign_id uuid)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    PERFORM FROM leadterra.campaigns c
    WHERE c.workspace_id = workspace AND c.campaign_id = begin_to_count.campaign_id
      AND NOT c.is_counted
    FOR UPDATE SKIP LOCKED;
    IF FOUND THEN
        UPDATE leadterra.campaigns c SET is_counted = true
        WHERE c.workspace_id = workspace AND c.campaign_id = begin_to_count.campaign_id;
    END IF;
    RETURN FOUND;
END;
$$;

COMMENT ON FUNCTION leadterra.begin_to_count(uuid, uuid) IS
'Mark a campaign of an older version as one whose leads are counted

Whoever enrolls keeps the campaign, so that nobody does until commit. Returns whether there is
something to count: not where somebody just enrolls.';

-- See leadterra.leads_deleted_1_enrollments().
CREATE FUNCTION leadterra.campaigns_deleted_5_steps()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    DELETE FROM leadterra.steps s USING deleted d
    WHERE s.workspace_id = d.workspace_id AND s.campaign_id = d.campaign_id;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION leadterra.campaigns_deleted_5_steps() IS
'Delete the steps of campaigns that are deleted.';

CREATE TRIGGER campaigns_deleted_5_steps AFTER DELETE ON leadterra.campaigns
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.campaigns_deleted_5_steps();

CREATE FUNCTION leadterra.campaigns_deleted_7_usage()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    DELETE FROM leadterra.campaign_usage u USING deleted d
    WHERE u.workspace_id = d.workspace_id AND u.campaign_id = d.campaign_id;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION leadterra.campaigns_deleted_7_usage() IS
'Delete what is counted of campaigns that are deleted.';

CREATE TRIGGER campaigns_deleted_7_usage AFTER DELETE ON leadterra.campaigns
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.campaigns_deleted_7_usage();

CREATE TRIGGER campaigns_truncated BEFORE TRUNCATE ON leadterra.campaigns
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.refuse_truncate();

-- The counts come from those of batches, from the ranges that wait, and from the few
-- enrollments that ended, so that they cost little for a million leads.  The
-- messages of leads that ended, are deleted, or have an invalid address wait until a
-- claim skips them; they are found among those that wait by the ids of these leads.  The
-- planner leaves out a LEFT JOIN of one row that nobody asks for, and no other.
CREATE VIEW leadterra.campaign_states WITH (security_invoker = true) AS
SELECT
    c.workspace_id,
    c.campaign_id,
    c.name,
    c.status,
    c.created_at,
    c.started_at,
    c.paused_at,
    c.owner,
    c.variables,
    s.steps,
    -- One of the two is run.
    CASE WHEN c.is_counted THEN (
        SELECT coalesce(sum(n.leads), 0)
        FROM leadterra.enrolled_counts n
        WHERE n.workspace_id = c.workspace_id AND n.campaign_id = c.campaign_id)
    ELSE (
        SELECT coalesce(sum(b.size), 0)
        FROM leadterra.batches b
        WHERE b.workspace_id = c.workspace_id AND b.campaign_id = c.campaign_id AND b.step = 1)
    END::bigint + t.enrolled - d.leads - e.removed AS leads_enrolled,
    CASE WHEN c.status = 'draft' THEN 0
    ELSE w.messages - w.skipped - w.deleted END AS queued_messages,
    CASE WHEN c.status = 'draft' THEN 0 ELSE w.skipped END AS messages_to_skip,
    e.lead_ids AS ended_lead_ids,
    i.lead_ids AS invalid_lead_ids,
    d.lead_ids AS deleted_lead_ids,
    c.pool_id,
    c.schedule,
    c.daily_limit,
    c.daily_new_leads,
    c.new_leads_first,
    c.bounce_limit,
    c.stop_on_auto_reply,
    c.pause_reason
FROM leadterra.campaigns c
LEFT JOIN (
    SELECT l.workspace_id, array_agg(l.lead_id ORDER BY l.lead_id) AS lead_ids
    FROM leadterra.leads l
    WHERE l.verification_status = -1
    GROUP BY l.workspace_id
) i ON i.workspace_id = c.workspace_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(t.enrolled), 0)::bigint AS enrolled
    FROM leadterra.totals t
    WHERE t.workspace_id = c.workspace_id AND t.campaign_id = c.campaign_id
      AND t.sender_id = leadterra.nobody() AND t.variant = 0 AND t.step = 1
) t
LEFT JOIN LATERAL (
    SELECT count(*) AS steps
    FROM leadterra.steps s
    WHERE s.workspace_id = c.workspace_id AND s.campaign_id = c.campaign_id
) s ON true
CROSS JOIN LATERAL (
    SELECT
        count(u.lead_id) AS leads,
        array_agg(u.lead_id ORDER BY u.lead_id) FILTER (WHERE u.lead_id IS NOT NULL) AS lead_ids
    FROM leadterra.deletions d
    CROSS JOIN LATERAL unnest(d.lead_ids) AS u (lead_id)
    WHERE d.workspace_id = c.workspace_id AND d.campaign_id = c.campaign_id
) d
CROSS JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE e.status = 'removed') AS removed,
        array_agg(e.lead_id ORDER BY e.lead_id) AS lead_ids
    FROM leadterra.enrollments e
    WHERE e.workspace_id = c.workspace_id AND e.campaign_id = c.campaign_id AND e.status <> 'active'
) e
LEFT JOIN LATERAL (
    SELECT
        coalesce(sum(w.last - w.unused + 1), 0) AS messages,
        coalesce(sum(n.skipped), 0) AS skipped,
        coalesce(sum(n.deleted), 0) AS deleted
    FROM leadterra.waiting_ranges w
    LEFT JOIN LATERAL leadterra.count_held_back(
        w.workspace_id, w.batch_id, w.unused, w.last,
        e.lead_ids, i.lead_ids, d.lead_ids) n ON true
    WHERE w.workspace_id = c.workspace_id AND w.campaign_id = c.campaign_id
) w ON true;
COMMENT ON VIEW leadterra.campaign_states IS 'Campaigns of all workspaces with their counts.';
COMMENT ON COLUMN leadterra.campaign_states.workspace_id IS 'The workspace.';
COMMENT ON COLUMN leadterra.campaign_states.campaign_id IS 'Id of the campaign.';
COMMENT ON COLUMN leadterra.campaign_states.name IS 'Its name.';
COMMENT ON COLUMN leadterra.campaign_states.status IS 'draft, running or paused.';
COMMENT ON COLUMN leadterra.campaign_states.steps IS 'How many steps it has.';
COMMENT ON COLUMN leadterra.campaign_states.leads_enrolled IS
    'Leads in it, less those removed and deleted.';
COMMENT ON COLUMN leadterra.campaign_states.queued_messages IS
    'Messages that wait for a worker, less those that will be skipped; 0 for a draft.';
COMMENT ON COLUMN leadterra.campaign_states.messages_to_skip IS
    'Messages that will be skipped when a worker comes to them.';
COMMENT ON COLUMN leadterra.campaign_states.ended_lead_ids IS
    'Leads whose sequence has ended, in order; null: none.';
COMMENT ON COLUMN leadterra.campaign_states.invalid_lead_ids IS
    'Leads of the workspace whose address is invalid, in order; null: none.';
COMMENT ON COLUMN leadterra.campaign_states.deleted_lead_ids IS
    'Leads that were deleted from it, in order; null: none.';
COMMENT ON COLUMN leadterra.campaign_states.created_at IS 'When it was created.';
COMMENT ON COLUMN leadterra.campaign_states.started_at IS 'When it was first started; null: never.';
COMMENT ON COLUMN leadterra.campaign_states.paused_at IS
    'Since when it is paused; null: it is not.';
COMMENT ON COLUMN leadterra.campaign_states.owner IS
    'Whom lt_add_leads assigns leads to that have nobody.';
COMMENT ON COLUMN leadterra.campaign_states.variables IS
    'Names of custom fields that lt_add_leads has met.';
COMMENT ON COLUMN leadterra.campaign_states.pool_id IS
    'The pool whose senders mail its messages; null: the worker chooses.';
COMMENT ON COLUMN leadterra.campaign_states.schedule IS
    'When messages may be handed out, as in lt_set_sending; null: always.';
COMMENT ON COLUMN leadterra.campaign_states.daily_limit IS
    'Messages a day at most; null: no limit.';
COMMENT ON COLUMN leadterra.campaign_states.daily_new_leads IS
    'Leads a day at most that get their first message; null: no limit.';
COMMENT ON COLUMN leadterra.campaign_states.new_leads_first IS
    'Whether first messages come before those of later steps.';
COMMENT ON COLUMN leadterra.campaign_states.bounce_limit IS
    'The share of bounces past which it pauses by itself; null: never.';
COMMENT ON COLUMN leadterra.campaign_states.stop_on_auto_reply IS
    'Whether an automatic reply ends a sequence as a reply does.';
COMMENT ON COLUMN leadterra.campaign_states.pause_reason IS
    'bounce_limit where it paused by itself; null: somebody paused it, or it is not paused.';

CREATE FUNCTION leadterra.enter_campaign(scope text, campaign_id uuid)
RETURNS uuid
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_enter_campaign';

COMMENT ON FUNCTION leadterra.enter_campaign(text, uuid) IS
'Begin a call on a campaign that needs a scope, and return the campaign

Errors: those of leadterra.enter, PT404 campaign_not_found.';

CREATE FUNCTION leadterra.campaign_zone(workspace uuid, campaign_id uuid)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
BEGIN ATOMIC
    SELECT leadterra.schedule_zone(c.schedule)
    FROM leadterra.campaigns c
    WHERE c.workspace_id = campaign_zone.workspace AND c.campaign_id = campaign_zone.campaign_id;
END;

COMMENT ON FUNCTION leadterra.campaign_zone(uuid, uuid) IS
'Return the zone of the days of a campaign.';

CREATE FUNCTION leadterra.count_campaign(
    campaign_id uuid,
    OUT sent bigint,
    OUT delivered bigint,
    OUT opened bigint,
    OUT replied bigint,
    OUT bounced bigint,
    OUT unsubscribed bigint,
    OUT failed bigint,
    OUT skipped bigint)
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_count_campaign';

COMMENT ON FUNCTION leadterra.count_campaign(uuid) IS
'Count what became of the messages of a campaign, those that lt_maintain has removed, too.';

-- It asks for the campaign first, whatever the planner thinks: that is where an unknown one
-- is an error.
CREATE FUNCTION @extschema@.lt_campaign_stats(campaign_id uuid)
RETURNS @extschema@.lt_stats
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT
        c.campaign_id,
        c.leads_enrolled::bigint,
        n.sent,
        n.delivered,
        n.bounced,
        n.replied,
        n.unsubscribed,
        n.skipped + c.messages_to_skip::bigint,
        n.failed,
        c.queued_messages::bigint,
        least(coalesce(n.opened / a.arrived, 0), 1),
        least(coalesce(n.replied / a.arrived, 0), 1)
    FROM leadterra.enter_campaign('campaigns:read', lt_campaign_stats.campaign_id)
        AS r (campaign_id)
    CROSS JOIN LATERAL (
        SELECT *
        FROM leadterra.campaign_states c
        WHERE c.workspace_id = leadterra.current_workspace() AND c.campaign_id = r.campaign_id
        OFFSET 0
    ) c
    CROSS JOIN LATERAL leadterra.count_campaign(c.campaign_id) n
    -- Where no delivery is ever reported, what was sent stands in for it.
    CROSS JOIN LATERAL (
        SELECT coalesce(nullif(n.delivered, 0), nullif(n.sent, 0))::double precision AS arrived
    ) a;
END;

COMMENT ON FUNCTION @extschema@.lt_campaign_stats(uuid) IS
'Return the counts of a campaign

Parameters:
- campaign_id: the campaign
Returns: one row of counts and rates.
Errors: PT400 invalid_request, PT404 campaign_not_found.';

CREATE FUNCTION @extschema@.lt_step_stats(campaign_id uuid)
RETURNS TABLE (
    step integer,
    variant integer,
    sender_id uuid,
    sender_email text,
    sent bigint,
    delivered bigint,
    opened bigint,
    clicked bigint,
    replied bigint,
    bounced bigint,
    complained bigint,
    unsubscribed bigint
)
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_step_stats';

COMMENT ON FUNCTION @extschema@.lt_step_stats(uuid) IS
'Return what became of the messages of a campaign, by step, variant and sender

A message counts for the variant and the sender that it was sent with, whatever became of
these, or of its lead, since. What happened to it counts for those of the lease that had it
last when that was first recorded: one that was refused counts as bounced, and not as sent.
A message counts once for each thing that happened to it, as in lt_campaign_stats, whose
counts are the sums of these.

What is first recorded of a message after lt_maintain has removed its lease counts for its
step alone.

Parameters:
- campaign_id: the campaign
Returns: a row for each of which something is counted, by step, variant and sender.
variant: from 1; null: none. sender_id: null: none. sender_email: its address, also once it
was deleted.
Errors: PT400 invalid_request, PT404 campaign_not_found.';

CREATE FUNCTION @extschema@.lt_daily_stats(campaign_id uuid)
RETURNS TABLE (
    day date,
    sent bigint,
    contacted bigint,
    delivered bigint,
    opened bigint,
    clicked bigint,
    replied bigint,
    bounced bigint,
    complained bigint,
    unsubscribed bigint,
    failed bigint,
    skipped bigint
)
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_daily_stats';

COMMENT ON FUNCTION @extschema@.lt_daily_stats(uuid) IS
'Return what became of the messages of a campaign, day by day

Days are those of the zone of its first schedule, or of UTC. What was sent is of the day on
which it was claimed where the campaign has a pool or limits of a day, as these count it, and
else of the day on which its lease was closed. What happened to a message is of the day on
which that was first recorded, whenever the message was sent.

What lt_maintain has removed keeps its day, also when the zone changes.

Parameters:
- campaign_id: the campaign
Returns: a row for each day of which something is counted, in order. contacted: leads that
were sent their first message; skipped: those that a worker came to, but none that will be.
Errors: PT400 invalid_request, PT404 campaign_not_found.';
