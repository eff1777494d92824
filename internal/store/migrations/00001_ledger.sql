-- Words in double braces differ between databases and are put in by dialect.go.
-- All names are bytes, because servers have names that are no text.

-- +goose Up
CREATE TABLE mailbox (
    id     {{id}},
    source {{bytes}} NOT NULL,
    target {{bytes}} NOT NULL,
    UNIQUE (source, target)
);

CREATE TABLE folder (
    id                 {{id}},
    mailbox            BIGINT NOT NULL REFERENCES mailbox (id) ON DELETE CASCADE,
    source             {{bytes}} NOT NULL,
    target             {{bytes}} NOT NULL,
    source_uidvalidity BIGINT NOT NULL,
    target_uidvalidity BIGINT NOT NULL,
    source_uidnext     BIGINT NOT NULL,
    source_modseq      BIGINT NOT NULL,
    source_messages    BIGINT NOT NULL,
    watermark          BIGINT NOT NULL,
    departed           {{bytes}} NOT NULL,
    UNIQUE (mailbox, source)
);

-- Blocks of copied pairs: disjoint by source UID within a folder, overlapping by
-- target UID. See block.go for what is packed.
CREATE TABLE pairs (
    folder       BIGINT NOT NULL REFERENCES folder (id) ON DELETE CASCADE,
    source_first BIGINT NOT NULL,
    source_last  BIGINT NOT NULL,
    target_first BIGINT NOT NULL,
    target_last  BIGINT NOT NULL,
    messages     BIGINT NOT NULL,
    packed       {{bytes}} NOT NULL,
    PRIMARY KEY (folder, source_first)
);

CREATE INDEX pairs_by_target ON pairs (folder, target_last, target_first);

CREATE TABLE intent (
    id          {{id}},
    folder      BIGINT NOT NULL REFERENCES folder (id) ON DELETE CASCADE,
    watermark   BIGINT NOT NULL,
    uidvalidity BIGINT NOT NULL,
    sources     {{bytes}} NOT NULL
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
    packed {{bytes}} NOT NULL
);

-- +goose Down
DROP TABLE flags;
DROP TABLE mark;
DROP TABLE intent;
DROP TABLE pairs;
DROP TABLE folder;
DROP TABLE mailbox;
