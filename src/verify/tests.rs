//! True sheets hold, and whatever was changed in one is noticed.

use std::io::Cursor;
use std::sync::LazyLock;

use super::*;
use crate::domain::count::Count;
use crate::domain::digest::Digest;
use crate::domain::jws::SecretKey;
use crate::domain::jws::tests::keys;
use crate::domain::openings::OpeningBlock;
use crate::domain::openings_file;
use crate::domain::poll::{Assembly, Phase, RuleSetRef};
use crate::domain::rules::RuleSet;
use crate::domain::sheet::Certification;
use crate::domain::sheet::sample::{OWN_TIER, Sample, issuer};
use crate::domain::sheet::{Judgement, judge, judge_as_at_first};
use crate::domain::statement::OpinionStatement;
use crate::domain::union::Union;
use crate::domain::verdict::Fraction;

struct Files {
    sample: Sample,
    sheet: String,
    openings: Vec<u8>,
    keys: KeySet,
}

fn files() -> Files {
    let [ed25519, sm2] = keys();
    let (sample, keys) = (Sample::new(), [&ed25519, &sm2]);
    let payload = sample.sheet(&keys);
    let mut openings = Vec::new();
    let mut blocks = sample.blocks.clone().into_iter();
    let digest = payload.digest().unwrap();
    let next = |_: &_| Ok(blocks.next().unwrap());
    openings_file::write(&mut openings, &digest, &sample.poll.paper, next, &sample.receipts).unwrap();
    let trusted = KeySet::of(keys.map(|key| key.public().clone()).to_vec());
    let sheet = Statement::sign(&payload, &keys).unwrap();
    Files { sample, sheet, openings, keys: trusted }
}

static REGISTRY: LazyLock<RuleRegistry> = LazyLock::new(|| RuleRegistry::embedded().unwrap());

fn run(document: &[u8], keys: Option<&KeySet>, openings: Option<&[u8]>) -> Result<Report, Unreadable> {
    let mut openings = openings.map(Cursor::new);
    let openings = openings.as_mut().map(|bytes| bytes as &mut dyn OpeningsFile);
    // The sample names rule sets of its own making.
    let registry = &RuleRegistry::default();
    verify(Request { keys, openings, ..Request::of(document, registry) })
}

fn conclusion(document: &[u8], keys: Option<&KeySet>, openings: Option<&[u8]>) -> Option<Conclusion> {
    run(document, keys, openings).ok().map(|report| report.conclusion)
}

#[test]
fn a_name_that_changed_since_the_opening_is_pointed_out() {
    let [ed25519, _] = keys();
    let sample = Sample::new();
    let other = Union { name: "别的工会".to_owned(), ..sample.union.clone() };
    let said = |union: &Union| {
        let sheet = SheetPayload::build(Certification { union, ..sample.certification(&[&ed25519]) }).unwrap();
        let document = Statement::sign(&sheet, &[&ed25519]).unwrap();
        let report = run(document.as_bytes(), None, None).unwrap();
        assert_eq!(report.conclusion, Conclusion::Untrusted, "names may be corrected");
        report.lines.iter().any(|line| matches!(line, Line::Note(text) if text.contains("是不是改过名")))
    };
    assert_eq!([said(&sample.union), said(&other)], [false, true]);
}

#[test]
fn a_true_sheet_holds_with_a_key_and_is_untrusted_without() {
    let files = files();
    let sheet = files.sheet.as_bytes();
    let report = run(sheet, Some(&files.keys), Some(&files.openings)).unwrap();
    assert_eq!(report.conclusion, Conclusion::Holds, "{:#?}", report.lines);
    assert_eq!(conclusion(sheet, None, None), Some(Conclusion::Untrusted));
}

#[test]
fn any_changed_byte_is_noticed() {
    let files = files();
    let sheet = files.sheet.as_bytes();
    for place in 0..sheet.len() {
        let mut changed = sheet.to_vec();
        changed[place] ^= 1 << (place % 8);
        let said = conclusion(&changed, None, None);
        assert!(matches!(said, None | Some(Conclusion::Fails)), "byte {place}: {said:?}");
    }
    for more in ["\n", " ", "{}"] {
        assert_eq!(conclusion(format!("{}{more}", files.sheet).as_bytes(), None, None), None);
    }
}

