//! What every command of ours does with its exit code, standard output and standard error.
//!
//! A binary's `main` is one call of [`main`]. Its command gets an [`Output`], the only way to standard output, and ends
//! with an [`Exit`] or an error:
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | done, with damage that is listed: [`Exit::Damaged`] |
//! | 2 | not done: any error, wrong arguments and lost output among them |
//!
//! Nothing here panics if standard output or standard error cannot be written. Lost output is an error, because what
//! reads it has less than all. A reader that closes its pipe early (`| head`) ends the command in the same way, but
//! without a message: it has what it wanted. What is lost on standard error changes nothing; the exit code still tells.
//!
//! A command waits for the readers of its output, unless it has said [`Output::write_aside`]: then readers that stand still
//! keep it neither from its work nor from its end.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod aside;
mod command;
mod destination;
mod exit;
mod fold;
mod message;
mod output;
mod stop_signals;
mod table;
mod text_file;

pub use command::main;
pub use destination::{SameFile, Unwritable, distinct, writable};
pub use exit::Exit;
pub use message::warn;
pub use output::{LostOutput, Output};
pub use stop_signals::{catch_stop_signals, clean_up_before_stop_signals_end, set_ended_by_signals, stop_signals};
pub use table::Table;
pub use text_file::read_text;
