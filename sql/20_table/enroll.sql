-- enroll: what bulk calls return.

CREATE TYPE @extschema@.lt_bulk_result AS (
    enrolled integer,
    updated integer,
    skipped integer,
    total integer
);
COMMENT ON TYPE @extschema@.lt_bulk_result IS 'Counts of lt_bulk_upsert: entries new to the campaign, entries in it already, entries left out, and enrolled plus updated.';

CREATE TYPE @extschema@.lt_enroll_list_result AS (
    enrolled integer,
    already_enrolled integer,
    suppressed integer,
    without_email integer,
    total integer
);
COMMENT ON TYPE @extschema@.lt_enroll_list_result IS 'Counts of lt_enroll_list: leads new to the campaign, leads in it already, leads left out for either reason, and the sum of the first two.';
