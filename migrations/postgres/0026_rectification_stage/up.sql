-- The stage of the round, by the number that its class begins with (src/domain/standing.rs): as long as the union above has
-- returned the sheet nothing is overdue, and before it has accepted it nothing waits for the check.
ALTER TABLE rectification ADD COLUMN stage SMALLINT NOT NULL DEFAULT 8;
UPDATE rectification SET stage =
    COALESCE((SELECT class / 1000 FROM standing WHERE standing.poll_id = rectification.poll_id), 8);
DROP INDEX rectification_list;
CREATE INDEX rectification_list ON rectification (state, due, poll_id, path, year, stage);

-- What an older program read off the sheets is read anew at the next start (src/database/reading.rs): sheets of the rounds
-- behind this one.
INSERT INTO installation (name, value)
SELECT 'sheets_to_read', '0' WHERE EXISTS (SELECT 1 FROM standing WHERE sheet_id IS NOT NULL)
ON CONFLICT DO NOTHING;
