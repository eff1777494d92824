-- What the server keeps beside the ledger. Times are microseconds since 1970 in
-- UTC, 0 for none. Lists and small structures are JSON, read by the program only.

-- +goose Up
ALTER TABLE mailbox RENAME TO ledger;
ALTER TABLE folder RENAME COLUMN mailbox TO ledger;

CREATE TABLE endpoint (
    id              {{id}},
    name            TEXT NOT NULL,
    name_key        TEXT NOT NULL UNIQUE,
    kind            TEXT NOT NULL,
    host            TEXT NOT NULL,
    port            BIGINT NOT NULL,
    security        TEXT NOT NULL,
    allow_cleartext BOOLEAN NOT NULL,
    ca              {{bytes}} NOT NULL,
    pin             TEXT NOT NULL,
    min_tls         BIGINT NOT NULL,
    limits          TEXT NOT NULL,
    login           TEXT NOT NULL,
    admin_secret    {{bytes}} NOT NULL,
    learned         TEXT NOT NULL,
    created         BIGINT NOT NULL,
    created_by      TEXT NOT NULL,
    version         BIGINT NOT NULL
);

CREATE TABLE batch (
    id           {{id}},
    name         TEXT NOT NULL,
    name_key     TEXT NOT NULL UNIQUE,
    source       BIGINT NOT NULL REFERENCES endpoint (id),
    target       BIGINT NOT NULL REFERENCES endpoint (id),
    intent       TEXT NOT NULL,
    options      TEXT NOT NULL,
    start_after  BIGINT NOT NULL,
    complete_after BIGINT NOT NULL,
    data_key     {{bytes}} NOT NULL,
    told         TEXT NOT NULL,
    next_report  BIGINT NOT NULL,
    created      BIGINT NOT NULL,
    started      BIGINT NOT NULL,
    initial_done BIGINT NOT NULL,
    completed    BIGINT NOT NULL,
    created_by   TEXT NOT NULL,
    version      BIGINT NOT NULL
);

-- One row of a migration file. What its state depends on are columns, so that
-- states can be counted and asked for; so is what is summed up over batches,
-- beside the progress it is taken from. The defaults are a new row's, so that the
-- statements that bring 50,000 of them are short.
CREATE TABLE mailbox (
    id              {{id}},
    batch           BIGINT NOT NULL REFERENCES batch (id) ON DELETE CASCADE,
    source_endpoint BIGINT NOT NULL REFERENCES endpoint (id),
    target_endpoint BIGINT NOT NULL REFERENCES endpoint (id),
    line            BIGINT NOT NULL,
    address         TEXT NOT NULL,
    address_key     TEXT NOT NULL,
    source_user     TEXT NOT NULL,
    target_user     TEXT NOT NULL,
    user_root       TEXT NOT NULL,
    source_secret   {{bytes}} NOT NULL,
    target_secret   {{bytes}} NOT NULL,
    intent          TEXT NOT NULL DEFAULT 'run',
    phase           TEXT NOT NULL DEFAULT 'initial',
    passes          BIGINT NOT NULL DEFAULT 0,
    failed          BOOLEAN NOT NULL DEFAULT FALSE,
    broken          BOOLEAN NOT NULL DEFAULT FALSE,
    skipped         BIGINT NOT NULL DEFAULT 0,
    approved        BIGINT NOT NULL DEFAULT 0,
    minor           BIGINT NOT NULL DEFAULT 0,
    due             BIGINT NOT NULL,
    paused          BIGINT NOT NULL DEFAULT 0,
    trial           BOOLEAN NOT NULL DEFAULT FALSE,
    retry           BOOLEAN NOT NULL DEFAULT FALSE,
    running         TEXT NOT NULL DEFAULT '',
    begun           BOOLEAN NOT NULL DEFAULT FALSE,
    node            TEXT NOT NULL DEFAULT '',
    lease_until     BIGINT NOT NULL DEFAULT 0,
    generation      BIGINT NOT NULL DEFAULT 0,
    faults          BIGINT NOT NULL DEFAULT 0,
    trouble         TEXT NOT NULL DEFAULT '',
    progress        TEXT NOT NULL DEFAULT '',
    messages        BIGINT NOT NULL DEFAULT 0,
    moved           BIGINT NOT NULL DEFAULT 0,
    moved_bytes     BIGINT NOT NULL DEFAULT 0,
    rate            BIGINT NOT NULL DEFAULT 0,
    pass_messages   BIGINT NOT NULL DEFAULT 0,
    pass_messages_total BIGINT NOT NULL DEFAULT 0,
    pass_bytes      BIGINT NOT NULL DEFAULT 0,
    pass_bytes_total BIGINT NOT NULL DEFAULT 0,
    preflight       TEXT NOT NULL DEFAULT '',
    created         BIGINT NOT NULL,
    since           BIGINT NOT NULL,
    started         BIGINT NOT NULL DEFAULT 0,
    initial_done    BIGINT NOT NULL DEFAULT 0,
    last_synced     BIGINT NOT NULL DEFAULT 0,
    waited          BIGINT NOT NULL DEFAULT 0,
    worked          BIGINT NOT NULL DEFAULT 0,
    stalled         BIGINT NOT NULL DEFAULT 0,
    version         BIGINT NOT NULL DEFAULT 1,
    UNIQUE (batch, address_key)
);

