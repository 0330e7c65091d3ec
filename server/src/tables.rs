//! Output to the terminal.

use std::io::{Write, stdout};

use comfy_table::{Table, presets};

/// Creates an empty table with this header.
pub(crate) fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED).set_header(header);
    table
}

/// Prints a line. Ignores errors, because a reader such as `head` may have closed the pipe.
pub(crate) fn say(line: impl std::fmt::Display) {
    let _ = writeln!(stdout(), "{line}");
}
