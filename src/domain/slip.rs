//! Slip codes: what stands on paper, how it is typed, and the digests that stand for it.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::digest::Digest;
use super::ids::PollId;

/// Upper-case base32 without the look-alikes I, L, O and U; all of it in QR's alphanumeric mode.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// The five bits that a letter stands for, by its byte; [`NO_LETTER`] for a byte that is none.
#[expect(clippy::indexing_slicing, reason = "done by the compiler, which would say so")]
const VALUES: [u8; 256] = {
    let mut values = [NO_LETTER; 256];
    let mut place = 0;
    while place < 32 {
        values[ALPHABET[place as usize] as usize] = place;
        place += 1;
    }
    values
};
const NO_LETTER: u8 = 255;
pub(super) const TAG_LENGTH: usize = 5;
pub(super) const BODY_LENGTH: usize = 20;

/// Five characters that name the round on its slips. Random, public, unique in an installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PollTag([u8; TAG_LENGTH]);

impl PollTag {
    /// The tag made of the lowest 25 bits of `random`.
    #[must_use]
    pub fn from_random(random: u32) -> Self {
        let mut tag = [0; TAG_LENGTH];
        for (place, character) in (0u32..).zip(tag.iter_mut()) {
            *character = letter(u64::from(random >> (5 * place)));
        }
        PollTag(tag)
    }

    /// The tag as printed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Reads a tag as typed: look-alikes and lower case are understood.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let tag: [u8; TAG_LENGTH] = clean(text).try_into().ok()?;
        (!tag.contains(&FOREIGN)).then_some(PollTag(tag))
    }
}

impl fmt::Display for PollTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The secret of one slip: 100 random bits in twenty characters, behind the round's tag and before a check
/// character. It exists on paper and in requests; the database knows its digest only.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct SlipCode {
    #[zeroize(skip)]
    tag: PollTag,
    body: [u8; BODY_LENGTH],
}

/// Why a typed code is not a slip code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SlipCodeError {
    /// Not 26 characters of the alphabet.
    #[error("选票码应为26位字母和数字")]
    Shape,
    /// The check character does not fit: a typing slip.
    #[error("选票码有一处输错了")]
    Check,
}

impl SlipCode {
    /// The code made of the lowest 100 bits of `random`.
    #[must_use]
    pub fn from_random(tag: PollTag, random: u128) -> Self {
        SlipCode { tag, body: random_body(random) }
    }

    /// Reads a code as typed or scanned, with or without spaces, dashes and the link before it; lower case
    /// and look-alikes (O for 0, I and L for 1) are understood.
    ///
    /// # Errors
    /// `Shape` when it cannot be a code at all, `Check` when one character is wrong or two are swapped.
    pub fn parse(text: &str) -> Result<Self, SlipCodeError> {
        let code = text.trim().rsplit('/').next().unwrap_or_default();
        let cleaned = clean(code);
        let whole: [u8; TAG_LENGTH + BODY_LENGTH + 1] = cleaned.try_into().map_err(|_| SlipCodeError::Shape)?;
        if whole.contains(&FOREIGN) {
            return Err(SlipCodeError::Shape);
        }
        let (rest, check) = whole.split_at(TAG_LENGTH + BODY_LENGTH);
        if check != [check_character(rest)] {
            return Err(SlipCodeError::Check);
        }
        let (tag, body) = rest.split_at(TAG_LENGTH);
        match (tag.try_into(), body.try_into()) {
            (Ok(tag), Ok(body)) => Ok(SlipCode { tag: PollTag(tag), body }),
            _ => Err(SlipCodeError::Shape),
        }
    }

    /// The round that the slip says it belongs to.
    #[must_use]
    pub fn tag(&self) -> PollTag {
        self.tag
    }

    /// `<tag>-<code>` as in the link `/V/<tag>-<code>`.
    #[must_use]
    pub fn link_form(&self) -> String {
        format!("{}-{}{}", self.tag, self.body(), char::from(self.check()))
    }

    /// Tag and code in groups of four (the tag five), for reading aloud and typing.
    #[must_use]
    pub fn typing_form(&self) -> String {
        let mut text = self.tag.to_string();
        let code = format!("{}{}", self.body(), char::from(self.check()));
        for (place, character) in code.chars().enumerate() {
            // The last group has five characters: the check character is not left alone.
            if place % 4 == 0 && place < BODY_LENGTH {
                text.push(' ');
            }
            text.push(character);
        }
        text
    }

