//! Columns that line up.

/// Lays `rows` out in columns, the first row as a heading, each line indented by two spaces. The
/// last column is not padded.
pub(crate) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let mut text = String::new();
    for row in rows {
        let mut line = String::from(" ");
        for (column, cell) in row.iter().enumerate() {
            line.push(' ');
            line.push_str(cell);
            let missing = width(column).unwrap_or(0) - cell.chars().count();
            line.extend(std::iter::repeat_n(' ', missing + 1));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_line_up_and_lines_end_where_their_text_does() {
        let rows = [["NAME", "FROM"], ["A", "ünï"], ["LONGER", ""]];
        let rows = rows.map(|row| row.map(str::to_owned));
        assert_eq!(table(&rows), "  NAME    FROM\n  A       ünï\n  LONGER\n");
    }
}