#[test]
fn a_pdf_that_unpacks_without_end_cannot_be_read() {
    use std::io::Write as _;
    let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(&vec![0; 64 << 20]).unwrap();
    let packed = packer.finish().unwrap();
    let head = b"%PDF-1.7\n1 0 obj\n<</Type/EmbeddedFile/Filter/FlateDecode>>\nstream\n";
    let bomb = [&head[..], &packed, b"\nendstream\nendobj\n"].concat();
    assert!(matches!(run(&bomb, None, None), Err(Unreadable::TooLarge(_))));
}

#[test]
fn the_pdf_is_verified_as_well() {
    let files = files();
    let pdf = crate::render::sheet_document::sheet_pdf(files.sheet.as_bytes(), None).unwrap();
    let report = run(&pdf, Some(&files.keys), Some(&files.openings)).unwrap();
    assert_eq!(report.conclusion, Conclusion::Holds, "{:#?}", report.lines);
    // One byte in every thousand: none may pass.
    for place in (10..pdf.len()).step_by(1000) {
        let mut changed = pdf.clone();
        changed[place] ^= 1;
        let said = conclusion(&changed, Some(&files.keys), None);
        assert!(matches!(said, None | Some(Conclusion::Fails)), "byte {place}: {said:?}");
    }
}

#[test]
fn a_sheet_by_another_key_fails() {
    let files = files();
    let forger = SecretKey::ed25519(ed25519_dalek::SigningKey::from_bytes(&[9; 32]));
    let foreign = Statement::sign(&files.sample.sheet(&[&forger]), &[&forger]).unwrap();
    assert_eq!(conclusion(foreign.as_bytes(), Some(&files.keys), None), Some(Conclusion::Fails));
    // The issuer's sheet with a foreign opening statement.
    let [ed25519, _] = keys();
    let opening_statement = Statement::sign(&files.sample.opening_statement(&[&forger]), &[&forger]).unwrap();
    let with = Certification { opening_statement, ..files.sample.certification(&[&ed25519]) };
    let sheet = Statement::sign(&SheetPayload::build(with).unwrap(), &[&ed25519]).unwrap();
    assert_eq!(conclusion(sheet.as_bytes(), Some(&files.keys), None), Some(Conclusion::Fails));
    assert_eq!(conclusion(sheet.as_bytes(), None, None), Some(Conclusion::Untrusted));
}

#[test]
fn the_sheet_embeds_the_opening_statement_that_was_received() {
    use crate::domain::statement::OpeningStatement;
    let files = files();
    let [ed25519, sm2] = keys();
    let (own, registry) = ([&ed25519, &sm2], RuleRegistry::default());
    let stated = files.sample.opening_statement(&own);
    let with = |received: &str| {
        let opening = Some(received.as_bytes());
        verify(Request { keys: Some(&files.keys), opening, ..Request::of(files.sheet.as_bytes(), &registry) })
    };
    let received = Statement::sign(&stated, &own).unwrap();
    let report = with(&received).unwrap();
    assert_eq!(report.conclusion, Conclusion::Holds, "{:#?}", report.lines);
    let said = format!("{:?}", report.lines);
    assert!(said.contains(&stated.roll_root.to_string()) && said.contains("收到的开箱声明逐字节一致"), "{said}");
    // Another roll, the same statement by fewer keys, by a stranger, and with a signature broken.
    let other = OpeningStatement { roll_root: Digest::sha256(b"another roll"), ..stated.clone() };
    let fewer = OpeningStatement { issuer: issuer(&[&ed25519]), ..stated.clone() };
    let stranger = SecretKey::ed25519(ed25519_dalek::SigningKey::from_bytes(&[9; 32]));
    let foreign = OpeningStatement { issuer: issuer(&[&stranger]), ..stated };
    let mut forged: serde_json::Value = serde_json::from_str(&received).unwrap();
    forged["signatures"][0]["signature"] = forged["signatures"][0]["protected"].clone();
    for (place, document) in [
        Statement::sign(&other, &own).unwrap(),
        Statement::sign(&fewer, &[&ed25519]).unwrap(),
        Statement::sign(&foreign, &[&stranger]).unwrap(),
        crate::domain::canonical::to_string(&forged).unwrap(),
    ]
    .iter()
    .enumerate()
    {
        assert_eq!(with(document).unwrap().conclusion, Conclusion::Fails, "{place}");
    }
    assert!(matches!(with("{}"), Err(Unreadable::Opening(_))));
    assert!(matches!(with(&files.sheet), Err(Unreadable::OtherStatement(_))));
    assert!(matches!(run(received.as_bytes(), None, None), Err(Unreadable::OnlyOpening)));
}

