//! Packets of spare slips: one code on the cover of a sealed packet stands for all slips in it. It voids them, and
//! casts none: no slip code can be made of it.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::digest::Digest;
use super::ids::PollId;
use super::slip::{
    BODY_LENGTH, FOREIGN, PollTag, SlipCode, SlipCodeError, TAG_LENGTH, check_character, clean, random_body,
};

/// Stands between tag and body and makes the code one longer than that of a slip: nobody takes one for the other.
const MARK: u8 = b'B';

/// The code of one packet: the round's tag, the letter B, 100 random bits in twenty characters, a check character.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct PacketCode {
    #[zeroize(skip)]
    tag: PollTag,
    body: [u8; BODY_LENGTH],
}

impl PacketCode {
    /// The code made of the lowest 100 bits of `random`.
    #[must_use]
    pub fn from_random(tag: PollTag, random: u128) -> Self {
        PacketCode { tag, body: random_body(random) }
    }

    /// Reads a code as typed or scanned; see [`SlipCode::parse`].
    ///
    /// # Errors
    /// `Shape` when it cannot be the code of a packet at all, `Check` when one character is wrong or two are swapped.
    pub fn parse(text: &str) -> Result<Self, SlipCodeError> {
        let whole: [u8; TAG_LENGTH + 1 + BODY_LENGTH + 1] =
            clean(text.trim()).try_into().map_err(|_| SlipCodeError::Shape)?;
        let (rest, check) = whole.split_at(TAG_LENGTH + 1 + BODY_LENGTH);
        let (tag, marked) = rest.split_at(TAG_LENGTH);
        let (Some((&MARK, body)), Ok(tag)) = (marked.split_first(), std::str::from_utf8(tag)) else {
            return Err(SlipCodeError::Shape);
        };
        if whole.contains(&FOREIGN) {
            return Err(SlipCodeError::Shape);
        }
        if check != [check_character(rest)] {
            return Err(SlipCodeError::Check);
        }
        let tag = PollTag::parse(tag).ok_or(SlipCodeError::Shape)?;
        Ok(PacketCode { tag, body: body.try_into().map_err(|_| SlipCodeError::Shape)? })
    }

    /// The round that the packet says it belongs to.
    #[must_use]
    pub fn tag(&self) -> PollTag {
        self.tag
    }

    /// `<tag>-B<code>`: what the code to scan says. No link, so no phone opens anything.
    #[must_use]
    pub fn scanned_form(&self) -> String {
        let mut whole = self.tag.as_str().as_bytes().to_vec();
        whole.push(MARK);
        whole.extend_from_slice(&self.body);
        let check = char::from(check_character(&whole));
        let body = std::str::from_utf8(&self.body).unwrap_or_default();
        let text = format!("{}-{}{body}{check}", self.tag, char::from(MARK));
        whole.zeroize();
        text
    }

    /// Tag, mark and code in groups of four (tag and mark six), for typing.
    #[must_use]
    pub fn typing_form(&self) -> String {
        let code = self.scanned_form().replace('-', "");
        let mut text = String::new();
        for (place, character) in code.chars().enumerate() {
            // The last group has five characters: the check character is not left alone.
            if place > TAG_LENGTH && (place - TAG_LENGTH - 1).is_multiple_of(4) && place < TAG_LENGTH + 1 + BODY_LENGTH
            {
                text.push(' ');
            }
            text.push(character);
        }
        text
    }

    /// `H("packet", poll, code)`: under what name the database keeps the packet.
    #[must_use]
    pub fn id(&self, poll: PollId) -> Digest {
        Digest::labelled("packet", &[&poll.0.to_be_bytes(), &self.body])
    }

    /// `H("packet key", poll, code)`: what the list of its slips is sealed under.
    #[must_use]
    pub fn key(&self, poll: PollId) -> [u8; 32] {
        Digest::labelled("packet key", &[&poll.0.to_be_bytes(), &self.body]).0
    }
}

impl fmt::Debug for PacketCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PacketCode(…)")
    }
}

/// What was scanned or typed where slips and whole packets are voided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scanned {
    Slip(SlipCode),
    Packet(PacketCode),
}

impl Scanned {
    /// Reads a line; length and mark tell which of the two it is.
    ///
    /// # Errors
    /// See [`SlipCode::parse`].
    pub fn parse(text: &str) -> Result<Self, SlipCodeError> {
        match PacketCode::parse(text) {
            Err(SlipCodeError::Shape) => SlipCode::parse(text).map(Scanned::Slip),
            other => other.map(Scanned::Packet),
        }
    }

    /// The round that it says it belongs to.
    #[must_use]
    pub fn tag(&self) -> PollTag {
        match self {
            Scanned::Slip(slip) => slip.tag(),
            Scanned::Packet(packet) => packet.tag(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn packets_and_slips_are_told_apart_however_they_are_typed(tag in any::<u32>(), random in any::<u128>()) {
            let tag = PollTag::from_random(tag);
            let packet = PacketCode::from_random(tag, random);
            for form in [packet.scanned_form(), packet.typing_form(), packet.typing_form().to_lowercase()] {
                prop_assert_eq!(Scanned::parse(&form), Ok(Scanned::Packet(packet.clone())));
            }
            prop_assert_eq!(packet.tag(), tag);
            let slip = SlipCode::from_random(tag, random);
            for form in [slip.link_form(), slip.typing_form(), format!("HTTPS://PJ.EXAMPLE.CN/V/{}", slip.link_form())] {
                prop_assert_eq!(Scanned::parse(&form), Ok(Scanned::Slip(slip.clone())));
            }
            prop_assert_eq!(SlipCode::parse(&packet.scanned_form()), Err(SlipCodeError::Shape), "casts nothing");
        }

        #[test]
        fn a_mistyped_packet_is_noticed(random in any::<u128>(), place in 6usize..27, with in any::<u32>()) {
            let code = PacketCode::from_random(PollTag::from_random(7), random).scanned_form().replace('-', "");
            let letter = PollTag::from_random(with).as_str().chars().next().unwrap();
            let wrong: String = code.chars().enumerate().map(|(at, c)| if at == place { letter } else { c }).collect();
            prop_assume!(wrong != code);
            prop_assert_eq!(Scanned::parse(&wrong), Err(SlipCodeError::Check));
        }
    }

    #[test]
    fn a_packet_is_typed_in_groups_and_does_not_print() {
        let packet = PacketCode::from_random(PollTag::from_random(7), 9);
        let groups: Vec<usize> = packet.typing_form().split(' ').map(str::len).collect();
        assert_eq!(groups, [6, 4, 4, 4, 4, 5]);
        assert_eq!(format!("{packet:?}"), "PacketCode(…)");
        assert_ne!(packet.id(PollId(1)).0, packet.key(PollId(1)));
    }
}