    /// `H("slip", poll, t)`: what the database keeps of the slip.
    #[must_use]
    pub fn digest(&self, poll: PollId) -> Digest {
        Digest::labelled("slip", &[&poll.0.to_be_bytes(), &self.body])
    }

    /// `H("seed", poll, t, n)`: never stored; box id and receipt are made of it.
    #[must_use]
    pub fn seed(&self, poll: PollId, nonce: &FormNonce) -> Seed {
        Seed(Digest::labelled("seed", &[&poll.0.to_be_bytes(), &self.body, &nonce.0]))
    }

    fn body(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap_or_default()
    }

    fn check(&self) -> u8 {
        let mut whole = self.tag.0.to_vec();
        whole.extend_from_slice(&self.body);
        let check = check_character(&whole);
        whole.zeroize();
        check
    }
}

impl fmt::Debug for SlipCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SlipCode(…)")
    }
}

/// `n`: 256 random bits, one per rendered form. Any well-formed nonce is valid.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct FormNonce(pub [u8; 32]);

impl FormNonce {
    /// The nonce as it stands in the form: base64url without padding.
    #[must_use]
    pub fn text(&self) -> String {
        data_encoding::BASE64URL_NOPAD.encode(&self.0)
    }

    /// Reads the nonce of a form; `None` unless it is 256 bits in base64url.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = data_encoding::BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        bytes.try_into().ok().map(FormNonce)
    }
}

impl fmt::Debug for FormNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FormNonce(…)")
    }
}

/// `s = H("seed", poll, t, n)`.
pub struct Seed(Digest);

impl Seed {
    /// `H("box", poll, s)`: the key under which the sealed ballot lies.
    #[must_use]
    pub fn box_id(&self, poll: PollId) -> Digest {
        Digest::labelled("box", &[&poll.0.to_be_bytes(), &self.0.0])
    }

    /// `H("receipt", poll, s)`, cut to 120 bits: proves inclusion, knows no answer.
    #[must_use]
    pub fn receipt(&self, poll: PollId) -> Receipt {
        let digest = Digest::labelled("receipt", &[&poll.0.to_be_bytes(), &self.0.0]);
        let mut receipt = [0; 15];
        receipt.copy_from_slice(digest.0.get(..15).unwrap_or(&[0; 15]));
        Receipt(receipt)
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(…)")
    }
}

/// The member's receipt: 120 bits, 24 characters. It is found in the published list when the ballot was
/// counted, and says nothing about the answers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Receipt(pub [u8; 15]);

impl Receipt {
    /// Reads a receipt as typed, with or without spaces and dashes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bits = 0u128;
        let characters = clean(text);
        if characters.len() != 24 {
            return None;
        }
        for character in characters {
            bits = (bits << 5) | u128::from(value(character)?);
        }
        bits.to_be_bytes().get(1..)?.try_into().ok().map(Receipt)
    }
}

/// Six groups of four characters joined by dashes.
impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; 16];
        bytes[1..].copy_from_slice(&self.0);
        let bits = u128::from_be_bytes(bytes);
        let mut text = String::with_capacity(29);
        for place in 0..24u32 {
            if place > 0 && place % 4 == 0 {
                text.push('-');
            }
            let five_bits = (bits >> (5 * (23 - place))) & 31;
            text.push(char::from(letter(u64::try_from(five_bits).unwrap_or_default())));
        }
        f.write_str(&text)
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receipt(…)")
    }
}

/// Twenty characters made of the lowest 100 bits.
pub(super) fn random_body(random: u128) -> [u8; BODY_LENGTH] {
    let mut body = [0; BODY_LENGTH];
    for (place, character) in (0u32..).zip(body.iter_mut()) {
        let five_bits = (random >> (5 * place)) & 31;
        *character = letter(u64::try_from(five_bits).unwrap_or_default());
    }
    body
}

/// The letter for the lowest five bits.
fn letter(bits: u64) -> u8 {
    usize::try_from(bits & 31).ok().and_then(|place| ALPHABET.get(place)).copied().unwrap_or(b'0')
}

/// The five bits that a letter stands for.
fn value(letter: u8) -> Option<u8> {
    VALUES.get(usize::from(letter)).copied().filter(|value| *value != NO_LETTER)
}

/// Stands for a character outside the alphabet.
pub(super) const FOREIGN: u8 = b'?';

