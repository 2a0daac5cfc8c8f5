//! Lines that belong to a service: the time, its name in its colour, the text.

use std::collections::BTreeMap;

use console::{Color, Style, style};
use hob_wire::{LogLine, Micros, Stream};

/// Colours that can be told apart on dark and light grounds.
const COLOURS: [Color; 6] = [
    Color::Cyan,
    Color::Magenta,
    Color::Blue,
    Color::Green,
    Color::Yellow,
    Color::Red,
];

/// The services of one output: short names where they are unique, all padded
/// to one width, each with its colour.
#[derive(Debug, Clone, Default)]
pub struct Names {
    shown: BTreeMap<String, (String, Color)>,
    width: usize,
}

impl Names {
    /// The names of these `stack/service`s.
    pub fn new<'a>(services: impl IntoIterator<Item = &'a str>) -> Self {
        let services: Vec<&str> = services.into_iter().collect();
        let short = |service: &str| service.rsplit('/').next().unwrap_or(service).to_owned();
        let mut shown = BTreeMap::new();
        for (at, service) in services.iter().enumerate() {
            let name = short(service);
            let twice = services.iter().filter(|other| short(other) == name).count() > 1;
            let name = if twice { (*service).to_owned() } else { name };
            shown.insert((*service).to_owned(), (name, COLOURS[at % COLOURS.len()]));
        }
        let width = shown
            .values()
            .map(|(name, _)| name.len())
            .max()
            .unwrap_or(0);
        Self { shown, width }
    }

    /// A service's name, padded and coloured.
    pub fn show(&self, service: &str) -> String {
        let (name, colour) = match self.shown.get(service) {
            Some((name, colour)) => (name.as_str(), *colour),
            None => (service, Color::White),
        };
        let name = format!("{name:<width$}", width = self.width);
        Style::new().fg(colour).apply_to(name).to_string()
    }
}

/// The time of day where the user is: `08:00:00.123`.
pub fn clock(at: Micros) -> String {
    clock_in(at, jiff::tz::TimeZone::system())
}

fn clock_in(at: Micros, zone: jiff::tz::TimeZone) -> String {
    let at = i64::try_from(at)
        .ok()
        .and_then(|at| jiff::Timestamp::from_microsecond(at).ok());
    at.map_or_else(String::new, |at| {
        at.to_zoned(zone).strftime("%H:%M:%S.%3f").to_string()
    })
}

/// A line of a service's output.
pub fn log_line(names: &Names, service: &str, line: &LogLine) -> String {
    let time = style(clock(line.at)).dim();
    let name = names.show(service);
    let text = printable(&line.text);
    match line.stream {
        Stream::Out => format!("{time} {name} {} {text}", style("|").dim()),
        Stream::Err => format!("{time} {name} {} {text}", style("|").yellow()),
        Stream::Build => format!("{time} {name} {} {text}", style("+").dim()),
        Stream::Hob => format!("{time} {name} {} {}", style("·").dim(), style(text).dim()),
    }
}

/// Colours may pass; anything else that would move the cursor, ring or lie
/// about the line may not.
pub fn printable(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        if char == '\u{1b}' && chars.peek() == Some(&'[') {
            let sequence: String = chars
                .clone()
                .skip(1)
                .take_while(|next| next.is_ascii_digit() || *next == ';')
                .collect();
            let end = chars.clone().nth(1 + sequence.len());
            if end == Some('m') && console::colors_enabled() {
                result.push_str(&format!("\u{1b}[{sequence}m"));
            }
            for _ in 0..sequence.len() + 2 {
                chars.next();
            }
        } else if char == '\t' || !char.is_control() {
            result.push(char);
        }
    }
    if result.contains('\u{1b}') {
        result.push_str("\u{1b}[0m");
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_where_they_are_unique_and_padded() {
        let names = Names::new(["a/web", "b/web", "a/db"]);
        let plain = |service| console::strip_ansi_codes(&names.show(service)).into_owned();
        assert_eq!(plain("a/web"), "a/web");
        assert_eq!(plain("a/db"), "db   ");
    }

    #[test]
    fn what_would_move_the_cursor_is_taken_out_of_output() {
        assert_eq!(printable("a\u{1b}[2Jb\u{7}c\rd\te"), "abcd\te");
        assert_eq!(printable("cut \u{1b}["), "cut ");
    }

    #[test]
    fn the_clock_shows_the_time_of_day() {
        assert_eq!(
            clock_in(3_723_004_000, jiff::tz::TimeZone::UTC),
            "01:02:03.004"
        );
    }
}
