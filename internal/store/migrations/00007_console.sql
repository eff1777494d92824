-- What the console shows beyond the records: what was copied by the minute, what was
-- said on the lines in the last passes, and what was done to a batch.

-- +goose Up

-- Messages per thousand seconds of the pass under way.
ALTER TABLE mailbox ADD COLUMN message_rate BIGINT NOT NULL DEFAULT 0;

-- What the initial copy took: time at work in microseconds, messages and bytes. They
-- are 0 until it is there.
ALTER TABLE mailbox ADD COLUMN initial_worked BIGINT NOT NULL DEFAULT 0;
ALTER TABLE mailbox ADD COLUMN initial_messages BIGINT NOT NULL DEFAULT 0;
ALTER TABLE mailbox ADD COLUMN initial_bytes BIGINT NOT NULL DEFAULT 0;

-- All that lists of mailboxes are chosen and ordered by, so that 50,000 rows, which are
-- wide, need not be looked at for a page of them.
DROP INDEX mailbox_by_batch;
CREATE INDEX mailbox_by_batch ON mailbox (batch, id, address_key, intent, phase, running, begun, failed, broken, passes, skipped, approved);

-- What the passes of a batch have copied in a minute since 1970. It outlives the
-- batch, so that the sum over all batches stays what it was.
CREATE TABLE throughput (
    batch    BIGINT NOT NULL,
    minute   BIGINT NOT NULL,
    messages BIGINT NOT NULL,
    bytes    BIGINT NOT NULL,
    PRIMARY KEY (batch, minute)
);

CREATE INDEX throughput_by_minute ON throughput (minute);

-- What was said in the last passes of a mailbox, without secrets and messages; packed
-- as migration.Transcript is.
CREATE TABLE transcript (
    id      {{id}},
    mailbox BIGINT NOT NULL REFERENCES mailbox (id) ON DELETE CASCADE,
    at      BIGINT NOT NULL,
    took    BIGINT NOT NULL,
    kind    TEXT NOT NULL,
    packed  {{bytes}} NOT NULL
);

CREATE INDEX transcript_by_mailbox ON transcript (mailbox, id);

-- The batch that a record of the audit log is about, itself or a mailbox of it; empty
-- for none. It is part of the object, and no part of the chain.
ALTER TABLE audit ADD COLUMN batch TEXT NOT NULL DEFAULT '';
UPDATE audit SET batch = {{second part of object}} WHERE object LIKE 'batch/%' OR object LIKE 'mailbox/%/%';
CREATE INDEX audit_by_batch ON audit (batch, id);

-- +goose Down
DROP INDEX audit_by_batch;
ALTER TABLE audit DROP COLUMN batch;
DROP TABLE transcript;
DROP TABLE throughput;
DROP INDEX mailbox_by_batch;
CREATE INDEX mailbox_by_batch ON mailbox (batch, id);
ALTER TABLE mailbox DROP COLUMN initial_bytes;
ALTER TABLE mailbox DROP COLUMN initial_messages;
ALTER TABLE mailbox DROP COLUMN initial_worked;
ALTER TABLE mailbox DROP COLUMN message_rate;
