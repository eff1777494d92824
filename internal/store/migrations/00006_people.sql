-- Second factors of operators: the secret is sealed; confirmed is 0 until the first
-- code was right, and step is the last one whose code was taken. Of recovery codes
-- there are only hashes.

-- +goose Up
CREATE TABLE second_factor (
    operator  BIGINT NOT NULL PRIMARY KEY REFERENCES operator (id) ON DELETE CASCADE,
    secret    {{bytes}} NOT NULL,
    created   BIGINT NOT NULL,
    confirmed BIGINT NOT NULL,
    step      BIGINT NOT NULL
);

CREATE TABLE recovery_code (
    operator BIGINT NOT NULL REFERENCES second_factor (operator) ON DELETE CASCADE,
    hash     {{bytes}} NOT NULL,
    PRIMARY KEY (operator, hash)
);

-- +goose Down
DROP TABLE recovery_code;
DROP TABLE second_factor;
