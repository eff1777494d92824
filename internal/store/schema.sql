-- The tables of a new ledger on SQLite, as the migrations leave them. Do not edit: write a
-- migration, then go test ./internal/store -run ANewLedger -update
CREATE TABLE goose_db_version (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
CREATE TABLE "ledger" (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    source BLOB NOT NULL,
    target BLOB NOT NULL,
    UNIQUE (source, target)
);
CREATE TABLE folder (
    id                 INTEGER PRIMARY KEY AUTOINCREMENT,
    ledger            BIGINT NOT NULL REFERENCES "ledger" (id) ON DELETE CASCADE,
    source             BLOB NOT NULL,
    target             BLOB NOT NULL,
    source_uidvalidity BIGINT NOT NULL,
    target_uidvalidity BIGINT NOT NULL,
    source_uidnext     BIGINT NOT NULL,
    source_modseq      BIGINT NOT NULL,
    source_messages    BIGINT NOT NULL,
    watermark          BIGINT NOT NULL,
    departed           BLOB NOT NULL,
    UNIQUE (ledger, source)
);
CREATE TABLE pairs (
    folder       BIGINT NOT NULL REFERENCES folder (id) ON DELETE CASCADE,
    source_first BIGINT NOT NULL,
    source_last  BIGINT NOT NULL,
    target_first BIGINT NOT NULL,
    target_last  BIGINT NOT NULL,
    messages     BIGINT NOT NULL,
    packed       BLOB NOT NULL,
    PRIMARY KEY (folder, source_first)
);
CREATE INDEX pairs_by_target ON pairs (folder, target_last, target_first);
CREATE TABLE intent (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    folder      BIGINT NOT NULL REFERENCES folder (id) ON DELETE CASCADE,
    watermark   BIGINT NOT NULL,
    uidvalidity BIGINT NOT NULL,
    sources     BLOB NOT NULL
);
CREATE INDEX intent_by_folder ON intent (folder);
CREATE TABLE mark (
    folder      BIGINT NOT NULL REFERENCES folder (id) ON DELETE CASCADE,
    source      BIGINT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('retry', 'skipped', 'watched', 'repaired')),
    attempts    BIGINT NOT NULL,
    passes      BIGINT NOT NULL,
    watermark   BIGINT NOT NULL,
    uidvalidity BIGINT NOT NULL,
    finding     TEXT NOT NULL,
    PRIMARY KEY (folder, source)
);
CREATE TABLE flags (
    folder BIGINT NOT NULL PRIMARY KEY REFERENCES folder (id) ON DELETE CASCADE,
    packed BLOB NOT NULL
);
CREATE TABLE endpoint (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    name            TEXT NOT NULL,
    name_key        TEXT NOT NULL UNIQUE,
    kind            TEXT NOT NULL,
    host            TEXT NOT NULL,
    port            BIGINT NOT NULL,
    security        TEXT NOT NULL,
    allow_cleartext BOOLEAN NOT NULL,
    ca              BLOB NOT NULL,
    pin             TEXT NOT NULL,
    min_tls         BIGINT NOT NULL,
    limits          TEXT NOT NULL,
    login           TEXT NOT NULL,
    admin_secret    BLOB NOT NULL,
    learned         TEXT NOT NULL,
    created         BIGINT NOT NULL,
    created_by      TEXT NOT NULL,
    version         BIGINT NOT NULL
, calibration TEXT NOT NULL DEFAULT '', default_folders TEXT NOT NULL DEFAULT '');
CREATE TABLE batch (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name         TEXT NOT NULL,
    name_key     TEXT NOT NULL UNIQUE,
    source       BIGINT NOT NULL REFERENCES endpoint (id),
    target       BIGINT NOT NULL REFERENCES endpoint (id),
    intent       TEXT NOT NULL,
    options      TEXT NOT NULL,
    start_after  BIGINT NOT NULL,
    complete_after BIGINT NOT NULL,
    data_key     BLOB NOT NULL,
    told         TEXT NOT NULL,
    next_report  BIGINT NOT NULL,
    created      BIGINT NOT NULL,
    started      BIGINT NOT NULL,
    initial_done BIGINT NOT NULL,
    completed    BIGINT NOT NULL,
    created_by   TEXT NOT NULL,
    version      BIGINT NOT NULL
);
CREATE TABLE mailbox (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    batch           BIGINT NOT NULL REFERENCES batch (id) ON DELETE CASCADE,
    source_endpoint BIGINT NOT NULL REFERENCES endpoint (id),
    target_endpoint BIGINT NOT NULL REFERENCES endpoint (id),
    line            BIGINT NOT NULL,
    address         TEXT NOT NULL,
    address_key     TEXT NOT NULL,
    source_user     TEXT NOT NULL,
    target_user     TEXT NOT NULL,
    user_root       TEXT NOT NULL,
    source_secret   BLOB NOT NULL,
    target_secret   BLOB NOT NULL,
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
    version         BIGINT NOT NULL DEFAULT 1, earliest BIGINT NOT NULL DEFAULT 0, message_rate BIGINT NOT NULL DEFAULT 0, initial_worked BIGINT NOT NULL DEFAULT 0, initial_messages BIGINT NOT NULL DEFAULT 0, initial_bytes BIGINT NOT NULL DEFAULT 0, synced_from BIGINT NOT NULL DEFAULT 0, readiness INTEGER NOT NULL DEFAULT 0, present BIGINT NOT NULL DEFAULT 0, unread INTEGER NOT NULL DEFAULT 0, made_up BIGINT NOT NULL DEFAULT 0,
    UNIQUE (batch, address_key)
);
CREATE INDEX mailbox_due ON mailbox (batch, phase, due, id)
    WHERE running = '' AND due > 0 AND NOT failed AND NOT broken AND intent = 'run';
