-- http: published calls on senders and pools.

CREATE FUNCTION leadterra.http_sender_accounts()
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT coalesce(
        jsonb_agg(jsonb_build_object(
            'id', @extschema@.lt_typeid('sa', s.sender_id), 'email', s.email, 'name', s.name,
            'status', s.status, 'timeZone', s.time_zone, 'dailyCapacity', s.capacity_today,
            'usedToday', s.used_today, 'remainingVolume', s.remaining_today,
            'freeAt', leadterra.http_time(s.free_at),
            'poolIds', (
                SELECT coalesce(jsonb_agg(@extschema@.lt_typeid('pool', p.id) ORDER BY p.id), '[]')
                FROM unnest(s.pool_ids) AS p (id)))
            ORDER BY s.sender_id),
        '[]')
    FROM @extschema@.lt_senders s;
END;

COMMENT ON FUNCTION leadterra.http_sender_accounts() IS
'Answer GET /v1/sender-accounts

Returns: an array of all senders. freeAt is null while one is paused.';

CREATE FUNCTION leadterra.http_sender_pools()
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    WITH members AS MATERIALIZED (
        SELECT p.id AS pool_id,
            jsonb_agg(@extschema@.lt_typeid('sa', s.sender_id) ORDER BY s.sender_id) AS sender_ids
        FROM @extschema@.lt_senders s
        CROSS JOIN LATERAL unnest(s.pool_ids) AS p (id)
        GROUP BY p.id
    )
    SELECT coalesce(
        jsonb_agg(jsonb_build_object(
            'id', @extschema@.lt_typeid('pool', p.pool_id), 'name', p.name,
            'senderCount', p.senders, 'dailyCapacity', p.capacity_today,
            'remainingVolume', p.remaining_today, 'remainingToday', p.remaining_today,
            'senderAccountIds', coalesce(m.sender_ids, '[]'))
            ORDER BY p.pool_id),
        '[]')
    FROM @extschema@.lt_pools p
    LEFT JOIN members m ON m.pool_id = p.pool_id;
END;

COMMENT ON FUNCTION leadterra.http_sender_pools() IS
'Answer GET /v1/sender-pools

Returns: an array of all pools. A capacity is null where a sender has no limit.';
