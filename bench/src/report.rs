//! [`Row`]: what one benchmark found, as a table for people (80 columns) and
//! as one line of JSON. Measures nothing.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::stats::Samples;

/// The version of the JSON lines.
const VERSION: u32 = 1;
/// The table's width in columns.
const WIDTH: usize = 79;
/// The width of the names' column.
const NAME: usize = 9;

/// One benchmark's findings.
#[derive(Debug)]
pub struct Row {
    name: &'static str,
    what: String,
    figures: Vec<Figure>,
    targets: Vec<Target>,
    notes: Vec<String>,
}

#[derive(Debug)]
struct Figure {
    name: String,
    unit: Unit,
    value: f64,
    p99: Option<f64>,
    count: usize,
}

#[derive(Debug)]
struct Target {
    what: String,
    unit: Unit,
    limit: f64,
    value: f64,
}

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Milliseconds.
    Ms,
    /// Microseconds.
    Us,
    /// Requests, or whatever else, a second.
    Rate,
    /// Mebibytes.
    MiB,
    /// Hundredths of one processor core.
    Percent,
    /// So many times the baseline.
    Times,
    /// A number of things.
    Count,
}

impl Unit {
    fn word(self) -> &'static str {
        match self {
            Self::Ms => "ms",
            Self::Us => "us",
            Self::Rate => "1/s",
            Self::MiB => "MiB",
            Self::Percent => "%",
            Self::Times => "x",
            Self::Count => "",
        }
    }

    fn show(self, value: f64) -> String {
        let digits = match (self, value.abs()) {
            (Self::Count, size) if size.fract() == 0.0 => 0,
            (_, ..10.0) => 2,
            (_, ..1000.0) => 1,
            _ => 0,
        };
        let number = format!("{value:.digits$}");
        format!("{number} {}", self.word()).trim_end().to_owned()
    }
}

