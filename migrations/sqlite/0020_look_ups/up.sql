-- Look-ups that read a whole table without these: sessions that ran out are cleared away at every login, those of one
-- person at a new password; the sheet that corrects another, and those of a union; superiors by name at an import.
CREATE INDEX session_expires ON session (expires_at);
CREATE INDEX session_account ON session (account_id);
CREATE INDEX sheet_replaces ON sheet (replaces) WHERE replaces IS NOT NULL;
CREATE INDEX trade_union_name ON trade_union (name);
CREATE INDEX sheet_union ON sheet (union_id);
