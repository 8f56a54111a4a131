-- queue: batches and the messages in them.

CREATE FUNCTION leadterra.message_id(batch_id uuid, "position" bigint)
RETURNS uuid
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_message_id';

COMMENT ON FUNCTION leadterra.message_id(uuid, bigint) IS
'Return the id of the message at a position, from 1, of a batch.';

CREATE FUNCTION leadterra.message_batch(message_id uuid)
RETURNS uuid
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_message_batch';

COMMENT ON FUNCTION leadterra.message_batch(uuid) IS 'Return the batch that a message is of.';

CREATE FUNCTION leadterra.message_position(message_id uuid)
RETURNS integer
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_message_position';

COMMENT ON FUNCTION leadterra.message_position(uuid) IS
'Return the position, from 1, of a message in its batch.';

CREATE FUNCTION leadterra.enter_message(
    scope text, message_id uuid,
    OUT campaign_id uuid, OUT step integer, OUT batch_id uuid, OUT "position" integer,
    OUT lead_id uuid)
RETURNS record
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_enter_message';

COMMENT ON FUNCTION leadterra.enter_message(text, uuid) IS
'Begin a call on a message that needs a scope, and return what the message is about

Errors: those of leadterra.enter, PT404 message_not_found.';

CREATE FUNCTION leadterra.count_members(
    lead_ids uuid[], least_lead_id uuid, greatest_lead_id uuid, first integer, last integer,
    members uuid[], more_members uuid[] DEFAULT NULL)
RETURNS integer
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_count_members';

COMMENT ON FUNCTION leadterra.count_members(uuid[], uuid, uuid, integer, integer, uuid[], uuid[]) IS
'Count the leads of a batch from one position to another that are in either of two sorted arrays

The ids of the batch are read only where one of the arrays has an id between the least and
the greatest of them. None are counted where a list is no plain list of ids.';

-- A claim leaves a range as it is, and notes in the lease how far it is used.
CREATE VIEW leadterra.waiting_ranges WITH (security_invoker = true) AS
SELECT w.*, x.unused
FROM leadterra.waiting w
CROSS JOIN LATERAL (
    SELECT coalesce(max(l.partial_last) + 1, w.first) AS unused
    FROM leadterra.leases l
    WHERE l.workspace_id = w.workspace_id AND l.partial_range_id = w.range_id AND w.first < w.last
) x;
COMMENT ON VIEW leadterra.waiting_ranges IS
'Ranges of all workspaces that wait, and how far workers have had them.';
COMMENT ON COLUMN leadterra.waiting_ranges.workspace_id IS 'The workspace.';
COMMENT ON COLUMN leadterra.waiting_ranges.campaign_id IS 'The campaign.';
COMMENT ON COLUMN leadterra.waiting_ranges.sender_id IS
    'The sender that goes on with it; all zeros: none.';
COMMENT ON COLUMN leadterra.waiting_ranges.step IS 'The step.';
COMMENT ON COLUMN leadterra.waiting_ranges.waiting_since IS 'Delays run from here.';
COMMENT ON COLUMN leadterra.waiting_ranges.range_id IS 'Id of the range.';
COMMENT ON COLUMN leadterra.waiting_ranges.batch_id IS 'The batch.';
COMMENT ON COLUMN leadterra.waiting_ranges.first IS 'First position in the batch, from 1.';
COMMENT ON COLUMN leadterra.waiting_ranges.last IS 'Last position in the batch.';
COMMENT ON COLUMN leadterra.waiting_ranges.attempt IS 'The attempt to come, 1 to 5.';
COMMENT ON COLUMN leadterra.waiting_ranges.error IS 'Why it waits again; null: it does not.';
COMMENT ON COLUMN leadterra.waiting_ranges.tried_at IS
    'When it first failed or was deferred; null: it never did.';
COMMENT ON COLUMN leadterra.waiting_ranges.losses IS 'Leases in a row that had it and ran out.';
COMMENT ON COLUMN leadterra.waiting_ranges.lost_at IS 'When the last of these ran out.';
COMMENT ON COLUMN leadterra.waiting_ranges.due_at IS
    'When it is due, but for windows and limits; null: nobody has begun with it.';
COMMENT ON COLUMN leadterra.waiting_ranges.unused IS 'First position that no worker has had.';

-- The planner puts its text in the place of a call.
CREATE FUNCTION leadterra.count_held_back(
    workspace_id uuid, batch_id uuid, first integer, last integer,
    ended_lead_ids uuid[], invalid_lead_ids uuid[], deleted_lead_ids uuid[])
RETURNS TABLE (skipped integer, deleted integer)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT
        leadterra.count_members(
            b.lead_ids, b.least_lead_id, b.greatest_lead_id,
            count_held_back.first, count_held_back.last,
            count_held_back.ended_lead_ids, count_held_back.invalid_lead_ids),
        leadterra.count_members(
            b.lead_ids, b.least_lead_id, b.greatest_lead_id,
            count_held_back.first, count_held_back.last,
            count_held_back.deleted_lead_ids)
    FROM leadterra.batches b
    WHERE b.workspace_id = count_held_back.workspace_id AND b.batch_id = count_held_back.batch_id
      AND (count_held_back.ended_lead_ids IS NOT NULL
        OR count_held_back.invalid_lead_ids IS NOT NULL
        OR count_held_back.deleted_lead_ids IS NOT NULL);
END;

COMMENT ON FUNCTION
    leadterra.count_held_back(uuid, uuid, integer, integer, uuid[], uuid[], uuid[]) IS
'Count the messages from one position of a batch to another that are never sent

Returns: those that will be skipped, of leads whose sequence has ended or whose address is
invalid, and those of leads that were deleted; no row where none of these lists has any.';

CREATE FUNCTION leadterra.enqueue(
    workspace uuid, campaign_id uuid, step integer, waiting_since timestamptz, lead_id uuid,
    sender_id uuid DEFAULT leadterra.nobody(), due_at timestamptz DEFAULT '-infinity')
RETURNS uuid
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_enqueue';

COMMENT ON FUNCTION leadterra.enqueue(
    uuid, uuid, integer, timestamptz, uuid, uuid, timestamptz) IS
'Queue a step of a campaign for one lead, whose delay runs from a time, and return the batch

Where a sender goes on with it, it says when that is due; a sender of all zeros is none.';
