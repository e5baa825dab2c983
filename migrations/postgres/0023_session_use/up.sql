-- When a person's session was last used, to within some minutes: every process ends by it what lies unused. Members have none.
ALTER TABLE session ADD COLUMN last_used BIGINT NOT NULL DEFAULT 0;
UPDATE session SET last_used = extract(epoch FROM now())::bigint;
