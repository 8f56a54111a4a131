-- heir: which leads became part of which.

-- A row leads straight to a lead that is there, however many merges came after.
CREATE TABLE leadterra.lead_heirs (
    workspace_id uuid NOT NULL,
    lead_id uuid NOT NULL,
    heir_id uuid NOT NULL CHECK (heir_id <> lead_id),
    entry text COLLATE "C" CHECK (starts_with(entry, 'hmac:')),
    PRIMARY KEY (workspace_id, lead_id)
);
CREATE INDEX lead_heirs_by_heir ON leadterra.lead_heirs (workspace_id, heir_id);
SELECT leadterra.add_table('leadterra.lead_heirs');
COMMENT ON TABLE leadterra.lead_heirs IS
'Leads that were merged into others: what is said later of messages to them is about these.';
COMMENT ON COLUMN leadterra.lead_heirs.lead_id IS 'The lead that is gone.';
COMMENT ON COLUMN leadterra.lead_heirs.heir_id IS 'The lead that it became part of.';
COMMENT ON COLUMN leadterra.lead_heirs.entry IS
    'hmac: and the keyed hash of its address; null: its heir has that address, or it had none.';
