//! Plain-text tables and numbers.

use microglia::train::scores::metrics::decimals;

/// A table: the first column to the left, the others to the right unless set.
#[derive(Debug, Clone, Default)]
pub(super) struct TextTable {
    rows: Vec<Vec<String>>,
    left: Vec<usize>,
}

impl TextTable {
    pub(super) fn new<const N: usize>(header: [&str; N]) -> TextTable {
        TextTable::of(header.map(str::to_string).to_vec())
    }

    pub(super) fn of(header: Vec<String>) -> TextTable {
        TextTable { rows: vec![header], left: vec![0] }
    }

    /// Sets a column of text to the left.
    pub(super) fn left(mut self, column: usize) -> TextTable {
        self.left.push(column);
        self
    }

    pub(super) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Drops columns whose cells are all [`NONE`].
    pub(super) fn without_empty_columns(mut self) -> TextTable {
        let columns = self.rows.first().map_or(0, Vec::len);
        let keep: Vec<bool> = (0..columns)
            .map(|c| c == 0 || self.rows.iter().skip(1).any(|row| row.get(c).is_some_and(|cell| cell != NONE)))
            .collect();
        for row in &mut self.rows {
            let mut column = keep.iter();
            row.retain(|_| *column.next().unwrap_or(&true));
        }
        self
    }
}

impl std::fmt::Display for TextTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |c: usize| self.rows.iter().filter_map(|row| row.get(c)).map(|cell| cell.chars().count()).max();
        let widths: Vec<usize> = (0..columns).map(|c| width(c).unwrap_or(0)).collect();
        for row in &self.rows {
            let mut line = String::new();
            for (c, cell) in row.iter().enumerate() {
                let space = " ".repeat(widths[c] - cell.chars().count());
                let gap = if c == 0 { "" } else { "  " };
                line +=
                    &if self.left.contains(&c) { format!("{gap}{cell}{space}") } else { format!("{gap}{space}{cell}") };
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// A cell without a value.
pub(super) const NONE: &str = "–";

/// A column of numbers with as many decimals as give its smallest one four significant digits, at most six.
pub(super) fn column(values: &[Option<f64>]) -> Vec<String> {
    let decimals = decimals(values.iter().flatten().copied());
    values.iter().map(|value| cell(*value, decimals)).collect()
}

pub(super) fn cell(value: Option<f64>, decimals: usize) -> String {
    match value {
        Some(value) if value.is_finite() && value.abs() >= 1e9 => format!("{value:.3e}"),
        Some(value) if value.is_finite() => format!("{value:.decimals$}"),
        _ => NONE.into(),
    }
}

/// 0.7 → `70.00 %`.
pub(super) fn percent(share: f64) -> String {
    if share.is_nan() { NONE.into() } else { format!("{:.2} %", share * 100.0) }
}

/// Seconds as `3.2 s`, `4 min 12 s` or `2 h 5 min`.
pub(super) fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_and_empty_ones_go() {
        let mut table = TextTable::new(["name", "a", "b"]);
        table.row(vec!["é".into(), "1.5".into(), NONE.into()]);
        table.row(vec!["long name".into(), "10.5".into(), NONE.into()]);
        assert_eq!(table.without_empty_columns().to_string(), "name          a\né           1.5\nlong name  10.5\n");
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(column(&[Some(2.0512), Some(30.2), None, Some(f64::NAN)]), ["2.051", "30.200", NONE, NONE]);
        assert_eq!(column(&[Some(0.0)]), ["0.0"]);
        assert_eq!(column(&[Some(12345.6)]), ["12346"]);
        assert_eq!(column(&[Some(3e12)]), ["3.000e12"]);
        assert_eq!([3.21, 59.99, 252.0, 7500.0].map(duration), ["3.2 s", "1 min 0 s", "4 min 12 s", "2 h 5 min"]);
    }
}
