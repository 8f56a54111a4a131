-- event: counting what became of messages.

-- A message counts once for each thing that happened to it.
CREATE FUNCTION leadterra.count_events(
    workspace_id uuid, campaign_id uuid, first uuid DEFAULT NULL, last uuid DEFAULT NULL,
    OUT delivered bigint, OUT opened bigint, OUT bounced bigint, OUT replied bigint, OUT unsubscribed bigint)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT
        count(DISTINCT v.message_id) FILTER (WHERE v.type = 'delivered'),
        count(DISTINCT v.message_id) FILTER (WHERE v.type = 'opened'),
        count(DISTINCT v.message_id) FILTER (WHERE v.type = 'bounced' OR v.data ->> 'classification' = 'bounce'),
        count(DISTINCT v.message_id) FILTER (WHERE v.type = 'replied'
            AND coalesce(v.data ->> 'classification', '') NOT IN ('out_of_office', 'bounce')),
        count(DISTINCT v.message_id) FILTER (WHERE v.type = 'unsubscribed' OR v.data ->> 'classification' = 'unsubscribe')
    FROM leadterra.events v
    WHERE v.workspace_id = count_events.workspace_id
      AND v.campaign_id = count_events.campaign_id
      AND v.type = ANY ('{delivered, opened, bounced, replied, unsubscribed}')
      AND v.message_id BETWEEN coalesce(count_events.first, '00000000-0000-0000-0000-000000000000')
          AND coalesce(count_events.last, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
END;

COMMENT ON FUNCTION leadterra.count_events(uuid, uuid, uuid, uuid) IS
'Count the messages of a campaign, or those of a range of ids, with events of each type.';
