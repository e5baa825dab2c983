//! The report of a verification, line by line.

use crate::domain::jwk::KeySet;
use crate::domain::jws::Statement;
use crate::domain::sheet::{Finding, SheetPayload};

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

/// A report being written.
#[derive(Default)]
pub(super) struct Lines {
    lines: Vec<Line>,
    /// The rule sets are unknown, so that only the arithmetic was checked.
    pub(super) not_reassessed: bool,
}

impl Lines {
    pub(super) fn finding(&mut self, holds: bool, text: impl Into<String>) {
        self.lines.push(Line::Finding(Finding::new(holds, text)));
    }

    pub(super) fn findings(&mut self, findings: Vec<Finding>) {
        self.lines.extend(findings.into_iter().map(Line::Finding));
    }

    pub(super) fn note(&mut self, text: impl Into<String>) {
        self.lines.push(Line::Note(text.into()));
    }

    pub(super) fn title(&mut self, statement: &Statement, sheet: &SheetPayload) {
        self.note(format!("{}：{}", sheet.union.name, sheet.round.title));
        self.note(format!("结论：{}", sheet.conclusion()));
        self.note(format!("摘要校验码：{}", statement.digest()));
    }

    /// Every signature, that they are those which the payload announces, and whether the reader trusts the keys.
    pub(super) fn signatures(
        &mut self,
        what: &str,
        statement: &Statement,
        announced: &[String],
        keys: Option<&KeySet>,
    ) {
        for signature in statement.signatures() {
            let (name, kid) = (signature.key.algorithm().label(), signature.key.thumbprint());
            self.finding(statement.holds(signature), format!("{what}的 {name} 签名有效（公钥指纹 {kid}）"));
            if let Some(keys) = keys {
                self.finding(keys.contains(&signature.key), format!("{what}的 {name} 公钥在受信任的公钥之中"));
            }
        }
        let text = format!("{what}的签名与其中写明的签名公钥一致，没有增减");
        self.finding(statement.signers() == announced, text);
    }

    pub(super) fn conclude(mut self, trusted: bool) -> Report {
        let wrong = self.lines.iter().filter(|line| matches!(line, Line::Finding(finding) if !finding.holds)).count();
        let (conclusion, text) = match (wrong, trusted) {
            (1.., _) => (Conclusion::Fails, format!("核验不通过：有{wrong}处不符（标 ✗ 的）")),
            (0, true) => (Conclusion::Holds, "核验通过".to_owned()),
            (0, false) => (
                Conclusion::Untrusted,
                "内容前后一致，签名与所附公钥相符；但没有提供受信任的公钥（--key），不能确认是谁签发的".to_owned(),
            ),
        };
        let qualification = if self.not_reassessed && wrong == 0 { "，但没有按规则集重新评定" } else { "" };
        self.note(format!("{text}{qualification}"));
        Report { lines: self.lines, conclusion }
    }
}
