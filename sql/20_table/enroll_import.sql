-- enroll: imports of tables, and the rows that they left out.

CREATE TABLE leadterra.imports (
    workspace_id uuid NOT NULL,
    import_id uuid NOT NULL DEFAULT @extschema@.lt_uuidv7(),
    campaign_id uuid NOT NULL,
    source text NOT NULL,
    source_file oid NOT NULL,
    mapping jsonb,
    position tid NOT NULL DEFAULT '(0,0)',
    position_xmin xid,
    rows_total bigint NOT NULL DEFAULT 0,
    rows_done bigint NOT NULL DEFAULT 0,
    enrolled bigint NOT NULL DEFAULT 0,
    updated bigint NOT NULL DEFAULT 0,
    rejected bigint NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL DEFAULT leadterra.clock(),
    updated_at timestamptz NOT NULL DEFAULT leadterra.clock(),
    finished_at timestamptz,
    PRIMARY KEY (workspace_id, import_id)
);
CREATE INDEX imports_campaign ON leadterra.imports (workspace_id, campaign_id);
SELECT leadterra.add_table('leadterra.imports');
COMMENT ON TABLE leadterra.imports IS 'One row an import by lt_import_table. All rows of the table up to position are done; source_file and position_xmin tell whether they still stand there.';

CREATE TABLE leadterra.import_rejects (
    workspace_id uuid NOT NULL,
    import_id uuid NOT NULL,
    row_number bigint NOT NULL,
    reason text NOT NULL,
    lead jsonb,
    PRIMARY KEY (workspace_id, import_id, row_number)
);
SELECT leadterra.add_table('leadterra.import_rejects');
COMMENT ON TABLE leadterra.import_rejects IS 'Rows that imports left out. Nothing of a suppressed lead is kept.';
