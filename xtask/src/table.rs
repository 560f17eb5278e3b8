//! Tables for people: a name in the first column, figures in the others.

use comfy_table::{Cell, CellAlignment, Row, Table, presets};

/// An empty table with these columns.
pub(crate) fn table<'a>(columns: impl IntoIterator<Item = &'a str>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header(row(columns));
    table
}

/// A row whose first cell is a name.
pub(crate) fn row(cells: impl IntoIterator<Item = impl ToString>) -> Row {
    let align = |index| if index == 0 { CellAlignment::Left } else { CellAlignment::Right };
    let aligned = |(index, cell): (usize, _)| Cell::new(cell).set_alignment(align(index));
    cells.into_iter().enumerate().map(aligned).collect::<Vec<_>>().into()
}