CREATE INDEX mailbox_by_batch ON mailbox (batch, id);
CREATE INDEX mailbox_due ON mailbox (batch, phase, due, id)
    WHERE running = '' AND due > 0 AND NOT failed AND NOT broken AND intent = 'run';
CREATE INDEX mailbox_on_trial ON mailbox (batch, id)
    WHERE trial AND running = '' AND NOT broken AND phase <> 'closed' AND intent <> 'remove';
CREATE INDEX mailbox_synced ON mailbox (batch, last_synced);
CREATE INDEX mailbox_removing ON mailbox (id) WHERE intent = 'remove';
CREATE INDEX mailbox_running ON mailbox (batch, lease_until) WHERE running <> '';

-- How many mailboxes of a batch are alike in what states and counts depend on, in
-- changes to be summed up, so that writers do not wait for each other and readers
-- count few rows. Of the numbers it has what tells states apart: up to two passes,
-- one fault, one message skipped and not approved. See tally.go.
CREATE TABLE tally (
    batch    BIGINT NOT NULL,
    intent   TEXT NOT NULL,
    phase    TEXT NOT NULL,
    running  TEXT NOT NULL,
    begun    BOOLEAN NOT NULL,
    failed   BOOLEAN NOT NULL,
    broken   BOOLEAN NOT NULL,
    passes   BIGINT NOT NULL,
    faults   BIGINT NOT NULL,
    skipped  BIGINT NOT NULL,
    approved BIGINT NOT NULL DEFAULT 0,
    n        BIGINT NOT NULL
);

CREATE INDEX tally_by_batch ON tally (batch);

-- +goose StatementBegin
{{mailbox changed}}
    INSERT INTO tally (batch, intent, phase, running, begun, failed, broken, passes, faults, skipped, n) VALUES
    (OLD.batch, OLD.intent, OLD.phase, OLD.running, OLD.begun, OLD.failed, OLD.broken,
        CASE WHEN OLD.passes > 2 THEN 2 ELSE OLD.passes END, CASE WHEN OLD.faults > 0 THEN 1 ELSE 0 END, CASE WHEN OLD.skipped > OLD.approved THEN 1 ELSE 0 END, -1),
    (NEW.batch, NEW.intent, NEW.phase, NEW.running, NEW.begun, NEW.failed, NEW.broken,
        CASE WHEN NEW.passes > 2 THEN 2 ELSE NEW.passes END, CASE WHEN NEW.faults > 0 THEN 1 ELSE 0 END, CASE WHEN NEW.skipped > NEW.approved THEN 1 ELSE 0 END, 1);
{{tallied}}
-- +goose StatementEnd