CREATE INDEX mailbox_on_trial ON mailbox (batch, id)
    WHERE trial AND running = '' AND NOT broken AND phase <> 'closed' AND intent <> 'remove';
CREATE INDEX mailbox_synced ON mailbox (batch, last_synced);
CREATE INDEX mailbox_removing ON mailbox (id) WHERE intent = 'remove';
CREATE INDEX mailbox_running ON mailbox (batch, lease_until) WHERE running <> '';
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
CREATE TRIGGER mailbox_tallied AFTER UPDATE ON mailbox FOR EACH ROW WHEN (OLD.intent <> NEW.intent OR OLD.phase <> NEW.phase OR OLD.running <> NEW.running OR OLD.begun <> NEW.begun
	OR OLD.failed <> NEW.failed OR OLD.broken <> NEW.broken OR OLD.passes <> NEW.passes OR OLD.faults <> NEW.faults
	OR OLD.skipped <> NEW.skipped OR OLD.approved <> NEW.approved) BEGIN
    INSERT INTO tally (batch, intent, phase, running, begun, failed, broken, passes, faults, skipped, n) VALUES
    (OLD.batch, OLD.intent, OLD.phase, OLD.running, OLD.begun, OLD.failed, OLD.broken,
        CASE WHEN OLD.passes > 2 THEN 2 ELSE OLD.passes END, CASE WHEN OLD.faults > 0 THEN 1 ELSE 0 END, CASE WHEN OLD.skipped > OLD.approved THEN 1 ELSE 0 END, -1),
    (NEW.batch, NEW.intent, NEW.phase, NEW.running, NEW.begun, NEW.failed, NEW.broken,
        CASE WHEN NEW.passes > 2 THEN 2 ELSE NEW.passes END, CASE WHEN NEW.faults > 0 THEN 1 ELSE 0 END, CASE WHEN NEW.skipped > NEW.approved THEN 1 ELSE 0 END, 1);
