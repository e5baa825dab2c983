//! The ballot's style and script, inline so that the ballot is one request, and the policy that admits exactly them.

use std::sync::LazyLock;

use data_encoding::BASE64;
use sha2::{Digest, Sha256};

use super::style;

/// Style and script of pages that stand alone, with the content security policy that fits them.
pub struct Assets {
    pub style: String,
    /// Empty where the page needs none.
    pub script: String,
    /// Value of `Content-Security-Policy`: nothing but this style and this script runs.
    pub policy: String,
}

const ALONE: &str = include_str!("../../../web/templates/member/alone.html");
const BALLOT: &str = include_str!("../../../web/templates/member/ballot.html");
const HELD: &str = include_str!("../../../web/templates/member/held.html");
const QUESTION: &str = include_str!("../../../web/templates/member/question.html");
const WORD: &str = include_str!("../../../web/templates/member/word.html");
const PROBLEM: &str = include_str!("../../../web/templates/problem.html");
const THANKS: &str = include_str!("../../../web/templates/member/thanks.html");
const SCRIPT: &str = include_str!("../../../web/static/ballot.js");

/// For the ballot, and for every page that its script may put in the place of it.
pub static BALLOT_ASSETS: LazyLock<Assets> =
    LazyLock::new(|| Assets::of(&[ALONE, BALLOT, HELD, QUESTION, WORD, PROBLEM, THANKS, SCRIPT], SCRIPT));

/// For the thank-you, which is the answer to every ballot and so carries no more than it needs.
pub static THANKS_ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets::of(&[ALONE, THANKS], ""));

impl Assets {
    /// The rules that these pages may use, and the script.
    fn of(pages: &[&str], script: &str) -> Self {
        let all = concat!(include_str!("../../../web/static/app.css"), include_str!("../../../web/static/ballot.css"));
        let style = style::used(all, &pages.concat());
        let script = squeeze(script);
        let script_source = if script.is_empty() { "'none'".to_owned() } else { format!("'{}'", source_hash(&script)) };
        let policy = format!(
            "default-src 'none'; style-src '{}'; script-src {script_source}; connect-src 'self'; img-src data:; \
             form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
            source_hash(&style),
        );
        Assets { style, script, policy }
    }
}

/// `sha256-…` as content security policies name an inline block.
fn source_hash(text: &str) -> String {
    format!("sha256-{}", BASE64.encode(&Sha256::digest(text.as_bytes())))
}

/// Drops whole-line comments and indentation. Our own script holds none of these in strings.
fn squeeze(script: &str) -> String {
    let lines = script.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inline_blocks_are_small_and_cannot_end_early() {
        for assets in [&*BALLOT_ASSETS, &*THANKS_ASSETS] {
            assert!(!assets.style.contains("/*") && !assets.style.contains("</"));
            assert!(!assets.script.contains("</") && !assets.script.contains("\n//"));
            assert!(assets.policy.contains("'sha256-") && !assets.policy.contains("unsafe"));
        }
        assert!(THANKS_ASSETS.style.len() < 6000, "{} bytes", THANKS_ASSETS.style.len());
        assert!(BALLOT_ASSETS.style.len() < 14_000, "{} bytes", BALLOT_ASSETS.style.len());
    }

    #[test]
    fn pages_have_the_rules_that_they_use() {
        for word in [".answer", ".receipt", ".done", ".twin", ".notice.warn", "[aria-busy", "@keyframes", ":focus"] {
            assert!(BALLOT_ASSETS.style.contains(word), "{word}");
        }
        for word in [".receipt", ".done", ".card", ".bar", ".brand", "prefers-color-scheme", "a{"] {
            assert!(THANKS_ASSETS.style.contains(word), "{word}");
        }
        for word in [".answer", ".table", ".button", ".field"] {
            assert!(!THANKS_ASSETS.style.contains(word), "{word}");
        }
    }

    #[test]
    fn squeezing_keeps_what_counts() {
        assert_eq!(squeeze("\n// note\n  q(); // why\n  r();"), "q(); // why\nr();");
    }
}
