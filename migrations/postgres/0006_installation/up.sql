-- By what an installation knows its own things again: `vault` (the mark of its vault folders), `signing_key` and
-- `signing_key_sm2` (thumbprints). Nothing here is secret.
CREATE TABLE installation (
    name  TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
);

-- Every slip is changed once, when it is spent. Room for that on its own page spares a second entry in the index.
ALTER TABLE slip SET (fillfactor = 45);
