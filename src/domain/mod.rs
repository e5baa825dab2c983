//! What Pingjia decides: rules, papers, ballots, tallies, verdicts, sheets.
//!
//! Architecture Invariant: nothing in here reads a clock, draws a random number, opens a file, talks to a
//! database or the web, or imports from another house of this crate. Time, randomness and keys come in as
//! arguments. `tests/layering.rs` holds this.

pub mod account;
pub mod ballot;
pub mod canonical;
pub mod count;
pub mod coverage;
pub mod dates;
pub mod digest;
pub mod ids;
pub mod import;
pub mod jwk;
pub mod jws;
pub mod merkle;
pub mod openings;
pub mod openings_file;
pub mod packet;
pub mod paper;
pub mod poll;
pub mod rectification;
pub mod rules;
pub mod sheet;
pub mod slip;
pub mod spot_check;
pub mod standing;
pub mod statement;
pub mod tally;
pub mod text;
pub mod title;
pub mod union;
pub mod verdict;

#[cfg(test)]
mod tests {
    /// Holds bytes that other programs rely on against the file in `tests/golden`; with `PINGJIA_GOLDEN=write` it
    /// writes the file instead.
    pub(crate) fn golden(name: &str, bytes: &str) {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
        if std::env::var("PINGJIA_GOLDEN").is_ok_and(|wish| wish == "write") {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, bytes).unwrap();
        }
        let frozen = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(bytes, frozen, "{} is frozen: a change needs a new version of the form", path.display());
    }
}
