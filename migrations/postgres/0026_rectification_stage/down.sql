DELETE FROM installation WHERE name = 'sheets_to_read';
DROP INDEX rectification_list;
ALTER TABLE rectification DROP COLUMN stage;
CREATE INDEX rectification_list ON rectification (state, due, poll_id, path, year);
