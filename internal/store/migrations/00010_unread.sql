-- What nobody could look into, whatever was approved, and how far other batches have made
-- up for a mailbox.

-- +goose Up

-- migration.Unread: 0 nothing, 1 a folder that was not counted, 2 the INBOX.
ALTER TABLE mailbox ADD COLUMN unread INTEGER NOT NULL DEFAULT 0;
-- What had arrived at the source before was brought along, by a mailbox that is deleted. 0 is
-- not known.
ALTER TABLE mailbox ADD COLUMN made_up BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE mailbox DROP COLUMN made_up;
ALTER TABLE mailbox DROP COLUMN unread;
