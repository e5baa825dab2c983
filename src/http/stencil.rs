//! A page that is the same for everybody but for a few words: written and compressed once, and filled in for each.
//!
//! The words go out as they are among the compressed parts, so that the length of an answer depends on theirs alone.

use bytes::Bytes;
use flate2::{Compress, Compression, Crc, FlushCompress};

use crate::domain::digest::Digest;
use crate::world;

/// A part shorter than this is not worth compressing.
const SHORT: usize = 128;

/// What a gzip member begins with: deflate, no name, no time, no system.
const GZIP: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
/// The last block of a deflate stream, with nothing in it.
const END: [u8; 5] = [1, 0, 0, 0xff, 0xff];
/// Bytes that a block holds at most where they are not compressed.
const BLOCK: usize = 0xffff;

/// A part of the page.
enum Part {
    /// The same for everybody.
    Fixed(String),
    /// The same, and compressed by itself.
    Packed { text: String, packed: Vec<u8>, crc: Crc },
    /// The word of this number.
    Word(usize),
}

/// The page with its gaps.
pub struct Stencil {
    parts: Vec<Part>,
    /// Bytes of everything but the words.
    length: usize,
}

impl Stencil {
    /// Makes one of what `page` writes when it is given these `N` words.
    ///
    /// # Errors
    /// Those of `page`.
    pub fn of<const N: usize, E>(page: impl FnOnce([&str; N]) -> Result<String, E>) -> Result<Self, E> {
        // Words that stand nowhere else, whatever a page says.
        let random: [u8; 32] = world::random_bytes();
        let marks: [String; N] = std::array::from_fn(|place| {
            Digest::labelled("gap", &[&random, &place.to_be_bytes()]).base64url().replace('-', "_")
        });
        let text = page(std::array::from_fn(|place| marks.get(place).map_or("", String::as_str)))?;
        let mut parts = Vec::new();
        let mut rest = text.as_str();
        let next = |rest: &str| {
            let places =
                (0..).zip(&marks).filter_map(|(word, mark)| Some((rest.find(mark.as_str())?, word, mark.len())));
            places.min()
        };
        while let Some((place, word, length)) = next(rest) {
            let (before, after) = rest.split_at(place);
            parts.extend(fixed(before));
            parts.push(Part::Word(word));
            rest = after.get(length..).unwrap_or_default();
        }
        parts.extend(fixed(rest));
        let length = parts.iter().map(|part| part.fixed().len()).sum();
        Ok(Stencil { parts, length })
    }

    /// The page with these words, which must be plain letters, digits and dashes: nothing in them is escaped.
    #[must_use]
    pub fn filled(&self, words: &[&str]) -> Bytes {
        let mut page = Vec::with_capacity(self.length + words.iter().map(|word| 2 * word.len()).sum::<usize>());
        for part in &self.parts {
            page.extend_from_slice(part.says(words));
        }
        page.into()
    }

    /// The same compressed, as gzip.
    #[must_use]
    pub fn filled_gzip(&self, words: &[&str]) -> Bytes {
        let mut page = Vec::with_capacity(self.length / 2);
        page.extend_from_slice(&GZIP);
        let mut crc = Crc::new();
        // Where the block begins into which bytes go as they are.
        let mut block: Option<usize> = None;
        for part in &self.parts {
            if let Part::Packed { packed, crc: own, .. } = part {
                close(&mut page, block.take());
                page.extend_from_slice(packed);
                crc.combine(own);
                continue;
            }
            let says = part.says(words);
            crc.update(says);
            for chunk in says.chunks(BLOCK) {
                let room = block.is_some_and(|begin| page.len() - begin - END.len() + chunk.len() <= BLOCK);
                if !room {
                    let begin = page.len();
                    close(&mut page, block.replace(begin));
                    page.extend_from_slice(&[0; END.len()]);
                }
                page.extend_from_slice(chunk);
            }
        }
        close(&mut page, block);
        page.extend_from_slice(&END);
        page.extend_from_slice(&crc.sum().to_le_bytes());
        page.extend_from_slice(&crc.amount().to_le_bytes());
        page.into()
    }
}

impl Part {
    fn fixed(&self) -> &str {
        match self {
            Part::Fixed(text) | Part::Packed { text, .. } => text,
            Part::Word(_) => "",
        }
    }

