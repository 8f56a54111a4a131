-- campaign: when, how much and by whom campaigns send.

-- Of what was claimed without being counted, the id of the lease says when.
CREATE FUNCTION leadterra.count_usage(
    workspace uuid, campaign_id uuid, day_start timestamptz, resumed_at timestamptz)
RETURNS TABLE (handed integer, new_leads integer, sent bigint, refused bigint, bounced bigint)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
BEGIN ATOMIC
    SELECT h.handed, h.new_leads, l.sent, v.refused, v.bounced
    FROM (
        SELECT
            least(coalesce(sum(r.messages), 0), 1000000000)::integer AS handed,
            least(coalesce(sum(r.messages) FILTER (WHERE r.is_new), 0), 1000000000)::integer
                AS new_leads
        FROM leadterra.leases l
        CROSS JOIN LATERAL (
            SELECT
                greatest(u.last - u.first + 1, 0) AS messages,
                u.attempt = 1 AND EXISTS (
                    SELECT FROM leadterra.batches b
                    WHERE b.workspace_id = l.workspace_id AND b.batch_id = u.batch_id
                      AND b.step = 1) AS is_new
            FROM unnest(l.batch_ids, l.firsts, l.lasts, l.attempts)
                AS u (batch_id, first, last, attempt)
        ) r
        WHERE l.workspace_id = count_usage.workspace AND l.campaign_id = count_usage.campaign_id
          AND coalesce(l.claimed_at, leadterra.uuid7_time(l.lease_id)) >= count_usage.day_start
    ) h
    CROSS JOIN (
        SELECT coalesce(sum(l.sent), 0) AS sent
        FROM leadterra.leases l
        WHERE l.workspace_id = count_usage.workspace AND l.campaign_id = count_usage.campaign_id
          -- What is sent under the others is counted when these close.
          AND (l.closed_at >= count_usage.resumed_at OR l.state = 'open' AND l.claimed_at IS NULL)
    ) l
    CROSS JOIN (
        SELECT
            count(DISTINCT v.message_id) AS bounced,
            count(DISTINCT v.message_id) FILTER (WHERE EXISTS (
                SELECT FROM leadterra.exceptions x
                WHERE x.workspace_id = v.workspace_id AND x.campaign_id = v.campaign_id
                  AND x.lead_id = v.lead_id AND x.state = 'failed'
                  AND leadterra.message_id(x.batch_id, x."position") = v.message_id)) AS refused
        FROM leadterra.events v
        WHERE v.workspace_id = count_usage.workspace AND v.campaign_id = count_usage.campaign_id
          AND v.type = 'bounced' AND v.data ->> 'bounceType' IS DISTINCT FROM 'soft'
          AND v.created_at >= count_usage.resumed_at
    ) v;
END;

COMMENT ON FUNCTION leadterra.count_usage(uuid, uuid, timestamptz, timestamptz) IS
'Count what a campaign has handed out since its day began, and what bounced since it started

What was given back, or skipped, counts as handed out, too. What was sent under leases that
are open stands in these.';

CREATE FUNCTION @extschema@.lt_set_sending(campaign_id uuid, settings jsonb)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_set_sending';

COMMENT ON FUNCTION @extschema@.lt_set_sending(uuid, jsonb) IS
'Set when, how much and by whom a campaign sends, whatever its state

Without any settings it sends always, as much as workers claim, and by whom they choose. Its
days are those of the zone of its first window, or of UTC. The first limit counts what was
handed out before on that day, also what was given back.

Parameters:
- campaign_id: the campaign
- settings: an object; what it leaves out stays as it is, and null takes a setting away:
  poolId (a pool, whose senders mail it; once it has been started with one it goes on with
  that or another), schedule (startDate and endDate, which it may leave out; schedules, an
  array of objects with timing {from, to} as HH:MM, days {"0" for Sunday to "6": boolean} and
  timezone, such as Europe/Berlin), dailyLimit (messages a day), dailyNewLeads (leads a day
  that get their first message), newLeadsFirst (first messages come before later steps),
  bounceLimit (the share of messages that bounced for good, more than 0, at most 1, past which it
  pauses by itself; looked at from 20 messages on since it was last started), stopOnAutoReply
  (an automatic reply ends a sequence). campaign_schedule, daily_limit, daily_max_leads,
  prioritize_new_leads and stop_on_auto_reply are names for the same; the others win
Errors: PT400 invalid_request (DETAIL lists what is wrong with settings), PT404
campaign_not_found, PT404 pool_not_found, PT409 pool_needed, PT409 wrong_isolation.';

CREATE FUNCTION @extschema@.lt_draft_campaign(
    name text, steps jsonb, settings jsonb, owner uuid DEFAULT NULL)
RETURNS uuid
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_draft_campaign';

COMMENT ON FUNCTION @extschema@.lt_draft_campaign(text, jsonb, jsonb, uuid) IS
'Create a campaign in state draft with its settings

Parameters:
- name: a name for people, at most 1,000 bytes
- steps: an array as in lt_create_campaign
- settings: an object as in lt_set_sending
- owner: as in lt_set_campaign_owner; null: nobody
Returns: the id of the campaign.
Errors: PT400 invalid_request (DETAIL lists what is wrong with steps or settings), PT404
pool_not_found, PT409 wrong_isolation.';
