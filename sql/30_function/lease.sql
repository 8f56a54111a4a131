-- lease: work that a worker holds for a while, whatever the work is.
--
-- A claim gives work a lease_id and the time at which the lease ends.  What its
-- worker says is taken after require_lease() alone, once the row is locked.  Work
-- that could not be done waits until lease_retry_at(), or has failed where that is null.
-- Work whose lease ran out is counted by lease_lose(), and costs no attempt.

CREATE FUNCTION leadterra.lease_end(now timestamptz, lease_for interval)
RETURNS timestamptz
LANGUAGE C VOLATILE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_lease_end';

COMMENT ON FUNCTION leadterra.lease_end(timestamptz, interval) IS
'Return when a lease ends that is taken now

Errors: PT400 invalid_request (it lasts at most a week).';

CREATE FUNCTION leadterra.require_lease(lease_id uuid, is_held boolean, expires_at timestamptz)
RETURNS void
LANGUAGE C VOLATILE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_require_lease';

COMMENT ON FUNCTION leadterra.require_lease(uuid, boolean, timestamptz) IS
'Refuse a lease that has run out, or is none

Errors: PT400 invalid_request if it is null; PT409 lease_lost unless it is held, as its locked
row says, and has not run out.';

CREATE FUNCTION leadterra.lease_retry_at(wait_minutes integer[], attempts integer, now timestamptz)
RETURNS timestamptz
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_lease_retry_at';

COMMENT ON FUNCTION leadterra.lease_retry_at(integer[], integer, timestamptz) IS
'Return when work is tried again after so many attempts

The first wait is that after the first attempt. Null if there is no wait left.';

CREATE FUNCTION leadterra.lease_error(error text)
RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_lease_error';

COMMENT ON FUNCTION leadterra.lease_error(text) IS
'Return what is kept of what a worker says went wrong: 1,000 characters.';

CREATE FUNCTION leadterra.lease_lose(losses smallint, others_completed boolean)
RETURNS smallint
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_lease_lose';

COMMENT ON FUNCTION leadterra.lease_lose(smallint, boolean) IS
'Return how often work was lost that was lost so often before, and now once more

Null: it has failed, after six times. It stays at five where no other work of the workspace
was completed since the loss before: all workers seem to die.';

CREATE FUNCTION leadterra.lease_loss(has_failed boolean)
RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_lease_loss';

COMMENT ON FUNCTION leadterra.lease_loss(boolean) IS
'Return what is noted of work that a worker let run out, and that may have failed by that.';

CREATE FUNCTION leadterra.lease_most(losses smallint, wanted integer)
RETURNS integer
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_lease_most';

COMMENT ON FUNCTION leadterra.lease_most(smallint, integer) IS
'Return how much of wanted work is handed out in one lease that was lost so often.';
