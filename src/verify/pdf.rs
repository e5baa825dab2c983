//! The PDF of a sheet: taking the signed documents out of it, and telling whether what people see is what was
//! signed.
//!
//! A PDF is true in one of two ways. Its bytes are those that this program renders from the documents in it; or,
//! because another version of the program may set the page otherwise, the issuer has signed these very bytes
//! ([`FaceStatement`]) with a key of the sheet or one that the reader trusts. Every other file fails, whatever its
//! attachment says.

use super::report::Lines;
use super::{Unreadable, format};
use crate::domain::digest::Digest;
use crate::domain::jwk::KeySet;
use crate::domain::jws::{JwsError, Statement};
use crate::domain::sheet::{FORMAT, SheetPayload};
use crate::domain::statement::{FACE, FaceStatement, OPINION};
use crate::render::attachments;
use crate::render::sheet_document::sheet_pdf;

/// Whether the document is a PDF at all.
#[must_use]
pub fn is_pdf(document: &[u8]) -> bool {
    document.starts_with(b"%PDF-")
}

/// What a PDF carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// The signed sheet.
    pub sheet: Vec<u8>,
    /// The signed opinion of the union above.
    pub opinion: Option<Vec<u8>>,
    /// What the issuer signed about the file.
    face: Option<Vec<u8>>,
    /// Embedded files that do not belong to a sheet, or that are there twice.
    foreign: usize,
}

impl Carried {
    /// Takes out what the PDF carries. Nothing is verified yet.
    ///
    /// # Errors
    /// `Encrypted`, `NoAttachment`, `TooLarge`, or `Statement` when there are attachments, but none can be read as a
    /// statement.
    pub fn read(pdf: &[u8]) -> Result<Self, Unreadable> {
        let (mut sheet, mut opinion, mut face, mut foreign) = (None, None, None, 0);
        let mut unreadable: Option<JwsError> = None;
        for file in attachments::embedded(pdf) {
            // Spaces fill the room of a statement, and some programs end a stream with a line.
            let data = file?.trim_ascii_end().to_vec();
            if data.is_empty() {
                continue;
            }
            let statement = Statement::parse(&data);
            let place = match statement.as_ref().ok().and_then(format) {
                Some(FORMAT) => Some(&mut sheet),
                Some(OPINION) => Some(&mut opinion),
                Some(FACE) => Some(&mut face),
                _ => None,
            };
            match place {
                Some(place) if place.is_none() => *place = Some(data),
                _ => foreign += 1,
            }
            unreadable = unreadable.or(statement.err());
        }
        match (sheet, unreadable) {
            (Some(sheet), _) => Ok(Carried { sheet, opinion, face, foreign }),
            (None, _) if attachments::encrypted(pdf) => Err(Unreadable::Encrypted),
            (None, Some(error)) => Err(error.into()),
            (None, None) => Err(Unreadable::NoAttachment),
        }
    }
}

/// What the issuer's statement on the file is worth.
enum Vouched {
    /// There is none.
    Silent,
    /// It holds, by a key of the sheet or a trusted one.
    Yes,
    /// Its key is neither the sheet's nor trusted, and no trusted keys were given.
    Unknown,
    No,
}

impl Lines {
    /// Whether what people see is what was signed.
    pub(super) fn pdf(
        &mut self,
        pdf: &[u8],
        carried: &Carried,
        statement: &Statement,
        sheet: &SheetPayload,
        keys: Option<&KeySet>,
    ) {
        if carried.foreign > 0 {
            self.finding(false, format!("PDF 只附有一份报告单及其声明（另有{}个附件）", carried.foreign));
        }
        let rendered = match sheet_pdf(&carried.sheet, carried.opinion.as_deref()) {
            Ok(rendered) => rendered,
            Err(error) => return self.finding(false, format!("PDF 可以按签名内容重新排版（{error}）")),
        };
        let bare = attachments::without_statement(pdf);
        let same = bare == rendered;
        let vouched = vouched(carried, &Digest::sha256(&bare), statement, sheet, keys);
        match (same, &vouched) {
            (true, _) => self.finding(true, "PDF 上看到的内容与签名内容逐字节一致（重新排版后比对）"),
            (false, Vouched::Yes) => {
                self.finding(true, "PDF 上看到的内容与签发时一致（签发单位签过这个文件，一个字节都没有改动）");
                self.note("PDF 由另一版本的程序排版，没有重新排版比对");
            }
            (false, _) => {
                self.finding(false, "PDF 上看到的内容与签名内容一致");
                self.note(format!("  {}", what_differs(&bare, &rendered, &vouched)));
                self.note("  不要看这个 PDF 上的数字：以附件中的签名数据为准，或者扫二维码下载原件");
            }
        }
        match (same, vouched) {
            (true, Vouched::Yes) => self.finding(true, "签发单位对这个 PDF 文件的签名有效"),
            (true, Vouched::No) => self.finding(false, "签发单位对这个 PDF 文件的签名有效"),
            (true, Vouched::Unknown) => self.note("PDF 文件另有签名，不是报告单写明的公钥，没有采用"),
            _ => {}
        }
    }
}

/// Whether the issuer has signed the very bytes of the file.
fn vouched(
    carried: &Carried,
    file: &Digest,
    statement: &Statement,
    sheet: &SheetPayload,
    keys: Option<&KeySet>,
) -> Vouched {
    let Some(face) = &carried.face else { return Vouched::Silent };
    let Ok(signed) = Statement::parse(face) else { return Vouched::No };
    let Ok(face) = FaceStatement::read(signed.payload()) else { return Vouched::No };
    let holds = !signed.forged() && signed.signers() == face.issuer.keys;
    if !holds || face.sheet != statement.digest() || face.file != *file {
        return Vouched::No;
    }
    let known = signed.signatures().iter().all(|signature| {
        sheet.issuer.keys.contains(&signature.key.thumbprint())
            || keys.is_some_and(|keys| keys.contains(&signature.key))
    });
    match (known, keys) {
        (true, _) => Vouched::Yes,
        (false, None) => Vouched::Unknown,
        (false, Some(_)) => Vouched::No,
    }
}

/// In which way a file is not the original, as far as can be told.
fn what_differs(pdf: &[u8], rendered: &[u8], vouched: &Vouched) -> &'static str {
    let contents = |pdf: &[u8]| {
        let digests = attachments::contents(pdf).map(|data| data.map(|data| Digest::sha256(&data)));
        let mut digests = digests.collect::<Result<Vec<Digest>, _>>().ok()?;
        digests.sort_unstable();
        Some(digests)
    };
    if pdf.starts_with(rendered) {
        "原件后面被追加了内容（例如批注、改页、电子印章）"
    } else if matches!(vouched, Vouched::Unknown) {
        "文件签名的公钥不是报告单写明的；如果签发单位换过公钥，请用 --key 提供它公布的公钥再核验"
    } else if contents(pdf).is_some_and(|digests| Some(digests) == contents(rendered)) {
        "像是用其他软件另存过，或者改过文件属性：各页内容与原件相同，但这样的文件不能当作原件"
    } else {
        "页面内容被改动过，或者文件由别的程序重新生成"
    }
}
