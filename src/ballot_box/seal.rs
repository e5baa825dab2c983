//! Sealing: what a ballot, a comment and a teller's entry look like before and after XChaCha20-Poly1305.
//!
//! Everything of one kind in one round has the same size, so that a sealed row tells nothing: a blank ballot is
//! as long as a full one, an invalid paper ballot as a valid one, no comment as the longest.

use chacha20poly1305::aead::{Aead, AeadInOut, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::domain::ballot::COMMENT_LIMIT;
use crate::domain::digest::Digest;
use crate::domain::ids::PollId;
use crate::domain::paper::{Answer, Item, Paper};
use crate::domain::slip::Receipt;

/// Bytes of the nonce before each ciphertext.
const NONCE: usize = 24;
/// Bytes before the answers: `r`, the receipt, and where the ballot comes from.
const HEAD: usize = 32 + 15 + 1;
/// Bytes of a comment: its length and the longest text in UTF-8.
const COMMENT: usize = 2 + 4 * COMMENT_LIMIT;

/// The key of one round. It lies in the vault and, while the round is open, in the memory of the service.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(super) struct Key(pub(super) [u8; 32]);

impl Key {
    /// What the database keeps of the key.
    pub(super) fn digest(&self) -> Digest {
        Digest::sha256(&self.0)
    }
}

/// A sealed thing that does not open: another key, another row, or changed bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DoesNotOpen;

/// Where a ballot comes from and whether it is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Phone = 0,
    Paper = 1,
    InvalidPaper = 2,
}

/// What a sealed ballot says.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct Content<'a> {
    /// Known to nobody, the voter included: the openings are made of it.
    pub(super) r: [u8; 32],
    #[zeroize(skip)]
    pub(super) receipt: Receipt,
    #[zeroize(skip)]
    pub(super) source: Source,
    /// One byte per item of the paper ([`Answer::to_byte`]).
    #[zeroize(skip)]
    pub(super) answers: &'a [u8],
}

impl Content<'_> {
    /// The answers, read. `None` if a byte stands for no answer, or for one that its item does not offer.
    pub(super) fn read_answers(&self, paper: &Paper) -> Option<Vec<Option<Answer>>> {
        let read = |(byte, item): (&u8, &Item)| {
            let answer = Answer::from_byte(*byte)?;
            answer.is_none_or(|answer| item.scale.answers().contains(&answer)).then_some(answer)
        };
        self.answers.iter().zip(&paper.items).map(read).collect()
    }
}

/// Where a ballot is opened: wiped when the next one is opened in it, and at the end.
pub(super) type Plain = Zeroizing<Vec<u8>>;

/// Seals and opens under the key of one round.
pub(super) struct Sealer {
    cipher: XChaCha20Poly1305,
    poll: PollId,
}

impl Sealer {
    pub(super) fn new(key: &Key, poll: PollId) -> Self {
        Sealer { cipher: XChaCha20Poly1305::new(&key.0.into()), poll }
    }

    /// Seals a ballot for the row `box_id`. `nonce` must be fresh and random.
    pub(super) fn ballot(
        &self,
        box_id: &Digest,
        content: &Content<'_>,
        nonce: [u8; NONCE],
    ) -> Result<Vec<u8>, DoesNotOpen> {
        let mut plain = Zeroizing::new(Vec::with_capacity(HEAD + content.answers.len()));
        plain.extend_from_slice(&content.r);
        plain.extend_from_slice(&content.receipt.0);
        plain.push(content.source as u8);
        plain.extend_from_slice(content.answers);
        self.seal("ballot", &box_id.0, &plain, nonce)
    }

