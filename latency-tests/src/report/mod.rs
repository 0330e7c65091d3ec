//! What is printed and written.

mod barred;
mod files;
#[cfg(test)]
pub(crate) mod fixture;
pub mod html;
pub mod markdown;
mod ratio_lines;
mod table;
mod words;

pub use files::{WriteError, write};
pub use ratio_lines::ratio_lines;
pub(crate) use table::table;
pub use table::{head, scaling, scenario, verdict};
