//! Verification of a sheet from files alone: neither the service nor its database is asked.

pub mod pdf;

use std::io::{BufReader, Read, Seek, SeekFrom};

use crate::domain::jwk::KeySet;
use crate::domain::jws::{JwsError, Statement};
use crate::domain::merkle;
use crate::domain::openings_file::{self, Recount};
use crate::domain::rules::RuleRegistry;
use crate::domain::sheet::{Finding, SheetError, SheetPayload, check, judge};
use crate::domain::slip::Receipt;
use crate::domain::statement::OpeningStatement;

/// An openings file: read as a stream, and once more from its beginning when it does not fit the sheet.
pub trait OpeningsFile: Read + Seek {}

impl<F: Read + Seek> OpeningsFile for F {}

/// What is to be verified, and against what.
pub struct Request<'a> {
    /// The sheet: a signed JSON document, or a PDF that carries one.
    pub document: &'a [u8],
    /// Keys that the reader trusts.
    pub keys: Option<&'a KeySet>,
    /// The published openings.
    pub openings: Option<&'a mut dyn OpeningsFile>,
    /// A member's receipt; needs the openings.
    pub receipt: Option<Receipt>,
    /// The sheet that this one corrects.
    pub replaced: Option<&'a [u8]>,
    /// Rule sets that this program knows.
    pub registry: &'a RuleRegistry,
}

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// What was checked.
    Finding(Finding),
    /// What the reader should know, neither right nor wrong.
    Note(String),
}

/// What all checks together say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conclusion {
    /// Everything holds, signed by a trusted key.
    Holds,
    /// Something does not hold.
    Fails,
    /// Everything holds, but no key was given to trust.
    Untrusted,
}

/// The report of a verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub lines: Vec<Line>,
    pub conclusion: Conclusion,
}

