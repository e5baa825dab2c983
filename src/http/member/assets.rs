//! The ballot's style and script, inline so that the ballot is one request, and the policy that admits exactly them.

use std::sync::LazyLock;

use data_encoding::BASE64;
use sha2::{Digest, Sha256};

/// Style and script of pages that stand alone, with the content security policy that fits them.
pub struct Assets {
    pub style: String,
    pub script: String,
    /// Value of `Content-Security-Policy`: nothing but this style and this script runs.
    pub policy: String,
}

/// The assets of this build.
pub static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    let style =
        squeeze(concat!(include_str!("../../../web/static/app.css"), include_str!("../../../web/static/ballot.css")));
    let script = squeeze(include_str!("../../../web/static/ballot.js"));
    let policy = format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; connect-src 'self'; img-src data:; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'",
        source_hash(&style),
        source_hash(&script)
    );
    Assets { style, script, policy }
});

/// `sha256-…` as content security policies name an inline block.
fn source_hash(text: &str) -> String {
    format!("sha256-{}", BASE64.encode(&Sha256::digest(text.as_bytes())))
}

/// Drops block comments, whole-line `//` comments and indentation. Our own files hold none of these in strings.
fn squeeze(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("/*") {
        bare.push_str(before);
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    bare.push_str(rest);
    let lines = bare.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inline_blocks_are_small_and_cannot_end_early() {
        assert!(!ASSETS.style.contains("/*") && !ASSETS.style.contains("</"));
        assert!(!ASSETS.script.contains("</") && !ASSETS.script.contains("\n//"));
        assert!(ASSETS.policy.contains("'sha256-") && !ASSETS.policy.contains("unsafe"));
    }

    #[test]
    fn squeezing_keeps_what_counts() {
        assert_eq!(
            squeeze("/* a\n b */\n  p { top: 0; }\n\n// note\n  q(); /* c */ r();"),
            "p { top: 0; }\nq();  r();"
        );
    }
}
