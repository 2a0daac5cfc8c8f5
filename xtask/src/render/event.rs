//! What an event of an agent looks like, with a save's whole way in one line.

use console::style;
use hob_wire::{Event, EventKind, Micros, Stage, Waterfall};

use super::line::{Names, clock, log_line};

/// What of an event is shown.
pub enum Look {
    /// These lines, now.
    Lines(Vec<String>),
    /// A save's line, which may get its first answer in a moment.
    Save(Waterfall),
    /// Nothing.
    Nothing,
}

/// How an event is shown.
pub fn describe(names: &Names, event: &Event) -> Look {
    let line = |mark: String, text: String| {
        let time = style(clock(event.at)).dim();
        Look::Lines(vec![format!(
            "{time} {} {mark} {text}",
            names.show(&event.service)
        )])
    };
    match &event.kind {
        EventKind::Log(log) if log.stream == hob_wire::Stream::Hob => Look::Nothing,
        EventKind::Log(log) => Look::Lines(vec![log_line(names, &event.service, log)]),
        EventKind::Swapped { waterfall } => Look::Save(*waterfall),
        EventKind::Failed {
            generation,
            stage,
            message,
            output,
            serving,
        } => {
            let red = style("✗").red().bold().to_string();
            let mut text = format!(
                "{} {}",
                style(message).red(),
                style(format!("(save {generation})")).dim()
            );
            if let Some(serving) = serving {
                text.push_str(&format!("; save {serving} goes on serving"));
            }
            let Look::Lines(mut lines) = line(red, text) else {
                return Look::Nothing;
            };
            // A build's words were shown as they came.
            if *stage == Stage::Ready && output.is_empty() {
                lines.push("    it said nothing".into());
            }
            Look::Lines(lines)
        }
        EventKind::Crashed {
            message, retry_ms, ..
        } => {
            let red = style("✗").red().bold().to_string();
            let next = match retry_ms {
                Some(ms) => format!("; started again in {}", time(ms * 1000)),
                None => "; not started again".into(),
            };
            let message = style(message).red();
            line(red, format!("{message}{next}"))
        }
        EventKind::BuildSuperseded { generation, by } => {
            let text = format!("build of save {generation} given up for save {by}");
            line(style("·").dim().to_string(), style(text).dim().to_string())
        }
        EventKind::Reloaded { generation } => line(
            style("●").green().to_string(),
            format!("save {generation}: browsers reload"),
        ),
        EventKind::Retired { killed: true, .. } => {
            let text = "the old process did not end in time and was killed".to_owned();
            line(style("!").yellow().to_string(), text)
        }
        EventKind::Exposed { addr } => {
            let text = format!("it listens on {addr}, beyond loopback; bind to $HOST");
            line(style("!").yellow().to_string(), text)
        }
        EventKind::Note(note) => line(style("!").yellow().to_string(), note.clone()),
        EventKind::BuildStarted { .. }
        | EventKind::Built { .. }
        | EventKind::Started { .. }
        | EventKind::FirstAnswer { .. }
        | EventKind::Retired { killed: false, .. }
        | EventKind::Phase(_) => Look::Nothing,
    }
}

/// A save's way to its first answer: the total, then each step; the steps on
/// a line of their own where both would be wider than `width` columns.
pub fn waterfall(
    names: &Names,
    service: &str,
    at: Micros,
    save: &Waterfall,
    width: Option<usize>,
) -> String {
    let step = |name: &str, took: Micros| (took > 0).then(|| format!("{name} {}", time(took)));
    let steps: Vec<String> = [
        step("noticed", save.noticed),
        step("built", save.built),
        step("started", save.started),
        step("ready", save.ready),
        save.answered.map(|took| format!("answered {}", time(took))),
    ]
    .into_iter()
    .flatten()
    .collect();
    let verb = if save.is_restart() {
        "is started again and answers"
    } else {
        "answers"
    };
    let head = format!(
        "{} {} {} save {} {verb} after {}",
        style(clock(at)).dim(),
        names.show(service),
        style("●").green().bold(),
        save.generation,
        style(time(save.total())).bold(),
    );
    let steps = format!("= {}", steps.join(" + "));
    let columns = console::measure_text_width(&head) + 1 + steps.len();
    let between = match width {
        Some(width) if columns > width => "\n    ",
        _ => " ",
    };
    format!("{head}{between}{}", style(steps).dim())
}

/// Microseconds for people: `0.4 ms`, `12 ms`, `1.25 s`.
pub fn time(micros: Micros) -> String {
    let ms = micros as f64 / 1000.0;
    if ms < 10.0 {
        format!("{ms:.1} ms")
    } else if ms < 1000.0 {
        format!("{ms:.0} ms")
    } else {
        format!("{:.2} s", ms / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use snapbox::{assert_data_eq, str};

    use super::*;

    #[test]
    fn a_save_is_one_line_with_its_steps() {
        let names = Names::new(["polykube/goapi"]);
        let save = Waterfall {
            generation: 2,
            noticed: 900,
            built: 318_000,
            started: 1_400,
            ready: 12_300,
            answered: Some(700),
        };
        let line = waterfall(&names, "polykube/goapi", 3_723_004_000, &save, Some(200));
        assert_data_eq!(
            console::strip_ansi_codes(&line).into_owned(),
            str![
                "01:02:03.004 goapi ● save 2 answers after 333 ms = noticed 0.9 ms + built 318 ms + started 1.4 ms + ready 12 ms + answered 0.7 ms"
            ]
        );
    }

    #[test]
    fn on_a_narrow_terminal_the_steps_have_a_line_of_their_own() {
        let names = Names::new(["s/web"]);
        let save = Waterfall {
            generation: 2,
            built: 318_000,
            ready: 2_000,
            ..Waterfall::default()
        };
        let line = waterfall(&names, "s/web", 0, &save, Some(60));
        assert_data_eq!(
            console::strip_ansi_codes(&line).into_owned(),
            str![[r#"
[..] web ● save 2 answers after 320 ms
    = built 318 ms + ready 2.0 ms
"#]]
        );
    }

    #[test]
    fn a_failed_build_says_what_goes_on_serving() {
        let names = Names::new(["s/web"]);
        let event = Event {
            at: 0,
            service: "s/web".into(),
            kind: EventKind::Failed {
                generation: 3,
                stage: Stage::Build,
                message: "`go build` exited with code 1".into(),
                output: Vec::new(),
                serving: Some(2),
            },
        };
        let Look::Lines(lines) = describe(&names, &event) else {
            panic!("not shown")
        };
        assert_data_eq!(
            console::strip_ansi_codes(&lines.join("\n")).into_owned(),
            str![
                "00:00:00.000 web ✗ `go build` exited with code 1 (save 3); save 2 goes on serving"
            ]
        );
    }
}
