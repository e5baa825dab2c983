//! Forms with a file (`multipart/form-data`, RFC 7578), as browsers send them: fields of text and one file.

use super::ask::Fields;
use super::problem::Problem;

/// The boundary between the parts of a form with a file; none for other bodies.
pub(super) fn boundary(content_type: &str) -> Option<&str> {
    let mut pieces = content_type.split(';').map(str::trim);
    if !pieces.next()?.eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = pieces.find_map(|piece| piece.strip_prefix("boundary="))?.trim_matches('"');
    (1..=70).contains(&boundary.len()).then_some(boundary)
}

/// Reads the fields of text and the file. Of several files the first that is not empty counts.
///
/// # Errors
/// `MALFORMED_FORM`.
pub(super) fn parse(body: &[u8], boundary: &str) -> Result<(Fields, Vec<u8>), Problem> {
    let mark = format!("--{boundary}");
    let (mut fields, mut file) = (Vec::new(), Vec::new());
    // What stands before the first mark is no part; every later mark follows a line break.
    let mut rest = after(body, mark.as_bytes()).ok_or(Problem::MALFORMED_FORM)?;
    let mark = format!("\r\n{mark}");
    while !rest.starts_with(b"--") {
        let part = rest.strip_prefix(b"\r\n").ok_or(Problem::MALFORMED_FORM)?;
        let end = find(part, mark.as_bytes()).ok_or(Problem::MALFORMED_FORM)?;
        let (part, next) = part.split_at(end);
        rest = next.get(mark.len()..).unwrap_or_default();
        let head_end = find(part, b"\r\n\r\n").ok_or(Problem::MALFORMED_FORM)?;
        let (head, content) = part.split_at(head_end);
        let content = content.get(4..).unwrap_or_default();
        let head = std::str::from_utf8(head).map_err(|_| Problem::MALFORMED_FORM)?;
        let name = parameter(head, "name").ok_or(Problem::MALFORMED_FORM)?;
        if parameter(head, "filename").is_some() {
            if file.is_empty() {
                file = content.to_vec();
            }
        } else {
            let text = String::from_utf8(content.to_vec()).map_err(|_| Problem::MALFORMED_FORM)?;
            fields.push((name.to_owned(), text));
        }
    }
    Ok((fields.into_iter().collect(), file))
}

/// A quoted parameter of the part's `Content-Disposition`.
fn parameter<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))?;
    let start = line.find(&format!("; {name}=\""))? + name.len() + 4;
    line.get(start..)?.split('"').next()
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

fn after<'t>(text: &'t [u8], what: &[u8]) -> Option<&'t [u8]> {
    text.get(find(text, what)? + what.len()..)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "--XX\r\nContent-Disposition: form-data; name=\"form_token\"\r\n\r\nabc\r\n--XX\r\n\
        Content-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\nContent-Type: text/csv\r\n\r\n\
        \u{feff}一\r\n--X\r\n二\r\n--XX--\r\n";

    #[test]
    fn fields_and_file_are_told_apart() {
        assert_eq!(boundary("multipart/form-data; boundary=\"XX\""), Some("XX"));
        assert_eq!(boundary("application/x-www-form-urlencoded"), None);
        let (fields, file) = parse(BODY.as_bytes(), "XX").unwrap();
        assert_eq!(fields.get("form_token"), "abc");
        assert_eq!(file, "\u{feff}一\r\n--X\r\n二".as_bytes());
    }

    #[test]
    fn a_form_that_was_cut_off_is_refused_at_every_place() {
        let end = BODY.len() - "--\r\n".len();
        for cut in (0..=end).filter(|cut| BODY.is_char_boundary(*cut)) {
            assert!(parse(&BODY.as_bytes()[..cut], "XX").is_err(), "cut at {cut}");
        }
    }
}
