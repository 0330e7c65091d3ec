//! The check of a TOML text against a JSON schema, which reports every deviation with its place, not only the first.
//!
//! `toml` with `serde` stops at the first error and knows no ranges. Here the text is parsed into `toml`'s spanned
//! tree, which is compared with the schema that `schemars` derives from the Rust types. Editors complete from the same
//! schema, so the three cannot disagree. Rules that a schema cannot express (names that must exist, keys that exclude
//! each other) are checked afterwards, on the parts that fit the schema, by the function passed to [`parse()`].

mod checked;
mod closest;
mod comparison;
mod parse;

pub use checked::{Document, Locations};
pub use closest::closest;
pub use parse::parse;
