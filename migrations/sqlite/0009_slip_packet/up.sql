-- One row per sealed packet of spare slips: under a digest of the code on its cover, the digests of its slips,
-- sealed under a key that is made of that code. Without the code nobody can tell which slips lie together.
CREATE TABLE slip_packet (
    poll_id INTEGER NOT NULL REFERENCES poll (id),
    id      BLOB NOT NULL,
    sealed  BLOB NOT NULL,
    PRIMARY KEY (poll_id, id)
) STRICT, WITHOUT ROWID;
