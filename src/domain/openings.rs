//! Openings: per item, every counted answer beside a value that nobody can trace. They let anyone recount.

use std::cmp::Ordering;

use super::digest::Digest;
use super::paper::{Answer, Item};
use super::tally::ItemTally;

/// Bytes of one entry in a block: the opening, then the answer's byte.
pub const ENTRY: usize = 33;

/// `H("open", poll, r, item)`: stands beside the item's answer in the published openings. `r` is known to
/// nobody, so no opening can be shown to be one's own.
#[must_use]
pub fn opening(poll: super::ids::PollId, r: &[u8; 32], item: &Item) -> Digest {
    Digest::labelled("open", &[&poll.0.to_be_bytes(), r, item.id.as_str().as_bytes()])
}

/// An entry of a block: the opening, then the answer's byte.
#[must_use]
pub fn entry(opening: &Digest, answer: Option<Answer>) -> [u8; ENTRY] {
    let mut entry = [Answer::to_byte(answer); ENTRY];
    entry[..ENTRY - 1].copy_from_slice(&opening.0);
    entry
}

/// Byte order. What is compared comes out of a hash function, so that eight bytes decide.
#[must_use]
pub fn in_order<const N: usize>(one: &[u8; N], other: &[u8; N]) -> Ordering {
    let head = |bytes: &[u8; N]| bytes.first_chunk().map(|head| u64::from_be_bytes(*head));
    head(one).cmp(&head(other)).then_with(|| one.cmp(other))
}

/// The openings of one item over all valid ballots, in ascending byte order of the opening. The order is
/// therefore independent of that of casting.
#[derive(Clone, PartialEq, Eq)]
pub struct OpeningBlock(Vec<u8>);

/// Why bytes are not an opening block for an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    #[error("the block's length is not a multiple of {ENTRY} bytes")]
    Length,
    #[error("the openings are not in strictly ascending order")]
    Order,
    #[error("an opening stands beside an answer that the item does not offer")]
    Answer,
}

impl OpeningBlock {
    /// Sorts the entries into a block.
    #[must_use]
    pub fn of(mut entries: Vec<[u8; ENTRY]>) -> Self {
        entries.sort_unstable_by(in_order);
        OpeningBlock(entries.into_flattened())
    }

    /// A block of entries that are sorted already; [`OpeningBlock::recount`] checks that they are.
    #[must_use]
    pub fn from_sorted(entries: Vec<[u8; ENTRY]>) -> Self {
        OpeningBlock(entries.into_flattened())
    }

    /// Reads a stored or published block and checks order and answers against the item.
    ///
    /// # Errors
    /// See [`BlockError`].
    pub fn parse(bytes: Vec<u8>, item: &Item) -> Result<Self, BlockError> {
        let block = OpeningBlock(bytes);
        block.recount(item)?;
        Ok(block)
    }

    /// The block as stored and as hashed.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// SHA-256 of the block's bytes: the digest that the sheet carries.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::sha256(&self.0)
    }

    /// Counts the block anew.
    ///
    /// # Errors
    /// See [`BlockError`].
    pub fn recount(&self, item: &Item) -> Result<ItemTally, BlockError> {
        let entries = self.0.chunks_exact(ENTRY);
        if !entries.remainder().is_empty() {
            return Err(BlockError::Length);
        }
        let mut counts = [0u64; 256];
        let mut last: Option<&[u8]> = None;
        for entry in entries {
            let (opening, answer) = entry.split_at(ENTRY - 1);
            if last.is_some_and(|last| last >= opening) {
                return Err(BlockError::Order);
            }
            last = Some(opening);
            if let Some(count) = answer.first().and_then(|byte| counts.get_mut(usize::from(*byte))) {
                *count += 1;
            }
        }
        let mut taken = |answer| counts.get_mut(usize::from(Answer::to_byte(answer))).map_or(0, std::mem::take);
        let tally = ItemTally {
            item: item.id.clone(),
            abstain: taken(None),
            answers: item.scale.answers().iter().map(|answer| (*answer, taken(Some(*answer)))).collect(),
        };
        if counts.iter().any(|count| *count > 0) { Err(BlockError::Answer) } else { Ok(tally) }
    }

    /// The entries in order: opening and answer.
    pub fn entries(&self) -> impl Iterator<Item = (Digest, Option<Answer>)> + '_ {
        self.0.chunks_exact(ENTRY).filter_map(|entry| {
            let (opening, answer) = entry.split_at_checked(ENTRY - 1)?;
            Some((Digest(opening.try_into().ok()?), Answer::from_byte(*answer.first()?)?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::paper::{Scale, Section};

    fn item() -> Item {
        Item { id: "home".into(), section: Section::Overall, scale: Scale::Satisfaction, title: "职工之家".into() }
    }

    #[test]
    fn a_block_recounts_and_notices_meddling() {
        let entries = [(3, Some(Answer::Satisfied)), (1, None), (2, Some(Answer::Dissatisfied))];
        let entries = entries.map(|(byte, answer)| entry(&Digest([byte; 32]), answer));
        let block = OpeningBlock::of(entries.to_vec());
        let tally = block.recount(&item()).unwrap();
        assert_eq!((tally.count(Answer::Satisfied), tally.count(Answer::Dissatisfied), tally.abstain), (1, 1, 1));

        let mut swapped = block.bytes().to_vec();
        swapped.rotate_left(ENTRY);
        assert_eq!(OpeningBlock::parse(swapped, &item()).err(), Some(BlockError::Order));
        let mut foreign = block.bytes().to_vec();
        foreign[ENTRY - 1] = Answer::to_byte(Some(Answer::Kept));
        assert_eq!(OpeningBlock::parse(foreign, &item()).err(), Some(BlockError::Answer));
        assert_eq!(OpeningBlock::parse(vec![0; 40], &item()).err(), Some(BlockError::Length));
    }

    #[test]
    fn the_order_is_that_of_bytes() {
        let mut ties = [[7, 7, 7, 7, 7, 7, 7, 7, 2], [7, 7, 7, 7, 7, 7, 7, 7, 1], [0, 9, 9, 9, 9, 9, 9, 9, 9]];
        ties.sort_unstable_by(in_order);
        assert!(ties.is_sorted());
    }
}