#[test]
fn a_signature_cannot_be_taken_away() {
    let files = files();
    let mut document: serde_json::Value = serde_json::from_str(&files.sheet).unwrap();
    document["signatures"].as_array_mut().unwrap().pop();
    let stripped = crate::domain::canonical::to_string(&document).unwrap();
    assert_eq!(conclusion(stripped.as_bytes(), Some(&files.keys), None), Some(Conclusion::Fails));
}

#[test]
fn figures_that_contradict_each_other_fail_though_signed() {
    let files = files();
    let [ed25519, _] = keys();
    let signed = |change: fn(&mut SheetPayload)| {
        let mut sheet = files.sample.sheet(&[&ed25519]);
        change(&mut sheet);
        conclusion(Statement::sign(&sheet, &[&ed25519]).unwrap().as_bytes(), Some(&files.keys), None)
    };
    assert_eq!(signed(|_| ()), Some(Conclusion::Holds));
    assert_eq!(signed(|sheet| sheet.counts.phone += 1), Some(Conclusion::Fails));
    assert_eq!(signed(|sheet| sheet.assessment.metrics[0].numerator += 1), Some(Conclusion::Fails));
    assert_eq!(signed(|sheet| sheet.proof.roll_root = Digest::sha256(b"x")), Some(Conclusion::Fails));
    assert_eq!(signed(|sheet| sheet.proof.opening_statement.clear()), Some(Conclusion::Fails));
    assert_eq!(signed(|sheet| sheet.issuer = issuer(&[])), Some(Conclusion::Fails));
}

#[test]
fn openings_must_recount_to_the_sheet() {
    let files = files();
    let sheet = files.sheet.as_bytes();
    let said = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut changed: serde_json::Value = serde_json::from_slice(&files.openings).unwrap();
        change(&mut changed);
        conclusion(sheet, Some(&files.keys), Some(changed.to_string().as_bytes()))
    };
    assert_eq!(said(&|_| ()), Some(Conclusion::Holds));
    assert_eq!(said(&|file| file["sheet"] = serde_json::json!(Digest::sha256(b"x"))), Some(Conclusion::Fails));
    let drop_last = |list: &mut serde_json::Value| drop(list.as_array_mut().unwrap().pop());
    assert_eq!(said(&|file| drop_last(&mut file["receipts"])), Some(Conclusion::Fails));
    assert_eq!(said(&|file| drop_last(&mut file["items"][0]["answers"]["satisfied"])), Some(Conclusion::Fails));
    // A vote moved from one answer to another.
    let moved = said(&|file| {
        let answers = &mut file["items"][0]["answers"];
        let vote = answers["dissatisfied"].as_array_mut().unwrap().pop().unwrap();
        let satisfied = answers["satisfied"].as_array_mut().unwrap();
        satisfied.push(vote);
        satisfied.sort_by_key(|vote| data_encoding::BASE64URL_NOPAD.decode(vote.as_str().unwrap().as_bytes()).unwrap());
    });
    assert_eq!(moved, Some(Conclusion::Fails));
    // Out of order, and of a round with another paper.
    assert_eq!(said(&|file| file["receipts"].as_array_mut().unwrap().reverse()), Some(Conclusion::Fails));
    let foreign = said(&|file| {
        drop_last(&mut file["items"]);
        file["sheet"] = serde_json::json!(Digest::sha256(b"x"));
    });
    assert_eq!(foreign, Some(Conclusion::Fails));
    assert_eq!(conclusion(sheet, Some(&files.keys), Some(b"{}")), None);
}

#[test]
fn a_receipt_is_found_with_its_proof() {
    let files = files();
    let said = |receipt: Receipt| {
        let mut openings = Cursor::new(&files.openings[..]);
        verify(Request {
            keys: Some(&files.keys),
            openings: Some(&mut openings),
            receipt: Some(receipt),
            ..Request::of(files.sheet.as_bytes(), &RuleRegistry::default())
        })
        .unwrap()
    };
    for receipt in &files.sample.receipts {
        let report = said(*receipt);
        assert_eq!(report.conclusion, Conclusion::Holds);
        assert!(report.lines.iter().any(|line| matches!(line, Line::Note(text) if text.contains("兄弟节点"))));
    }
    assert_eq!(said(Receipt([7; 15])).conclusion, Conclusion::Fails);
    let registry = RuleRegistry::default();
    let without = Request { receipt: Some(files.sample.receipts[0]), ..Request::of(files.sheet.as_bytes(), &registry) };
    assert!(matches!(verify(without), Err(Unreadable::ReceiptNeedsOpenings)));
}

