//! Text as people type it.

/// Whether nobody sees this character, or it turns the order of those that one sees: control and format characters
/// (Unicode Cc and Cf), line and paragraph separators. A line feed is none.
#[must_use]
pub fn is_unseen(c: char) -> bool {
    let format = matches!(
        c,
        '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    );
    format || (c.is_control() && c != '\n')
}

/// The text without what nobody sees.
#[must_use]
pub fn seen(text: &str) -> String {
    text.chars().filter(|c| !is_unseen(*c)).collect()
}
