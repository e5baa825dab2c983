//! Everything that is looked at on paper or as a picture: QR codes, charts, slips, posters, sheets, workbooks.
//!
//! Architecture Invariant: imports `domain` only; the same input gives the same bytes, and no character is
//! ever printed as an empty box ([`font::missing`] names those that cannot be printed).

pub mod attachments;
pub mod chart;
mod flow;
pub mod font;
pub mod number;
mod page;
pub mod poster;
pub mod qr;
pub mod rollup_pdf;
pub mod sheet_document;
pub mod sheet_pdf;
pub mod slips;
pub mod workbook;

/// Why something could not be drawn.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// A link too long for a QR code.
    #[error(transparent)]
    TooLong(#[from] qr::TooLong),
    /// A picture that its backend could not draw.
    #[error("图表无法绘制：{0}")]
    Picture(String),
    /// What krilla refused; with PDF/A this is a broken promise of the standard.
    #[error("PDF 无法生成：{0}")]
    Pdf(String),
    /// Questions that do not fit a page even in small print.
    #[error("评议项目太多，一页纸排不下")]
    NoRoom,
    /// A workbook that could not be written.
    #[error("工作簿无法生成：{0}")]
    Workbook(String),
    /// The place the file goes to failed.
    #[error("文件无法写出：{0}")]
    Io(#[from] std::io::Error),
}
