ALTER TABLE slip RESET (fillfactor);
DROP TABLE installation;
