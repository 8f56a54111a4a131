-- enroll: what bulk calls return.

CREATE TYPE @extschema@.lt_bulk_result AS (
    enrolled integer,
    updated integer,
    skipped integer,
    total integer
);
COMMENT ON TYPE @extschema@.lt_bulk_result IS 'Counts of lt_bulk_upsert.';
COMMENT ON COLUMN @extschema@.lt_bulk_result.enrolled IS
    'Entries whose lead was not in the campaign.';
COMMENT ON COLUMN @extschema@.lt_bulk_result.updated IS 'Entries whose lead was in it already.';
COMMENT ON COLUMN @extschema@.lt_bulk_result.skipped IS 'Entries that were left out.';
COMMENT ON COLUMN @extschema@.lt_bulk_result.total IS 'Enrolled and updated together.';

CREATE TYPE @extschema@.lt_enroll_list_result AS (
    enrolled integer,
    already_enrolled integer,
    suppressed integer,
    without_email integer,
    total integer
);
COMMENT ON TYPE @extschema@.lt_enroll_list_result IS 'Counts of lt_enroll_list.';
COMMENT ON COLUMN @extschema@.lt_enroll_list_result.enrolled IS 'Leads new to the campaign.';
COMMENT ON COLUMN @extschema@.lt_enroll_list_result.already_enrolled IS 'Leads in it already.';
COMMENT ON COLUMN @extschema@.lt_enroll_list_result.suppressed IS
    'Leads left out for a suppressed address.';
COMMENT ON COLUMN @extschema@.lt_enroll_list_result.without_email IS
    'Leads left out for want of an address.';
COMMENT ON COLUMN @extschema@.lt_enroll_list_result.total IS 'Leads that are in the campaign now.';
