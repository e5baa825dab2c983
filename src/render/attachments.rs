//! Reading back what a PDF carries: the files embedded in it, and the room for the issuer's statement on the file.
//!
//! No general PDF reader is needed: streams always stand in the open, whoever wrote the file, unless it is
//! encrypted. Nothing read here is believed before its signature is checked, and no file makes its reader work for long.

use std::io::Read as _;
use std::ops::Range;

use super::RenderError;

/// Bytes kept in a sheet's PDF for the issuer's statement on that very file. It is about the file with spaces here.
pub const ROOM: usize = 4096;
/// Most bytes that all streams of a file may have together, as they are stored and unpacked: far more than those of ours.
const BUDGET: usize = 32 << 20;
/// What stands after the data of a stream.
const END: &[u8] = b"endstream";

/// The streams of a file hold more than those of any sheet; it is not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("PDF 里的内容展开以后太大，不会是结果报告单")]
pub struct TooLarge;

/// What every embedded file that can be read holds, unpacked, in the order in which they stand in the PDF.
///
/// # Errors
/// `TooLarge`, in the place of the file that is too much.
pub fn embedded(pdf: &[u8]) -> impl Iterator<Item = Result<Vec<u8>, TooLarge>> {
    read(pdf, |stream| stream.is_embedded_file())
}

/// Whether the file says that it is encrypted.
#[must_use]
pub fn encrypted(pdf: &[u8]) -> bool {
    names(pdf, b"/Encrypt")
}

/// Where the room for the issuer's statement is.
#[must_use]
pub fn room(pdf: &[u8]) -> Option<Range<usize>> {
    let plain = |stream: &Stream<'_>| stream.is_embedded_file() && !stream.is_packed();
    streams(pdf).filter(plain).find_map(|stream| {
        let data = pdf.get(stream.at..)?;
        (stream.length(data, ROOM) == Some(ROOM)).then_some(stream.at..stream.at + ROOM)
    })
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
///
/// # Errors
/// `TooLarge`, in the place of the stream that is too much.
pub fn contents(pdf: &[u8]) -> impl Iterator<Item = Result<Vec<u8>, TooLarge>> {
    let own = |stream: &Stream<'_>| {
        !stream.is_embedded_file() && ![&b"/ObjStm"[..], b"/XRef"].iter().any(|name| names(stream.dictionary, name))
    };
    read(pdf, own).map(|data| {
        data.map(|mut data| {
            data.truncate(data.trim_ascii_end().len());
            data
        })
    })
}

/// What these streams hold, one after the other and within one budget; those that cannot be read are left out.
fn read(pdf: &[u8], wanted: impl Fn(&Stream<'_>) -> bool) -> impl Iterator<Item = Result<Vec<u8>, TooLarge>> {
    let mut reader = Reader { left: BUDGET };
    streams(pdf).filter(wanted).filter_map(move |stream| reader.read(pdf.get(stream.at..)?, &stream).transpose())
}

/// What may still be read of a file.
struct Reader {
    left: usize,
}

impl Reader {
    fn spend(&mut self, bytes: usize) -> Result<(), TooLarge> {
        self.left = self.left.checked_sub(bytes).ok_or(TooLarge)?;
        Ok(())
    }

    /// What a stream holds whose data begins here; none where it cannot be read.
    fn read(&mut self, data: &[u8], stream: &Stream<'_>) -> Result<Option<Vec<u8>>, TooLarge> {
        if stream.is_packed() {
            return self.unpack(data);
        }
        let length = stream.length(data, self.left);
        // Whatever has no end was looked through for it.
        self.spend(length.unwrap_or(data.len()))?;
        Ok(length.and_then(|length| data.get(..length)).map(<[u8]>::to_vec))
    }

    /// Deflated data says itself where it ends.
    fn unpack(&mut self, data: &[u8]) -> Result<Option<Vec<u8>>, TooLarge> {
        let mut unpacked = Vec::new();
        let mut decoder = flate2::read::ZlibDecoder::new(data.get(..self.left).unwrap_or(data));
        let most = u64::try_from(self.left).unwrap_or(u64::MAX).saturating_add(1);
        let whole = decoder.by_ref().take(most).read_to_end(&mut unpacked).is_ok();
        let packed = usize::try_from(decoder.total_in()).unwrap_or(usize::MAX);
        self.spend(unpacked.len().saturating_add(packed))?;
        Ok(whole.then_some(unpacked))
    }
}

/// A stream: its dictionary, and where its data begins.
struct Stream<'p> {
    dictionary: &'p [u8],
    at: usize,
}

