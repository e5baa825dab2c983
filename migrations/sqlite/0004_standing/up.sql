-- Where every round stands, for the screens of the unions above: one row per round, written in the transaction
-- that changes the round. It can be made anew from poll and sheet at any time.
CREATE TABLE standing (
    poll_id       INTEGER PRIMARY KEY NOT NULL REFERENCES poll (id),
    union_id      INTEGER NOT NULL REFERENCES trade_union (id),
    year          INTEGER NOT NULL,
    -- Of the rounds of one union in one year, the one that is shown: the newest that is not void.
    current       INTEGER NOT NULL,
    -- Path of the union.
    path          TEXT NOT NULL,
    -- Stage, outcome and rate in one number (src/domain/standing.rs): totals are counted by it.
    class         INTEGER NOT NULL,
    -- Whether the union is a grassroots one: coverage counts these.
    grassroots    INTEGER NOT NULL,
    -- What waits for the union above: 0 nothing, 1 the electorate, 2 the sheet.
    waits         INTEGER NOT NULL,
    -- The journal's last line before the stage changed: what waits longest comes first.
    moved         INTEGER NOT NULL,
    expected      INTEGER NOT NULL,
    present       INTEGER,
    issued        INTEGER,
    returned      INTEGER,
    valid         INTEGER,
    -- From the sheet in force.
    sheet_id      TEXT,
    numerator     INTEGER,
    base          INTEGER,
    threshold_num INTEGER,
    threshold_den INTEGER,
    -- Rate and turnout in hundredths of a percent, cut: to sort by, never to decide by.
    rate          INTEGER NOT NULL,
    turnout       INTEGER NOT NULL
) STRICT;
CREATE INDEX standing_union ON standing (union_id, year, current);
CREATE INDEX standing_area ON standing (year, current, path, class, grassroots);
CREATE INDEX standing_waits ON standing (waits, path);
CREATE INDEX standing_rate ON standing (year, current, rate, path);
CREATE INDEX standing_turnout ON standing (year, current, turnout, path);

-- Counting the unions of an area by category reads this index alone.
CREATE INDEX trade_union_area ON trade_union (path, category);

-- Draws of spot checks are found by union and action.
CREATE INDEX journal_union ON journal (union_id, action, id);
