//! Slips for other printers: a ZIP of single codes, a CSV of links.

use std::io::Write;

use zip::write::SimpleFileOptions;

use super::SlipSheet;
use crate::domain::slip::SlipCode;
use crate::render::RenderError;
use crate::render::qr::Qr;

/// How a single code is stored in the ZIP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeFile {
    Svg,
    /// Black and white, this many pixels to a module; 8 make a code of 25 mm at 240 dpi.
    Png {
        pixels: u8,
    },
}

/// Encoding of the CSV.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CsvEncoding {
    /// UTF-8 with a byte order mark, as Excel and WPS read it.
    Utf8,
    /// GB18030, for older Chinese programs.
    Gb18030,
}

impl SlipSheet<'_> {
    /// Writes one file per code into a ZIP, each named by its own slip code: there is no number and no order.
    /// `progress` is called after every hundred codes and at the end.
    ///
    /// # Errors
    /// `TooLong`, `Io`.
    pub fn write_zip(
        &self,
        slips: &[SlipCode],
        kind: CodeFile,
        mut progress: impl FnMut(usize),
        out: impl Write,
    ) -> Result<(), RenderError> {
        let options = SimpleFileOptions::DEFAULT.compression_method(zip::CompressionMethod::Deflated);
        let failed = |error: zip::result::ZipError| RenderError::Io(error.into());
        let mut archive = zip::ZipWriter::new_stream(out);
        for (slip, done) in slips.iter().zip(1..) {
            let code = Qr::of(&self.link(slip))?;
            let (ending, bytes) = match kind {
                CodeFile::Svg => ("svg", code.svg("扫码投票").into_bytes()),
                CodeFile::Png { pixels } => ("png", code.png(pixels)),
            };
            archive.start_file(format!("{}.{ending}", slip.link_form()), options).map_err(failed)?;
            archive.write_all(&bytes)?;
            if done % 100 == 0 || done == slips.len() {
                progress(done);
            }
        }
        archive.finish().map_err(failed)?;
        Ok(())
    }

    /// Writes the codes for typing and the links as CSV with a heading.
    ///
    /// # Errors
    /// `Io`.
    pub fn write_csv(&self, slips: &[SlipCode], encoding: CsvEncoding, mut out: impl Write) -> Result<(), RenderError> {
        if encoding == CsvEncoding::Utf8 {
            out.write_all("\u{feff}".as_bytes())?;
        }
        write_row(&mut out, encoding, "选票码,链接")?;
        for slip in slips {
            // Codes and links hold neither commas nor quotation marks, and begin with a letter or digit.
            write_row(&mut out, encoding, &format!("{},{}", slip.typing_form(), self.link(slip)))?;
        }
        Ok(out.flush()?)
    }
}

fn write_row(out: &mut impl Write, encoding: CsvEncoding, row: &str) -> std::io::Result<()> {
    match encoding {
        CsvEncoding::Utf8 => out.write_all(row.as_bytes())?,
        CsvEncoding::Gb18030 => out.write_all(&encoding_rs::GB18030.encode(row).0)?,
    }
    out.write_all(b"\r\n")
}
