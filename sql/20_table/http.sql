-- http: answers that are kept, for requests that are sent again.

-- What failed is not kept: it did nothing.
CREATE TABLE leadterra.answers (
    workspace_id uuid NOT NULL,
    idempotency_key text NOT NULL,
    request_hash bytea NOT NULL,
    answer jsonb,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, idempotency_key)
);
CREATE INDEX answers_by_age ON leadterra.answers (workspace_id, created_at);
SELECT leadterra.add_table('leadterra.answers');
COMMENT ON TABLE leadterra.answers IS 'Answers to requests with an Idempotency-Key, for a day; request_hash is of path and body.';
COMMENT ON COLUMN leadterra.answers.idempotency_key IS
    'The header Idempotency-Key, at most 255 characters.';
COMMENT ON COLUMN leadterra.answers.request_hash IS 'SHA-256 of path and body.';
COMMENT ON COLUMN leadterra.answers.answer IS 'What was answered.';
COMMENT ON COLUMN leadterra.answers.created_at IS 'When it was answered.';
