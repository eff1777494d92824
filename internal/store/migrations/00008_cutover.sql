-- Domains whose mail moves: what was seen of their records, and when each mailbox was
-- last brought in step.

-- +goose Up

-- When the last pass that went through began: what had arrived at the source before was
-- looked at. 0 is not known.
ALTER TABLE mailbox ADD COLUMN synced_from BIGINT NOT NULL DEFAULT 0;

-- A domain that is watched. What was seen is in kept, as the watcher writes it.
CREATE TABLE cutover (
    domain     TEXT NOT NULL PRIMARY KEY,
    state      TEXT NOT NULL,
    kept       {{bytes}} NOT NULL,
    batches    TEXT NOT NULL,
    notify     TEXT NOT NULL,
    looked     BIGINT NOT NULL,
    due        BIGINT NOT NULL,
    created    BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    version    BIGINT NOT NULL
);

CREATE INDEX cutover_due ON cutover (due);

-- +goose Down
DROP TABLE cutover;
ALTER TABLE mailbox DROP COLUMN synced_from;