    /// Opens the ballot of the row `box_id` on this paper, in `plain`.
    pub(super) fn open_ballot<'a>(
        &self,
        box_id: &[u8],
        sealed: &[u8],
        paper: &Paper,
        plain: &'a mut Plain,
    ) -> Result<Content<'a>, DoesNotOpen> {
        self.open_in(plain, "ballot", box_id, sealed)?;
        let (head, answers) = plain.split_at_checked(HEAD).ok_or(DoesNotOpen)?;
        let (r, rest) = head.split_at_checked(32).ok_or(DoesNotOpen)?;
        let (receipt, source) = rest.split_at_checked(15).ok_or(DoesNotOpen)?;
        let source = match source {
            [0] => Source::Phone,
            [1] => Source::Paper,
            [2] => Source::InvalidPaper,
            _ => return Err(DoesNotOpen),
        };
        if answers.len() != paper.items.len() {
            return Err(DoesNotOpen);
        }
        Ok(Content {
            r: r.try_into().map_err(|_| DoesNotOpen)?,
            receipt: Receipt(receipt.try_into().map_err(|_| DoesNotOpen)?),
            source,
            answers,
        })
    }

    /// Seals a comment, or that there is none, for the row `id`.
    pub(super) fn comment(
        &self,
        id: &[u8; 32],
        text: Option<&str>,
        nonce: [u8; NONCE],
    ) -> Result<Vec<u8>, DoesNotOpen> {
        let text = text.unwrap_or_default().as_bytes();
        let mut plain = Zeroizing::new(Vec::with_capacity(COMMENT));
        plain.extend_from_slice(&u16::try_from(text.len()).map_err(|_| DoesNotOpen)?.to_be_bytes());
        plain.extend_from_slice(text);
        if plain.len() > COMMENT {
            return Err(DoesNotOpen);
        }
        plain.resize(COMMENT, 0);
        self.seal("comment", id, &plain, nonce)
    }

    /// Opens the comment of the row `id`; `None` when none was written.
    pub(super) fn open_comment(&self, id: &[u8], sealed: &[u8]) -> Result<Option<String>, DoesNotOpen> {
        let plain = self.open("comment", id, sealed)?;
        let (length, text) = plain.split_at_checked(2).ok_or(DoesNotOpen)?;
        let length = u16::from_be_bytes(length.try_into().map_err(|_| DoesNotOpen)?);
        let text = text.get(..usize::from(length)).ok_or(DoesNotOpen)?;
        let text = std::str::from_utf8(text).map_err(|_| DoesNotOpen)?;
        Ok((!text.is_empty()).then(|| text.to_owned()))
    }

    /// Seals what a teller read: source and answers.
    pub(super) fn entry(
        &self,
        row: &[u8],
        source: Source,
        answers: &[u8],
        nonce: [u8; NONCE],
    ) -> Result<Vec<u8>, DoesNotOpen> {
        let mut plain = Zeroizing::new(vec![source as u8]);
        plain.extend_from_slice(answers);
        self.seal("entry", row, &plain, nonce)
    }

    /// Opens what a teller read, as the bytes that were sealed.
    pub(super) fn open_entry(&self, row: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, DoesNotOpen> {
        self.open("entry", row, sealed)
    }

    /// Seals the digests of a packet's slips for the row `id`; the key is that of the packet.
    pub(super) fn packet(&self, id: &Digest, slips: &[Digest], nonce: [u8; NONCE]) -> Result<Vec<u8>, DoesNotOpen> {
        let plain: Vec<u8> = slips.iter().flat_map(|slip| slip.0).collect();
        self.seal("packet", &id.0, &plain, nonce)
    }

    /// Opens the digests of a packet's slips.
    pub(super) fn open_packet(&self, id: &Digest, sealed: &[u8]) -> Result<Vec<Digest>, DoesNotOpen> {
        let plain = self.open("packet", &id.0, sealed)?;
        let (slips, rest) = plain.as_chunks::<32>();
        if rest.is_empty() { Ok(slips.iter().map(|slip| Digest(*slip)).collect()) } else { Err(DoesNotOpen) }
    }

    fn seal(&self, label: &str, row: &[u8], plain: &[u8], nonce: [u8; NONCE]) -> Result<Vec<u8>, DoesNotOpen> {
        let aad = self.associated(label, row);
        let cipher_text =
            self.cipher.encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: &aad }).map_err(|_| DoesNotOpen)?;
        Ok([nonce.as_slice(), &cipher_text].concat())
    }

    fn open(&self, label: &str, row: &[u8], sealed: &[u8]) -> Result<Plain, DoesNotOpen> {
        // Enough from the beginning: growing would leave a copy behind that nobody wipes.
        let mut plain = Zeroizing::new(Vec::with_capacity(sealed.len()));
        self.open_in(&mut plain, label, row, sealed)?;
        Ok(plain)
    }

    fn open_in(&self, plain: &mut Plain, label: &str, row: &[u8], sealed: &[u8]) -> Result<(), DoesNotOpen> {
        let (nonce, cipher_text) = sealed.split_first_chunk::<NONCE>().ok_or(DoesNotOpen)?;
        let aad = self.associated(label, row);
        plain.zeroize();
        plain.extend_from_slice(cipher_text);
        self.cipher.decrypt_in_place(&XNonce::from(*nonce), &aad, &mut **plain).map_err(|_| DoesNotOpen)
    }

    /// Label, version, round and row: a sealed row opens in its own place only.
    fn associated(&self, label: &str, row: &[u8]) -> Vec<u8> {
        let mut aad = Vec::with_capacity(label.len() + 10 + row.len());
        aad.extend_from_slice(label.as_bytes());
        aad.extend_from_slice(&[0, 1]);
        aad.extend_from_slice(&self.poll.0.to_be_bytes());
        aad.extend_from_slice(row);
        aad
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::paper::{Item, Scale, Section};

    fn paper() -> Paper {
        let item =
            |id: &str| Item { id: id.into(), section: Section::Overall, scale: Scale::Satisfaction, title: id.into() };
        Paper { items: vec![item("home"), item("chair")], comment: true }
    }

    fn bytes(answers: &[Option<Answer>]) -> Vec<u8> {
        answers.iter().map(|answer| Answer::to_byte(*answer)).collect()
    }

    fn content(source: Source, answers: &[u8]) -> Content<'_> {
        Content { r: [7; 32], receipt: Receipt([9; 15]), source, answers }
    }

    fn sealer() -> Sealer {
        Sealer::new(&Key([3; 32]), PollId(42))
    }

    #[test]
    fn what_is_sealed_opens_in_its_own_place_only() {
        let row = Digest([1; 32]);
        let answers = bytes(&[Some(Answer::Satisfied), None]);
        let sealed = sealer().ballot(&row, &content(Source::Phone, &answers), [5; 24]).unwrap();
        let plain = &mut Plain::default();
        let opened = sealer().open_ballot(&row.0, &sealed, &paper(), plain).unwrap_or_else(|_| panic!("opens"));
        assert_eq!((opened.r, opened.receipt, opened.source), ([7; 32], Receipt([9; 15]), Source::Phone));
        assert_eq!(opened.read_answers(&paper()), Some(vec![Some(Answer::Satisfied), None]));
        drop(opened);

        let other_key = Sealer::new(&Key([4; 32]), PollId(42));
        let other_poll = Sealer::new(&Key([3; 32]), PollId(43));
        assert!(other_key.open_ballot(&row.0, &sealed, &paper(), plain).is_err());
        assert!(other_poll.open_ballot(&row.0, &sealed, &paper(), plain).is_err());
        assert!(sealer().open_ballot(&[2; 32], &sealed, &paper(), plain).is_err());
        assert!(sealer().open_comment(&row.0, &sealed).is_err(), "a ballot is no comment");
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(sealer().open_ballot(&row.0, &changed, &paper(), plain).is_err(), "byte {place}");
        }
    }

    #[test]
    fn an_answer_that_its_item_does_not_offer_is_none() {
        for byte in [Answer::to_byte(Some(Answer::Kept)), 99] {
            assert_eq!(content(Source::Phone, &[byte, 0]).read_answers(&paper()), None, "{byte}");
        }
    }

    #[test]
    fn everything_of_one_kind_has_one_size() {
        let row = Digest([1; 32]);
        let size = |source, answers: &[Option<Answer>]| {
            sealer().ballot(&row, &content(source, &bytes(answers)), [5; 24]).unwrap().len()
        };
        let full = size(Source::Phone, &[Some(Answer::Satisfied), Some(Answer::DontKnow)]);
        assert_eq!(full, size(Source::Phone, &[None, None]));
        assert_eq!(full, size(Source::InvalidPaper, &[None, None]));

        let longest = "好𠀀".repeat(COMMENT_LIMIT / 2);
        let comment = |text| sealer().comment(&[6; 32], text, [5; 24]).unwrap();
        assert_eq!(comment(None).len(), comment(Some(&longest)).len());
        assert_eq!(sealer().open_comment(&[6; 32], &comment(Some(&longest))), Ok(Some(longest.clone())));
        assert_eq!(sealer().open_comment(&[6; 32], &comment(None)), Ok(None));
    }
}
