//! Printed and written reports.
//!
//! | module | what it makes |
//! |---|---|
//! | [`markdown`] | the text of `run`, and its tables as a page |
//! | [`html`] | one page with plots |
//! | [`json`] | `result.json`, which all of these are made from |
//! | [`table`], `tables` | the tables of all of them |
//! | [`ratio_lines`] | the last lines of a run |

#[cfg(test)]
pub(crate) mod fixture;
mod headlines;
pub mod html;
pub mod json;
pub mod markdown;
mod ratio_lines;
pub mod table;
mod tables;
mod words;

pub use ratio_lines::ratio_lines;
