-- queue: batches and the messages in them.

CREATE FUNCTION leadterra.message_id(batch_id uuid, "position" bigint)
RETURNS uuid
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_message_id';

COMMENT ON FUNCTION leadterra.message_id(uuid, bigint) IS
'Return the id of the message at a position, from 1, of a batch.';

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

CREATE FUNCTION leadterra.enqueue(
    workspace uuid, campaign_id uuid, step integer, waiting_since timestamptz, lead_id uuid)
RETURNS uuid
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_enqueue';

COMMENT ON FUNCTION leadterra.enqueue(uuid, uuid, integer, timestamptz, uuid) IS
'Queue a step of a campaign for one lead, whose delay runs from a time, and return the batch.';
