-- Whether this database may be served: empty for one that may. `pingjia move` puts 'arriving' here while it fills a
-- database, and 'left' into the one whose data went elsewhere.
CREATE TABLE relocation (
    state TEXT PRIMARY KEY NOT NULL
) STRICT, WITHOUT ROWID;
