//! The store beside the ballot box: unions, people, sessions, rounds, sheets, statements, the journal.

use diesel::prelude::*;
use pingjia::database::schema::{journal as written, rectification};
use pingjia::database::{AnyConnection, DatabaseError};
use pingjia::domain::account::{Account, Role};
use pingjia::domain::digest::Digest;
use pingjia::domain::ids::{SheetId, UnionId};
use pingjia::domain::paper::Paper;
use pingjia::domain::poll::{Approval, Phase, Poll, Refusal};
use pingjia::domain::spot_check::Draw;
use pingjia::domain::standing::Stage;
use pingjia::domain::union::{Category, Union};
use pingjia::domain::verdict::Verdict;
use pingjia::store::accounts::{self, NewAccount, PasswordDigest};
use pingjia::store::polls::NewPoll;
use pingjia::store::rollup::{self, After, Filter, Sort};
use pingjia::store::sessions::{self, LIFETIME, Session, SessionToken};
use pingjia::store::sheets::{self, StoredSheet};
use pingjia::store::spot_checks::{self, Record};
use pingjia::store::unions::{self, NewUnion};
use pingjia::store::{By, StoreError, journal, polls, statements};
use time::Duration;

use crate::support::installation::Installation;
use crate::support::round::{self, NOW};

on_both!(
    subtrees_are_ranges_of_paths,
    a_union_is_corrected_and_found_by_its_name,
    no_union_below_a_union_that_does_not_exist,
    a_union_is_put_above_a_whole_tree,
    accounts_are_created_once,
    a_new_password_ends_every_session,
    sessions_run_out_and_end,
    the_use_of_a_session_is_noted,
    a_round_is_read_as_it_was_written_and_moves_once,
    a_draft_is_revised_until_it_was_sent_up,
    a_tag_is_given_once,
    sheets_name_those_they_correct,
    a_statement_takes_the_place_of_the_one_before,
    the_journal_is_read_by_round,
    nobody_hides_what_was_done_to_accounts_behind_own_passwords,
    every_draw_can_be_opened_by_the_union_that_drew,
);

pub const BY: By = By { account: None, at: NOW };

/// One write transaction in which nothing may go wrong.
pub fn write<T>(house: &Installation, work: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError>) -> T {
    house.database().write(work).unwrap()
}

pub fn new_union(superior: Option<&Union>, name: &str) -> NewUnion {
    NewUnion {
        superior: superior.map(|union| union.id),
        name: name.to_owned(),
        credit_code: None,
        category: Category::Enterprise,
        rule_set: "qingdao-2020".to_owned(),
    }
}

pub fn union(c: &mut AnyConnection, superior: Option<&Union>, name: &str) -> Result<Union, StoreError> {
    unions::create(c, &new_union(superior, name), BY)
}

fn password() -> PasswordDigest {
    PasswordDigest::of("正确的密码12", &[7; 16]).unwrap()
}

pub fn account(c: &mut AnyConnection, union: UnionId, role: Role, username: &str) -> Result<Account, StoreError> {
    let new = NewAccount { username: username.to_owned(), role, union, name: format!("{username}本人") };
    accounts::create(c, &new, &password(), BY)
}

/// A round of this union; `tag` is what its tag is made of.
pub fn poll(c: &mut AnyConnection, union: &Union, tag: u32) -> Result<Poll, StoreError> {
    let facts = round::facts();
    let rule_set = round::rule_set();
    let (category, paper) = (union.category, round::paper(true));
    polls::create(c, &NewPoll { union: union.id, year: 2026, category, rule_set, paper, facts }, || tag, BY)
}