#[test]
fn a_correction_is_held_against_the_sheet_it_replaces() {
    use crate::domain::account::Role;
    use crate::domain::ids::{AccountId, SheetId};
    use crate::domain::poll::Opinion;
    let Files { mut sample, sheet, .. } = files();
    let [ed25519, _] = keys();
    let first = Statement::parse(sheet.as_bytes()).unwrap().digest();
    let given_on = time::macros::date!(2026 - 09 - 12);
    let opinion = Opinion { accepted: false, text: "重报".to_owned(), by: AccountId(5), given_on };
    sample.poll.phase =
        sample.poll.phase.certify(SheetId::of(&first), &[Role::Scrutineer]).unwrap().report(opinion).unwrap();
    let with = Certification { replaces: Some(first), ..sample.certification(&[&ed25519]) };
    let corrected = Statement::sign(&SheetPayload::build(with).unwrap(), &[&ed25519]).unwrap();
    let against = |replaced: &str| {
        let registry = RuleRegistry::default();
        let replaced = Some(replaced.as_bytes());
        verify(Request { replaced, ..Request::of(corrected.as_bytes(), &registry) }).unwrap().conclusion
    };
    assert_eq!(against(&sheet), Conclusion::Untrusted);
    assert_eq!(against(&corrected), Conclusion::Fails);
}

#[test]
fn an_empty_block_is_not_the_round_s() {
    let files = files();
    let mut empty = Vec::new();
    let digest = Statement::parse(files.sheet.as_bytes()).unwrap().digest();
    let none = |_: &_| Ok(OpeningBlock::of(Vec::new()));
    openings_file::write(&mut empty, &digest, &files.sample.poll.paper, none, &[]).unwrap();
    assert_eq!(conclusion(files.sheet.as_bytes(), None, Some(&empty)), Some(Conclusion::Fails));
}

#[test]
fn a_known_rule_set_is_assessed_anew() {
    let [ed25519, _] = keys();
    let known = REGISTRY.require("qingdao-2020").unwrap().reference();
    // Judged by the known rule set, but naming another one, in the opening statement as well.
    let naming = |rule_set: RuleSetRef, change: fn(&mut SheetPayload)| {
        let mut sample = Sample::new();
        sample.poll.rule_set = known.clone();
        let count = Count::of_round(&sample.poll).unwrap();
        let judgement = judge(&REGISTRY, &known, &[], sample.poll.facts.assembly, &count).unwrap();
        (sample.poll.rule_set, sample.parents) = (rule_set, judgement.parents.clone());
        let with = Certification { judgement, ..sample.certification(&[&ed25519]) };
        let mut sheet = SheetPayload::build(with).unwrap();
        change(&mut sheet);
        let document = Statement::sign(&sheet, &[&ed25519]).unwrap();
        let (document, registry) = (document.as_bytes(), &*REGISTRY);
        verify(Request::of(document, registry)).unwrap()
    };
    let said = |change: fn(&mut SheetPayload)| naming(known.clone(), change);
    let report = said(|_| ());
    assert_eq!(report.conclusion, Conclusion::Untrusted, "{:#?}", report.lines);
    let anew = |line: &Line| matches!(line, Line::Finding(finding) if finding.text.contains("重新评定"));
    assert!(report.lines.iter().any(anew));
    let changes: [fn(&mut SheetPayload); 6] = [
        // Arithmetic that agrees with itself, but another threshold, base, source or parent.
        |sheet| sheet.assessment.metrics[0].threshold = Fraction::new(80, 100).unwrap(),
        |sheet| sheet.assessment.metrics[0].source.push('。'),
        |sheet| sheet.assessment.metrics.truncate(1),
        |sheet| sheet.round.parents.clear(),
        |sheet| sheet.assessment.warnings.push("x".to_owned()),
        |sheet| sheet.round.parents[0].digest = Digest::sha256(b"x"),
    ];
    for (place, change) in changes.into_iter().enumerate() {
        assert_eq!(said(change).conclusion, Conclusion::Fails, "change {place}");
    }
    let (other, nine) = (Digest::sha256(b"x"), "9.0.0".to_owned());
    // A known version with another content, a known content by another version.
    let contradictions =
        [RuleSetRef { digest: other, ..known.clone() }, RuleSetRef { version: nine.clone(), ..known.clone() }];
    for contradiction in contradictions {
        assert_eq!(naming(contradiction, |_| ()).conclusion, Conclusion::Fails);
    }
    let qualified = |report: &Report| matches!(report.lines.last(), Some(Line::Note(text)) if text.ends_with("，但没有按规则集重新评定"));
    assert!(!qualified(&report));
    let unknown = naming(RuleSetRef { version: nine, digest: other, ..known.clone() }, |_| ());
    assert_eq!(unknown.conclusion, Conclusion::Untrusted, "{:#?}", unknown.lines);
    assert!(qualified(&unknown), "{:#?}", unknown.lines);
}

