DELETE FROM installation WHERE name = 'sheets_to_read';
