//! The published openings of a certified round, `GET /sheets/{id}/openings.json`: everything that one needs to
//! count again. Form `pingjia-openings/1`, described in `docs/verify.md`; written and read as a stream, one item
//! in memory at a time.

use std::fmt;
use std::io::{self, Read, Write};

use data_encoding::BASE64URL_NOPAD;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::digest::Digest;
use super::openings::{ENTRY, OpeningBlock};
use super::paper::{Answer, Item, Paper};
use super::sheet::ABSTAIN;
use super::slip::Receipt;
use super::tally::ItemTally;

/// Name and version of the form.
pub const FORMAT: &str = "pingjia-openings/1";

/// What a reader found in an openings file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recount {
    /// Digest of the payload of the sheet that the file belongs to.
    pub sheet: Digest,
    /// Every item counted anew, with the digest of its openings, in the order of the paper.
    pub items: Vec<(ItemTally, Digest)>,
    /// In strictly ascending order.
    pub receipts: Vec<Receipt>,
}

/// Writes the file. Members stand in canonical order, so that the same round gives the same bytes.
///
/// # Errors
/// Those of `out`, and of `block`, which is asked for the openings of one item at a time.
pub fn write<W: Write>(
    mut out: W,
    sheet: &Digest,
    paper: &Paper,
    mut block: impl FnMut(&Item) -> io::Result<OpeningBlock>,
    receipts: &[Receipt],
) -> io::Result<()> {
    write!(out, "{{\"format\":\"{FORMAT}\",\"items\":[")?;
    for (place, item) in paper.items.iter().enumerate() {
        let block = block(item)?;
        write!(out, "{}{{\"answers\":{{", comma(place))?;
        for (place, (code, answer)) in answers(item).into_iter().enumerate() {
            write!(out, "{}\"{code}\":[", comma(place))?;
            let mut openings = block.entries().filter(|(_, given)| *given == answer).map(|(opening, _)| opening);
            if let Some(first) = openings.next() {
                write!(out, "\"{}\"", first.base64url())?;
            }
            for opening in openings {
                write!(out, ",\"{}\"", opening.base64url())?;
            }
            out.write_all(b"]")?;
        }
        let id = serde_json::to_string(&item.id)?;
        write!(out, "}},\"id\":{id}}}")?;
    }
    out.write_all(b"],\"receipts\":[")?;
    for (place, receipt) in receipts.iter().enumerate() {
        write!(out, "{}\"{receipt}\"", comma(place))?;
    }
    write!(out, "],\"sheet\":\"{sheet}\"}}")
}

/// Reads a file and counts it anew against the items of `paper`.
///
/// # Errors
/// Anything that is not this form, an item that the paper has not or has elsewhere, an answer that the item does
/// not offer, openings or receipts that are not in strictly ascending order.
pub fn recount(file: impl Read, paper: &Paper) -> Result<Recount, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_reader(file);
    let recount = FileSeed { paper }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(recount)
}

/// The sheet that a file says it belongs to, whatever its openings are.
///
/// # Errors
/// Anything that is not JSON, or does not name this form and a sheet.
pub fn sheet_of(file: impl Read) -> Result<Digest, serde_json::Error> {
    #[derive(serde::Deserialize)]
    struct Head {
        format: String,
        sheet: Digest,
    }
    let head: Head = serde_json::from_reader(file)?;
    if head.format == FORMAT {
        Ok(head.sheet)
    } else {
        Err(de::Error::custom(format_args!("the format is not {FORMAT}")))
    }
}

fn comma(place: usize) -> &'static str {
    if place == 0 { "" } else { "," }
}

/// The item's answers with their codes, 弃权 included, in the order of the codes.
fn answers(item: &Item) -> Vec<(&'static str, Option<Answer>)> {
    let offered = item.scale.answers().iter().map(|answer| (answer.code(), Some(*answer)));
    let mut answers: Vec<_> = offered.chain([(ABSTAIN, None)]).collect();
    answers.sort_unstable_by_key(|(code, _)| *code);
    answers
}

struct FileSeed<'p> {
    paper: &'p Paper,
}

impl<'de> DeserializeSeed<'de> for FileSeed<'_> {
    type Value = Recount;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Recount, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for FileSeed<'_> {
    type Value = Recount;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an openings file")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Recount, A::Error> {
        let (mut format, mut sheet, mut items, mut receipts) = (None::<String>, None, None, None);
        while let Some(name) = map.next_key::<String>()? {
            let twice = match name.as_str() {
                "format" => format.replace(map.next_value()?).is_some(),
                "sheet" => sheet.replace(map.next_value()?).is_some(),
                "items" => items.replace(map.next_value_seed(ItemsSeed { paper: self.paper })?).is_some(),
                "receipts" => receipts.replace(map.next_value_seed(ReceiptsSeed)?).is_some(),
                _ => return Err(de::Error::unknown_field(&name, &["format", "items", "receipts", "sheet"])),
            };
            if twice {
                return Err(de::Error::custom(format_args!("`{name}` stands twice")));
            }
        }
        if format.as_deref() != Some(FORMAT) {
            return Err(de::Error::custom(format_args!("the format is not {FORMAT}")));
        }
        Ok(Recount {
            sheet: sheet.ok_or_else(|| de::Error::missing_field("sheet"))?,
            items: items.ok_or_else(|| de::Error::missing_field("items"))?,
            receipts: receipts.ok_or_else(|| de::Error::missing_field("receipts"))?,
        })
    }
}