/// The files cannot be read as what they should be.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("PDF 中没有找到签名的报告单附件")]
    NoAttachment,
    #[error("不是规范的签名文件：{0}")]
    Statement(#[from] JwsError),
    #[error(transparent)]
    Sheet(#[from] SheetError),
    #[error("被更正的报告单：{0}")]
    Replaced(JwsError),
    #[error("公开票据文件：{0}")]
    Openings(serde_json::Error),
    #[error("核对回执需要公开票据文件（--openings）")]
    ReceiptNeedsOpenings,
}

/// Verifies a sheet and everything that was given with it.
///
/// # Errors
/// `Unreadable` when a file is not of its form at all. Whatever can be read but does not hold is in the report.
pub fn verify(request: Request<'_>) -> Result<Report, Unreadable> {
    let mut report = Lines::default();
    let attachment = pdf::is_pdf(request.document).then(|| pdf::attachment(request.document));
    let document = match &attachment {
        None => request.document,
        Some(Some(attachment)) => attachment,
        Some(None) => return Err(Unreadable::NoAttachment),
    };
    let statement = Statement::parse(document)?;
    let sheet = SheetPayload::read(statement.payload())?;
    report.title(&statement, &sheet);
    report.signatures("报告单", &statement, &sheet.issuer.keys, request.keys);
    report.findings(check(&sheet));
    report.reassess(request.registry, &sheet);
    report.opening_statement(&sheet, request.keys);
    if let Some(digest) = &sheet.replaces {
        report.note(format!("本报告单更正并取代摘要为 {digest} 的报告单"));
    }
    if let Some(replaced) = request.replaced {
        let replaced = Statement::parse(replaced).map_err(Unreadable::Replaced)?;
        report.finding(sheet.replaces == Some(replaced.digest()), "被更正的报告单与本报告单所述一致");
    }
    match (request.openings, request.receipt) {
        (Some(file), receipt) => {
            let recount = match openings_file::recount(&mut *file, &sheet.paper()) {
                Ok(recount) => Some(recount),
                Err(error) => {
                    report.unfit_openings(&statement, file, error)?;
                    None
                }
            };
            if let Some(recount) = &recount {
                report.recount(&statement, &sheet, recount);
            }
            match (recount, receipt) {
                (Some(recount), Some(receipt)) => report.receipt(&sheet, &recount.receipts, receipt),
                (None, Some(_)) => report.note("公开票据文件与报告单不符，没有核对回执"),
                (_, None) => {}
            }
        }
        (None, Some(_)) => return Err(Unreadable::ReceiptNeedsOpenings),
        (None, None) => report.note("没有提供公开票据文件（--openings），没有重新计票"),
    }
    if attachment.is_some() {
        report.findings(vec![pdf::visible_figures(request.document, document)]);
    }
    Ok(report.conclude(request.keys.is_some()))
}

#[derive(Default)]
struct Lines {
    lines: Vec<Line>,
    /// The rule sets are unknown, so that only the arithmetic was checked.
    not_reassessed: bool,
}

impl Lines {
    fn finding(&mut self, holds: bool, text: impl Into<String>) {
        self.lines.push(Line::Finding(Finding::new(holds, text)));
    }

    fn findings(&mut self, findings: Vec<Finding>) {
        self.lines.extend(findings.into_iter().map(Line::Finding));
    }

    fn note(&mut self, text: impl Into<String>) {
        self.lines.push(Line::Note(text.into()));
    }

    fn title(&mut self, statement: &Statement, sheet: &SheetPayload) {
        self.note(format!("{}：{}", sheet.union.name, sheet.round.title));
        self.note(format!("结论：{}", sheet.assessment.verdict.label()));
        self.note(format!("摘要校验码：{}", statement.digest()));
    }

    /// Every signature, that they are those which the payload announces, and whether the reader trusts the keys.
    fn signatures(&mut self, what: &str, statement: &Statement, announced: &[String], keys: Option<&KeySet>) {
        let mut signers = Vec::new();
        for signature in statement.signatures() {
            let (name, kid) = (signature.key.algorithm().label(), signature.key.thumbprint());
            self.finding(statement.holds(signature), format!("{what}的 {name} 签名有效（公钥指纹 {kid}）"));
            if let Some(keys) = keys {
                self.finding(keys.contains(&signature.key), format!("{what}的 {name} 公钥在受信任的公钥之中"));
            }
            signers.push(kid);
        }
        self.finding(signers == announced, format!("{what}的签名与其中写明的签名公钥一致，没有增减"));
    }

    /// The whole assessment anew, by the rule sets that the sheet names. A program that does not know one of
    /// them in that very version says so; one that knows the version with another content does not agree.
    fn reassess(&mut self, registry: &RuleRegistry, sheet: &SheetPayload) {
        let named: Vec<_> = std::iter::once(&sheet.round.rule_set).chain(&sheet.round.parents).collect();
        for named in named.iter().filter(|named| registry.contradicts(named)) {
            let text = format!("规则集 {} {} 的内容与本程序所知的一致", named.id, named.version);
            self.finding(false, text);
        }
        let unknown: Vec<String> = named
            .iter()
            .filter(|named| registry.at(named).is_none())
            .map(|named| format!("{} {}", named.id, named.version))
            .collect();
        if !unknown.is_empty() {
            let unknown = unknown.join("、");
            self.not_reassessed = true;
            return self.note(format!("没有重新评定：本程序没有这个内容的规则集 {unknown}；以上只核对了算术"));
        }
        let judged = judge(registry, &sheet.round.rule_set, &sheet.round.parents, &sheet.count());
        let same = judged.is_ok_and(|judged| {
            judged.assessment == sheet.assessment
                && judged.parents == sheet.round.parents
                && judged.rule_set_title == sheet.round.rule_set_title
                && judged.electorate == sheet.round.electorate
        });
        let (id, version) = (&sheet.round.rule_set.id, &sheet.round.rule_set.version);
        self.finding(same, format!("按规则集 {id} {version} 重新评定，结果与报告单一致"));
    }

    fn opening_statement(&mut self, sheet: &SheetPayload, keys: Option<&KeySet>) {
        let read = Statement::parse(sheet.proof.opening_statement.as_bytes())
            .ok()
            .and_then(|statement| Some((OpeningStatement::read(statement.payload()).ok()?, statement)));
        let Some((opening, statement)) = read else {
            return self.finding(false, "报告单附有开箱声明");
        };
        self.signatures("开箱声明", &statement, &opening.issuer.keys, keys);
        match opening.check(sheet) {
            Ok(findings) => self.findings(findings),
            Err(error) => self.finding(false, format!("开箱声明可以核对：{error}")),
        }
    }

    /// A file that cannot be counted by this sheet's paper: another round's, or one that was changed.
    fn unfit_openings(
        &mut self,
        statement: &Statement,
        file: &mut dyn OpeningsFile,
        error: serde_json::Error,
    ) -> Result<(), Unreadable> {
        let again = file.seek(SeekFrom::Start(0)).map_err(serde_json::Error::io);
        let named = again.and_then(|_| openings_file::sheet_of(BufReader::new(file))).ok();
        let Some(named) = named else { return Err(Unreadable::Openings(error)) };
        let belongs = named == statement.digest();
        self.finding(belongs, "公开票据文件属于这份报告单");
        if belongs {
            self.finding(false, format!("公开票据可以按报告单的评议表重新计票（{error}）"));
        }
        Ok(())
    }

    fn recount(&mut self, statement: &Statement, sheet: &SheetPayload, recount: &Recount) {
        self.finding(recount.sheet == statement.digest(), "公开票据文件属于这份报告单");
        for (item, (tally, digest)) in sheet.items.iter().zip(&recount.items) {
            self.finding(
                *digest == item.openings && *tally == item.tally(),
                format!("“{}”重新计票：{}张，各档票数和摘要与报告单一致", item.title, tally.total()),
            );
        }
        let root = merkle::root(recount.receipts.iter().map(|receipt| receipt.0));
        let as_many = u64::try_from(recount.receipts.len()) == Ok(sheet.counts.returned);
        self.finding(
            as_many && root == sheet.proof.receipts_root,
            format!("回执{}个，回执根与报告单一致", recount.receipts.len()),
        );
    }

    /// Shows where the receipt stands and how its leaf leads to the root in the sheet.
    fn receipt(&mut self, sheet: &SheetPayload, receipts: &[Receipt], receipt: Receipt) {
        let leaves: Vec<[u8; 15]> = receipts.iter().map(|receipt| receipt.0).collect();
        let Ok(place) = leaves.binary_search(&receipt.0) else {
            return self.finding(false, format!("回执 {receipt} 在公布的回执之中"));
        };
        let proof = merkle::inclusion_proof(&leaves, place).unwrap_or_default();
        let (index, size) = (u64::try_from(place).unwrap_or(u64::MAX), u64::try_from(leaves.len()).unwrap_or(0));
        let proved = merkle::proves_inclusion(&sheet.proof.receipts_root, size, index, &receipt.0, &proof);
        self.finding(proved, format!("回执 {receipt} 已计入：第{}个，共{size}个", place + 1));
        self.note(format!("包含证明（RFC 6962）：叶 {}", merkle::leaf_hash(&receipt.0)));
        for sibling in proof {
            self.note(format!("  兄弟节点 {sibling}"));
        }
        self.note(format!("  根 {}", sheet.proof.receipts_root));
    }

    fn conclude(mut self, trusted: bool) -> Report {
        let fails = self.lines.iter().any(|line| matches!(line, Line::Finding(finding) if !finding.holds));
        let (conclusion, text) = match (fails, trusted) {
            (true, _) => (Conclusion::Fails, "核验不通过：有不符之处"),
            (false, true) => (Conclusion::Holds, "核验通过"),
            (false, false) => (
                Conclusion::Untrusted,
                "内容前后一致，签名与所附公钥相符；但没有提供受信任的公钥（--key），不能确认是谁签发的",
            ),
        };
        let qualification = if self.not_reassessed && !fails { "，但没有按规则集重新评定" } else { "" };
        self.note(format!("{text}{qualification}"));
        Report { lines: self.lines, conclusion }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::sync::LazyLock;

    use super::*;
    use crate::domain::count::Count;
    use crate::domain::digest::Digest;
    use crate::domain::jws::SecretKey;
    use crate::domain::jws::tests::keys;
    use crate::domain::openings::OpeningBlock;
    use crate::domain::poll::RuleSetRef;
    use crate::domain::sheet::Certification;
    use crate::domain::sheet::sample::{Sample, issuer};
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
        verify(Request { document, keys, openings, receipt: None, replaced: None, registry })
    }

    fn conclusion(document: &[u8], keys: Option<&KeySet>, openings: Option<&[u8]>) -> Option<Conclusion> {
        run(document, keys, openings).ok().map(|report| report.conclusion)
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
    fn the_pdf_is_verified_as_well() {
        let files = files();
        let pdf = crate::render::sheet_document::sheet_pdf(files.sheet.as_bytes()).unwrap();
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
            satisfied
                .sort_by_key(|vote| data_encoding::BASE64URL_NOPAD.decode(vote.as_str().unwrap().as_bytes()).unwrap());
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
                document: files.sheet.as_bytes(),
                keys: Some(&files.keys),
                openings: Some(&mut openings),
                receipt: Some(receipt),
                replaced: None,
                registry: &RuleRegistry::default(),
            })
            .unwrap()
        };
        for receipt in &files.sample.receipts {
            let report = said(*receipt);
            assert_eq!(report.conclusion, Conclusion::Holds);
            assert!(report.lines.iter().any(|line| matches!(line, Line::Note(text) if text.contains("兄弟节点"))));
        }
        assert_eq!(said(Receipt([7; 15])).conclusion, Conclusion::Fails);
        let without = Request {
            document: files.sheet.as_bytes(),
            keys: None,
            openings: None,
            receipt: Some(files.sample.receipts[0]),
            replaced: None,
            registry: &RuleRegistry::default(),
        };
        assert!(matches!(verify(without), Err(Unreadable::ReceiptNeedsOpenings)));
    }

    #[test]
    fn a_correction_is_held_against_the_sheet_it_replaces() {
        use crate::domain::ids::{AccountId, SheetId};
        use crate::domain::poll::Opinion;
        let Files { mut sample, sheet, .. } = files();
        let [ed25519, _] = keys();
        let first = Statement::parse(sheet.as_bytes()).unwrap().digest();
        let given_on = time::macros::date!(2026 - 09 - 12);
        let opinion = Opinion { accepted: false, text: "重报".to_owned(), by: AccountId(5), given_on };
        sample.poll.phase = sample.poll.phase.certify(SheetId::of(&first)).unwrap().report(opinion).unwrap();
        let with = Certification { replaces: Some(first), ..sample.certification(&[&ed25519]) };
        let corrected = Statement::sign(&SheetPayload::build(with).unwrap(), &[&ed25519]).unwrap();
        let against = |replaced: &str| {
            let request = Request {
                document: corrected.as_bytes(),
                keys: None,
                openings: None,
                receipt: None,
                replaced: Some(replaced.as_bytes()),
                registry: &RuleRegistry::default(),
            };
            verify(request).unwrap().conclusion
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
            let judgement = judge(&REGISTRY, &known, &[], &count).unwrap();
            (sample.poll.rule_set, sample.parents) = (rule_set, judgement.parents.clone());
            let with = Certification { judgement, ..sample.certification(&[&ed25519]) };
            let mut sheet = SheetPayload::build(with).unwrap();
            change(&mut sheet);
            let document = Statement::sign(&sheet, &[&ed25519]).unwrap();
            let (document, registry) = (document.as_bytes(), &*REGISTRY);
            verify(Request { document, keys: None, openings: None, receipt: None, replaced: None, registry }).unwrap()
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
}
