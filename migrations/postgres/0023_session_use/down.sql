ALTER TABLE session DROP COLUMN last_used;
