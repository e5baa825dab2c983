-- What the sheet in force says, one row per certified round, for the screens of the unions above. It is read
-- off the signed sheet and can be made anew from it at any time.
CREATE TABLE outcome (
    poll_id       INTEGER PRIMARY KEY NOT NULL REFERENCES poll (id),
    sheet_id      TEXT NOT NULL REFERENCES sheet (id),
    verdict       TEXT NOT NULL,
    overhaul      INTEGER NOT NULL,
    expected      INTEGER NOT NULL,
    present       INTEGER NOT NULL,
    issued        INTEGER NOT NULL,
    returned      INTEGER NOT NULL,
    -- The rate that decided, with its threshold; null where there is none.
    numerator     INTEGER,
    base          INTEGER,
    threshold_num INTEGER,
    threshold_den INTEGER
) STRICT;

-- A password that somebody else chose has to be changed at the first login.
ALTER TABLE account ADD COLUMN must_change INTEGER NOT NULL DEFAULT 0;
