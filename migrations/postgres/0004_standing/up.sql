-- Where every round stands, for the screens of the unions above: one row per round, written in the transaction
-- that changes the round. It can be made anew from poll and sheet at any time.
CREATE TABLE standing (
    poll_id       BIGINT PRIMARY KEY NOT NULL REFERENCES poll (id),
    union_id      BIGINT NOT NULL REFERENCES trade_union (id),
    year          INTEGER NOT NULL,
    -- Of the rounds of one union in one year, the one that is shown: the newest that is not void.
    current       BOOLEAN NOT NULL,
    -- Path of the union.
    path          TEXT COLLATE "C" NOT NULL,
    -- Stage, outcome and rate in one number (src/domain/standing.rs): totals are counted by it.
    class         INTEGER NOT NULL,
    -- Whether the union is a grassroots one: coverage counts these.
    grassroots    BOOLEAN NOT NULL,
    -- What waits for the union above: 0 nothing, 1 the electorate, 2 the sheet.
    waits         SMALLINT NOT NULL,
    -- The journal's last line before the stage changed: what waits longest comes first.
    moved         BIGINT NOT NULL,
    expected      BIGINT NOT NULL,
    present       BIGINT,
    issued        BIGINT,
    returned      BIGINT,
    valid         BIGINT,
    -- From the sheet in force.
    sheet_id      TEXT,
    numerator     BIGINT,
    base          BIGINT,
    threshold_num BIGINT,
    threshold_den BIGINT,
    -- Rate and turnout in hundredths of a percent, cut: to sort by, never to decide by.
    rate          INTEGER NOT NULL,
    turnout       INTEGER NOT NULL
);
CREATE INDEX standing_union ON standing (union_id, year, current);
CREATE INDEX standing_area ON standing (year, current, path, class, grassroots);
CREATE INDEX standing_waits ON standing (waits, path);
CREATE INDEX standing_rate ON standing (year, current, rate, path);
CREATE INDEX standing_turnout ON standing (year, current, turnout, path);

-- Counting the unions of an area by category reads this index alone.
CREATE INDEX trade_union_area ON trade_union (path, category);

-- Draws of spot checks are found by union and action.
CREATE INDEX journal_union ON journal (union_id, action, id);
