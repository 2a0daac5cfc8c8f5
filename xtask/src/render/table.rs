//! Tables, and the sizes and ages in them.

use console::{Alignment, measure_text_width, pad_str};
use jiff::Timestamp;

/// Rows as lines, each column as wide as its widest cell.
pub fn aligned<const COLUMNS: usize>(rows: &[[String; COLUMNS]]) -> Vec<String> {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| measure_text_width(&row[column]));
        cells.max().unwrap_or(0)
    };
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    let line = |row: &[String; COLUMNS]| {
        let cells = row.iter().zip(widths);
        let cells: Vec<String> = cells
            .map(|(cell, width)| pad_str(cell, width, Alignment::Left, None).into_owned())
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// A size in binary units.
pub fn bytes(bytes: u64) -> String {
    let mebibytes = bytes / (1 << 20);
    match mebibytes {
        0 => format!("{} KiB", bytes / 1024),
        1..1024 => format!("{mebibytes} MiB"),
        _ => format!("{}.{} GiB", mebibytes / 1024, mebibytes % 1024 * 10 / 1024),
    }
}

/// How long something is ago, from a second up.
pub fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d", seconds / 86400),
    }
}

/// How long a time is ago; what is to come is now.
pub fn time_since(then: Timestamp, now: Timestamp) -> String {
    age(u64::try_from(now.as_second() - then.as_second()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned);
        let lines = aligned(&[row(["A", "BB", "C"]), row(["aaa", "ü", ""])]);
        assert_eq!(lines, ["A    BB  C", "aaa  ü"]);
    }

    #[test]
    fn sizes_and_ages_are_short() {
        assert_eq!(bytes(1023), "0 KiB");
        assert_eq!(bytes(5 << 20), "5 MiB");
        assert_eq!(bytes((1 << 30) + (512 << 20)), "1.5 GiB");
        assert_eq!(
            [59, 60, 3_660, 200_000].map(age),
            ["59 s", "1 min", "1 h 1 min", "2 d"]
        );
    }
}
