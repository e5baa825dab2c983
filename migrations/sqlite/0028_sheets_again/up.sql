-- The rate that decided is read off the sheets anew at the next start (src/database/reading.rs): of a round that applied for a
-- tier it was another, and a void round has none.
INSERT INTO installation (name, value)
SELECT 'sheets_to_read', '0' WHERE EXISTS (SELECT 1 FROM standing WHERE sheet_id IS NOT NULL)
ON CONFLICT (name) DO UPDATE SET value = '0';
