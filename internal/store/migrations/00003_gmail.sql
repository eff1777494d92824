-- What the ledger keeps for a source whose folders are labels, and what accounts
-- have moved, by the hour. See serial.go for what is packed.

-- +goose Up
CREATE TABLE serial (
    ledger      BIGINT NOT NULL REFERENCES ledger (id) ON DELETE CASCADE,
    source      {{bytes}} NOT NULL,
    uidvalidity BIGINT NOT NULL,
    packed      {{bytes}} NOT NULL,
    PRIMARY KEY (ledger, source, uidvalidity)
);

CREATE TABLE traffic (
    account {{bytes}} NOT NULL,
    hour    BIGINT NOT NULL,
    down    BIGINT NOT NULL,
    up      BIGINT NOT NULL,
    PRIMARY KEY (account, hour)
);

CREATE INDEX traffic_by_hour ON traffic (hour);

-- The earliest end of a pass under way or paused, as far as budgets go; 0 for none.
ALTER TABLE mailbox ADD COLUMN earliest BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE mailbox DROP COLUMN earliest;
DROP TABLE traffic;
DROP TABLE serial;
