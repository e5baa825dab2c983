//! The PDF of a sheet: taking the signed JSON out of it, and telling whether what people see is what was signed.
//!
//! A sheet's PDF is rendered from the signed document alone and always comes out the same. So a PDF that differs
//! from our own rendering in any byte was altered, whatever its attachment says.

use std::io::Read as _;

use crate::domain::sheet::Finding;
use crate::render::sheet_document::sheet_pdf;

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

/// Whether what people see is what was signed: the document is rendered anew and both files are compared byte by
/// byte. `document` is the attachment as taken out of `pdf`.
#[must_use]
pub fn visible_figures(pdf: &[u8], document: &[u8]) -> Finding {
    match sheet_pdf(document) {
        Ok(rendered) => compare_with_rendering(pdf, &rendered),
        Err(error) => Finding::new(false, format!("PDF 可以按签名内容重新排版（{error}）")),
    }
}

/// Holds the PDF against our own rendering of the document in it.
#[must_use]
pub fn compare_with_rendering(pdf: &[u8], rendered: &[u8]) -> Finding {
    let same = pdf == rendered;
    let text = "PDF 上看到的内容与签名内容逐字节一致";
    let hint = "（PDF 被改动过、被其他软件另存过，或由另一版本的程序生成；请以附件中的签名数据为准）";
    Finding::new(same, if same { text.to_owned() } else { format!("{text}{hint}") })
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

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &[u8] = include_bytes!("../../tests/golden/sheet.json");

    #[test]
    fn the_attachment_comes_out_as_it_went_in() {
        let pdf = sheet_pdf(DOCUMENT).unwrap();
        assert!(is_pdf(&pdf));
        assert_eq!(attachment(&pdf).as_deref(), Some(DOCUMENT));
        assert!(visible_figures(&pdf, DOCUMENT).holds);
        assert_eq!(attachment(b"%PDF-1.7 nothing in it"), None);
        assert_eq!(attachment(b"%PDF-1.7\n1 0 obj\n<</Type/EmbeddedFile/Length 99>>\nstream\nshort"), None);
    }

    #[test]
    fn a_packed_attachment_is_unpacked() {
        use std::io::Write as _;
        let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        packer.write_all(DOCUMENT).unwrap();
        let packed = packer.finish().unwrap();
        let head = format!(
            "%PDF-1.7\n1 0 obj\n<</EmbeddedFiles 9 0 R>>\nendobj\n2 0 obj\n<</Type /EmbeddedFile /Length {} /Filter /FlateDecode>>\nstream\n",
            packed.len()
        );
        let pdf = [head.as_bytes(), &packed, b"\nendstream\nendobj\n"].concat();
        assert_eq!(attachment(&pdf).as_deref(), Some(DOCUMENT));
    }

    #[test]
    fn a_changed_face_with_an_unchanged_attachment_is_noticed() {
        let pdf = sheet_pdf(DOCUMENT).unwrap();
        let mut changed = pdf.clone();
        let place = find(&pdf, b"/Title").unwrap() + 10;
        changed[place] ^= 1;
        assert_eq!(attachment(&changed).as_deref(), Some(DOCUMENT));
        assert!(!visible_figures(&changed, DOCUMENT).holds);
    }
}
