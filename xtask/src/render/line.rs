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
    let text = &line.text;
    match line.stream {
        Stream::Out => format!("{time} {name} {} {text}", style("|").dim()),
        Stream::Err => format!("{time} {name} {} {text}", style("|").yellow()),
        Stream::Build => format!("{time} {name} {} {text}", style("+").dim()),
        Stream::Hob => format!("{time} {name} {} {}", style("·").dim(), style(text).dim()),
    }
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
    fn the_clock_shows_the_time_of_day() {
        assert_eq!(
            clock_in(3_723_004_000, jiff::tz::TimeZone::UTC),
            "01:02:03.004"
        );
    }
}
