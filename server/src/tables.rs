//! How tables look: a line under the header, none between rows.

use comfy_table::{Table, TableComponent, presets};

/// An empty table with this header.
pub fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY).remove_style(TableComponent::HorizontalLines).set_header(header);
    table
}
