-- A password that somebody else chose has to be changed at the first login.
ALTER TABLE account ADD COLUMN must_change INTEGER NOT NULL DEFAULT 0;
