//! Canonical JSON (RFC 8785): one document, one sequence of bytes. What is signed has this form.

use serde::Serialize;
use serde_json::Value;

/// Largest integer that every JSON reader holds exactly (RFC 7493, 2.2): 2⁵³ − 1.
pub const MAX_INTEGER: u64 = (1 << 53) - 1;

/// Why a value has no canonical form here, or why bytes are not in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CanonicalError {
    /// What we sign holds whole numbers only; fractions are written as two of them.
    #[error("a number that is not a whole one within ±(2^53 - 1)")]
    Number,
    /// Not JSON at all.
    #[error("not JSON: {0}")]
    Json(String),
    /// JSON, but other bytes than the canonical ones: white space, order of members, a duplicate member,
    /// another way to write a string or a number.
    #[error("JSON, but not in its canonical form")]
    Form,
}

/// The canonical form of anything that serialises.
///
/// # Errors
/// `Number` for fractions and numbers beyond [`MAX_INTEGER`]; `Json` when it does not serialise.
pub fn to_string(value: &impl Serialize) -> Result<String, CanonicalError> {
    let value = serde_json::to_value(value).map_err(|error| CanonicalError::Json(error.to_string()))?;
    let mut text = String::new();
    print(&value, &mut text)?;
    Ok(text)
}

/// Reads canonical JSON and nothing else: the bytes must be those that [`to_string`] would print.
///
/// # Errors
/// See [`CanonicalError`]. A duplicate member is `Form`.
pub fn parse(bytes: &[u8]) -> Result<Value, CanonicalError> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| CanonicalError::Json(error.to_string()))?;
    let mut text = String::with_capacity(bytes.len());
    print(&value, &mut text)?;
    if text.as_bytes() == bytes { Ok(value) } else { Err(CanonicalError::Form) }
}

fn print(value: &Value, text: &mut String) -> Result<(), CanonicalError> {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(true) => text.push_str("true"),
        Value::Bool(false) => text.push_str("false"),
        Value::Number(number) => {
            let magnitude = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
            if magnitude.is_none_or(|magnitude| magnitude > MAX_INTEGER) {
                return Err(CanonicalError::Number);
            }
            text.push_str(&number.to_string());
        }
        Value::String(string) => print_string(string, text)?,
        Value::Array(values) => {
            text.push('[');
            for (place, value) in values.iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                print(value, text)?;
            }
            text.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<(&String, &Value)> = members.iter().collect();
            // RFC 8785, 3.2.3: by UTF-16 code units, which differs from bytes beyond the basic plane.
            members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            text.push('{');
            for (place, (name, value)) in members.into_iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                print_string(name, text)?;
                text.push(':');
                print(value, text)?;
            }
            text.push('}');
        }
    }
    Ok(())
}

/// RFC 8785, 3.2.2.2: the two-character escapes where JSON has them, `\u00xx` in lower case for other control
/// characters, everything else as it is. That is what serde_json writes; the tests hold it to that.
fn print_string(string: &str, text: &mut String) -> Result<(), CanonicalError> {
    text.push_str(&serde_json::to_string(string).map_err(|error| CanonicalError::Json(error.to_string()))?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn members_in_the_order_of_rfc_8785_section_3_2_3() {
        let input = r#"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh",
            "1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}"#;
        let value: Value = serde_json::from_str(input).unwrap();
        let printed = to_string(&value).unwrap();
        let order = ["Carriage Return", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew"];
        let places: Vec<usize> = order.iter().map(|word| printed.find(word).unwrap()).collect();
        assert!(places.is_sorted(), "{printed}");
    }

    #[test]
    fn strings_and_literals_as_in_rfc_8785_section_3_2_2() {
        // The example of section 3.2.2 without its fractions.
        let input = r#"{"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}"#;
        let value: Value = serde_json::from_str(input).unwrap();
        let expected = "{\"literals\":[null,true,false],\"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}";
        assert_eq!(to_string(&value).unwrap(), expected);
        let controls = to_string(&json!("\u{8}\u{9}\u{a}\u{c}\u{d}\u{1}\u{1f}\u{7f}\u{2028}")).unwrap();
        assert_eq!(controls, "\"\\b\\t\\n\\f\\r\\u0001\\u001f\u{7f}\u{2028}\"");
    }

    #[test]
    fn only_whole_numbers_that_every_reader_holds() {
        assert_eq!(to_string(&json!([0, -1, MAX_INTEGER])).unwrap(), "[0,-1,9007199254740991]");
        for refused in ["0.5", "1.0", "1e3", "-0", "9007199254740992", "-9007199254740992", "1e400"] {
            assert!(parse(refused.as_bytes()).is_err(), "{refused}");
        }
    }

    #[test]
    fn one_document_has_one_spelling() {
        assert!(parse(br#"{"a":1,"b":["x",{}]}"#).is_ok());
        for other in [
            r#"{"b":["x",{}],"a":1}"#,
            r#"{"a": 1,"b":["x",{}]}"#,
            "{\"a\":1,\"b\":[\"x\",{}]}\n",
            r#"{"a":1,"a":1,"b":["x",{}]}"#,
            r#"{"a":1,"b":["\u0078",{}]}"#,
            r#"{"a":01,"b":["x",{}]}"#,
            "\u{feff}{}",
        ] {
            assert!(parse(other.as_bytes()).is_err(), "{other}");
        }
        assert!(parse(b"\"\xff\"").is_err(), "not UTF-8");
        assert!(parse(br#""\ud800""#).is_err(), "half a surrogate pair");
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (0..=MAX_INTEGER).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::btree_map(any::<String>(), inner, 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn printing_and_reading_agree(value in value()) {
            prop_assert_eq!(parse(to_string(&value).unwrap().as_bytes()).unwrap(), value);
        }
    }
}
