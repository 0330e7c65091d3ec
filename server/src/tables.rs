//! How text gets to the terminal.

use std::io::{Write, stdout};

use comfy_table::{Table, presets};

/// An empty table with this header.
pub fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED).set_header(header);
    table
}

/// Prints a line. A reader that has gone away, as `head` does, has read enough.
pub fn say(line: impl std::fmt::Display) {
    let _ = writeln!(stdout(), "{line}");
}
