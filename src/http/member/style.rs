//! What of the one stylesheet a page that stands alone carries inline: the rules that it can use, without comments and
//! spare spaces.

/// The rules of `sheet` in which every class, and every element, occurs in `pages` (the source text of templates and
/// scripts). Errs on the side of keeping.
pub fn used(sheet: &str, pages: &str) -> String {
    let mut kept = String::new();
    keep(&without(sheet, "/*", "*/"), &without(&without(pages, "{%", "%}"), "{{", "}}"), &mut kept);
    without_idle_tokens(&without_idle_animations(&kept))
}

/// Drops the animations that no rule asks for.
fn without_idle_animations(style: &str) -> String {
    let mut parts = style.split("@keyframes ");
    let mut left = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, body) = part.split_once('{').unwrap_or((part, ""));
        let (_, after) = block(body);
        if style.split(['{', ';']).any(|rule| rule.starts_with("animation") && rule.contains(name)) {
            left.extend(["@keyframes ", part]);
        } else {
            left.push_str(after);
        }
    }
    left
}

/// Drops the tokens (`--name: value`) that no rule asks for. They stand at the beginning of their blocks, one after
/// another.
fn without_idle_tokens(style: &str) -> String {
    let mut left = String::with_capacity(style.len());
    let mut rest = style;
    while let Some((before, after)) = rest.split_once("--") {
        left.push_str(before);
        let declared = left.ends_with(['{', ';']);
        let end = after.find([';', '}']).filter(|_| declared);
        let (token, further) = after.split_at(end.unwrap_or(0));
        let name = token.split(':').next().unwrap_or_default();
        if end.is_some() && !style.contains(&format!("var(--{name})")) {
            rest = further.strip_prefix(';').unwrap_or(further);
            continue;
        }
        left.push_str("--");
        left.push_str(token);
        rest = further;
    }
    left.push_str(rest);
    left
}

/// Without what stands between these marks.
fn without(text: &str, begin: &str, end: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(begin) {
        bare.push_str(before);
        rest = after.split_once(end).map_or("", |(_, after)| after);
    }
    bare.push_str(rest);
    bare
}

/// Goes through blocks `head { body }`, in media queries anew.
fn keep(sheet: &str, pages: &str, kept: &mut String) {
    let mut rest = sheet;
    while let Some((head, after)) = rest.split_once('{') {
        let head = tight(head);
        let (body, left) = block(after);
        rest = left;
        if head.starts_with("@media") {
            let mut inner = String::new();
            keep(body, pages, &mut inner);
            if !inner.is_empty() {
                kept.extend([head.as_str(), "{", &inner, "}"]);
            }
        } else if head.starts_with('@') {
            kept.extend([head.as_str(), "{", &tight(body), "}"]);
        } else {
            let selectors: Vec<&str> = head.split(',').filter(|selector| can_match(selector, pages)).collect();
            if !selectors.is_empty() {
                kept.extend([&selectors.join(","), "{", tight(body).trim_end_matches(';'), "}"]);
            }
        }
    }
}

/// Splits after the brace that closes the block.
fn block(text: &str) -> (&str, &str) {
    let mut depth = 1;
    for (place, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            let (body, rest) = text.split_at(place);
            return (body, rest.get(1..).unwrap_or_default());
        }
    }
    (text, "")
}

/// Without spaces that mean nothing. Calculations keep theirs around plus and minus.
fn tight(text: &str) -> String {
    let mut tight = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        let sticks = tight.ends_with([':', ';', ',', '{', '}']) || word.starts_with(['{', '}', ';']);
        if !tight.is_empty() && !sticks {
            tight.push(' ');
        }
        tight.push_str(word);
    }
    tight
}

/// Whether everything that the selector names occurs in the pages.
fn can_match(selector: &str, pages: &str) -> bool {
    let mut name = String::new();
    let mut kind = ' ';
    // A space at the end closes the last name.
    for character in selector.chars().chain([' ']) {
        let part_of_name = character.is_ascii_alphanumeric() || character == '-' || character == '_';
        if part_of_name && kind != '[' {
            name.push(character);
            continue;
        }
        if !occurs(kind, &name, pages) {
            return false;
        }
        name.clear();
        kind = match (kind, character) {
            // What stands in an attribute or a pseudo-class is not looked at.
            ('[' | '(', ']' | ')') => ' ',
            ('[' | '(', _) => kind,
            _ => character,
        };
    }
    true
}

