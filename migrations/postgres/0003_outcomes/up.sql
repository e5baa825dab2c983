-- What the sheet in force says, one row per certified round, for the screens of the unions above. It is read
-- off the signed sheet and can be made anew from it at any time.
CREATE TABLE outcome (
    poll_id       BIGINT PRIMARY KEY NOT NULL REFERENCES poll (id),
    sheet_id      TEXT NOT NULL REFERENCES sheet (id),
    verdict       TEXT NOT NULL,
    overhaul      BOOLEAN NOT NULL,
    expected      BIGINT NOT NULL,
    present       BIGINT NOT NULL,
    issued        BIGINT NOT NULL,
    returned      BIGINT NOT NULL,
    -- The rate that decided, with its threshold; null where there is none.
    numerator     BIGINT,
    base          BIGINT,
    threshold_num BIGINT,
    threshold_den BIGINT
);

-- A password that somebody else chose has to be changed at the first login.
ALTER TABLE account ADD COLUMN must_change BOOLEAN NOT NULL DEFAULT FALSE;
