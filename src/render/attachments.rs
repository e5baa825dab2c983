//! Reading back what a PDF carries: the files embedded in it, and the room for the issuer's statement on the file.
//!
//! No general PDF reader is needed: streams always stand in the open, whoever wrote the file, unless it is
//! encrypted. Nothing read here is believed before its signature is checked.

use std::io::Read as _;
use std::ops::Range;

use super::RenderError;

/// Bytes kept in a sheet's PDF for the issuer's statement on that very file. It is about the file with spaces here.
pub const ROOM: usize = 4096;
/// Most bytes that a stream is unpacked to.
const LIMIT: u64 = 16 << 20;

/// A file embedded in a PDF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Embedded {
    /// What it holds, unpacked.
    pub data: Vec<u8>,
    /// Where it lies in the PDF, if it is stored as it is.
    plain: Option<Range<usize>>,
}

/// Every embedded file that can be read, in the order in which they stand in the PDF.
#[must_use]
pub fn embedded(pdf: &[u8]) -> Vec<Embedded> {
    streams(pdf).filter(|stream| names(stream.dictionary, b"/EmbeddedFile")).filter_map(|s| s.read(pdf)).collect()
}

/// Whether the file says that it is encrypted.
#[must_use]
pub fn encrypted(pdf: &[u8]) -> bool {
    names(pdf, b"/Encrypt")
}

/// Where the room for the issuer's statement is.
#[must_use]
pub fn room(pdf: &[u8]) -> Option<Range<usize>> {
    embedded(pdf).into_iter().find_map(|file| file.plain.filter(|place| place.len() == ROOM))
}

/// The file with spaces in the room: what the issuer's statement is about.
#[must_use]
pub fn without_statement(pdf: &[u8]) -> Vec<u8> {
    let mut blank = pdf.to_vec();
    if let Some(place) = room(pdf).and_then(|place| blank.get_mut(place)) {
        place.fill(b' ');
    }
    blank
}

/// Puts the issuer's statement into its room; the rest of the file stays as it is.
///
/// # Errors
/// `Pdf` when there is no room, or too little.
pub fn put_statement(mut pdf: Vec<u8>, statement: &str) -> Result<Vec<u8>, RenderError> {
    let room = room(&pdf).and_then(|room| pdf.get_mut(room)).filter(|room| room.len() >= statement.len());
    let room = room.ok_or_else(|| RenderError::Pdf("no room for the statement on the file".to_owned()))?;
    let padding = std::iter::repeat(b' ');
    for (place, byte) in room.iter_mut().zip(statement.bytes().chain(padding)) {
        *place = byte;
    }
    Ok(pdf)
}

/// What every stream holds, unpacked where it can be, in the order of the file. Embedded files and streams that hold
/// the file's own structure are left out: two files with the same contents were at least written from the same pages.
#[must_use]
pub fn contents(pdf: &[u8]) -> Vec<Vec<u8>> {
    let other = [&b"/ObjStm"[..], b"/XRef", b"/EmbeddedFile"];
    let own = |stream: &Stream<'_>| !other.iter().any(|name| names(stream.dictionary, name));
    let trimmed = |data: Vec<u8>| data.trim_ascii_end().to_vec();
    streams(pdf).filter(own).filter_map(|stream| Some(trimmed(stream.read(pdf)?.data))).collect()
}

/// A stream: its dictionary, and where its data begins.
struct Stream<'p> {
    dictionary: &'p [u8],
    at: usize,
}

impl Stream<'_> {
    fn read(&self, pdf: &[u8]) -> Option<Embedded> {
        let data = pdf.get(self.at..)?;
        if names(self.dictionary, b"/FlateDecode") {
            // Deflated data says itself where it ends.
            let mut unpacked = Vec::new();
            flate2::read::ZlibDecoder::new(data).take(LIMIT).read_to_end(&mut unpacked).ok()?;
            return Some(Embedded { data: unpacked, plain: None });
        }
        let data = match length(self.dictionary) {
            Some(length) => data.get(..length)?,
            None => data.get(..find(data, b"endstream")?)?,
        };
        Some(Embedded { data: data.to_vec(), plain: Some(self.at..self.at + data.len()) })
    }
}

