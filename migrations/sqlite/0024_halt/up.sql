-- Why the closing of a round cannot go on: every process shows it and offers the same ways out.
CREATE TABLE halt (
    poll_id INTEGER PRIMARY KEY NOT NULL REFERENCES poll (id),
    reason  TEXT NOT NULL
) STRICT;