/// Sheets from before they said who was entitled, and by rule sets that have newer versions by now.
#[test]
fn an_earlier_sheet_still_holds() {
    let [ed25519, _] = keys();
    let earlier = include_str!("../rules/earlier/chaoyang-2013-1.0.0.toml");
    let earlier = RuleSet::parse(earlier).unwrap().reference();
    let newest = REGISTRY.require("chaoyang-2013").unwrap().reference();
    for rule_set in [earlier, newest] {
        let mut sample = Sample::new();
        let certified = |sample: &Sample, judgement| {
            let with = Certification { judgement, ..sample.certification(&[&ed25519]) };
            Statement::sign(&SheetPayload::build(with).unwrap(), &[&ed25519]).unwrap()
        };
        (sample.poll.rule_set, sample.parents) = (rule_set.clone(), Vec::new());
        // Fewer than two thirds are there, and delegates vote.
        let Phase::Closed { custody, .. } = &mut sample.poll.phase else { panic!("the sample is counted") };
        custody.present = 10;
        sample.poll.facts.assembly = Assembly::Delegates;
        let count = Count::of_round(&sample.poll).unwrap();
        let first = judge_as_at_first(&REGISTRY, &rule_set, &[], &count).unwrap();
        let now = judge(&REGISTRY, &rule_set, &[], Assembly::Delegates, &count).unwrap();
        assert_ne!(first, now);
        let mixed = Judgement { electorate: first.electorate.clone(), ..now.clone() };
        for (judgement, conclusion) in
            [(first, Conclusion::Untrusted), (now, Conclusion::Untrusted), (mixed, Conclusion::Fails)]
        {
            let document = certified(&sample, judgement);
            let report = verify(Request::of(document.as_bytes(), &REGISTRY)).unwrap();
            assert_eq!(report.conclusion, conclusion, "{:#?}", report.lines);
            assert!(!report.lines.iter().any(|line| matches!(line, Line::Note(text) if text.contains("没有重新评定"))));
        }
    }
}