impl Stream<'_> {
    fn is_embedded_file(&self) -> bool {
        names(self.dictionary, b"/EmbeddedFile")
    }

    fn is_packed(&self) -> bool {
        names(self.dictionary, b"/FlateDecode")
    }

    /// How long the data is that is stored as it is and begins here, if it ends and has no more than `most` bytes.
    fn length(&self, data: &[u8], most: usize) -> Option<usize> {
        let length = match length(self.dictionary) {
            Some(length) => length,
            None => find(data.get(..most.saturating_add(END.len())).unwrap_or(data), END)?,
        };
        (length <= most.min(data.len())).then_some(length)
    }
}

fn streams(pdf: &[u8]) -> impl Iterator<Item = Stream<'_>> {
    const WORD: &[u8] = b"stream";
    // Where to look on, and where the last stream began: the dictionary of the next stands after it.
    let (mut at, mut last) = (0, 0);
    std::iter::from_fn(move || {
        loop {
            let word = at + find(pdf.get(at..)?, WORD)?;
            at = word + WORD.len();
            let (before, after) = (pdf.get(last..word)?.trim_ascii_end(), pdf.get(at..)?);
            let line_end = if after.starts_with(b"\r\n") { 2 } else { usize::from(after.starts_with(b"\n")) };
            if line_end > 0 && before.ends_with(b">>") {
                last = at;
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
    use std::io::Write as _;

    fn pdf(dictionary: &str, data: &[u8]) -> Vec<u8> {
        let head = format!("%PDF-1.7\n1 0 obj\n<</EmbeddedFiles 9 0 R>>\nendobj\n2 0 obj\n<<{dictionary}>>\nstream\n");
        [head.as_bytes(), data, b"\nendstream\nendobj\n"].concat()
    }

    fn read(pdf: &[u8]) -> Vec<Vec<u8>> {
        embedded(pdf).collect::<Result<_, _>>().unwrap()
    }

    fn packed(data: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        packer.write_all(data).unwrap();
        packer.finish().unwrap()
    }

    #[test]
    fn files_are_read_however_they_are_written() {
        let packed = packed(b"words");
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
    fn no_file_is_unpacked_without_end() {
        let (mib, object) = (packed(&vec![0; 1 << 20]), "/Type/EmbeddedFile/Filter/FlateDecode");
        let bomb = pdf(object, &mib).repeat(100);
        assert!(bomb.len() < 1 << 20);
        let read: Vec<_> = embedded(&bomb).take_while(Result::is_ok).collect();
        assert!(read.len() < 32, "{} MiB of one hundred", read.len());
        assert!(embedded(&bomb).any(|file| file == Err(TooLarge)));
        let pages = pdf("/Filter/FlateDecode", &mib).repeat(100);
        assert!(embedded(&pages).next().is_none() && contents(&pages).any(|data| data == Err(TooLarge)));
        // Streams within streams, which all end at the same place.
        let nested = [b"1 0 obj<</EmbeddedFile>>stream\n".repeat(10_000), END.to_vec()].concat();
        assert!(embedded(&nested).any(|file| file == Err(TooLarge)));
        let endless = b"1 0 obj<</EmbeddedFile>>stream\n".repeat(10_000);
        assert!(embedded(&endless).any(|file| file == Err(TooLarge)), "looking for an end is work as well");
        let one = pdf(object, &packed(&vec![0; BUDGET]));
        assert!(embedded(&one).eq([Err(TooLarge)]));
    }

    #[test]
    fn a_dictionary_ends_where_the_stream_before_began() {
        let two = [pdf("/Type/EmbeddedFile/Length 5", b"words"), pdf("/Length 4", b"page")].concat();
        assert_eq!(read(&two), [b"words"]);
        assert_eq!(contents(&two).collect::<Result<Vec<_>, _>>().unwrap(), [b"page"]);
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
