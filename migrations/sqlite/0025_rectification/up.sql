-- One row per round whose sheet in force asks for rectification, from certifying on; and beside the sheet, which never
-- changes, what the union reported and what the union above said to it.
CREATE TABLE rectification (
    poll_id     INTEGER PRIMARY KEY NOT NULL REFERENCES poll (id),
    year        INTEGER NOT NULL,
    -- Path of the union.
    path        TEXT NOT NULL,
    -- The sheet's deadline, yyyy-mm-dd; 9999-12-31 where it names none; empty until the service has read it off the sheet.
    due         TEXT NOT NULL,
    -- 0 to be reported, 1 reported, 2 checked.
    state       INTEGER NOT NULL,
    -- The last report, the day on which the union says it was done, and the day on which it was reported.
    report      TEXT,
    done_on     TEXT,
    reported_on TEXT,
    -- What the union above said to it, returning or checking it, and when.
    note        TEXT,
    noted_on    TEXT,
    version     INTEGER NOT NULL
) STRICT;
-- The list of a union above walks this in its order, whatever the area, and counts from it alone.
CREATE INDEX rectification_list ON rectification (state, due, poll_id, path, year);

-- Rounds that were certified before: by stage and outcome in the class (src/domain/standing.rs).
INSERT INTO rectification (poll_id, year, path, due, state, version)
SELECT poll_id, year, path, '', 0, 0 FROM standing WHERE class / 1000 IN (8, 9, 10) AND class / 100 % 10 IN (2, 3);