struct ItemsSeed<'p> {
    paper: &'p Paper,
}

impl<'de> DeserializeSeed<'de> for ItemsSeed<'_> {
    type Value = Vec<(ItemTally, Digest)>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ItemsSeed<'_> {
    type Value = Vec<(ItemTally, Digest)>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} items", self.paper.items.len())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut counted = Vec::new();
        for item in &self.paper.items {
            let next = seq.next_element_seed(ItemSeed { item })?;
            counted.push(next.ok_or_else(|| de::Error::invalid_length(counted.len(), &self))?);
        }
        let more = seq.next_element::<de::IgnoredAny>()?.is_some();
        if more { Err(de::Error::custom("more items than the paper has")) } else { Ok(counted) }
    }
}

struct ItemSeed<'p> {
    item: &'p Item,
}

impl<'de> DeserializeSeed<'de> for ItemSeed<'_> {
    type Value = (ItemTally, Digest);
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ItemSeed<'_> {
    type Value = (ItemTally, Digest);
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the openings of item {}", self.item.id)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut id, mut entries) = (None::<String>, None);
        while let Some(name) = map.next_key::<String>()? {
            let twice = match name.as_str() {
                "id" => id.replace(map.next_value()?).is_some(),
                "answers" => entries.replace(map.next_value_seed(AnswersSeed { item: self.item })?).is_some(),
                _ => return Err(de::Error::unknown_field(&name, &["answers", "id"])),
            };
            if twice {
                return Err(de::Error::custom(format_args!("`{name}` stands twice")));
            }
        }
        if id.as_deref() != Some(self.item.id.as_str()) {
            return Err(de::Error::custom(format_args!("item {} is expected here", self.item.id)));
        }
        let mut entries = entries.ok_or_else(|| de::Error::missing_field("answers"))?;
        // Each answer's openings are in order already, which a stable sort merges; an unstable one sorts anew.
        entries.sort_by(Ord::cmp);
        let block = OpeningBlock::from_sorted(entries);
        let tally = block.recount(self.item).map_err(de::Error::custom)?;
        Ok((tally, block.digest()))
    }
}

struct AnswersSeed<'p> {
    item: &'p Item,
}

impl<'de> DeserializeSeed<'de> for AnswersSeed<'_> {
    type Value = Vec<[u8; ENTRY]>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for AnswersSeed<'_> {
    type Value = Vec<[u8; ENTRY]>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("openings by answer")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut open = answers(self.item);
        let mut entries = Vec::new();
        while let Some(code) = map.next_key::<String>()? {
            let place = open.iter().position(|(offered, _)| *offered == code);
            let place = place.ok_or_else(|| de::Error::custom(format_args!("answer `{code}` not offered or twice")))?;
            let (_, answer) = open.swap_remove(place);
            map.next_value_seed(OpeningsSeed { byte: Answer::to_byte(answer), entries: &mut entries })?;
        }
        if open.is_empty() { Ok(entries) } else { Err(de::Error::custom("an answer is missing")) }
    }
}

struct OpeningsSeed<'e> {
    byte: u8,
    entries: &'e mut Vec<[u8; ENTRY]>,
}

impl<'de> DeserializeSeed<'de> for OpeningsSeed<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for OpeningsSeed<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("openings in strictly ascending order")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut last: Option<[u8; 32]> = None;
        while let Some(opening) = seq.next_element_seed(OpeningSeed)? {
            if last.is_some_and(|last| last >= opening) {
                return Err(de::Error::custom("openings are not in strictly ascending order"));
            }
            last = Some(opening);
            let mut entry = [self.byte; ENTRY];
            let (head, _) = entry.split_at_mut(ENTRY - 1);
            head.copy_from_slice(&opening);
            self.entries.push(entry);
        }
        Ok(())
    }
}

struct OpeningSeed;

