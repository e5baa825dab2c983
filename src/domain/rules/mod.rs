//! Rules as data: a jurisdiction is a TOML file with citations, read and checked here. A new jurisdiction needs
//! a file and no code.

mod check;
mod model;
mod papers;
mod parse;
mod reader;
mod registry;
mod words;

pub use model::*;
pub use papers::{PaperOptions, is_common_item};
pub use reader::{Finding, unknown};
pub use registry::{RegistryError, Requirements, RuleRegistry, UnknownRule};
pub use words::*;
