ALTER TABLE account DROP COLUMN must_change;
