DROP TABLE journal;
DROP TABLE sheet;
DROP TABLE statement;
DROP TABLE poll;
DROP TABLE session;
DROP TABLE account;
DROP TABLE trade_union;
