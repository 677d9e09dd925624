//! Tables for a terminal.

/// Prints rows under a head: the first column to the left, the others to the right.
pub(crate) fn print(head: &[&str], rows: &[Vec<String>]) {
    let columns = head.len();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let longest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
        longest.max(head[column].chars().count())
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let show = |cells: Vec<&str>| {
        let mut line = String::new();
        for (column, cell) in cells.into_iter().enumerate() {
            let width = widths[column];
            line += &match column {
                0 => format!("  {cell:<width$}"),
                _ => format!("  {cell:>width$}"),
            };
        }
        println!("{}", line.trim_end());
    };
    println!();
    show(head.to_vec());
    show(widths.iter().map(|_| "--").collect());
    for row in rows {
        show(row.iter().map(String::as_str).collect());
    }
    println!();
}
