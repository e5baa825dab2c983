-- When a person's session was last used, to within some minutes: every process ends by it what lies unused. Members have none.
ALTER TABLE session ADD COLUMN last_used INTEGER NOT NULL DEFAULT 0;
UPDATE session SET last_used = CAST(strftime('%s', 'now') AS INTEGER);