fn subtrees_are_ranges_of_paths(house: &Installation) {
    write(house, |c| {
        let root = union(c, None, "市总工会")?;
        let heads: Vec<Union> = (0..12).map(|n| union(c, Some(&root), &format!("区{n}"))).collect::<Result<_, _>>()?;
        let leaf = union(c, Some(&heads[1]), "企业")?;
        // Ids 2 and 13 share a beginning; their subtrees must not.
        assert_eq!(unions::below(c, &heads[0].path, 100)?, [heads[0].clone()]);
        assert_eq!(unions::below(c, &heads[1].path, 100)?, [heads[1].clone(), leaf.clone()]);
        assert_eq!(
            unions::below(c, &root.path, 3)?,
            [&root, &heads[8], &heads[9]].map(Clone::clone),
            "by path, cut off"
        );
        assert_eq!((unions::count_below(c, &root.path)?, unions::count_below(c, &leaf.path)?), (14, 1));
        assert_eq!(unions::lineage(c, &leaf)?, [&root, &heads[1], &leaf].map(Clone::clone));
        let asked = [root.id, heads[0].id, heads[1].id, leaf.id];
        let mut above = unions::with_unions_below(c, &asked)?;
        above.sort_unstable();
        assert_eq!(above, [root.id, heads[1].id]);
        assert_eq!((unions::load(c, leaf.id)?, unions::load(c, UnionId(99))?), (Some(leaf), None));
        Ok(())
    });
}

fn a_union_is_corrected_and_found_by_its_name(house: &Installation) {
    write(house, |c| {
        let (root, foreign) = (union(c, None, "市总工会")?, union(c, None, "外市")?);
        let (one, two) = (union(c, Some(&root), "甲厂工会")?, union(c, Some(&root), "乙厂工会")?);
        union(c, Some(&foreign), "甲厂工会")?;
        let code = Some("91370200MA3C00000X".to_owned());
        let corrected =
            Union { name: "甲联合工会".into(), credit_code: code, category: Category::JointUnion, ..one.clone() };
        unions::edit(c, &one, &corrected, BY)?;
        let stale = Union { name: "甲总工会".into(), ..one.clone() };
        assert!(
            matches!(unions::edit(c, &one, &stale, BY), Err(StoreError::Stale)),
            "it is not as it was known any more"
        );
        assert_eq!(unions::load(c, one.id)?, Some(corrected.clone()));
        let mut names: Vec<String> = (0..600).map(|n| format!("没有的{n}")).collect();
        names.extend(["甲厂工会", "乙厂工会", "甲联合工会"].map(str::to_owned));
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(unions::named(c, &root.path, &names)?, [corrected, two], "in this area, in the order of the tree");
        let edits = written::table.filter(written::union_id.eq(one.id.0)).filter(written::action.eq("union.edit"));
        let lines: Vec<String> = edits.select(written::detail).load(c)?;
        assert!(matches!(&lines[..], [line] if line.contains("甲厂工会") && line.contains("甲联合工会")));
        let nowhere = Union { id: UnionId(99), ..one };
        assert!(matches!(unions::edit(c, &nowhere, &nowhere, BY), Err(StoreError::NoSuchUnion)));
        Ok(())
    });
}

fn a_union_is_put_above_a_whole_tree(house: &Installation) {
    write(house, |c| {
        let foreign = union(c, None, "外市")?;
        let root = union(c, None, "甲集团工会")?;
        let leaf = union(c, Some(&root), "乙厂工会")?;
        let round = poll(c, &leaf, 7)?;
        super::rollup::certify_with(c, &round, |sheet| sheet.assessment.verdict = Verdict::NotMet)?;
        let new = NewUnion { category: Category::GeneralUnion, ..new_union(None, "市总工会") };
        let above = unions::create_above(c, &root, &new, BY)?;
        let tree = unions::below(c, &above.path, 9)?;
        let placed = |union: &Union, path: &str| Union { path: format!("{path}{}/", union.id), ..union.clone() };
        let moved_root = Union { superior: Some(above.id), ..placed(&root, &above.path) };
        let moved_leaf = placed(&leaf, &moved_root.path);
        assert_eq!(tree, [above.clone(), moved_root.clone(), moved_leaf.clone()]);
        assert_eq!(unions::below(c, &root.path, 9)?, [], "nothing stayed behind");
        assert_eq!(unions::roots(c)?, [foreign.clone(), above.clone()]);
        // What the pages of those above rest on has moved with it.
        let certified = Filter { stage: Some(Stage::Certified), ..Filter::default() };
        let shown = rollup::page(c, &above.path, 2026, &certified, Sort::Tree, &After::default(), 9)?;
        assert_eq!(
            shown.iter().map(|line| line.union.id).collect::<Vec<_>>(),
            [leaf.id],
            "by the path of its standing"
        );
        assert_eq!(rollup::waiting_counts(c, &above.path)?, (0, 1));
        let paths: Vec<String> = rectification::table.select(rectification::path).load(c)?;
        assert_eq!(paths, [moved_leaf.path]);
        let later = union(c, Some(&root), "丙厂工会")?;
        assert!(later.path.starts_with(&moved_root.path), "below whatever is known of the tree by now");
        assert!(matches!(unions::create_above(c, &root, &new, BY), Err(StoreError::Stale)), "once");
        Ok(())
    });
}