impl Row {
    /// A row without figures yet; `what` says what is measured.
    pub fn new(name: &'static str, what: impl Into<String>) -> Self {
        Self {
            name,
            what: what.into(),
            figures: Vec::new(),
            targets: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// A figure with its median and p99.
    pub fn spread(&mut self, name: impl Into<String>, unit: Unit, samples: &Samples) {
        self.figures.push(Figure {
            name: name.into(),
            unit,
            value: samples.p50(),
            p99: Some(samples.p99()),
            count: samples.count(),
        });
    }

    /// By how much the first's median and p99 exceed the second's.
    pub fn difference(&mut self, name: impl Into<String>, unit: Unit, of: &Samples, to: &Samples) {
        self.figures.push(Figure {
            name: name.into(),
            unit,
            value: of.p50() - to.p50(),
            p99: Some(of.p99() - to.p99()),
            count: of.count().min(to.count()),
        });
    }

    /// One value.
    pub fn single(&mut self, name: impl Into<String>, unit: Unit, value: f64) {
        self.figures.push(Figure {
            name: name.into(),
            unit,
            value,
            p99: None,
            count: 1,
        });
    }

    /// What a value must not exceed.
    pub fn target(&mut self, what: impl Into<String>, unit: Unit, value: f64, limit: f64) {
        self.targets.push(Target {
            what: what.into(),
            unit,
            limit,
            value,
        });
    }

    /// A word for people.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// As lines of the table.
    pub fn table(&self) -> String {
        let mut text = String::new();
        if self.name.len() > NAME {
            let _ = writeln!(text, "{}", self.name);
        }
        for line in wrap(&self.what, WIDTH - 10) {
            let name = if text.is_empty() { self.name } else { "" };
            let _ = writeln!(text, "{name:<9} {line}");
        }
        for figure in &self.figures {
            let value = figure.unit.show(figure.value);
            let p99 = figure
                .p99
                .map_or_else(String::new, |it| figure.unit.show(it));
            let line = format!("{:10}{:<43}{value:>12} {p99:>12}", "", figure.name);
            let _ = writeln!(text, "{}", line.trim_end());
        }
        for target in &self.targets {
            for (at, line) in wrap(&target.text(), WIDTH - 12).iter().enumerate() {
                let indent = if at == 0 { 10 } else { 12 };
                let _ = writeln!(text, "{:indent$}{line}", "");
            }
        }
        for note in &self.notes {
            for (at, line) in wrap(note, WIDTH - 12).iter().enumerate() {
                let begin = if at == 0 { "- " } else { "  " };
                let _ = writeln!(text, "{:10}{begin}{line}", "");
            }
        }
        text
    }

    /// As one line of JSON.
    pub fn json(&self) -> String {
        let figures: Vec<Value> = self.figures.iter().map(Figure::json).collect();
        let targets: Vec<Value> = self.targets.iter().map(Target::json).collect();
        json!({
            "bench": VERSION,
            "row": self.name,
            "what": self.what,
            "figures": figures,
            "targets": targets,
            "notes": self.notes,
        })
        .to_string()
    }
}

/// The table's head.
pub fn head() -> String {
    let line = format!(
        "{:<9} {:<43}{:>12} {:>12}",
        "row", "figure", "p50 or value", "p99"
    );
    format!("{line}\n{}", "-".repeat(WIDTH))
}

impl Figure {
    fn json(&self) -> Value {
        let unit = self.unit.word();
        match self.p99 {
            Some(p99) => json!({ "name": self.name, "unit": unit, "p50": self.value, "p99": p99,
                "samples": self.count }),
            None => json!({ "name": self.name, "unit": unit, "value": self.value }),
        }
    }
}

impl Target {
    fn met(&self) -> bool {
        self.value <= self.limit
    }

    fn text(&self) -> String {
        let (value, limit) = (self.unit.show(self.value), self.unit.show(self.limit));
        let verdict = if self.met() {
            "met".to_owned()
        } else {
            format!("missed by {}", self.unit.show(self.value - self.limit))
        };
        format!("target {} <= {limit}: {verdict} ({value})", self.what)
    }

    fn json(&self) -> Value {
        json!({ "what": self.what, "unit": self.unit.word(), "value": self.value,
            "limit": self.limit, "met": self.met() })
    }
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        let mut samples = Samples::default();
        (1..=100).for_each(|value| samples.add(f64::from(value)));
        let mut row = Row::new(
            "go",
            "from a save to the first answer of the new code, which is told",
        );
        row.spread("hob", Unit::Ms, &samples);
        row.difference("difference", Unit::Ms, &samples, &Samples::default());
        row.single("requests through the front", Unit::Rate, 12_345.6);
        row.target("p50", Unit::Ms, 50.0, 20.0);
        row.target("p99", Unit::Ms, 20.0, 20.0);
        row.note("a note that is long enough to need a second line in a table of eighty columns");
        row
    }

    #[test]
    fn the_table_fits_eighty_columns_and_says_by_how_much_a_target_is_missed() {
        let table = row().table();
        let expected = "\
go        from a save to the first answer of the new code, which is told
          hob                                             50.0 ms      99.0 ms
          difference                                      50.0 ms      99.0 ms
          requests through the front                    12346 1/s
          target p50 <= 20.0 ms: missed by 30.0 ms (50.0 ms)
          target p99 <= 20.0 ms: met (20.0 ms)
          - a note that is long enough to need a second line in a table of
            eighty columns
";
        assert_eq!(table, expected);
        assert!(
            format!("{}\n{table}", head())
                .lines()
                .all(|line| line.len() <= 80)
        );
    }

    #[test]
    fn a_name_that_is_too_long_for_its_column_has_a_line_of_its_own() {
        let mut row = Row::new("docker-save", "what is told");
        row.single("count", Unit::Count, 1.0);
        let expected = "\
docker-save
          what is told
          count                                                 1
";
        assert_eq!(row.table(), expected);
    }

    #[test]
    fn the_json_line_is_versioned_and_holds_every_figure() {
        let line = row().json();
        assert_eq!(line.lines().count(), 1);
        let value: Value = serde_json::from_str(&line).unwrap_or_default();
        assert_eq!(value["bench"], VERSION);
        assert_eq!(value["figures"][0]["p99"], 99.0);
        assert_eq!(value["targets"][0]["met"], false);
        assert_eq!(value["targets"][1]["met"], true);
    }
}
