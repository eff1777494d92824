-- Which folders of an endpoint's mailboxes are the default ones, as JSON by use;
-- empty for none.

-- +goose Up
ALTER TABLE endpoint ADD COLUMN default_folders TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE endpoint DROP COLUMN default_folders;
