-- A password that somebody else chose has to be changed at the first login.
ALTER TABLE account ADD COLUMN must_change BOOLEAN NOT NULL DEFAULT FALSE;
