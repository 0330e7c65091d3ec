//! Text tables that fold where the terminal is narrow.

use comfy_table::{CellAlignment, ContentArrangement, presets};

/// Columns that a cell takes beside its text: a space on each side and a border.
const FRAME: usize = 3;

/// Names in the first columns, figures or words in the others.
#[derive(Clone, Debug)]
pub struct Table {
    header: Vec<String>,
    names: usize,
    figures: CellAlignment,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table whose first `names` columns say what a row is about. A folded table repeats them.
    pub fn new<T: Into<String>>(header: impl IntoIterator<Item = T>, names: usize) -> Self {
        let header = header.into_iter().map(Into::into).collect();
        Self { header, names, figures: CellAlignment::Left, rows: Vec::new() }
    }

    /// Aligns all columns but the names to the right.
    #[must_use]
    pub fn with_figures(mut self) -> Self {
        self.figures = CellAlignment::Right;
        self
    }

    /// Adds a row with as many cells as the header has.
    pub fn add<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// The table as lines, no longer than `columns` if that is given. A wide table is folded into several with the same
    /// rows; a column that is too wide by itself is wrapped.
    #[must_use]
    pub fn lines(&self, columns: Option<usize>) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().map(|row| &row[column]).chain([&self.header[column]]);
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0) + FRAME
        };
        let names: usize = (0..self.names).map(width).sum();
        let mut parts: Vec<Vec<usize>> = vec![Vec::new()];
        let mut used = names + 1;
        for column in self.names..self.header.len() {
            let part = parts.last_mut().expect("there is a first one");
            if columns.is_some_and(|columns| used + width(column) > columns) && !part.is_empty() {
                parts.push(vec![column]);
                used = names + 1 + width(column);
            } else {
                part.push(column);
                used += width(column);
            }
        }
        let parts: Vec<String> = parts.iter().map(|part| self.part(part, columns)).collect();
        parts.join("\n")
    }

    /// The names and these columns.
    fn part(&self, columns: &[usize], width: Option<usize>) -> String {
        let mut table = comfy_table::Table::new();
        table.load_preset(presets::UTF8_FULL_CONDENSED);
        if let Some(width) = width {
            table.set_content_arrangement(ContentArrangement::Dynamic);
            table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
        }
        let shown = |row: &Vec<String>| -> Vec<String> {
            (0..self.names).chain(columns.iter().copied()).map(|column| row[column].clone()).collect()
        };
        table.set_header(shown(&self.header));
        table.add_rows(self.rows.iter().map(shown));
        table.column_iter_mut().skip(self.names).for_each(|column| {
            column.set_cell_alignment(self.figures);
        });
        table.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(["machine jitter, µs", "p99", "p99.9", "longest"], 1).with_figures();
        table.add(["CPU 0 before", "1.0", "23.4", "5678.9"]);
        table.add(["tester's loop", "0.1", "0.2", "0.3"]);
        table
    }

    // T8
    #[test]
    fn a_table_folds_where_it_does_not_fit() {
        let longest = |lines: &str| lines.lines().map(|line| line.chars().count()).max().unwrap();
        let whole = table().lines(None);
        assert_eq!(whole, table().lines(Some(longest(&whole))));
        for columns in 12..longest(&whole) {
            let folded = table().lines(Some(columns));
            assert!(longest(&folded) <= columns, "{columns} columns:\n{folded}");
        }
        let folded = table().lines(Some(longest(&whole) - 1));
        assert_eq!(folded.matches("machine jitter, µs").count(), 2, "{folded}");
        for cell in ["CPU 0 before", "23.4", "5678.9", "longest"] {
            assert!(folded.contains(cell), "{cell} in\n{folded}");
        }
    }
}
