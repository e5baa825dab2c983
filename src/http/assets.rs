//! The few files that pages need beside themselves, embedded in the binary under addresses that change with
//! their content.

use rust_embed::RustEmbed;

use super::App;
use super::ask::Ask;
use super::problem::Problem;
use super::reply::{Answer, Cache, Reply};

#[derive(RustEmbed)]
#[folder = "web/static"]
struct Files;

/// The address of a file under `web/static`.
#[must_use]
pub fn url(name: &str) -> String {
    match Files::get(name) {
        Some(file) => format!("/assets/{}/{name}", short_hash(&file)),
        None => format!("/assets/0/{name}"),
    }
}

fn short_hash(file: &rust_embed::EmbeddedFile) -> String {
    let hash = file.metadata.sha256_hash();
    data_encoding::HEXLOWER.encode(hash.get(..8).unwrap_or(&hash))
}

/// `GET /assets/{hash}/{file}`
///
/// # Errors
/// `NOT_FOUND`.
pub fn serve(_: &App, ask: &Ask) -> Answer {
    let name: String = ask.param("file")?;
    let hash: String = ask.param("hash")?;
    let file = Files::get(&name).ok_or(Problem::NOT_FOUND)?;
    let kind = match file.metadata.mimetype() {
        text if text.starts_with("text/") => format!("{text}; charset=utf-8"),
        other => other.to_owned(),
    };
    // An old page may ask for the file as it was: it gets the new one, and not for good.
    let cache = if hash == short_hash(&file) { Cache::Immutable } else { Cache::NoStore };
    Ok(Reply::bytes(kind, file.data.into_owned()).cached(cache))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_of_2018_understand_every_file() {
        let newer = [
            (
                ".css",
                &[
                    " gap:",
                    "inset:",
                    "aspect-ratio",
                    ":is(",
                    ":where(",
                    ":has(",
                    "clamp(",
                    " min(",
                    " max(",
                    "@layer",
                    "dvh",
                ][..],
            ),
            (
                ".js",
                &["=>", "?.", "??", "const ", "let ", "async ", "await ", "`", ".submitter", "replaceAll", ".flat("][..],
            ),
        ];
        let mut seen = 0;
        for name in Files::iter() {
            let Some((_, words)) = newer.iter().find(|(ending, _)| name.ends_with(ending)) else { continue };
            let text = String::from_utf8(Files::get(&name).unwrap().data.into_owned()).unwrap();
            // Comments may name what is avoided.
            let (mut bare, mut rest) = (String::new(), text.as_str());
            while let Some((before, after)) = rest.split_once("/*") {
                bare.push_str(before);
                rest = after.split_once("*/").map_or("", |(_, after)| after);
            }
            bare.push_str(rest);
            for line in bare.lines().filter(|line| !line.trim_start().starts_with("//")) {
                for word in *words {
                    assert!(!line.contains(word), "{name}: “{word}” in “{line}”");
                }
            }
            seen += 1;
        }
        assert!(seen >= 6, "{seen} files");
    }

    #[test]
    fn addresses_carry_the_content() {
        assert!(url("app.css").starts_with("/assets/"));
        assert_ne!(url("app.css"), "/assets/0/app.css", "the stylesheet is embedded");
    }
}
