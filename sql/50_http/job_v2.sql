-- http: the second service's calls on background jobs.

CREATE FUNCTION leadterra.http_job_id(scope text, given text)
RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    workspace constant uuid := leadterra.enter(scope);
    found_id uuid;
BEGIN
    BEGIN
        found_id := leadterra.read_id(given);
    EXCEPTION WHEN SQLSTATE 'PT400' THEN
        found_id := NULL;
    END;
    PERFORM FROM leadterra.jobs j WHERE j.workspace_id = workspace AND j.job_id = found_id;
    IF NOT FOUND THEN
        PERFORM leadterra.raise_error('job_not_found', format('job "%s" does not exist', given));
    END IF;
    RETURN found_id;
END;
$$;

COMMENT ON FUNCTION leadterra.http_job_id(text, text) IS
'Read a parameter that names a job, as http_campaign_id reads one that names a campaign.';

CREATE FUNCTION leadterra.http_v2_show_job(job_id uuid)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    RETURN (
        SELECT jsonb_build_object(
            'id', j.job_id, 'workspace_id', j.workspace_id, 'user_id', NULL,
            'type', replace(j.type, '_', '-'),
            'entity_id', coalesce(j.campaign_id, j.list_id),
            'entity_type', CASE WHEN j.list_id IS NULL THEN 'campaign' ELSE 'list' END,
            'data', jsonb_strip_nulls(jsonb_build_object(
                'leads_count', cardinality(j.lead_ids), 'error', j.error)),
            'progress', j.progress, 'status', j.status,
            'created_at', leadterra.http_time(j.created_at),
            'updated_at', leadterra.http_time(j.updated_at))
        FROM leadterra.jobs j
        WHERE j.workspace_id = leadterra.current_workspace()
          AND j.job_id = http_v2_show_job.job_id);
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_show_job(uuid) IS
'Return a background job as the second service has it.';

CREATE FUNCTION leadterra.http_v2_job(job_id uuid)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.http_v2_show_job(http_v2_job.job_id);
END;

COMMENT ON FUNCTION leadterra.http_v2_job(uuid) IS
'Answer GET /api/v2/background-jobs/:id

Returns: the job.';