impl<'de> DeserializeSeed<'de> for OpeningSeed {
    type Value = [u8; 32];
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<[u8; 32], D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for OpeningSeed {
    type Value = [u8; 32];
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("32 bytes in base64url without padding")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<[u8; 32], E> {
        let mut opening = [0; 32];
        let fits = text.len() == 43 && BASE64URL_NOPAD.decode_mut(text.as_bytes(), &mut opening).is_ok();
        if fits { Ok(opening) } else { Err(E::invalid_value(de::Unexpected::Other("another text"), &self)) }
    }
}

struct ReceiptsSeed;

impl<'de> DeserializeSeed<'de> for ReceiptsSeed {
    type Value = Vec<Receipt>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Receipt>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ReceiptsSeed {
    type Value = Vec<Receipt>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("receipts in strictly ascending order")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<Receipt>, A::Error> {
        let mut receipts: Vec<Receipt> = Vec::new();
        while let Some(text) = seq.next_element::<String>()? {
            // Published in one spelling only.
            let receipt = Receipt::parse(&text).filter(|receipt| receipt.to_string() == text);
            let receipt = receipt.ok_or_else(|| de::Error::custom("not a receipt"))?;
            if receipts.last().is_some_and(|last| *last >= receipt) {
                return Err(de::Error::custom("receipts are not in strictly ascending order"));
            }
            receipts.push(receipt);
        }
        Ok(receipts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::jws::tests::keys;
    use crate::domain::sheet::sample::Sample;
    use serde_json::{Value, json};

    fn file() -> (Sample, Digest, String) {
        let [ed25519, sm2] = keys();
        let sample = Sample::new();
        let sheet = sample.sheet(&[&ed25519, &sm2]).digest().unwrap();
        let mut out = Vec::new();
        let mut blocks = sample.blocks.clone().into_iter();
        write(&mut out, &sheet, &sample.poll.paper, |_| Ok(blocks.next().unwrap()), &sample.receipts).unwrap();
        (sample, sheet, String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_written_file_recounts_to_the_sheet() {
        let (sample, sheet, text) = file();
        crate::domain::tests::golden("openings.json", &text);
        assert!(crate::domain::canonical::parse(text.as_bytes()).is_ok(), "one spelling");
        let recount = recount(text.as_bytes(), &sample.poll.paper).unwrap();
        let opened = sample.poll.phase.opened().unwrap();
        assert_eq!(recount.sheet, sheet);
        assert_eq!(recount.receipts, sample.receipts);
        let (tallies, digests): (Vec<ItemTally>, Vec<Digest>) = recount.items.into_iter().unzip();
        assert_eq!(tallies, opened.tally.items);
        assert_eq!(digests, opened.openings.iter().map(|(_, digest)| *digest).collect::<Vec<_>>());
    }

    #[test]
    fn an_empty_round_has_a_file_too() {
        let (sample, sheet, _) = file();
        let mut out = Vec::new();
        write(&mut out, &sheet, &sample.poll.paper, |_| Ok(OpeningBlock::of(Vec::new())), &[]).unwrap();
        let recount = recount(&out[..], &sample.poll.paper).unwrap();
        assert!(recount.items.iter().all(|(tally, _)| tally.total() == 0) && recount.receipts.is_empty());
    }

    #[test]
    fn the_sheet_is_named_even_by_a_file_of_another_paper() {
        let (_, sheet, text) = file();
        assert_eq!(sheet_of(text.replace("satisfied", "pleased").as_bytes()).unwrap(), sheet);
        assert!(sheet_of(text.replace(FORMAT, "pingjia-openings/2").as_bytes()).is_err());
        assert!(sheet_of(text.get(1..).unwrap().as_bytes()).is_err());
    }

    #[test]
    fn reading_is_strict() {
        let (sample, _, text) = file();
        let read = |change: &dyn Fn(&mut Value)| {
            let mut changed: Value = serde_json::from_str(&text).unwrap();
            change(&mut changed);
            recount(changed.to_string().as_bytes(), &sample.poll.paper)
        };
        assert!(read(&|_| ()).is_ok());
        let list = |value: &mut Value| value.as_array_mut().unwrap().clone();
        let refused: [&dyn Fn(&mut Value); 14] = [
            &|file| file["format"] = json!("pingjia-openings/2"),
            &|file| file["note"] = json!(1),
            &|file| file["sheet"] = json!("00"),
            &|file| file["items"].as_array_mut().unwrap().reverse(),
            &|file| drop(file["items"].as_array_mut().unwrap().pop()),
            &|file| file["items"].as_array_mut().unwrap().push(json!({})),
            &|file| file["items"][0]["id"] = json!("services"),
            &|file| file["items"][0]["note"] = json!(1),
            &|file| file["items"][0]["answers"]["kept"] = json!([]),
            &|file| drop(file["items"][0]["answers"].as_object_mut().unwrap().remove("dont_know")),
            &|file| file["items"][0]["answers"]["satisfied"].as_array_mut().unwrap().reverse(),
            &|file| {
                let satisfied = list(&mut file["items"][0]["answers"]["satisfied"]);
                file["items"][0]["answers"]["dont_know"] = json!([satisfied[0]]);
            },
            &|file| file["receipts"].as_array_mut().unwrap().reverse(),
            &|file| file["receipts"][0] = json!(file["receipts"][0].as_str().unwrap().to_lowercase()),
        ];
        for (place, change) in refused.iter().enumerate() {
            assert!(read(*change).is_err(), "change {place}");
        }
        let twice = text.replacen('{', "{\"format\":\"pingjia-openings/1\",", 1);
        assert!(recount(twice.as_bytes(), &sample.poll.paper).is_err());
        assert!(recount(format!("{text}{text}").as_bytes(), &sample.poll.paper).is_err());
    }
}