/// Sheets from before they said that a threshold was missed which holds whatever the tier.
#[test]
fn a_sheet_that_names_a_missed_tier_alone_still_holds() {
    let [ed25519, _] = keys();
    let general = r#"
        [[metric]]
        rule = "OT-2"
        clause = "二"
        statement = "满意率须达到95％。"
        items = ["home"]
        threshold = [19, 20]
        electorate = "members"
    "#;
    let text = [OWN_TIER, general].concat();
    let registry = REGISTRY.clone().with([("own-tier.toml", text.as_str())]).unwrap();
    let mut sample = Sample::new();
    sample.poll.rule_set = registry.require("own-tier").unwrap().reference();
    let count = Count::of_round(&sample.poll).unwrap();
    let judgement = judge(&registry, &sample.poll.rule_set, &[], Assembly::Members, &count).unwrap();
    sample.parents = judgement.parents.clone();
    let said_of = |change: &dyn Fn(&mut Judgement)| {
        let mut judgement = judgement.clone();
        change(&mut judgement);
        let sheet = SheetPayload::build(Certification { judgement, ..sample.certification(&[&ed25519]) }).unwrap();
        let document = Statement::sign(&sheet, &[&ed25519]).unwrap();
        let report = verify(Request::of(document.as_bytes(), &registry)).unwrap();
        let noted = report.lines.iter().any(|line| matches!(line, Line::Note(text) if text.contains("结论没有写明")));
        (sheet.conclusion(), report.conclusion, noted)
    };
    let said = |warnings: &[&str]| {
        let warnings: Vec<String> = warnings.iter().map(|warning| (*warning).to_owned()).collect();
        said_of(&|judgement| judgement.assessment.warnings.clone_from(&warnings))
    };
    let missed = "general_threshold_missed";
    assert_eq!(judgement.assessment.warnings, [missed]);
    assert_eq!(said(&[missed]), ("未达标".to_owned(), Conclusion::Untrusted, false));
    assert_eq!(said(&[]), ("没有达到“模范职工之家”的满意率条件".to_owned(), Conclusion::Untrusted, true));
    assert_eq!(said(&[missed, "x"]).1, Conclusion::Fails);
    let tiers: Vec<_> = judgement.assessment.metrics.iter().map(|metric| metric.tier.as_deref()).collect();
    assert_eq!(tiers[..2], [Some("model"), None]);
    let unnamed = said_of(&|judgement| judgement.assessment.metrics[0].tier = None);
    assert_eq!(unnamed.1, Conclusion::Untrusted, "from before rates named their tiers");
    let misnamed = said_of(&|judgement| judgement.assessment.metrics[0].tier = Some("trusted".to_owned()));
    let aside = said_of(&|judgement| judgement.assessment.metrics[0].aside = true);
    assert_eq!([misnamed.1, aside.1], [Conclusion::Fails, Conclusion::Fails]);
}

/// The issuer's statement on a file, put into it.
fn vouched(pdf: &[u8], sheet: Digest, keys: &[&SecretKey]) -> Vec<u8> {
    use crate::domain::statement::{FACE, FaceStatement};
    use crate::render::attachments::{put_statement, without_statement};
    let file = Digest::sha256(&without_statement(pdf));
    let face = FaceStatement { format: FACE.to_owned(), issuer: issuer(keys), sheet, file };
    put_statement(pdf.to_vec(), &Statement::sign(&face, keys).unwrap()).unwrap()
}

/// The same sheet as another version of the program might set it: other bytes, the same documents.
fn other_layout(pdf: &[u8]) -> Vec<u8> {
    let place = pdf.windows(6).position(|window| window == b"/Title").unwrap() + 12;
    let mut other = pdf.to_vec();
    other[place] ^= 1;
    other
}

#[test]
fn a_file_of_another_layout_holds_by_the_issuer_s_signature_alone() {
    let files = files();
    let [ed25519, sm2] = keys();
    let digest = Statement::parse(files.sheet.as_bytes()).unwrap().digest();
    let pdf = crate::render::sheet_document::sheet_pdf(files.sheet.as_bytes(), None).unwrap();
    let (own, other) = ([&ed25519, &sm2], other_layout(&pdf));
    let holds = |pdf: &[u8]| conclusion(pdf, Some(&files.keys), None);
    assert_eq!(holds(&vouched(&pdf, digest, &own)), Some(Conclusion::Holds));
    assert_eq!(holds(&other), Some(Conclusion::Fails), "nobody vouches for it");
    let other = vouched(&other, digest, &own);
    assert_eq!(holds(&other), Some(Conclusion::Holds));
    assert_eq!(conclusion(&other, None, None), Some(Conclusion::Untrusted));
    assert_eq!(holds(&other_layout(&other)), Some(Conclusion::Fails), "altered after it was signed");
    assert_eq!(holds(&vouched(&other_layout(&pdf), Digest::sha256(b"x"), &own)), Some(Conclusion::Fails));
    // One bit of the statement itself, in either file.
    for pdf in [vouched(&pdf, digest, &own), other] {
        let place = pdf.windows(12).position(|window| window == b"{\"payload\":\"").unwrap();
        for step in (0..1_600).step_by(37).chain([4_000]) {
            let mut changed = pdf.clone();
            changed[place + step] ^= 1;
            assert_eq!(holds(&changed), Some(Conclusion::Fails), "{step}");
        }
    }
}