END;
CREATE TABLE finding (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    mailbox     BIGINT NOT NULL REFERENCES mailbox (id) ON DELETE CASCADE,
    mark        TEXT NOT NULL,
    body        TEXT NOT NULL,
    messages    BIGINT NOT NULL,
    lost        BOOLEAN NOT NULL,
    approved_by TEXT NOT NULL,
    approved_at BIGINT NOT NULL,
    UNIQUE (mailbox, mark)
);
CREATE TABLE notice (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    mark       TEXT NOT NULL UNIQUE,
    batch      BIGINT NOT NULL,
    batch_name TEXT NOT NULL,
    kind       TEXT NOT NULL,
    subject    TEXT NOT NULL,
    recipients TEXT NOT NULL,
    body       BLOB NOT NULL,
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
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
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
CREATE TABLE session (
    hash     BLOB NOT NULL PRIMARY KEY,
    operator BIGINT NOT NULL REFERENCES operator (id) ON DELETE CASCADE,
    address  TEXT NOT NULL,
    created  BIGINT NOT NULL,
    used     BIGINT NOT NULL
);
CREATE TABLE token (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    name     TEXT NOT NULL,
    operator BIGINT NOT NULL REFERENCES operator (id) ON DELETE CASCADE,
    role     TEXT NOT NULL,
    hash     BLOB NOT NULL UNIQUE,
    prefix   TEXT NOT NULL,
    created  BIGINT NOT NULL,
    expires  BIGINT NOT NULL,
    used     BIGINT NOT NULL,
    revoked  BIGINT NOT NULL
);
CREATE TABLE audit (
    id     BIGINT NOT NULL PRIMARY KEY,
    at     BIGINT NOT NULL,
    actor  TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    detail TEXT NOT NULL,
    hash   BLOB NOT NULL
, batch TEXT NOT NULL DEFAULT '');
CREATE TABLE answer (
    actor   TEXT NOT NULL,
    mark    TEXT NOT NULL,
    request BLOB NOT NULL,
    status  BIGINT NOT NULL,
    body    BLOB NOT NULL,
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
CREATE TABLE setting (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
CREATE TABLE serial (
    ledger      BIGINT NOT NULL REFERENCES ledger (id) ON DELETE CASCADE,
    source      BLOB NOT NULL,
    uidvalidity BIGINT NOT NULL,
    packed      BLOB NOT NULL,
    PRIMARY KEY (ledger, source, uidvalidity)
);
CREATE TABLE traffic (
    account BLOB NOT NULL,
    hour    BIGINT NOT NULL,
    down    BIGINT NOT NULL,
    up      BIGINT NOT NULL,
    PRIMARY KEY (account, hour)
);
CREATE INDEX traffic_by_hour ON traffic (hour);
CREATE TABLE second_factor (
    operator  BIGINT NOT NULL PRIMARY KEY REFERENCES operator (id) ON DELETE CASCADE,
    secret    BLOB NOT NULL,
    created   BIGINT NOT NULL,
    confirmed BIGINT NOT NULL,
    step      BIGINT NOT NULL
);
CREATE TABLE recovery_code (
    operator BIGINT NOT NULL REFERENCES second_factor (operator) ON DELETE CASCADE,
    hash     BLOB NOT NULL,
    PRIMARY KEY (operator, hash)
);
CREATE INDEX mailbox_by_batch ON mailbox (batch, id, address_key, intent, phase, running, begun, failed, broken, passes, skipped, approved);
CREATE TABLE throughput (
    batch    BIGINT NOT NULL,
    minute   BIGINT NOT NULL,
    messages BIGINT NOT NULL,
    bytes    BIGINT NOT NULL,
    PRIMARY KEY (batch, minute)
);
CREATE INDEX throughput_by_minute ON throughput (minute);
CREATE TABLE transcript (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    mailbox BIGINT NOT NULL REFERENCES mailbox (id) ON DELETE CASCADE,
    at      BIGINT NOT NULL,
    took    BIGINT NOT NULL,
    kind    TEXT NOT NULL,
    packed  BLOB NOT NULL
);
CREATE INDEX transcript_by_mailbox ON transcript (mailbox, id);
CREATE INDEX audit_by_batch ON audit (batch, id);
CREATE TABLE cutover (
    domain     TEXT NOT NULL PRIMARY KEY,
    state      TEXT NOT NULL,
    kept       BLOB NOT NULL,
    batches    TEXT NOT NULL,
    notify     TEXT NOT NULL,
    looked     BIGINT NOT NULL,
    due        BIGINT NOT NULL,
    created    BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    version    BIGINT NOT NULL
);
CREATE INDEX cutover_due ON cutover (due);
CREATE INDEX mailbox_not_ready ON mailbox (batch, id) WHERE readiness = 3;
INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, 1);
INSERT INTO goose_db_version (version_id, is_applied) VALUES (1, 1);
INSERT INTO goose_db_version (version_id, is_applied) VALUES (2, 1);
INSERT INTO goose_db_version (version_id, is_applied) VALUES (3, 1);
INSERT INTO goose_db_version (version_id, is_applied) VALUES (4, 1);
INSERT INTO goose_db_version (version_id, is_applied) VALUES (5, 1);
INSERT INTO goose_db_version (version_id, is_applied) VALUES (6, 1);
INSERT INTO goose_db_version (version_id, is_applied) VALUES (7, 1);
INSERT INTO goose_db_version (version_id, is_applied) VALUES (8, 1);
INSERT INTO goose_db_version (version_id, is_applied) VALUES (9, 1);
INSERT INTO goose_db_version (version_id, is_applied) VALUES (10, 1);
INSERT INTO setting (name, value) VALUES ('dispatch', '');
INSERT INTO setting (name, value) VALUES ('audit', '0:');
