-- enroll: imports of tables, and the rows that they left out.

CREATE TABLE leadterra.imports (
    workspace_id uuid NOT NULL,
    import_id uuid NOT NULL DEFAULT @extschema@.lt_uuidv7(),
    campaign_id uuid NOT NULL,
    source text NOT NULL,
    source_file oid NOT NULL,
    mapping jsonb,
    repair boolean NOT NULL DEFAULT false,
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
    run_rows bigint NOT NULL DEFAULT 0,
    run_at timestamptz NOT NULL DEFAULT leadterra.clock(),
    process integer NOT NULL DEFAULT pg_backend_pid(),
    statement_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    PRIMARY KEY (workspace_id, import_id)
);
CREATE INDEX imports_campaign ON leadterra.imports (workspace_id, campaign_id);
SELECT leadterra.add_table('leadterra.imports');
COMMENT ON TABLE leadterra.imports IS
'One row an import by lt_import_table; all rows of the table up to position are done.';
COMMENT ON COLUMN leadterra.imports.import_id IS 'Id of the import.';
COMMENT ON COLUMN leadterra.imports.campaign_id IS 'The campaign.';
COMMENT ON COLUMN leadterra.imports.source IS 'The table, by name.';
COMMENT ON COLUMN leadterra.imports.source_file IS
    'The file of the table: it changes when the table is rewritten.';
COMMENT ON COLUMN leadterra.imports.mapping IS
    'Keys of leads and names of columns; null: columns go by their names.';
COMMENT ON COLUMN leadterra.imports.repair IS
    'Whether the address is taken out of a text around it.';
COMMENT ON COLUMN leadterra.imports."position" IS 'Where the last row stands that is done.';
COMMENT ON COLUMN leadterra.imports.position_xmin IS 'Which transaction wrote that row.';
COMMENT ON COLUMN leadterra.imports.rows_total IS 'Rows of the table when it began.';
COMMENT ON COLUMN leadterra.imports.rows_done IS 'Rows that are done.';
COMMENT ON COLUMN leadterra.imports.enrolled IS 'Rows that enrolled a lead.';
COMMENT ON COLUMN leadterra.imports.updated IS 'Rows that updated a lead.';
COMMENT ON COLUMN leadterra.imports.rejected IS 'Rows that were left out.';
COMMENT ON COLUMN leadterra.imports.started_at IS 'When it began.';
COMMENT ON COLUMN leadterra.imports.updated_at IS 'When the last chunk was committed.';
COMMENT ON COLUMN leadterra.imports.finished_at IS
    'When it ended; null: it runs, or was interrupted.';
COMMENT ON COLUMN leadterra.imports.run_rows IS
    'Rows that were done when the last call for it began.';
COMMENT ON COLUMN leadterra.imports.run_at IS 'When that was.';
COMMENT ON COLUMN leadterra.imports.process IS 'The process of that call.';
COMMENT ON COLUMN leadterra.imports.statement_at IS 'When the statement of that call began.';

CREATE TABLE leadterra.import_rejects (
    workspace_id uuid NOT NULL,
    import_id uuid NOT NULL,
    row_number bigint NOT NULL,
    reason text NOT NULL,
    field text,
    code text NOT NULL,
    lead jsonb,
    PRIMARY KEY (workspace_id, import_id, row_number)
);
SELECT leadterra.add_table('leadterra.import_rejects');
COMMENT ON TABLE leadterra.import_rejects IS
'Rows that imports left out. Nothing of a suppressed lead is kept.';
COMMENT ON COLUMN leadterra.import_rejects.import_id IS 'The import.';
COMMENT ON COLUMN leadterra.import_rejects.row_number IS 'Number of the row, from 1.';
COMMENT ON COLUMN leadterra.import_rejects.reason IS 'Why it was left out.';
COMMENT ON COLUMN leadterra.import_rejects.field IS
    'The field that is invalid; null: none is.';
COMMENT ON COLUMN leadterra.import_rejects.code IS
    'What is invalid about it, as in the errors of PT422; the reason where nothing is.';
COMMENT ON COLUMN leadterra.import_rejects.lead IS
    'The lead object; null where the address is suppressed.';