fn streams(pdf: &[u8]) -> impl Iterator<Item = Stream<'_>> {
    const WORD: &[u8] = b"stream";
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let word = at + find(pdf.get(at..)?, WORD)?;
            at = word + WORD.len();
            let (before, after) = (pdf.get(..word)?.trim_ascii_end(), pdf.get(at..)?);
            let line_end = if after.starts_with(b"\r\n") { 2 } else { usize::from(after.starts_with(b"\n")) };
            if line_end > 0 && before.ends_with(b">>") {
                let start = rfind(before, b" obj").unwrap_or_default();
                return Some(Stream { dictionary: before.get(start..)?, at: at + line_end });
            }
        }
    })
}

/// Whether the dictionary has this name, and not just a longer one.
fn names(dictionary: &[u8], name: &[u8]) -> bool {
    let mut rest = dictionary;
    while let Some(place) = find(rest, name) {
        rest = rest.get(place + name.len()..).unwrap_or_default();
        if !rest.first().is_some_and(u8::is_ascii_alphanumeric) {
            return true;
        }
    }
    false
}

/// The length of the data, where the dictionary says it itself: `/Length 12`, not `/Length 12 0 R`.
fn length(dictionary: &[u8]) -> Option<usize> {
    let after = dictionary.get(find(dictionary, b"/Length")? + b"/Length".len()..)?;
    let mut words =
        after.split(|byte| !byte.is_ascii_digit() && *byte != b' ').next()?.trim_ascii().split(|b| *b == b' ');
    let digits = words.next()?;
    if words.next().is_some() {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    let (first, _) = word.split_first()?;
    let mut from = 0;
    loop {
        let place = from + text.get(from..)?.iter().position(|byte| byte == first)?;
        if text.get(place..)?.starts_with(word) {
            return Some(place);
        }
        from = place + 1;
    }
}

fn rfind(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).rposition(|window| window == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pdf(dictionary: &str, data: &[u8]) -> Vec<u8> {
        let head = format!("%PDF-1.7\n1 0 obj\n<</EmbeddedFiles 9 0 R>>\nendobj\n2 0 obj\n<<{dictionary}>>\nstream\n");
        [head.as_bytes(), data, b"\nendstream\nendobj\n"].concat()
    }

    fn read(pdf: &[u8]) -> Vec<Vec<u8>> {
        embedded(pdf).into_iter().map(|file| file.data).collect()
    }

    #[test]
    fn files_are_read_however_they_are_written() {
        use std::io::Write as _;
        let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        packer.write_all(b"words").unwrap();
        let packed = packer.finish().unwrap();
        let length = packed.len();
        for dictionary in [
            format!("/Type /EmbeddedFile /Length {length} /Filter /FlateDecode"),
            "/Length 7 0 R/Type/EmbeddedFile/Filter[/FlateDecode]/Subtype/application#2Foctet-stream".to_owned(),
        ] {
            assert_eq!(read(&pdf(&dictionary, &packed)), [b"words"], "{dictionary}");
        }
        assert_eq!(read(&pdf("/Type/EmbeddedFile/Length 5", b"words")), [b"words"]);
        assert_eq!(read(&pdf("/Type/EmbeddedFile/Length 7 0 R", b"words")), [b"words\n"]);
        assert_eq!(read(&pdf("/Type/EmbeddedFiles/Length 5", b"words")), Vec::<Vec<u8>>::new(), "another name");
        assert_eq!(read(&pdf("/Type/EmbeddedFile/Length 99", b"cut")), Vec::<Vec<u8>>::new());
        assert_eq!(read(&pdf("/Type/EmbeddedFile/Filter/FlateDecode", b"damaged")), Vec::<Vec<u8>>::new());
        assert_eq!(read(b"%PDF-1.7 stream"), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn the_statement_changes_nothing_but_its_room() {
        let blank = pdf(&format!("/Type/EmbeddedFile/Length {ROOM}"), &[b' '; ROOM]);
        let filled = put_statement(blank.clone(), "{\"a\":1}").unwrap();
        assert_ne!(filled, blank);
        assert_eq!(without_statement(&filled), blank);
        assert_eq!(read(&filled)[0].trim_ascii_end(), b"{\"a\":1}");
        assert!(put_statement(blank, &"x".repeat(ROOM + 1)).is_err());
        assert!(put_statement(pdf("/Type/EmbeddedFile/Length 5", b"words"), "{}").is_err());
    }
}
