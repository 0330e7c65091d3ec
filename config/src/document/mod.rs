//! A TOML text checked against a JSON schema: every deviation is reported with its place, not only the first.
//!
//! `toml` with `serde` stops at the first error and knows no ranges. Here the text is parsed into `toml`'s spanned
//! tree, which is compared with the schema that `schemars` derives from the Rust types. The same schema is what
//! editors complete from, so the three cannot disagree. What a schema cannot say (names that must exist, keys that
//! exclude each other) is checked afterwards, on whatever parts are sound, by the function given to [`parse()`].

mod checked;
mod closest;
mod comparison;
mod parse;

pub use checked::{Document, Locations};
pub use closest::closest;
pub use parse::parse;
