-- A file has no functions; the same there is in src/ballot_box/sqlite.rs.
SELECT 1;
