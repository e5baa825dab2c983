-- Unions, people, rounds, sheets. Ballots and slips have a migration of their own.

CREATE TABLE trade_union (
    id          INTEGER PRIMARY KEY NOT NULL,
    superior_id INTEGER REFERENCES trade_union (id),
    path        TEXT NOT NULL UNIQUE,
    name        TEXT NOT NULL,
    credit_code TEXT,
    category    TEXT NOT NULL,
    rule_set    TEXT NOT NULL
) STRICT;
CREATE INDEX trade_union_superior ON trade_union (superior_id);

CREATE TABLE account (
    id            INTEGER PRIMARY KEY NOT NULL,
    username      TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    role          TEXT NOT NULL,
    union_id      INTEGER NOT NULL REFERENCES trade_union (id),
    name          TEXT NOT NULL,
    active        INTEGER NOT NULL
) STRICT;
CREATE INDEX account_union ON account (union_id);

CREATE TABLE session (
    token_hash BLOB PRIMARY KEY NOT NULL,
    account_id INTEGER NOT NULL REFERENCES account (id),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE poll (
    id               INTEGER PRIMARY KEY NOT NULL,
    tag              TEXT NOT NULL UNIQUE,
    union_id         INTEGER NOT NULL REFERENCES trade_union (id),
    year             INTEGER NOT NULL,
    category         TEXT NOT NULL,
    rule_set_id      TEXT NOT NULL,
    rule_set_version TEXT NOT NULL,
    rule_set_digest  TEXT NOT NULL,
    paper            TEXT NOT NULL,
    facts            TEXT NOT NULL,
    phase            TEXT NOT NULL,
    phase_data       TEXT NOT NULL,
    version          INTEGER NOT NULL
) STRICT;
CREATE INDEX poll_union_year ON poll (union_id, year);
CREATE INDEX poll_phase ON poll (phase);

-- Signed statements about a round: its opening, the superior's opinion.
CREATE TABLE statement (
    poll_id INTEGER NOT NULL REFERENCES poll (id),
    kind    TEXT NOT NULL,
    body    TEXT NOT NULL,
    PRIMARY KEY (poll_id, kind)
) STRICT, WITHOUT ROWID;

-- Certified result sheets. A corrected sheet names the one that it replaces.
CREATE TABLE sheet (
    id       TEXT PRIMARY KEY NOT NULL,
    poll_id  INTEGER NOT NULL REFERENCES poll (id),
    union_id INTEGER NOT NULL REFERENCES trade_union (id),
    year     INTEGER NOT NULL,
    body     TEXT NOT NULL,
    replaces TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX sheet_poll ON sheet (poll_id);

-- Who did what in the administration of rounds. Never anything about a single ballot.
CREATE TABLE journal (
    id         INTEGER PRIMARY KEY NOT NULL,
    at         INTEGER NOT NULL,
    account_id INTEGER,
    union_id   INTEGER,
    poll_id    INTEGER,
    action     TEXT NOT NULL,
    detail     TEXT NOT NULL
) STRICT;
CREATE INDEX journal_poll ON journal (poll_id, id);
