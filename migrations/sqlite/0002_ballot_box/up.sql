-- The ballot box. Nothing here holds a time, an order of arrival or an address, and every row of a ballot lies
-- under a random key. The three hot tables have no foreign key: on PostgreSQL each insert would lock the round's row.

-- One row per printed slip: H("slip", poll, code) and 0 unspent, 1 spent, 2 void.
CREATE TABLE slip (
    poll_id INTEGER NOT NULL,
    digest  BLOB NOT NULL,
    state   INTEGER NOT NULL,
    PRIMARY KEY (poll_id, digest)
) STRICT, WITHOUT ROWID;

-- One row per ballot in the box, all of a round equal in size.
CREATE TABLE sealed_ballot (
    poll_id INTEGER NOT NULL,
    box_id  BLOB NOT NULL,
    sealed  BLOB NOT NULL,
    PRIMARY KEY (poll_id, box_id)
) STRICT, WITHOUT ROWID;

-- One row per ballot where a comment is asked for, whether one was written or not, all equal in size.
CREATE TABLE sealed_comment (
    poll_id INTEGER NOT NULL,
    id      BLOB NOT NULL,
    sealed  BLOB NOT NULL,
    PRIMARY KEY (poll_id, id)
) STRICT, WITHOUT ROWID;

-- What one teller read off a paper ballot, sealed, until the other teller has read it too. Tellers are 1 and 2.
CREATE TABLE paper_entry (
    poll_id INTEGER NOT NULL REFERENCES poll (id),
    digest  BLOB NOT NULL,
    teller  INTEGER NOT NULL,
    sealed  BLOB NOT NULL,
    PRIMARY KEY (poll_id, digest, teller)
) STRICT, WITHOUT ROWID;

-- The published live tally; count 0 before the first step.
CREATE TABLE live_state (
    poll_id INTEGER PRIMARY KEY NOT NULL REFERENCES poll (id),
    count   INTEGER NOT NULL,
    tally   TEXT NOT NULL
) STRICT;

-- What came out of the box: `openings.<item>`, `receipts`, `comments`, each sorted.
CREATE TABLE opened_block (
    poll_id INTEGER NOT NULL REFERENCES poll (id),
    kind    TEXT NOT NULL,
    body    BLOB NOT NULL,
    PRIMARY KEY (poll_id, kind)
) STRICT, WITHOUT ROWID;
