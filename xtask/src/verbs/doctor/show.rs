//! Checks as lines for people, or as JSON.

use console::{Term, measure_text_width, style};

use super::checks::{Check, Fix, State};
use crate::context::Context;
use crate::error::Result;
use crate::output::spoken;

/// Prints each check.
///
/// # Errors
/// Standard output cannot be written.
pub fn show(context: &Context, checks: &[Check]) -> Result {
    let checks: Vec<Check> = checks.iter().map(typed).collect();
    if context.output.json {
        for check in &checks {
            context.output.value(&json(check))?;
        }
        return Ok(());
    }
    // Only a terminal has an edge; a pipe gets whole lines.
    let width = Term::stdout()
        .size_checked()
        .map(|(_, columns)| usize::from(columns));
    for line in lines(&checks, width) {
        context.output.data(line)?;
    }
    Ok(())
}

/// The same with commands as the user would type them.
fn typed(check: &Check) -> Check {
    let typed = |words: &str| spoken(words).into_owned();
    Check {
        name: check.name.clone(),
        state: check.state,
        detail: typed(&check.detail),
        fix: check.fix.as_ref().map(|fix| match fix {
            Fix::Command(command) => {
                let quoted = typed(&format!("`{command}`"));
                Fix::Command(quoted.trim_matches('`').to_owned())
            }
            Fix::Words(words) => Fix::Words(typed(words)),
        }),
    }
}

fn json(check: &Check) -> serde_json::Value {
    let state = match check.state {
        State::Ok => "ok",
        State::Missing => "missing",
        State::Warning => "warning",
    };
    let fix = check.fix.as_ref().map(|fix| match fix {
        Fix::Command(text) | Fix::Words(text) => text,
    });
    serde_json::json!({
        "protocol": hob_wire::PROTOCOL,
        "check": { "name": check.name, "state": state, "detail": check.detail, "fix": fix },
    })
}

/// The lines for a terminal of this many columns.
fn lines(checks: &[Check], width: Option<usize>) -> Vec<String> {
    let names = checks.iter().map(Check::width).max().unwrap_or(0);
    // A mark, a space, the name, two spaces.
    let indent = 1 + 1 + names + 2;
    let room = width.map(|width| width.saturating_sub(indent).max(20));
    let margin = " ".repeat(indent);
    let mut lines = Vec::new();
    for check in checks {
        let mark = match check.state {
            State::Ok => style("✓").green(),
            State::Missing => style("✗").red().bold(),
            State::Warning => style("!").yellow().bold(),
        };
        let padding = " ".repeat(names - check.width());
        let head = format!("{mark} {}{padding}  ", check.name);
        for (at, line) in wrapped(&check.detail, room).iter().enumerate() {
            let before = if at == 0 { &head } else { &margin };
            lines.push(format!("{before}{line}"));
        }
        match &check.fix {
            // Whole, so that it can be copied.
            Some(Fix::Command(command)) => {
                lines.push(format!("{margin}{}", style(format!("`{command}`")).cyan()));
            }
            Some(Fix::Words(words)) => {
                let fix = wrapped(words, room).into_iter();
                lines.extend(fix.map(|line| format!("{margin}{}", style(line).cyan())));
            }
            None => {}
        }
    }
    lines
}

/// The text in lines of up to `room` columns, broken at spaces outside of
/// backticks.
fn wrapped(text: &str, room: Option<usize>) -> Vec<String> {
    let Some(room) = room else {
        return vec![text.to_owned()];
    };
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in words(text) {
        let joined = measure_text_width(&line) + 1 + measure_text_width(word);
        if !line.is_empty() && joined > room {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

/// What a line may be broken between.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = 0;
    let mut quoted = false;
    for (at, char) in text.char_indices() {
        match char {
            '`' => quoted = !quoted,
            ' ' if !quoted => {
                words.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    words.push(&text[start..]);
    words
}

#[cfg(test)]
mod tests {
    use snapbox::{IntoData, assert_data_eq, str};

    use super::*;

    fn check(width: Option<usize>, expected: impl IntoData) {
        let check = |name: &str, state, detail: &str, fix| Check {
            name: name.to_owned(),
            state,
            detail: detail.to_owned(),
            fix,
        };
        let checks = [
            check(
                "go",
                State::Ok,
                "/usr/bin/go: go version go1.22 linux/amd64",
                None,
            ),
            check(
                "mcs",
                State::Missing,
                "not installed; polykube/vnextapi calls it",
                Some(Fix::Command(
                    "sudo apt-get install mono-mcs mono-devel".to_owned(),
                )),
            ),
            check(
                "port 80",
                State::Warning,
                "nginx (process 4711) has it",
                Some(Fix::Words(
                    "`--port-offset 100` moves this project's ports".to_owned(),
                )),
            ),
        ];
        let text = lines(&checks, width).join("\n");
        assert_data_eq!(console::strip_ansi_codes(&text).into_owned(), expected);
    }

    #[test]
    fn a_wide_terminal_has_one_line_a_check_and_one_a_fix() {
        check(
            Some(80),
            str![[r#"
✓ go       /usr/bin/go: go version go1.22 linux/amd64
✗ mcs      not installed; polykube/vnextapi calls it
           `sudo apt-get install mono-mcs mono-devel`
! port 80  nginx (process 4711) has it
           `--port-offset 100` moves this project's ports
"#]],
        );
    }

    #[test]
    fn a_narrow_terminal_breaks_between_words_and_never_within_a_command() {
        check(
            Some(36),
            str![[r#"
✓ go       /usr/bin/go: go version
           go1.22 linux/amd64
✗ mcs      not installed;
           polykube/vnextapi calls
           it
           `sudo apt-get install mono-mcs mono-devel`
! port 80  nginx (process 4711) has
           it
           `--port-offset 100` moves
           this project's ports
"#]],
        );
    }

    #[test]
    fn what_stands_in_backticks_is_never_broken() {
        let text = "give it `a = { b = 1 }` or leave it";
        assert_eq!(
            wrapped(text, Some(20)),
            ["give it", "`a = { b = 1 }` or", "leave it"]
        );
        assert_eq!(
            wrapped(text, Some(12)),
            ["give it", "`a = { b = 1 }`", "or leave it"]
        );
    }

    #[test]
    fn a_pipe_gets_whole_lines() {
        assert_eq!(wrapped(&"word ".repeat(100), None).len(), 1);
    }

    #[test]
    fn json_carries_the_fix_as_it_is_typed() {
        let check = Check {
            name: "mcs".to_owned(),
            state: State::Missing,
            detail: "not installed".to_owned(),
            fix: Some(Fix::Command("apt-get install mono-mcs".to_owned())),
        };
        assert_data_eq!(
            json(&check).to_string(),
            str![[
                r#"{"check":{"detail":"not installed","fix":"apt-get install mono-mcs","name":"mcs","state":"missing"},"protocol":[..]}"#
            ]]
        );
    }
}