fn occurs(kind: char, name: &str, pages: &str) -> bool {
    if name.is_empty() {
        return true;
    }
    // Whole words only; what begins with a bracket is an element.
    let stands = |before: &[char], name: &str| {
        pages.match_indices(name).any(|(place, _)| {
            let (left, right) = (pages.get(..place).unwrap_or_default(), pages.get(place + name.len()..));
            let goes_on = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            !left.ends_with(goes_on) && !left.ends_with(before) && !right.unwrap_or_default().starts_with(goes_on)
        })
    };
    match kind {
        '.' => stands(&['<', '/'], name),
        ' ' | '>' | '+' | '~' | ',' => name == "html" || stands(&[], &format!("<{name}")),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGES: &str = r#"<html><body class="page"><p class="code receipt">x</p><button class="button">y</button>"#;

    #[test]
    fn only_rules_that_can_match_are_kept() {
        let kept = |sheet: &str| used(sheet, PAGES);
        assert_eq!(kept("/* note */ p { margin: 0; }"), "p{margin:0}");
        assert_eq!(kept(".receipt, .table td { color: red; }"), ".receipt{color:red}");
        assert_eq!(kept(".table { color: red } table p { top: 0 }"), "");
        assert_eq!(kept(".code .group { top: 0 } .page > p + p { top: 0 }"), ".page > p + p{top:0}");
        assert_eq!(kept(".rec { top: 0 } but { top: 0 }"), "", "a part of a word is another word");
        assert_eq!(kept(".body { top: 0 }"), "", "an element is no class");
        assert_eq!(
            kept(".button[aria-busy=\"true\"]::before { top: 0 } *, *::after { top: 0 } "),
            ".button[aria-busy=\"true\"]::before{top:0}*,*::after{top:0}"
        );
        assert_eq!(kept("p:focus:not(.other) { top: 0 }"), "p:focus:not(.other){top:0}");
    }

    #[test]
    fn media_queries_are_kept_with_what_is_left_in_them() {
        assert_eq!(
            used("@media (min-width: 40em) { p { top: 0; } td { top: 0 } } @media print { td { top: 0 } }", PAGES),
            "@media (min-width:40em){p{top:0}}"
        );
    }

    #[test]
    fn words_of_the_template_itself_are_no_classes() {
        let page = r#"<p class="{% if tag %}on{% endif %}">{{ group }}</p>"#;
        assert_eq!(used(".tag { top: 0 } .on { left: 0 } .group { top: 0 }", page), ".on{left:0}");
    }

    #[test]
    fn an_animation_is_kept_where_a_rule_asks_for_it() {
        let turn = "@keyframes turn { to { transform: none; } } p { top: 0 }";
        assert_eq!(used(turn, PAGES), "p{top:0}");
        let asked = format!("{turn} .button {{ animation: turn 1s }}");
        assert_eq!(used(&asked, PAGES), "@keyframes turn{to{transform:none;}}p{top:0}.button{animation:turn 1s}");
        assert_eq!(
            used(&format!("{turn} table {{ animation: turn 1s }}"), PAGES),
            "p{top:0}",
            "by no rule that is kept"
        );
    }

    #[test]
    fn tokens_that_nobody_asks_for_are_dropped() {
        let sheet = ":root { --a: 1px; --b: 2px; --ab: 3px; } p { top: var(--b); left: var(--ab) }";
        assert_eq!(used(sheet, PAGES), ":root{--b:2px;--ab:3px}p{top:var(--b);left:var(--ab)}");
        assert_eq!(used(":root { --a: 1px; --b: 2px; } p { top: var(--a) }", PAGES), ":root{--a:1px;}p{top:var(--a)}");
        let two = ":root { --a: 1px; --b: 2px; --c: 3px } p { top: var(--c) }";
        assert_eq!(used(two, PAGES), ":root{--c:3px}p{top:var(--c)}", "one after another");
    }

    #[test]
    fn calculations_keep_their_spaces() {
        assert_eq!(used("p { top: calc(.5rem - 1px) }", PAGES), "p{top:calc(.5rem - 1px)}");
    }
}