#[test]
fn nobody_else_vouches_for_a_file() {
    let files = files();
    let digest = Statement::parse(files.sheet.as_bytes()).unwrap().digest();
    let pdf = crate::render::sheet_document::sheet_pdf(files.sheet.as_bytes(), None).unwrap();
    let stranger = SecretKey::ed25519(ed25519_dalek::SigningKey::from_bytes(&[9; 32]));
    let altered = vouched(&other_layout(&pdf), digest, &[&stranger]);
    assert_eq!(conclusion(&altered, Some(&files.keys), None), Some(Conclusion::Fails));
    assert_eq!(conclusion(&altered, None, None), Some(Conclusion::Fails));
    // A key that the issuer took later and publishes is trusted as well as the sheet's own.
    let [ed25519, sm2] = keys();
    let published = KeySet::of([&ed25519, &sm2, &stranger].map(|key| key.public().clone()).to_vec());
    assert_eq!(conclusion(&altered, Some(&published), None), Some(Conclusion::Holds));
    // A true file that a stranger signed shows the truth all the same; with trusted keys given, he is named.
    let true_file = vouched(&pdf, digest, &[&stranger]);
    assert_eq!(conclusion(&true_file, None, None), Some(Conclusion::Untrusted));
    assert_eq!(conclusion(&true_file, Some(&files.keys), None), Some(Conclusion::Fails));
}

#[test]
fn the_opinion_is_verified_alone_and_on_the_printed_sheet() {
    let files = files();
    let [ed25519, sm2] = keys();
    let (own, registry) = ([&ed25519, &sm2], RuleRegistry::default());
    let opinion = files.sample.opinion(&own);
    let signed = Statement::sign(&opinion, &own).unwrap();
    let with = |document: &[u8], opinion: &str| {
        let request =
            Request { keys: Some(&files.keys), opinion: Some(opinion.as_bytes()), ..Request::of(document, &registry) };
        verify(request).map(|report| report.conclusion)
    };
    let sheet = files.sheet.as_bytes();
    assert_eq!(with(sheet, &signed).unwrap(), Conclusion::Holds);
    assert!(matches!(with(signed.as_bytes(), &signed), Err(Unreadable::OnlyOpinion)));
    assert!(matches!(with(sheet, "{}"), Err(Unreadable::Opinion(_))));
    assert!(matches!(with(sheet, &files.sheet), Err(Unreadable::OtherStatement(_))));
    let stranger = SecretKey::ed25519(ed25519_dalek::SigningKey::from_bytes(&[9; 32]));
    let foreign = OpinionStatement { issuer: issuer(&[&stranger]), ..opinion.clone() };
    assert_eq!(with(sheet, &Statement::sign(&foreign, &[&stranger]).unwrap()).unwrap(), Conclusion::Fails);
    let changes: [fn(&mut OpinionStatement); 3] = [
        |opinion| opinion.sheet = Digest::sha256(b"another sheet"),
        |opinion| opinion.given_on = time::macros::date!(2026 - 09 - 09),
        |opinion| opinion.issuer.keys.truncate(1),
    ];
    for (place, change) in changes.into_iter().enumerate() {
        let mut changed = opinion.clone();
        change(&mut changed);
        assert_eq!(with(sheet, &Statement::sign(&changed, &own).unwrap()).unwrap(), Conclusion::Fails, "{place}");
    }
    // A union further above, or one that was renamed, may give it: that is said, and is not wrong.
    let higher = OpinionStatement { superior: "示例省总工会".to_owned(), ..opinion.clone() };
    assert_eq!(with(sheet, &Statement::sign(&higher, &own).unwrap()).unwrap(), Conclusion::Holds);
    // On paper: both documents attached, the words printed.
    let pdf = crate::render::sheet_document::sheet_pdf(sheet, Some(signed.as_bytes())).unwrap();
    let report = run(&pdf, Some(&files.keys), None).unwrap();
    assert_eq!(report.conclusion, Conclusion::Holds, "{:#?}", report.lines);
    let said = |words: &str| report.lines.iter().any(|line| format!("{line:?}").contains(words));
    assert!(said("上级意见的 SM2"), "{:#?}", report.lines);
    assert_eq!(with(&pdf, &signed).unwrap(), Conclusion::Holds);
    let other = Statement::sign(&OpinionStatement { text: "另有意见".to_owned(), ..opinion }, &own).unwrap();
    assert_eq!(with(&pdf, &other).unwrap(), Conclusion::Fails, "another opinion than the one on the paper");
}
