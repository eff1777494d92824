-- What an endpoint was measured to keep, as JSON; empty before.

-- +goose Up
ALTER TABLE endpoint ADD COLUMN calibration TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE endpoint DROP COLUMN calibration;
