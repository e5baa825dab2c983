-- Titles of Homes (职工之家称号), as the unions above put them down; one row per union and title.
CREATE TABLE title (
    id           INTEGER PRIMARY KEY NOT NULL,
    union_id     INTEGER NOT NULL REFERENCES trade_union (id),
    -- Path of the union.
    path         TEXT NOT NULL,
    -- The title in full, and the grade of the union's rules if it is one of theirs, else empty.
    label        TEXT NOT NULL,
    tier         TEXT NOT NULL,
    named_by     TEXT NOT NULL,
    -- Days are yyyy-mm-dd.
    given_on     TEXT NOT NULL,
    -- The last 复核 that it passed.
    confirmed_on TEXT,
    -- 0 held, 1 to be put right after a 复核 that failed, 2 ended.
    state        INTEGER NOT NULL,
    -- By state: the next 复核, 9999-12-31 where the rules ask for none; the last day for putting right; the day on which it ended.
    due          TEXT NOT NULL,
    failed_on    TEXT,
    -- How it ended: revoked, replaced, mistaken.
    ending       TEXT,
    -- Why it failed or ended.
    reason       TEXT,
    -- Whether a result that falls short may cost it: 0 no, 1 yes, 2 yes, and the last one since it was given does.
    evaluation   INTEGER NOT NULL,
    version      INTEGER NOT NULL
) STRICT;
CREATE INDEX title_union ON title (union_id);
-- The list of a union above walks this in its order, whatever the area, and counts from it alone.
CREATE INDEX title_list ON title (state, due, id, path, evaluation, tier);