    fn says<'a>(&'a self, words: &[&'a str]) -> &'a [u8] {
        match self {
            Part::Word(word) => words.get(*word).copied().unwrap_or_default().as_bytes(),
            _ => self.fixed().as_bytes(),
        }
    }
}

fn fixed(text: &str) -> Option<Part> {
    let as_it_is = || Part::Fixed(text.to_owned());
    match text.len() {
        0 => None,
        1..SHORT => Some(as_it_is()),
        _ => Some(packed(text).unwrap_or_else(as_it_is)),
    }
}

/// Compressed so that anything may follow: it ends with a whole byte, and nothing after it looks back into it.
fn packed(text: &str) -> Option<Part> {
    let mut packed = Vec::with_capacity(text.len() + 64);
    let mut compress = Compress::new(Compression::best(), false);
    compress.compress_vec(text.as_bytes(), &mut packed, FlushCompress::Full).ok()?;
    let all = usize::try_from(compress.total_in()).ok()? == text.len() && packed.len() < packed.capacity();
    let mut crc = Crc::new();
    crc.update(text.as_bytes());
    all.then(|| Part::Packed { text: text.to_owned(), packed, crc })
}

/// Writes the head of the block that began there, now that its length is known.
fn close(page: &mut [u8], block: Option<usize>) {
    let Some(begin) = block else { return };
    let length = u16::try_from(page.len() - begin - END.len()).unwrap_or_default();
    let (low, not) = (length.to_le_bytes(), (!length).to_le_bytes());
    if let Some(head) = page.get_mut(begin..begin + END.len()) {
        head.copy_from_slice(&[0, low[0], low[1], not[0], not[1]]);
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::io::Read as _;

    use proptest::prelude::*;

    use super::*;

    fn unpacked(page: &[u8]) -> String {
        let mut text = String::new();
        let mut reader = flate2::read::GzDecoder::new(page);
        reader.read_to_string(&mut text).unwrap();
        assert!(reader.into_inner().is_empty(), "nothing follows");
        text
    }

    fn stencil<const N: usize>(page: impl Fn([&str; N]) -> String) -> Stencil {
        Stencil::of(|words| Ok::<_, Infallible>(page(words))).unwrap()
    }

    #[test]
    fn words_stand_where_they_belong() {
        let long = "工会".repeat(200);
        let page = |[a, b]: [&str; 2]| format!("{long}<a href=\"{a}\">{b}</a>{b}{a}{long}");
        let stencil = stencil(page);
        let filled = page(["EYW3E", "0A"]);
        assert_eq!(stencil.filled(&["EYW3E", "0A"]), filled.as_bytes());
        let gzip = stencil.filled_gzip(&["EYW3E", "0A"]);
        assert_eq!(unpacked(&gzip), filled);
        assert!(gzip.len() < filled.len() / 5, "{} of {}", gzip.len(), filled.len());
    }

    #[test]
    fn the_length_tells_nothing_of_the_words() {
        let stencil = stencil(|[word]: [&str; 1]| format!("{}{word}{}", "a".repeat(500), "b".repeat(500)));
        let lengths = ["AAAAAAAA", "A7X0QK3Z", "aaaabbbb"].map(|word| stencil.filled_gzip(&[word]).len());
        assert!(lengths.iter().all(|length| *length == lengths[0]), "{lengths:?}");
    }

    proptest! {
        #[test]
        fn any_page_comes_out_as_it_went_in(
            parts in prop::collection::vec(".{0,300}", 1..6),
            words in prop::array::uniform3("[0-9A-Z-]{0,40}"),
            size in prop::sample::select(vec![0usize, 1, 127, 128, 65_535, 65_536, 70_000]),
        ) {
            let page = |words: [&str; 3]| {
                let mut text = "x".repeat(size);
                for (place, part) in parts.iter().enumerate() {
                    text.push_str(part);
                    text.push_str(words[place % 3]);
                }
                text
            };
            let stencil = stencil(page);
            let words = [words[0].as_str(), words[1].as_str(), words[2].as_str()];
            let filled = page(words);
            prop_assert_eq!(stencil.filled(&words), filled.as_bytes());
            prop_assert_eq!(unpacked(&stencil.filled_gzip(&words)), filled);
        }

        #[test]
        fn long_words_need_several_blocks(length in 65_000usize..140_000) {
            let stencil = stencil(|[word]: [&str; 1]| format!("a{word}b"));
            let word = "w".repeat(length);
            prop_assert_eq!(unpacked(&stencil.filled_gzip(&[&word])), format!("a{word}b"));
        }
    }
}
