DROP INDEX session_expires;
DROP INDEX session_account;
DROP INDEX sheet_replaces;
DROP INDEX trade_union_name;
DROP INDEX sheet_union;
