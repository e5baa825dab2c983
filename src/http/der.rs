//! The one thing that we read off a certificate ourselves: from when to when it is valid (RFC 5280, section 4.1).

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// The version of the certificate, which may be left out.
const VERSION: u8 = 0xa0;

/// `notBefore` and `notAfter`; `None` when this is no certificate.
#[must_use]
pub(super) fn validity(certificate: &[u8]) -> Option<(OffsetDateTime, OffsetDateTime)> {
    let (certificate, _) = expect(certificate, SEQUENCE)?;
    let (mut signed, _) = expect(certificate, SEQUENCE)?;
    if signed.first() == Some(&VERSION) {
        signed = element(signed)?.2;
    }
    // Serial number, signature algorithm, issuer.
    for _ in 0..3 {
        signed = element(signed)?.2;
    }
    let (validity, _) = expect(signed, SEQUENCE)?;
    let (begins, rest) = moment(validity)?;
    let (ends, _) = moment(rest)?;
    Some((begins, ends))
}

/// Tag, content and what follows.
fn element(text: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = text.split_first()?;
    let (first, mut rest) = rest.split_first()?;
    let mut length = usize::from(*first);
    if length >= 0x80 {
        let (digits, after) = rest.split_at_checked(length - 0x80)?;
        if digits.is_empty() || digits.len() > 4 {
            return None;
        }
        length = digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit));
        rest = after;
    }
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

fn expect(text: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    element(text).filter(|(found, ..)| *found == tag).map(|(_, content, rest)| (content, rest))
}

/// `YYMMDDHHMMSSZ` until 2049, `YYYYMMDDHHMMSSZ` from 2050 on.
fn moment(text: &[u8]) -> Option<(OffsetDateTime, &[u8])> {
    let (tag, content, rest) = element(text)?;
    let digits = std::str::from_utf8(content).ok()?.strip_suffix('Z')?;
    let (year, digits) = match tag {
        UTC_TIME => {
            let year: i32 = digits.get(..2)?.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, digits.get(2..)?)
        }
        GENERALIZED_TIME => (digits.get(..4)?.parse().ok()?, digits.get(4..)?),
        _ => return None,
    };
    let pair = |place: usize| digits.get(place..place + 2)?.parse::<u8>().ok();
    let date = Date::from_calendar_date(year, Month::try_from(pair(0)?).ok()?, pair(2)?).ok()?;
    let time = Time::from_hms(pair(4)?, pair(6)?, pair(8)?).ok()?;
    Some((PrimitiveDateTime::new(date, time).assume_utc(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn both_ways_of_writing_a_moment_are_read() {
        let (at, rest) = moment(b"\x17\x0d261130010203Zrest").unwrap();
        assert_eq!((at, rest), (datetime!(2026-11-30 1:02:03 UTC), &b"rest"[..]));
        assert_eq!(moment(b"\x18\x0f20510102030405Z").unwrap().0, datetime!(2051-01-02 3:04:05 UTC));
        for wrong in [&b"\x17\x0d261330010203Z"[..], b"\x17\x0d2611300102034", b"\x17\x0e261130", b"\x04\x01Z", b""] {
            assert!(moment(wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn what_is_no_certificate_is_none() {
        for wrong in [&b""[..], b"\x30", b"\x30\x80", b"\x30\x85\xff\xff\xff\xff\xff", b"\x30\x02\x30\x00", &[0x30; 99]]
        {
            assert!(validity(wrong).is_none(), "{wrong:?}");
        }
    }
}
