DROP TABLE opened_block;
DROP TABLE live_state;
DROP TABLE paper_entry;
DROP TABLE sealed_comment;
DROP TABLE sealed_ballot;
DROP TABLE slip;
