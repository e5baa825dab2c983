DROP INDEX journal_union;
DROP INDEX trade_union_area;
DROP TABLE standing;