fn no_union_below_a_union_that_does_not_exist(house: &Installation) {
    let nowhere = NewUnion { superior: Some(UnionId(99)), ..new_union(None, "无") };
    let made = house.database().write(|c| unions::create(c, &nowhere, BY));
    assert!(matches!(made, Err(StoreError::NoSuchUnion)));
}

fn accounts_are_created_once(house: &Installation) {
    let (home, zhang) = write(house, |c| {
        let home = union(c, None, "某工会")?;
        let zhang = account(c, home.id, Role::Chair, "zhang")?;
        let teller = account(c, home.id, Role::Teller, "li")?;
        let (found, stored) = accounts::by_username(c, "zhang")?.unwrap();
        assert!(found == zhang && stored.fits("正确的密码12") && !stored.fits("正确的密码13"));
        assert!(accounts::by_username(c, "Zhang")?.is_none(), "as it was written");
        assert_eq!(accounts::of_union(c, home.id)?, [zhang.clone(), teller.clone()], "by role");
        assert_eq!(accounts::names(c, &[teller.id, zhang.id])?, ["zhang本人", "li本人"]);
        accounts::set_active(c, &zhang, false, BY)?;
        assert!(matches!(accounts::set_active(c, &zhang, false, BY), Err(StoreError::Stale)));
        assert_eq!(accounts::load(c, zhang.id)?.map(|account| account.active), Some(false));
        accounts::expire_password(c, teller.id)?;
        assert_eq!(accounts::load(c, teller.id)?.map(|account| account.must_change), Some(true));
        Ok((home, zhang))
    });
    let again = house.database().write(|c| account(c, home.id, Role::Chair, &zhang.username));
    assert!(matches!(again, Err(StoreError::UsernameTaken)));
}

fn a_new_password_ends_every_session(house: &Installation) {
    write(house, |c| {
        let home = union(c, None, "某工会")?;
        let (zhang, li) = (account(c, home.id, Role::Chair, "zhang")?, account(c, home.id, Role::Teller, "li")?);
        let tokens = [1, 2, 3].map(|n| SessionToken::new([n; 32]));
        for (token, who) in tokens.iter().zip([&zhang, &zhang, &li]) {
            sessions::create(c, who, token, NOW)?;
        }
        accounts::expire_password(c, zhang.id)?;
        accounts::set_password(c, &zhang, &PasswordDigest::of("新的密码123", &[8; 16])?, BY)?;
        let signed_in: Vec<bool> = tokens
            .iter()
            .map(|token| Ok(sessions::load(c, token, NOW)?.is_some()))
            .collect::<Result<_, DatabaseError>>()?;
        assert_eq!(signed_in, [false, false, true]);
        let (now, stored) = accounts::by_username(c, "zhang")?.unwrap();
        assert!(!now.must_change && stored.fits("新的密码123") && !stored.fits("正确的密码12"));
        Ok(())
    });
}