CREATE TABLE finding (
    id          {{id}},
    mailbox     BIGINT NOT NULL REFERENCES mailbox (id) ON DELETE CASCADE,
    mark        TEXT NOT NULL,
    body        TEXT NOT NULL,
    messages    BIGINT NOT NULL,
    lost        BOOLEAN NOT NULL,
    approved_by TEXT NOT NULL,
    approved_at BIGINT NOT NULL,
    UNIQUE (mailbox, mark)
);

-- What is to be told to people, and was: written with the change it tells of.
CREATE TABLE notice (
    id         {{id}},
    mark       TEXT NOT NULL UNIQUE,
    batch      BIGINT NOT NULL,
    batch_name TEXT NOT NULL,
    kind       TEXT NOT NULL,
    subject    TEXT NOT NULL,
    recipients TEXT NOT NULL,
    body       {{bytes}} NOT NULL,
    created    BIGINT NOT NULL,
    due        BIGINT NOT NULL,
    node       TEXT NOT NULL,
    tries      BIGINT NOT NULL,
    sent       BIGINT NOT NULL,
    trouble    TEXT NOT NULL
);

CREATE INDEX notice_due ON notice (due) WHERE due > 0;
CREATE INDEX notice_by_batch ON notice (batch, id);

CREATE TABLE operator (
    id         {{id}},
    name       TEXT NOT NULL,
    name_key   TEXT NOT NULL UNIQUE,
    email      TEXT NOT NULL,
    role       TEXT NOT NULL,
    password   TEXT NOT NULL,
    disabled   BOOLEAN NOT NULL,
    created    BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    version    BIGINT NOT NULL
);

-- Sessions and API tokens are known by the SHA-256 of what their owner holds.
CREATE TABLE session (
    hash     {{bytes}} NOT NULL PRIMARY KEY,
    operator BIGINT NOT NULL REFERENCES operator (id) ON DELETE CASCADE,
    address  TEXT NOT NULL,
    created  BIGINT NOT NULL,
    used     BIGINT NOT NULL
);

CREATE TABLE token (
    id       {{id}},
    name     TEXT NOT NULL,
    operator BIGINT NOT NULL REFERENCES operator (id) ON DELETE CASCADE,
    role     TEXT NOT NULL,
    hash     {{bytes}} NOT NULL UNIQUE,
    prefix   TEXT NOT NULL,
    created  BIGINT NOT NULL,
    expires  BIGINT NOT NULL,
    used     BIGINT NOT NULL,
    revoked  BIGINT NOT NULL
);

-- The audit log is a chain: each record has the hash of the one before it.
CREATE TABLE audit (
    id     BIGINT NOT NULL PRIMARY KEY,
    at     BIGINT NOT NULL,
    actor  TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    detail TEXT NOT NULL,
    hash   {{bytes}} NOT NULL
);

-- Answers to requests with an idempotency key, for a day.
CREATE TABLE answer (
    actor   TEXT NOT NULL,
    mark    TEXT NOT NULL,
    request {{bytes}} NOT NULL,
    status  BIGINT NOT NULL,
    body    {{bytes}} NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (actor, mark)
);

CREATE TABLE node (
    name    TEXT NOT NULL PRIMARY KEY,
    host    TEXT NOT NULL,
    pid     BIGINT NOT NULL,
    version TEXT NOT NULL,
    started BIGINT NOT NULL,
    beat    BIGINT NOT NULL
);

-- Single values, among them 'dispatch', whose row is the lock of the dispatcher,
-- and 'audit', the head of the chain.
CREATE TABLE setting (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

INSERT INTO setting (name, value) VALUES ('dispatch', ''), ('audit', '0:');

-- +goose Down
DROP TABLE setting;
DROP TABLE node;
DROP TABLE answer;
DROP TABLE audit;
DROP TABLE token;
DROP TABLE session;
DROP TABLE operator;
DROP TABLE notice;
DROP TABLE finding;
DROP TABLE mailbox;
DROP TABLE tally;
{{drop tally}}
DROP TABLE batch;
DROP TABLE endpoint;
ALTER TABLE folder RENAME COLUMN ledger TO mailbox;
ALTER TABLE ledger RENAME TO mailbox;
