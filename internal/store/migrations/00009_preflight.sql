-- What the last preflight of each mailbox says, for lists and sums, and how many
-- messages the target had before a pass copied any.

-- +goose Up

-- migration.Readiness: 0 untried, 1 ready, 2 ready with warnings, 3 not ready.
ALTER TABLE mailbox ADD COLUMN readiness INTEGER NOT NULL DEFAULT 0;
ALTER TABLE mailbox ADD COLUMN present BIGINT NOT NULL DEFAULT 0;
CREATE INDEX mailbox_not_ready ON mailbox (batch, id) WHERE readiness = 3;

-- +goose Down
DROP INDEX mailbox_not_ready;
ALTER TABLE mailbox DROP COLUMN present;
ALTER TABLE mailbox DROP COLUMN readiness;
