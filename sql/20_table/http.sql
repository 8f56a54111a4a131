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
COMMENT ON TABLE leadterra.answers IS
'Answers to requests with an Idempotency-Key, for a day; request_hash is of path and body.';
COMMENT ON COLUMN leadterra.answers.idempotency_key IS
    'The header Idempotency-Key, at most 255 characters.';
COMMENT ON COLUMN leadterra.answers.request_hash IS 'SHA-256 of path and body.';
COMMENT ON COLUMN leadterra.answers.answer IS 'What was answered.';
COMMENT ON COLUMN leadterra.answers.created_at IS 'When it was answered.';

-- A route that was found, with the arguments of its function.
CREATE TYPE leadterra.route AS (
    path text,
    call text,
    scope text,
    allow text,
    names text[],
    types oidvector,
    needed integer
);
COMMENT ON TYPE leadterra.route IS 'A route of leadterra.routes(), for a request.';
COMMENT ON COLUMN leadterra.route.path IS 'The pattern of the path.';
COMMENT ON COLUMN leadterra.route.call IS 'The function that answers.';
COMMENT ON COLUMN leadterra.route.scope IS 'What a key needs.';
COMMENT ON COLUMN leadterra.route.allow IS
    'The methods of the path, where the request has another; else null.';
COMMENT ON COLUMN leadterra.route.names IS 'Names of the arguments of the function.';
COMMENT ON COLUMN leadterra.route.types IS 'Types of its arguments.';
COMMENT ON COLUMN leadterra.route.needed IS 'How many of them have no default.';