/// Letters and digits as a Chinese keyboard may type them, as wide as a character: Ａ is A.
fn half_width(typed: char) -> char {
    match u32::from(typed) {
        wide @ 0xff01..=0xff5e => char::from_u32(wide - 0xff01 + 0x21).unwrap_or(typed),
        _ => typed,
    }
}

/// What a person meant: upper case, look-alikes resolved, separators dropped. Anything else stays and will
/// not parse.
pub(super) fn clean(text: &str) -> Vec<u8> {
    text.chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '－' | '—' | '·' | '.'))
        .map(|c| match half_width(c).to_ascii_uppercase() {
            'O' => b'0',
            'I' | 'L' => b'1',
            upper => u8::try_from(upper).unwrap_or(FOREIGN),
        })
        .map(|byte| if value(byte).is_some() { byte } else { FOREIGN })
        .collect()
}

/// Σ αⁱ⁺¹·cᵢ in GF(32): any one wrong character and any two swapped ones change it, since the weights
/// differ for up to 31 characters.
pub(super) fn check_character(characters: &[u8]) -> u8 {
    let mut weight = 1u8;
    let mut sum = 0u8;
    for character in characters {
        weight = multiply(weight, 2);
        sum ^= multiply(weight, value(*character).unwrap_or_default());
    }
    letter(u64::from(sum))
}

/// Product in GF(32) with the polynomial x⁵ + x² + 1.
fn multiply(a: u8, b: u8) -> u8 {
    let mut product = 0;
    let mut shifted = a;
    for bit in 0..5 {
        if b & (1 << bit) != 0 {
            product ^= shifted;
        }
        shifted = if shifted & 0x10 == 0 { shifted << 1 } else { (shifted << 1) ^ 0x25 };
    }
    product & 31
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn code() -> impl Strategy<Value = SlipCode> {
        (any::<u32>(), any::<u128>()).prop_map(|(tag, random)| SlipCode::from_random(PollTag::from_random(tag), random))
    }

    proptest! {
        #[test]
        fn codes_survive_printing_and_typing(code in code()) {
            prop_assert_eq!(code.link_form().len(), 27);
            let wide = |c: char| if c.is_ascii_alphanumeric() { char::from_u32(u32::from(c) + 0xfee0).unwrap() } else { c };
            for form in [code.link_form(), code.typing_form(), code.typing_form().to_lowercase(),
                         code.typing_form().chars().map(wide).collect(),
                         format!("HTTPS://EXAMPLE.CN/V/{}", code.link_form())] {
                prop_assert_eq!(SlipCode::parse(&form).unwrap(), code.clone());
            }
        }

        #[test]
        fn one_wrong_or_two_swapped_characters_are_noticed(code in code(), place in 0..26usize, other in 0..26usize, with in 0..32usize) {
            let original: Vec<u8> = code.link_form().bytes().filter(|b| *b != b'-').collect();
            let mut wrong = original.clone();
            wrong[place] = ALPHABET[with];
            let mut swapped = original.clone();
            swapped.swap(place, other);
            for typed in [wrong, swapped] {
                if typed != original {
                    let parsed = SlipCode::parse(std::str::from_utf8(&typed).unwrap());
                    prop_assert_eq!(parsed.unwrap_err(), SlipCodeError::Check);
                }
            }
        }

        #[test]
        fn receipts_survive_printing(bytes in any::<[u8; 15]>()) {
            prop_assert_eq!(Receipt::parse(&Receipt(bytes).to_string()), Some(Receipt(bytes)));
        }
    }

    #[test]
    fn characters_outside_the_alphabet_never_pass() {
        let code = SlipCode::from_random(PollTag::from_random(0), 0).link_form();
        // The check character treats what is foreign as 0, so it alone would let this one pass.
        assert_eq!(SlipCode::parse(&code.replacen('0', "?", 1)), Err(SlipCodeError::Shape));
        assert_eq!(SlipCode::parse(&"票".repeat(26)), Err(SlipCodeError::Shape));
        assert_eq!(PollTag::parse("票票票票票"), None);
    }

    #[test]
    fn secrets_do_not_print() {
        let code = SlipCode::from_random(PollTag::from_random(7), 9);
        assert_eq!(format!("{code:?} {:?}", FormNonce([7; 32])), "SlipCode(…) FormNonce(…)");
    }
}
