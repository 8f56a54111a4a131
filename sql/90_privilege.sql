-- privilege: who may do and see what.

-- Each function, table and view of the extension has a line, and what has none is for
-- nobody but the owner.  In parentheses are the columns that may be read or, where two
-- functions share a name, the types of the arguments.
--
-- api            makes the calls of the API
-- reader         reads views, and makes calls that only read
-- worker         sends messages and does jobs
-- worker_of_all  is a worker that is bound to no workspace, and serves all of them
-- monitor        sees how all workspaces together are
-- owner          is the owner of the extension alone
--
-- Calls in C write, and read keys, as the owner.  What is in SQL or PL/pgSQL runs as
-- whoever calls, and so do views: what these name needs a line for the same group.
CREATE FUNCTION leadterra.privileges()
RETURNS TABLE (member text, groups text[], privilege text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT p.member, p.groups::text[], p.privilege
    FROM (VALUES
        -- Schemas; extschema is that of the calls.
        ('leadterra',                       '{api, reader, worker}',  'USAGE'),
        ('extschema',                       '{api, reader, worker, monitor}', 'USAGE'),

        -- Workspaces, their keys, and what calls begin with.
        ('workspaces',                      '{api, reader}',          'SELECT'),
        ('api_keys',                        '{owner}',                'SELECT'),
        ('lt_api_keys',                     '{owner}',                'SELECT'),
        ('lt_authenticate',                 '{api, reader}',          'EXECUTE'),
        ('lt_current_workspace',            '{api, reader, worker}',  'EXECUTE'),
        ('lt_use_workspace',                '{worker_of_all}',        'EXECUTE'),
        ('lock_workspace',                  '{owner}',                'EXECUTE'),
        ('lt_create_workspace',             '{owner}',                'EXECUTE'),
        ('lt_set_postal_address',           '{api}',                  'EXECUTE'),
        ('lt_workspace_slot',               '{api, reader}',          'EXECUTE'),
        ('lt_set_lead_limit',               '{owner}',                'EXECUTE'),
        ('lt_create_api_key',               '{owner}',                'EXECUTE'),
        ('lt_revoke_api_key',               '{owner}',                'EXECUTE'),
        ('current_workspace',               '{api, reader}',          'EXECUTE'),
        ('enter',                           '{api, reader, worker}',  'EXECUTE'),
        ('see',                             '{api, reader, worker}',  'EXECUTE'),
        ('clock',                           '{api, reader}',          'EXECUTE'),
        ('require_read_committed',          '{api}',                  'EXECUTE'),
        ('require_commit',                  '{api}',                  'EXECUTE'),
        ('lease_end',                       '{owner}',                'EXECUTE'),
        ('lease_error',                     '{owner}',                'EXECUTE'),
        ('is_attempt',                      '{owner}',                'EXECUTE'),
        ('lease_lose',                      '{owner}',                'EXECUTE'),
        ('lease_loss',                      '{owner}',                'EXECUTE'),
        ('lease_retry_at',                  '{owner}',                'EXECUTE'),
        ('require_lease',                   '{owner}',                'EXECUTE'),
        ('random_key',                      '{owner}',                'EXECUTE'),
        ('random_api_key',                  '{owner}',                'EXECUTE'),

        -- Errors, limits and ids.
        ('raise_error',                     '{api, reader}',          'EXECUTE'),
        ('row_limit',                       '{api, reader}',          'EXECUTE'),
        ('limit_entries',                   '{owner}',                'EXECUTE'),
        ('lt_typeid',                       '{api, reader}',          'EXECUTE'),
        ('lt_from_typeid',                  '{api, reader}',          'EXECUTE'),
        ('lt_uuidv7',                       '{api}',                  'EXECUTE'),
        ('uuidv7',                          '{owner}',                'EXECUTE'),
        ('uuid7_time',                      '{owner}',                'EXECUTE'),
        ('require_version',                 '{owner}',                'EXECUTE'),

        -- Suppression and block lists.
        ('suppressions',                    '{api, reader}',          'SELECT'),
        ('blocklists',                      '{api, reader}',          'SELECT'),
        ('address_keys',                    '{owner}',                'SELECT'),
        ('lt_suppressions',                 '{api, reader}',          'SELECT'),
        ('lt_blocklists',                   '{api, reader}',          'SELECT'),
        ('lt_blocklist_entries',            '{api, reader}',          'SELECT'),
        ('lt_is_suppressed',                '{api, reader}',          'EXECUTE'),
        ('lt_suppress',                     '{api}',                  'EXECUTE'),
        ('lt_unsuppress',                   '{api}',                  'EXECUTE'),
        ('lt_block',                        '{api}',                  'EXECUTE'),
        ('lt_unblock',                      '{api}',                  'EXECUTE'),
        ('lt_create_blocklist',             '{api}',                  'EXECUTE'),
        ('lt_delete_blocklist',             '{api}',                  'EXECUTE'),
        ('suppression_keys',                '{api, reader}',          'EXECUTE'),
        ('hashed_entry',                    '{api, reader}',          'EXECUTE'),
        ('hash_address',                    '{owner}',                'EXECUTE'),
        ('blocklists_deleted',              '{owner}',                'EXECUTE'),
        ('hand_over_suppression',           '{owner}',                'EXECUTE'),
        ('forget_address',                  '{owner}',                'EXECUTE'),

        -- Leads.
        ('leads',                           '{api, reader, worker}',  'SELECT'),
        ('lead_limits',                     '{owner}',                'SELECT'),
        ('lt_leads',                        '{api, reader, worker}',  'SELECT'),
        ('lt_update_lead',                  '{api}',                  'EXECUTE'),
        ('lt_set_verification',             '{api,         worker}',  'EXECUTE'),
        ('lt_delete_lead',                  '{api}',                  'EXECUTE'),
        ('lt_delete_leads',                 '{api}',                  'EXECUTE'),
        ('lt_merge_leads',                  '{api}',                  'EXECUTE'),
        ('lt_forget',                       '{api}',                  'EXECUTE'),
        ('lt_export_person',                '{api}',                  'EXECUTE'),
        ('set_verification',                '{owner}',                'EXECUTE'),
        ('merge_leads',                     '{owner}',                'EXECUTE'),
        ('forget',                          '{owner}',                'EXECUTE'),
        ('export_person',                   '{owner}',                'EXECUTE'),
        ('lock_lead',                       '{owner}',                'EXECUTE (uuid, uuid)'),
        ('lock_lead',                       '{owner}',                'EXECUTE (uuid, text)'),
        ('keep_leads',                      '{owner}',                'EXECUTE'),
        ('delete_lead',                     '{owner}',                'EXECUTE'),
        ('absorb_lead',                     '{owner}',                'EXECUTE'),
        ('begin_again',                     '{owner}',                'EXECUTE'),
        ('merge_custom',                    '{owner}',                'EXECUTE'),
        ('not_blank',                       '{owner}',                'EXECUTE'),
        ('lead_fields',                     '{api}',                  'EXECUTE'),
        ('is_verification_status',          '{owner}',                'EXECUTE'),
        ('lead_limit_set',                  '{owner}',                'EXECUTE'),
        ('lead_heirs',                      '{owner}',                'SELECT'),
        ('hand_over_heirs',                 '{owner}',                'EXECUTE'),
        ('merged_leads',                    '{owner}',                'EXECUTE'),
        ('leads_deleted_4_lead_count',      '{owner}',                'EXECUTE'),
        ('leads_deleted_3_heirs',           '{owner}',                'EXECUTE'),
        ('leads_deleted_2_soft_bounces',    '{owner}',                'EXECUTE'),
        ('leads_deleted_2_list_members',    '{owner}',                'EXECUTE'),
        ('leads_deleted_1_enrollments',     '{owner}',                'EXECUTE'),

        -- Lists.
        ('lists',                           '{api, reader}',          'SELECT'),
        ('list_members',                    '{api, reader}',          'SELECT'),
        ('lt_lists',                        '{api, reader}',          'SELECT'),
        ('lt_list_leads',                   '{api, reader}',          'EXECUTE'),
        ('lt_create_list',                  '{api}',                  'EXECUTE'),
        ('lt_delete_list',                  '{api}',                  'EXECUTE'),
        ('lt_remove_from_list',             '{api}',                  'EXECUTE'),
        ('enter_list',                      '{api, reader}',          'EXECUTE'),
        ('keep_list',                       '{owner}',                'EXECUTE'),
        ('lists_deleted',                   '{owner}',                'EXECUTE'),
        ('remove_from_list',                '{owner}',                'EXECUTE'),
        ('hand_over_lists',                 '{owner}',                'EXECUTE'),
        ('add_to_list',                     '{owner}',                'EXECUTE'),

        -- Senders and pools.
        ('senders',                         '{api, reader}',          'SELECT'),
        ('pools',                           '{api, reader}',          'SELECT'),
        ('pool_senders',                    '{api, reader}',          'SELECT'),
        ('sender_states',                   '{api, reader}',          'SELECT'),
        ('lt_senders',                      '{api, reader}',          'SELECT'),
        ('lt_pools',                        '{api, reader}',          'SELECT'),
        ('sender_limit',                    '{api, reader}',          'EXECUTE'),
        ('lt_create_sender',                '{api}',                  'EXECUTE'),
        ('lt_update_sender',                '{api}',                  'EXECUTE'),
        ('lt_delete_sender',                '{api}',                  'EXECUTE'),
        ('lt_create_pool',                  '{api}',                  'EXECUTE'),
        ('lt_rename_pool',                  '{api}',                  'EXECUTE'),
        ('lt_set_pool_senders',             '{api}',                  'EXECUTE'),
        ('lt_delete_pool',                  '{api}',                  'EXECUTE'),
        ('sender_heir',                     '{owner}',                'EXECUTE'),
        ('require_sender',                  '{owner}',                'EXECUTE'),
        ('require_pool',                    '{owner}',                'EXECUTE'),
        ('lock_senders',                    '{owner}',                'EXECUTE'),
        ('is_at_work',                      '{owner}',                'EXECUTE'),
        ('is_at_work_in_pool',              '{owner}',                'EXECUTE'),
        ('set_pool_senders',                '{owner}',                'EXECUTE'),
        ('change_pool',                     '{owner}',                'EXECUTE'),
        ('delete_pool',                     '{owner}',                'EXECUTE'),
        ('delete_sender',                   '{owner}',                'EXECUTE'),
        ('maintain_pools',                  '{owner}',                'EXECUTE'),
        ('pools_deleted',                   '{owner}',                'EXECUTE'),
        ('senders_deleted',                 '{owner}',                'EXECUTE'),

        -- Campaigns.
        ('campaigns',                       '{api, reader}',          'SELECT'),
        ('campaigns',                       '{             worker}',
            'SELECT (workspace_id, campaign_id, status, started_at, pool_id, schedule, '
            'daily_limit, daily_new_leads)'),
        ('steps',                           '{api, reader}',          'SELECT'),
        ('steps',                           '{             worker}',
            'SELECT (workspace_id, campaign_id, step, delay_minutes)'),
        ('totals',                          '{api, reader}',          'SELECT'),
        ('add_to_totals',                   '{owner}',                'EXECUTE'),
        ('campaign_states',                 '{api, reader}',          'SELECT'),
        ('lt_campaigns',                    '{api, reader}',          'SELECT'),
        ('lt_campaign_stats',               '{api, reader}',          'EXECUTE'),
        ('lt_sending_status',               '{api, reader}',          'EXECUTE'),
        ('time_text',                       '{api, reader}',          'EXECUTE'),
        ('waiting_again',                   '{api, reader}',          'EXECUTE'),
        ('lt_preflight',                    '{api, reader}',          'EXECUTE'),
        ('lt_create_campaign',              '{api}',                  'EXECUTE'),
        ('lt_copy_campaign',                '{api}',                  'EXECUTE'),
        ('lt_rename_campaign',              '{api}',                  'EXECUTE'),
        ('lt_set_sending',                  '{api}',                  'EXECUTE'),
        ('count_usage',                     '{owner}',                'EXECUTE'),
        ('lt_set_campaign_owner',           '{api}',                  'EXECUTE'),
        ('lt_set_steps',                    '{api}',                  'EXECUTE'),
        ('lt_start_campaign',               '{api}',                  'EXECUTE'),
        ('lt_pause_campaign',               '{api}',                  'EXECUTE'),
        ('lt_delete_campaign',              '{api}',                  'EXECUTE'),
        ('enter_campaign',                  '{api, reader}',          'EXECUTE'),
        ('keep_campaign',                   '{owner}',                'EXECUTE'),
        ('keep_free_campaign',              '{owner}',                'EXECUTE'),
        ('campaign_usage',                  '{api, reader}',          'SELECT'),
        ('campaigns_deleted_7_usage',       '{owner}',                'EXECUTE'),
        ('campaigns_deleted_6_imports',     '{owner}',                'EXECUTE'),
        ('campaigns_deleted_5_steps',       '{owner}',                'EXECUTE'),
        ('campaigns_deleted_4_totals',      '{owner}',                'EXECUTE'),
        ('campaigns_deleted_3_events',      '{owner}',                'EXECUTE'),
        ('campaigns_deleted_2_queue',       '{owner}',                'EXECUTE'),
        ('campaigns_deleted_1_enrollments', '{owner}',                'EXECUTE'),

        -- Enrollments.
        ('enrollments',                     '{api, reader}',          'SELECT'),
        ('deletions',                       '{api, reader}',          'SELECT'),
        ('lt_enrollments',                  '{api, reader}',          'SELECT'),
        ('lt_campaign_leads',               '{api, reader}',          'EXECUTE'),
        ('lt_lead_campaigns',               '{api, reader}',          'EXECUTE'),
        ('lt_explain_lead',                 '{api, reader}',          'EXECUTE'),
        ('lt_bulk_upsert',                  '{api}',                  'EXECUTE'),
        ('lt_bulk_upsert_report',           '{api}',                  'EXECUTE'),
        ('lt_add_leads',                    '{api}',                  'EXECUTE'),
        ('lt_enroll_list',                  '{api}',                  'EXECUTE'),
        ('lt_move_leads',                   '{api}',                  'EXECUTE'),
        ('lt_remove_leads',                 '{api}',                  'EXECUTE'),
        ('lt_restart_leads',                '{api}',                  'EXECUTE'),
        ('enter_lead',                      '{api, reader}',          'EXECUTE'),
        ('enroll_leads',                    '{owner}',                'EXECUTE'),
        ('remove_enrollments',              '{owner}',                'EXECUTE'),
        ('lock_enrollments',                '{owner}',                'EXECUTE'),
        ('hand_over_enrollment',            '{owner}',                'EXECUTE'),
        ('find_members',                    '{owner}',                'EXECUTE'),
        ('move_leads',                      '{owner}',                'EXECUTE'),

        -- Imports.  What runs as the caller, who reads his own table, is for api.
        ('imports',                         '{api, reader}',          'SELECT'),
        ('import_rejects',                  '{api, reader}',          'SELECT'),
        ('lt_imports',                      '{api, reader}',          'SELECT'),
        ('lt_import_rejects',               '{api, reader}',          'SELECT'),
        ('lt_import_reject_counts',         '{api, reader}',          'SELECT'),
        ('import_runs',                     '{api, reader}',          'EXECUTE'),
        ('import_rate',                     '{api, reader}',          'EXECUTE'),
        ('import_time_left',                '{api, reader}',          'EXECUTE'),
        ('lt_import_table',                 '{api}',                  'EXECUTE'),
        ('start_import',                    '{api}',                  'EXECUTE'),
        ('import_chunk',                    '{api}',                  'EXECUTE'),
        ('end_import',                      '{api}',                  'EXECUTE'),
        ('source_problem',                  '{api}',                  'EXECUTE'),
        ('mapping_problem',                 '{api}',                  'EXECUTE'),
        ('import_names',                    '{api}',                  'EXECUTE'),
        ('fold_name',                       '{api}',                  'EXECUTE'),
        ('import_goes_by_names',            '{api}',                  'EXECUTE'),
        ('import_passes_over',              '{api}',                  'EXECUTE'),
        ('import_columns',                  '{api}',                  'EXECUTE'),
        ('tell_columns',                    '{api}',                  'EXECUTE'),
        ('import_object',                   '{api}',                  'EXECUTE'),
        ('import_row',                      '{api}',                  'EXECUTE'),
        ('read_custom',                     '{api}',                  'EXECUTE'),
        ('import_leads',                    '{api}',                  'EXECUTE'),
        ('import_report',                   '{api}',                  'EXECUTE'),
        ('import_progress',                 '{api}',                  'EXECUTE'),
        ('tell_import',                     '{api}',                  'EXECUTE'),
        ('import_goes_on',                  '{api}',                  'EXECUTE'),
        ('lock_open_import',                '{api}',
            'EXECUTE (uuid, text, oid, jsonb, boolean)'),
        ('lock_open_import',                '{owner}',
            'EXECUTE (uuid, uuid, text, oid, jsonb, boolean)'),
        ('insert_import',                   '{api}',                  'EXECUTE'),
        ('count_import',                    '{api}',                  'EXECUTE'),
        ('lock_import',                     '{api}',                  'EXECUTE (uuid, uuid)'),
        ('lock_import',                     '{owner}',                'EXECUTE (uuid, uuid, uuid)'),
        ('advance_import',                  '{api}',                  'EXECUTE'),
        ('finish_import',                   '{api}',                  'EXECUTE (uuid, uuid)'),
        ('finish_import',                   '{owner}',                'EXECUTE (uuid, uuid, uuid)'),
        ('lock_start_of_imports',           '{owner}',                'EXECUTE'),
        ('read_address',                    '{owner}',                'EXECUTE'),
        ('forget_rejects',                  '{owner}',                'EXECUTE'),

        -- The queue.
        ('batches',                         '{api, reader}',          'SELECT'),
        ('waiting',                         '{api, reader}',          'SELECT'),
        ('waiting_ranges',                  '{api, reader}',          'SELECT'),
        ('waiting',                         '{             worker}',
            'SELECT (workspace_id, campaign_id, sender_id, step, waiting_since)'),
        ('leases',                          '{api, reader}',          'SELECT'),
        ('leases',                          '{             worker}',
            'SELECT (workspace_id, expires_at, state)'),
        ('exceptions',                      '{api, reader}',          'SELECT'),
        ('lt_next_due',                     '{api, reader, worker}',  'EXECUTE'),
        ('lt_due_workspaces',               '{worker_of_all}',        'EXECUTE'),
        ('claimable_at',                    '{api, reader, worker}',  'EXECUTE'),
        ('queue_heads',                     '{api, reader, worker}',  'EXECUTE'),
        ('campaign_due',                    '{api, reader}',          'EXECUTE'),
        ('held_by',                         '{api, reader}',          'EXECUTE'),
        ('campaign_heads',                  '{api, reader}',          'EXECUTE'),
        ('next_due',                        '{api, reader, worker}',  'EXECUTE'),
        ('due_at',                          '{api, reader, worker}',  'EXECUTE'),
        ('window_opens',                    '{api, reader}',          'EXECUTE'),
        ('window_closes',                   '{owner}',                'EXECUTE'),
        ('schedule_zone',                   '{api, reader}',          'EXECUTE'),
        ('zone_day',                        '{api, reader}',          'EXECUTE'),
        ('zone_day_start',                  '{api, reader}',          'EXECUTE'),
        ('is_zone',                         '{owner}',                'EXECUTE'),
        ('due_workspaces',                  '{owner}',                'EXECUTE'),
        ('message_id',                      '{api, reader}',          'EXECUTE'),
        ('count_members',                   '{api, reader}',          'EXECUTE'),
        ('count_held_back',                 '{api, reader}',          'EXECUTE'),
        ('enqueue',                         '{owner}',                'EXECUTE'),
        ('maintain_leases',                 '{owner}',                'EXECUTE'),
        ('lock_waiting',                    '{owner}',                'EXECUTE'),
        ('move_waiting',                    '{owner}',                'EXECUTE'),
        ('lock_finished_batch',             '{owner}',                'EXECUTE'),
        ('hand_over_message',               '{owner}',                'EXECUTE'),
        ('hand_over_exception',             '{owner}',                'EXECUTE'),
        ('forget_errors',                   '{owner}',                'EXECUTE'),
        ('delete_batch',                    '{owner}',                'EXECUTE'),
        ('batch_is_valid',                  '{owner}',                'EXECUTE'),
        ('least_id',                        '{owner}',                'EXECUTE'),
        ('greatest_id',                     '{owner}',                'EXECUTE'),
        ('nobody',                          '{api, reader, worker}',  'EXECUTE'),
        ('step_is_valid',                   '{owner}',                'EXECUTE'),
        ('range_is_valid',                  '{owner}',                'EXECUTE'),
        ('lease_is_valid',                  '{owner}',                'EXECUTE'),

        -- Messages and events.
        ('events',                          '{api, reader}',          'SELECT'),
        ('soft_bounces',                    '{owner}',                'SELECT'),
        ('bounce_limits',                   '{owner}',                'SELECT'),
        ('messages',                        '{api, reader}',          'SELECT'),
        ('message_states',                  '{api, reader}',          'SELECT'),
        ('links',                           '{owner}',                'SELECT'),
        ('lt_messages',                     '{api, reader}',          'SELECT'),
        ('lt_leases',                       '{api, reader}',          'SELECT'),
        ('lt_get_message',                  '{api, reader}',          'EXECUTE'),
        ('lt_campaign_messages',            '{api, reader}',          'EXECUTE'),
        ('lead_messages',                   '{api, reader}',          'EXECUTE'),
        ('page_end',                        '{api, reader}',          'EXECUTE'),
        ('waiting_page',                    '{api, reader}',          'EXECUTE'),
        ('lease_page',                      '{api, reader}',          'EXECUTE'),
        ('exception_page',                  '{api, reader}',          'EXECUTE'),
        ('enter_message',                   '{api, reader}',          'EXECUTE'),
        ('waiting_state',                   '{api, reader}',          'EXECUTE'),
        ('shown_state',                     '{api, reader}',          'EXECUTE'),
        ('shown_reason',                    '{api, reader}',          'EXECUTE'),
        ('lt_replies',                      '{api, reader}',          'SELECT'),
        ('message_variant',                 '{owner}',                'EXECUTE'),
        ('lt_claim_messages',               '{api,         worker}',  'EXECUTE'),
        ('lt_complete_messages',            '{api,         worker}',  'EXECUTE'),
        ('lt_fail_messages',                '{api,         worker}',  'EXECUTE'),
        ('lt_bounce_messages',              '{api,         worker}',  'EXECUTE'),
        ('lt_defer_messages',               '{api,         worker}',  'EXECUTE'),
        ('lt_release_lease',                '{api,         worker}',  'EXECUTE'),
        ('lt_extend_lease',                 '{api,         worker}',  'EXECUTE'),
        ('lt_record_event',                 '{api,         worker}',  'EXECUTE'),
        ('lt_unsubscribe',                  '{api,         worker}',  'EXECUTE'),
        ('lt_set_unsubscribe_url',          '{api}',                  'EXECUTE'),
        ('lt_set_soft_bounce_limit',        '{api}',                  'EXECUTE'),
        ('event_types',                     '{api, reader}',          'EXECUTE'),
        ('count_events',                    '{api, reader}',          'EXECUTE'),
        ('hand_over_events',                '{owner}',                'EXECUTE'),
        ('forget_events',                   '{owner}',                'EXECUTE'),
        ('delete_events',                   '{owner}',                'EXECUTE'),

        -- Jobs.
        ('jobs',                            '{api, reader}',          'SELECT'),
        ('lt_jobs',                         '{api, reader}',          'SELECT'),
        ('lt_claim_job',                    '{api,         worker}',  'EXECUTE'),
        ('lt_job_progress',                 '{api,         worker}',  'EXECUTE'),
        ('lt_finish_job',                   '{api,         worker}',  'EXECUTE'),
        ('claim_job',                       '{owner}',                'EXECUTE'),
        ('job_progress',                    '{owner}',                'EXECUTE'),
        ('finish_job',                      '{owner}',                'EXECUTE'),
        ('lock_job',                        '{owner}',                'EXECUTE'),
        ('job_retry_at',                    '{owner}',                'EXECUTE'),

        -- Calls over HTTP, for the gateway; see below for the routes.
        ('answers',                         '{owner}',                'SELECT'),
        ('lt_pre_request',                  '{api}',                  'EXECUTE'),
        ('lt_http_read',                    '{api}',                  'EXECUTE'),
        ('lt_http_write',                   '{api}',                  'EXECUTE'),
        ('call_route',                      '{api}',                  'EXECUTE'),
        ('camel_case',                      '{api}',                  'EXECUTE'),
        ('find_route',                      '{api}',                  'EXECUTE'),
        ('http_answer',                     '{api}',                  'EXECUTE'),
        ('http_campaign_id',                '{api}',                  'EXECUTE'),
        ('http_number',                     '{api}',                  'EXECUTE'),
        ('path_matches',                    '{api}',                  'EXECUTE'),
        ('routes',                          '{api}',                  'EXECUTE'),
        ('http_show_campaign',              '{api}',                  'EXECUTE'),
        ('http_header',                     '{api}',                  'EXECUTE'),
        ('http_query',                      '{api}',                  'EXECUTE'),
        ('http_flag',                       '{api}',                  'EXECUTE'),
        ('http_body',                       '{api}',                  'EXECUTE'),
        ('http_member',                     '{api}',                  'EXECUTE'),
        ('http_boolean',                    '{api}',                  'EXECUTE'),
        ('http_id',                         '{api}',                  'EXECUTE'),
        ('http_emails',                     '{api}',                  'EXECUTE'),
        ('http_time',                       '{api}',                  'EXECUTE'),
        ('http_error',                      '{api}',                  'EXECUTE'),
        ('url_decode',                      '{api}',                  'EXECUTE'),
        ('read_id',                         '{api}',                  'EXECUTE'),
        ('count_enrolled',                  '{api}',                  'EXECUTE'),
        ('open_answer',                     '{api}',                  'EXECUTE (text, bytea)'),
        ('open_answer',                     '{owner}',
            'EXECUTE (uuid, text, bytea)'),
        ('store_answer',                    '{api}',                  'EXECUTE'),
        ('maintain_answers',                '{owner}',                'EXECUTE'),
        ('forget_answers',                  '{owner}',                'EXECUTE'),
        ('answer_names',                    '{owner}',                'EXECUTE'),

        -- Housekeeping and monitoring.
        ('lt_maintain',                     '{owner}',                'EXECUTE'),
        ('maintain_campaign',               '{owner}',                'EXECUTE'),
        ('maintain_imports',                '{owner}',                'EXECUTE'),
        ('maintain_jobs',                   '{owner}',                'EXECUTE'),
        ('lt_health',                       '{monitor}',              'EXECUTE'),
        ('health',                          '{owner}',                'EXECUTE'),

        -- What the install script and triggers need.
        ('add_table',                       '{owner}',                'EXECUTE'),
        ('refuse_truncate',                 '{owner}',                'EXECUTE'),

        -- Privileges.
        ('privileges',                      '{owner}',                'EXECUTE'),
        ('grant_to',                        '{owner}',                'EXECUTE'),
        ('lt_grant_api',                    '{owner}',                'EXECUTE'),
        ('lt_grant_reader',                 '{owner}',                'EXECUTE'),
        ('lt_grant_worker',                 '{owner}',                'EXECUTE'),
        ('lt_grant_monitor',                '{owner}',                'EXECUTE')
    ) AS p (member, groups, privilege)
    UNION ALL
    -- The functions of the published calls.
    SELECT DISTINCT r.call, '{api}'::text[], 'EXECUTE'
    FROM leadterra.routes() r;
END;

COMMENT ON FUNCTION leadterra.privileges() IS
'List which groups of roles may do what with which member of the extension.';

-- A role that is bound to a workspace serves that one.
CREATE FUNCTION leadterra.grant_to(role name, workspace_id uuid, group_name text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    grantee oid;
    is_bound boolean;
    what text;
BEGIN
    SELECT r.oid INTO grantee FROM pg_roles r WHERE r.rolname = grant_to.role;
    IF NOT FOUND THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('role "%s" does not exist', grant_to.role));
    END IF;
    IF grant_to.workspace_id IS NOT NULL THEN
        IF NOT EXISTS (
            SELECT FROM leadterra.workspaces w WHERE w.workspace_id = grant_to.workspace_id
        ) THEN
            PERFORM leadterra.raise_error('workspace_not_found',
                format('workspace "%s" does not exist', grant_to.workspace_id));
        END IF;
        EXECUTE format('ALTER ROLE %I IN DATABASE %I SET leadterra.workspace_id = %L',
            grant_to.role, current_database(), grant_to.workspace_id);
    END IF;
    is_bound := EXISTS (
        SELECT
        FROM pg_db_role_setting s
        CROSS JOIN unnest(s.setconfig) AS c (setting)
        WHERE s.setrole = grantee
          AND s.setdatabase IN (0, (
              SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))
          AND c.setting LIKE 'leadterra.workspace\_id=_%');

    FOR what IN
        WITH lines AS (
            SELECT p.member, p.privilege
            FROM leadterra.privileges() p
            WHERE grant_to.group_name = ANY (p.groups)
               OR grant_to.group_name || '_of_all' = ANY (p.groups) AND NOT is_bound
        ), members AS (
            SELECT d.classid, d.objid
            FROM pg_depend d
            JOIN pg_extension x ON x.oid = d.refobjid AND x.extname = 'leadterra'
            WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
        )
        SELECT format('EXECUTE ON ROUTINE %s', p.oid::regprocedure)
        FROM members m
        JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
        JOIN lines l ON l.member = p.proname
            AND l.privilege IN ('EXECUTE', format('EXECUTE (%s)', oidvectortypes(p.proargtypes)))
        UNION ALL
        SELECT format('%s ON TABLE %s', l.privilege, c.oid::regclass)
        FROM members m
        JOIN pg_class c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
        JOIN lines l ON l.member = c.relname AND starts_with(l.privilege, 'SELECT')
        UNION ALL
        SELECT format('%s ON SCHEMA %I', l.privilege, n.nspname)
        FROM lines l
        CROSS JOIN pg_namespace n
        JOIN pg_extension x ON x.extname = 'leadterra'
        WHERE l.privilege = 'USAGE'
          AND l.member = CASE n.oid WHEN x.extnamespace THEN 'extschema' ELSE n.nspname END
    LOOP
        EXECUTE format('GRANT %s TO %I', what, grant_to.role);
    END LOOP;

    IF EXISTS (
        SELECT
        FROM pg_roles r
        JOIN pg_namespace n ON n.nspname = 'leadterra'
        WHERE r.oid = grantee AND (r.rolbypassrls OR pg_has_role(r.oid, n.nspowner, 'USAGE'))
    ) THEN
        RAISE WARNING 'row-level security does not bind role "%", which sees every workspace',
            grant_to.role
        USING DETAIL = 'Such a role has BYPASSRLS, is a superuser, or is a member of the owner.';
    END IF;
END;
$$;

COMMENT ON FUNCTION leadterra.grant_to(name, uuid, text) IS
'Bind a role to a workspace, if one is given, and grant it what leadterra.privileges lists.';

CREATE FUNCTION @extschema@.lt_grant_api(role name, workspace_id uuid DEFAULT NULL)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.grant_to(lt_grant_api.role, lt_grant_api.workspace_id, 'api');
END;

COMMENT ON FUNCTION @extschema@.lt_grant_api(name, uuid) IS
'Let a role make the calls of the API, and read its views

Calls write as the owner of the extension. The role may execute them, and read tables under
row-level security, and no more. It reads no key. Privileges are granted and never revoked;
call it again after an upgrade.

It warns of a role that row-level security does not bind: one with BYPASSRLS, a superuser,
or one that has the rights of the owner sees every workspace. For the owner of the
extension, who must be a superuser to name a workspace.

Parameters:
- role: the name of a role that exists
- workspace_id: the workspace that the role works in, wherever it logs in to this database
  or is set by a pool; null: an API key has to open one (lt_authenticate), unless the role
  is bound already (ALTER ROLE ... IN DATABASE ... RESET leadterra.workspace_id undoes that)
Errors: PT400 invalid_request, PT404 workspace_not_found.';

CREATE FUNCTION @extschema@.lt_grant_reader(role name, workspace_id uuid DEFAULT NULL)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.grant_to(lt_grant_reader.role, lt_grant_reader.workspace_id, 'reader');
END;

COMMENT ON FUNCTION @extschema@.lt_grant_reader(name, uuid) IS
'Let a role read the views, and make the calls that only read

These are lt_campaign_stats, lt_sending_status, lt_explain_lead, lt_preflight,
lt_list_leads, lt_campaign_leads, lt_lead_campaigns, lt_campaign_messages, lt_get_message,
lt_is_suppressed and lt_next_due. The role writes nothing and reads no key.
Privileges are granted and never revoked; call it again after an upgrade. It warns as
lt_grant_api does. For the owner of the extension.

Parameters:
- role: the name of a role that exists
- workspace_id: the workspace that the role reads; null: an API key has to open one
Errors: PT400 invalid_request, PT404 workspace_not_found.';

CREATE FUNCTION @extschema@.lt_grant_worker(role name, workspace_id uuid DEFAULT NULL)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.grant_to(lt_grant_worker.role, lt_grant_worker.workspace_id, 'worker');
END;

COMMENT ON FUNCTION @extschema@.lt_grant_worker(name, uuid) IS
'Let a role send messages and do background jobs

The role claims, completes and fails messages, extends leases, records events,
unsubscribes, asks when the next message is due, claims and finishes jobs, and says which
addresses are valid. For jobs it reads lt_leads. Privileges are granted and never revoked;
call it again after an upgrade. It warns as lt_grant_api does. For the owner of the
extension.

Parameters:
- role: the name of a role that exists
- workspace_id: the workspace that the role serves; null: all, unless it is bound already:
  lt_due_workspaces lists those with due messages, and lt_use_workspace opens one for a
  transaction (a role that served all keeps these two where it is bound later: revoke them)
Errors: PT400 invalid_request, PT404 workspace_not_found.';

CREATE FUNCTION @extschema@.lt_grant_monitor(role name)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.grant_to(lt_grant_monitor.role, NULL, 'monitor');
END;

COMMENT ON FUNCTION @extschema@.lt_grant_monitor(name) IS
'Let a role see how all workspaces together are, by lt_health, and nothing else

For an exporter of metrics. Privileges are granted and never revoked; call it again after
an upgrade. It warns as lt_grant_api does. For the owner of the extension.

Parameters:
- role: the name of a role that exists
Errors: PT400 invalid_request.';