fn sessions_run_out_and_end(house: &Installation) {
    write(house, |c| {
        let home = union(c, None, "某工会")?;
        let who = account(c, home.id, Role::Chair, "li")?;
        let (token, other) = (SessionToken::new([1; 32]), SessionToken::new([2; 32]));
        sessions::create(c, &who, &token, NOW)?;
        let session = Session { account: who.clone(), union: home, last_used: NOW };
        assert_eq!(sessions::load(c, &token, NOW)?, Some(session));
        assert!(sessions::load(c, &other, NOW)?.is_none(), "another token is nobody");
        assert!(sessions::load(c, &token, NOW + LIFETIME)?.is_none(), "a session runs out");
        sessions::create(c, &who, &other, NOW + LIFETIME * 2)?;
        assert!(sessions::load(c, &token, NOW)?.is_none(), "and is cleared away at the next login");
        sessions::end(c, &who, &other, NOW)?;
        assert!(sessions::load(c, &other, NOW)?.is_none(), "a session ends");
        sessions::create(c, &who, &token, NOW)?;
        accounts::set_active(c, &who, false, BY)?;
        assert!(sessions::load(c, &token, NOW)?.is_none(), "a person struck off is signed out");
        Ok(())
    });
}

fn the_use_of_a_session_is_noted(house: &Installation) {
    write(house, |c| {
        let home = union(c, None, "某工会")?;
        let who = account(c, home.id, Role::Chair, "li")?;
        let (token, other) = (SessionToken::new([1; 32]), SessionToken::new([2; 32]));
        sessions::create(c, &who, &token, NOW)?;
        sessions::create(c, &who, &other, NOW)?;
        let later = NOW + Duration::minutes(10);
        let noted = |c: &mut AnyConnection, token: &SessionToken| sessions::load(c, token, later).unwrap().unwrap();
        assert!(noted(c, &token).is_to_be_noted(later) && !noted(c, &token).is_to_be_noted(later - Duration::SECOND));
        sessions::note_use(c, &token, later)?;
        sessions::note_use(c, &token, NOW)?;
        assert_eq!((noted(c, &token).last_used, noted(c, &other).last_used), (later, NOW), "and never goes back");
        Ok(())
    });
}

fn a_round_is_read_as_it_was_written_and_moves_once(house: &Installation) {
    write(house, |c| {
        let home = union(c, None, "某工会")?;
        let (first, second) = (poll(c, &home, 5)?, poll(c, &home, 6)?);
        assert_eq!(polls::load(c, first.id)?, Some(first.clone()));
        assert_eq!(polls::by_tag(c, first.tag)?, Some(first.clone()));
        assert_eq!(polls::of_union(c, home.id)?, [second, first.clone()], "newest first");
        polls::advance(c, &first, "poll.ask", "", BY, Phase::ask_approval)?;
        let again = polls::advance(c, &first, "poll.ask", "", BY, Phase::ask_approval);
        assert!(matches!(again, Err(StoreError::Stale)), "whoever saw the old version is too late");
        let asked = polls::load(c, first.id)?.unwrap();
        assert!(matches!(asked.phase, Phase::Draft { approval: Approval::Asked, .. }));
        let refused = polls::advance(c, &asked, "poll.ask", "", BY, Phase::ask_approval);
        assert!(matches!(refused, Err(StoreError::Refused(_))));
        let lines: Vec<String> = journal::of_poll(c, first.id, 0)?.0.into_iter().map(|line| line.action).collect();
        assert_eq!(lines, ["poll.ask", "poll.create"], "what was refused leaves no line");
        Ok(())
    });
}

