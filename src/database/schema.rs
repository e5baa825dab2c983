//! The tables as diesel sees them, the same for both databases. Column meanings stand in `migrations/`.

diesel::table! {
    trade_union (id) {
        id -> BigInt,
        superior_id -> Nullable<BigInt>,
        path -> Text,
        name -> Text,
        credit_code -> Nullable<Text>,
        category -> Text,
        rule_set -> Text,
    }
}

diesel::table! {
    account (id) {
        id -> BigInt,
        username -> Text,
        password_hash -> Text,
        role -> Text,
        union_id -> BigInt,
        name -> Text,
        active -> Bool,
        must_change -> Bool,
    }
}

diesel::table! {
    session (token_hash) {
        token_hash -> Binary,
        account_id -> BigInt,
        expires_at -> BigInt,
        last_used -> BigInt,
    }
}

diesel::table! {
    poll (id) {
        id -> BigInt,
        tag -> Text,
        union_id -> BigInt,
        year -> Integer,
        category -> Text,
        rule_set_id -> Text,
        rule_set_version -> Text,
        rule_set_digest -> Text,
        paper -> Text,
        facts -> Text,
        phase -> Text,
        phase_data -> Text,
        version -> BigInt,
    }
}

diesel::table! {
    statement (poll_id, kind) {
        poll_id -> BigInt,
        kind -> Text,
        body -> Text,
    }
}

diesel::table! {
    sheet (id) {
        id -> Text,
        poll_id -> BigInt,
        union_id -> BigInt,
        year -> Integer,
        body -> Text,
        replaces -> Nullable<Text>,
    }
}

diesel::table! {
    journal (id) {
        id -> BigInt,
        at -> BigInt,
        account_id -> Nullable<BigInt>,
        union_id -> Nullable<BigInt>,
        poll_id -> Nullable<BigInt>,
        action -> Text,
        detail -> Text,
    }
}

diesel::table! {
    slip (poll_id, digest) {
        poll_id -> BigInt,
        digest -> Binary,
        state -> SmallInt,
    }
}

diesel::table! {
    slip_packet (poll_id, id) {
        poll_id -> BigInt,
        id -> Binary,
        sealed -> Binary,
    }
}

diesel::table! {
    sealed_ballot (poll_id, box_id) {
        poll_id -> BigInt,
        box_id -> Binary,
        sealed -> Binary,
    }
}

diesel::table! {
    sealed_comment (poll_id, id) {
        poll_id -> BigInt,
        id -> Binary,
        sealed -> Binary,
    }
}

diesel::table! {
    paper_entry (poll_id, digest, teller) {
        poll_id -> BigInt,
        digest -> Binary,
        teller -> SmallInt,
        sealed -> Binary,
    }
}

diesel::table! {
    live_state (poll_id) {
        poll_id -> BigInt,
        count -> BigInt,
        tally -> Text,
    }
}

diesel::table! {
    halt (poll_id) {
        poll_id -> BigInt,
        reason -> Text,
    }
}

diesel::table! {
    opened_block (poll_id, kind) {
        poll_id -> BigInt,
        kind -> Text,
        body -> Binary,
    }
}

// `current`: of the rounds of one union in one year the newest certified one; where none is certified, the newest that is
// not void; where all are void, the newest (`super::standing`). The comment in migration 0004 leaves out the first.
diesel::table! {
    standing (poll_id) {
        poll_id -> BigInt,
        union_id -> BigInt,
        year -> Integer,
        current -> Bool,
        path -> Text,
        class -> Integer,
        grassroots -> Bool,
        waits -> SmallInt,
        moved -> BigInt,
        expected -> BigInt,
        present -> Nullable<BigInt>,
        issued -> Nullable<BigInt>,
        returned -> Nullable<BigInt>,
        valid -> Nullable<BigInt>,
        sheet_id -> Nullable<Text>,
        numerator -> Nullable<BigInt>,
        base -> Nullable<BigInt>,
        threshold_num -> Nullable<BigInt>,
        threshold_den -> Nullable<BigInt>,
        rate -> Integer,
        turnout -> Integer,
    }
}

diesel::table! {
    rectification (poll_id) {
        poll_id -> BigInt,
        year -> Integer,
        path -> Text,
        due -> Text,
        state -> SmallInt,
        report -> Nullable<Text>,
        done_on -> Nullable<Text>,
        reported_on -> Nullable<Text>,
        note -> Nullable<Text>,
        noted_on -> Nullable<Text>,
        version -> BigInt,
        stage -> SmallInt,
    }
}

diesel::table! {
    title (id) {
        id -> BigInt,
        union_id -> BigInt,
        path -> Text,
        label -> Text,
        tier -> Text,
        named_by -> Text,
        given_on -> Text,
        confirmed_on -> Nullable<Text>,
        state -> SmallInt,
        due -> Text,
        failed_on -> Nullable<Text>,
        ending -> Nullable<Text>,
        reason -> Nullable<Text>,
        evaluation -> SmallInt,
        version -> BigInt,
    }
}

diesel::table! {
    relocation (state) {
        state -> Text,
    }
}

diesel::table! {
    installation (name) {
        name -> Text,
        value -> Text,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    trade_union,
    account,
    session,
    poll,
    statement,
    sheet,
    journal,
    standing,
    rectification,
    title
);
