//! The tables of the database, as tests ask for them by name.

/// Those that grow with unions, rounds or ballots.
pub const BIG: [&str; 15] = [
    "trade_union",
    "account",
    "session",
    "poll",
    "statement",
    "sheet",
    "journal",
    "slip",
    "sealed_ballot",
    "sealed_comment",
    "paper_entry",
    "opened_block",
    "standing",
    "rectification",
    "title",
];