fn a_draft_is_revised_until_it_was_sent_up(house: &Installation) {
    write(house, |c| {
        let home = union(c, None, "某工会")?;
        let draft = poll(c, &home, 5)?;
        let mut facts = draft.facts.clone();
        facts.title = "改过的题目".into();
        let paper = Paper { comment: false, ..draft.paper.clone() };
        polls::revise(c, &draft, &facts, &paper, BY)?;
        assert!(matches!(polls::revise(c, &draft, &facts, &paper, BY), Err(StoreError::Stale)));
        let revised = polls::load(c, draft.id)?.unwrap();
        assert_eq!((&revised.facts, &revised.paper), (&facts, &paper));
        polls::advance(c, &revised, "poll.ask", "", BY, Phase::ask_approval)?;
        let asked = polls::load(c, draft.id)?.unwrap();
        let late = polls::revise(c, &asked, &facts, &paper, BY);
        assert!(matches!(late, Err(StoreError::Refused(Refusal::WrongPhase))));
        Ok(())
    });
}

fn a_tag_is_given_once(house: &Installation) {
    write(house, |c| {
        let home = union(c, None, "某工会")?;
        let first = poll(c, &home, 5)?;
        let mut draws = [5, 5, 6].into_iter();
        let (category, rule_set, paper, facts) =
            (first.category, first.rule_set.clone(), first.paper.clone(), first.facts.clone());
        let new = NewPoll { union: home.id, year: 2026, category, rule_set, paper, facts };
        let second = polls::create(c, &new, || draws.next().unwrap(), BY)?;
        assert!(first.tag != second.tag && draws.next().is_none(), "drawn until one is free");
        Ok(())
    });
}

fn sheets_name_those_they_correct(house: &Installation) {
    let stored = write(house, |c| {
        let home = union(c, None, "某工会")?;
        let of = poll(c, &home, 5)?;
        let sheet = |n: u8, replaces: Option<SheetId>| StoredSheet {
            id: SheetId::of(&Digest([n; 32])),
            poll: of.id,
            union: home.id,
            year: 2026,
            body: format!("{{\"n\":{n},\"名\":\"报告单\"}}"),
            replaces,
        };
        let first = sheet(1, None);
        let second = sheet(2, Some(first.id.clone()));
        sheets::insert(c, &first)?;
        sheets::insert(c, &second)?;
        assert_eq!(sheets::load(c, &second.id)?, Some(second.clone()), "byte for byte");
        assert_eq!(sheets::successor(c, &first.id)?, Some(second.id.clone()));
        assert_eq!((sheets::successor(c, &second.id)?, sheets::load(c, &sheet(3, None).id)?), (None, None));
        let mut both = vec![first.clone(), second];
        both.sort_by(|one, other| one.id.cmp(&other.id));
        assert_eq!(sheets::of_poll(c, of.id)?, both);
        Ok(first)
    });
    let twice = house.database().write(|c| sheets::insert(c, &stored));
    assert!(matches!(twice, Err(StoreError::Database(_))), "a sheet is never replaced");
}

fn a_statement_takes_the_place_of_the_one_before(house: &Installation) {
    write(house, |c| {
        let home = union(c, None, "某工会")?;
        let of = poll(c, &home, 5)?;
        let opinion = statements::opinion_on(&SheetId::of(&Digest([1; 32])));
        for (kind, body) in [(statements::OPENING, "一"), (statements::OPENING, "二"), (opinion.as_str(), "三")] {
            statements::put(c, of.id, kind, body)?;
        }
        assert_eq!(statements::load(c, of.id, statements::OPENING)?.as_deref(), Some("二"));
        assert_eq!(statements::load(c, of.id, &opinion)?.as_deref(), Some("三"));
        Ok(())
    });
}

fn nobody_hides_what_was_done_to_accounts_behind_own_passwords(house: &Installation) {
    write(house, |c| {
        let home = union(c, None, "某工会")?;
        let (chair, of) = (account(c, home.id, Role::Chair, "zhang")?, poll(c, &home, 5)?);
        let by = By { account: Some(chair.id), at: NOW };
        polls::note(c, &of, "poll.approve", "", BY)?;
        accounts::create(
            c,
            &NewAccount { username: "li".to_owned(), role: Role::Teller, union: home.id, name: "李四".to_owned() },
            &password(),
            by,
        )?;
        for _ in 0..120 {
            accounts::set_password(c, &chair, &password(), by)?;
        }
        let lines = journal::of_accounts(c, &of)?;
        assert_eq!(lines.len(), 101);
        assert_eq!(lines.iter().filter(|line| line.is_own_password()).count(), 100);
        assert_eq!(lines.last().map(|line| line.line.action.as_str()), Some("account.create"));
        Ok(())
    });
}

