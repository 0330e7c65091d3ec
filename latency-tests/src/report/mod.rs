//! What is printed and written.

mod files;
pub mod html;
mod ratio_lines;
mod table;

pub use files::{WriteError, write};
pub use ratio_lines::ratio_lines;
pub(crate) use table::table;
pub use table::{head, scaling, scenario, verdict};
