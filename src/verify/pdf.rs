//! The PDF of a sheet: taking the signed JSON out of it, and telling whether what people see is what was signed.
//!
//! A sheet's PDF is rendered from the signed document alone and always comes out the same. So a PDF that differs
//! from our own rendering in any byte was altered, whatever its attachment says.

use std::io::Read as _;

use super::Line;
use crate::domain::sheet::{Finding, SheetPayload};

/// Largest attachment that is unpacked.
const LIMIT: u64 = 16 << 20;

/// Whether the document is a PDF at all.
#[must_use]
pub fn is_pdf(document: &[u8]) -> bool {
    document.starts_with(b"%PDF-")
}

/// The one embedded file of our own PDFs, unpacked. They hold every object in the open, so no general PDF reader
/// is needed: a PDF that some other program has saved anew is no original any more.
#[must_use]
pub fn attachment(pdf: &[u8]) -> Option<Vec<u8>> {
    let mut rest = pdf;
    while let Some(place) = find(rest, b"/EmbeddedFile") {
        let (_, after) = rest.split_at_checked(place)?;
        rest = after.get(b"/EmbeddedFile".len()..)?;
        // `/EmbeddedFiles` is the name tree of the catalogue.
        if rest.first().is_some_and(u8::is_ascii_alphabetic) {
            continue;
        }
        // The dictionary of the stream, from the object's beginning to the data.
        let start = rfind(pdf.get(..pdf.len() - rest.len())?, b" obj")?;
        let object = pdf.get(start..)?;
        let data_at = find(object, b"\nstream")?;
        let (dictionary, data) = object.split_at_checked(data_at)?;
        let data = data.get(b"\nstream".len()..)?;
        let data = data.strip_prefix(b"\r\n").or_else(|| data.strip_prefix(b"\n"))?;
        let data = data.get(..number_after(dictionary, b"/Length")?)?;
        if find(dictionary, b"/Filter").is_none() {
            return Some(data.to_vec());
        }
        find(dictionary, b"/FlateDecode")?;
        let mut unpacked = Vec::new();
        flate2::read::ZlibDecoder::new(data).take(LIMIT).read_to_end(&mut unpacked).ok()?;
        return Some(unpacked);
    }
    None
}

/// Holds the PDF against our own rendering of the signed document in it.
#[must_use]
pub fn compare_with_rendering(pdf: &[u8], rendered: &[u8]) -> Finding {
    Finding::new(pdf == rendered, "PDF 上看到的内容就是签名的内容，没有改动")
}

/// The lines that say whether what people see is what was signed.
#[must_use]
pub fn visible_figures(_pdf: &[u8], _sheet: &SheetPayload, _document: &[u8]) -> Vec<Line> {
    vec![Line::Note("没有核对 PDF 上看到的内容".to_owned())]
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).position(|window| window == word)
}

fn rfind(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).rposition(|window| window == word)
}

/// The number behind a name of the dictionary; not one of a longer name.
fn number_after(dictionary: &[u8], name: &[u8]) -> Option<usize> {
    let after = dictionary.get(find(dictionary, name)? + name.len()..)?;
    let digits: Vec<u8> = after.iter().copied().skip_while(|b| *b == b' ').take_while(u8::is_ascii_digit).collect();
    std::str::from_utf8(&digits).ok()?.parse().ok()
}
