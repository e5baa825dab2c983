//! Verification of a sheet from files alone: neither the service nor its database is asked.

mod beside;
pub mod pdf;
mod recount;
mod report;
#[cfg(test)]
mod tests;

use std::io::{Read, Seek};

use crate::domain::jwk::KeySet;
use crate::domain::jws::{JwsError, Statement};
use crate::domain::rules::RuleRegistry;
use crate::domain::sheet::{SheetError, SheetPayload, check};
use crate::domain::slip::Receipt;
use crate::domain::statement::{OPENING, OPINION, StatementError};
use crate::render::attachments::TooLarge;

pub use report::{Conclusion, Line, Report};

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
    /// The opening statement as the union above received it before the first ballot.
    pub opening: Option<&'a [u8]>,
    /// The sheet that this one corrects.
    pub replaced: Option<&'a [u8]>,
    /// The signed opinion of the union above.
    pub opinion: Option<&'a [u8]>,
    /// Rule sets that this program knows.
    pub registry: &'a RuleRegistry,
}

impl<'a> Request<'a> {
    /// The document alone, against nothing but itself and these rule sets.
    #[must_use]
    pub fn of(document: &'a [u8], registry: &'a RuleRegistry) -> Self {
        Request {
            document,
            keys: None,
            openings: None,
            receipt: None,
            opening: None,
            replaced: None,
            opinion: None,
            registry,
        }
    }
}

/// The files cannot be read as what they should be.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("PDF 是加密的，读不出其中的签名数据；请用没有加密的原件")]
    Encrypted,
    #[error("PDF 中没有签名的报告单附件（打印或扫描成的 PDF 没有附件）；请扫报告单上的二维码下载原件")]
    NoAttachment,
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    #[error("这是上级工会意见，不是报告单；请用 pingjia verify 报告单 --opinion 意见文件")]
    OnlyOpinion,
    #[error("这是开箱声明，不是报告单；请用 pingjia verify 报告单 --opening 开箱声明文件")]
    OnlyOpening,
    #[error("不是规范的签名文件：{0}")]
    Statement(#[from] JwsError),
    #[error(transparent)]
    Sheet(#[from] SheetError),
    #[error("被更正的报告单：{0}")]
    Replaced(JwsError),
    #[error("开箱声明不是规范的签名文件：{0}")]
    Opening(JwsError),
    #[error("上级意见不是规范的签名文件：{0}")]
    Opinion(JwsError),
    /// Signed, but stating something else than what was asked for.
    #[error(transparent)]
    OtherStatement(#[from] StatementError),
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
    let mut report = report::Lines::default();
    let carried = pdf::is_pdf(request.document).then(|| pdf::Carried::read(request.document)).transpose()?;
    let document = carried.as_ref().map_or(request.document, |carried| &carried.sheet);
    let statement = Statement::parse(document)?;
    match format(&statement) {
        Some(OPINION) => return Err(Unreadable::OnlyOpinion),
        Some(OPENING) => return Err(Unreadable::OnlyOpening),
        _ => {}
    }
    let sheet = SheetPayload::read(statement.payload())?;
    report.title(&statement, &sheet);
    report.signatures("报告单", &statement, &sheet.issuer.keys, request.keys);
    report.findings(check(&sheet));
    report.reassess(request.registry, &sheet);
    report.opening_statement(&sheet, request.keys);
    if let Some(received) = request.opening {
        report.received_opening(&sheet, received, request.keys)?;
    }
    report.replaced(&sheet, request.replaced)?;
    let attached = carried.as_ref().and_then(|carried| carried.opinion.as_deref());
    for opinion in [attached, request.opinion].into_iter().flatten() {
        report.opinion(&statement, &sheet, opinion, request.keys)?;
    }
    if let (Some(attached), Some(given)) = (attached, request.opinion) {
        report.finding(attached == given, "PDF 所附的上级意见与所给的意见文件一致");
    }
    report.openings(&statement, &sheet, request.openings, request.receipt)?;
    if let Some(carried) = &carried {
        report.pdf(request.document, carried, &statement, &sheet, request.keys);
    }
    Ok(report.conclude(request.keys.is_some()))
}

/// Name and version of the form of what is stated.
fn format(statement: &Statement) -> Option<&str> {
    statement.payload().get("format").and_then(serde_json::Value::as_str)
}
