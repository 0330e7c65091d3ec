//! A table of texts.

use std::fmt;

/// Names in the first columns, figures in the others. Displayed as Markdown, which also reads well on a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    header: Vec<String>,
    names: usize,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table, whose first `names` columns are names: they are aligned to the left.
    pub fn new<T: Into<String>>(header: impl IntoIterator<Item = T>, names: usize) -> Self {
        Self { header: header.into_iter().map(Into::into).collect(), names, rows: Vec::new() }
    }

    /// Adds a row with as many cells as the header has.
    pub fn add<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The titles of the columns.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// The rows, each with as many cells as the header.
    pub fn rows(&self) -> &[Vec<String>] {
        &self.rows
    }

    /// Whether this column holds names.
    pub fn is_name(&self, column: usize) -> bool {
        column < self.names
    }

    /// Removes the columns of figures that no row has.
    #[must_use]
    pub fn without_empty_columns(mut self) -> Self {
        for column in (self.names..self.header.len()).rev() {
            if self.rows.iter().all(|cells| cells[column].is_empty()) {
                self.header.remove(column);
                self.rows.iter_mut().for_each(|cells| drop(cells.remove(column)));
            }
        }
        self
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In a cell a bar would end it.
        let escaped = |cells: &Vec<String>| cells.iter().map(|cell| cell.replace('|', "\\|")).collect::<Vec<_>>();
        let lines: Vec<Vec<String>> = [&self.header].into_iter().chain(&self.rows).map(escaped).collect();
        let width = |column: usize| lines.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0).max(1);
        let widths: Vec<usize> = (0..self.header.len()).map(width).collect();
        for (at, cells) in lines.iter().enumerate() {
            for (column, (cell, &width)) in cells.iter().zip(&widths).enumerate() {
                if self.is_name(column) {
                    write!(f, "| {cell:<width$} ")?;
                } else {
                    write!(f, "| {cell:>width$} ")?;
                }
            }
            writeln!(f, "|")?;
            if at == 0 {
                for (column, width) in widths.iter().enumerate() {
                    let end = if self.is_name(column) { "-" } else { ":" };
                    write!(f, "|-{}{end}", "-".repeat(*width))?;
                }
                writeln!(f, "|")?;
            }
        }
        Ok(())
    }
}