fn the_journal_is_read_by_round(house: &Installation) {
    write(house, |c| {
        let home = union(c, None, "某工会")?;
        let (zhang, li) = (account(c, home.id, Role::Chair, "zhang")?, account(c, home.id, Role::Teller, "li")?);
        let of = poll(c, &home, 5)?;
        for (who, action, detail) in [(&zhang, "poll.a", "1"), (&li, "poll.a", "2"), (&zhang, "poll.b", "3")] {
            polls::note(c, &of, action, detail, By { account: Some(who.id), at: NOW })?;
        }
        let (mut lines, place) = journal::of_poll(c, of.id, 0)?;
        assert_eq!((place.newer, place.total, place.next()), (0, 4, None));
        assert_eq!(lines.pop().map(|line| line.who), Some(None), "nobody's doing");
        let of_line = |line: &journal::Line| (line.who.clone().unwrap(), line.detail.clone());
        let said: Vec<(String, String)> = lines.iter().map(of_line).collect();
        let expected = [("zhang本人", "3"), ("li本人", "2"), ("zhang本人", "1")];
        assert_eq!(said, expected.map(|(who, detail)| (who.to_owned(), detail.to_owned())), "newest first");
        assert!(lines.iter().all(|line| line.at == NOW));
        assert_eq!(journal::doers(c, of.id, "poll.a")?, [(zhang.id, "1".to_owned()), (li.id, "2".to_owned())]);
        // However many lines somebody adds, the old ones can be turned to.
        for _ in 0..200 {
            polls::note(c, &of, "poll.c", "", By { account: Some(li.id), at: NOW })?;
        }
        let (lines, place) = journal::of_poll(c, of.id, 0)?;
        assert!(lines.len() == 200 && lines.iter().all(|line| line.action == "poll.c"));
        let (lines, last) = journal::of_poll(c, of.id, place.next().unwrap())?;
        assert_eq!((lines.len(), last.newer, last.total, last.next()), (4, 200, 204, None));
        assert_eq!(journal::of_poll(c, of.id, i64::MAX)?.0, [], "beyond the end");
        assert_eq!(journal::of_poll(c, of.id, -1)?.1, place);
        Ok(())
    });
}

fn every_draw_can_be_opened_by_the_union_that_drew(house: &Installation) {
    write(house, |c| {
        let (own, foreign) = (union(c, None, "甲区总工会")?, union(c, None, "乙区总工会")?);
        let who = account(c, own.id, Role::Superior, "zhang")?;
        let by = By { account: Some(who.id), at: NOW };
        let draw = |n: usize| Draw::new(n.to_string(), 2026, false, vec![(1, "甲厂工会".to_owned())], 1);
        let mut ids = Vec::new();
        for n in 0..7 {
            ids.push(spot_checks::create(c, own.id, &draw(n), by)?);
        }
        for (n, id) in ids.iter().enumerate() {
            let record = Record { id: *id, at: NOW, who: Some("zhang本人".to_owned()), draw: draw(n) };
            assert_eq!(spot_checks::load(c, own.id, *id)?, Some(record), "however many came after it");
            assert_eq!(spot_checks::load(c, foreign.id, *id)?, None);
        }
        let newest = spot_checks::newest(c, own.id, 2)?;
        assert_eq!(newest.iter().map(|record| record.id).collect::<Vec<_>>(), [ids[6], ids[5]]);
        let other: i64 = written::table.filter(written::action.eq("account.create")).select(written::id).first(c)?;
        assert_eq!(spot_checks::load(c, own.id, other)?, None, "another line of the journal is no draw");
        Ok(())
    });
}
