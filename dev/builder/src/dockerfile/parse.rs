//! Lines to instructions: directives, comments, continuation lines, heredocs.

use super::{Instruction, Wrong, nearest, substitute};

/// Every instruction that Docker knows.
const KNOWN: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// Instructions in which Docker reads heredocs.
const WITH_HEREDOCS: [&str; 3] = ["ADD", "COPY", "RUN"];

/// A file's instructions and directives.
#[derive(Debug)]
pub(crate) struct Lines {
    pub(crate) syntax: Option<(usize, String)>,
    pub(crate) escape: char,
    pub(crate) instructions: Vec<Instruction>,
}

pub(crate) fn parse(text: &str) -> Result<Lines, Wrong> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines: Vec<&str> = text.lines().collect();
    let (syntax, escape) = directives(&lines)?;
    let mut instructions = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let first = at;
        let mut whole = String::new();
        let mut goes_on = true;
        while goes_on && at < lines.len() {
            let line = lines[at];
            at += 1;
            let bare = line.trim_start();
            // Comments and empty lines may stand within an instruction.
            if bare.starts_with('#') || bare.is_empty() {
                goes_on = !whole.is_empty();
                continue;
            }
            let (part, more) = continued(if whole.is_empty() { bare } else { line }, escape);
            whole.push_str(part);
            goes_on = more;
        }
        if whole.trim().is_empty() {
            continue;
        }
        let start = first
            + lines[first..at]
                .iter()
                .take_while(|line| is_void(line))
                .count();
        let mut instruction = instruction(start + 1, &whole);
        if WITH_HEREDOCS.contains(&instruction.keyword.as_str()) {
            for (strip, name, written) in heredocs(&instruction.rest, escape) {
                let ends = |line: &&str| -> bool {
                    (if strip {
                        line.trim_start_matches('\t')
                    } else {
                        line
                    }) == name
                };
                let Some(end) = lines[at..].iter().position(ends) else {
                    return Err(Wrong::at(
                        start + 1,
                        format!("the heredoc `{written}` on line {} has no end", start + 1),
                    )
                    .hint(format!("end it with a line that is `{name}`")));
                };
                at += end + 1;
                instruction.heredoc.get_or_insert(written);
            }
        }
        instructions.push(instruction);
    }
    Ok(Lines {
        syntax,
        escape,
        instructions,
    })
}

/// Refuses what is no instruction; a frontend of one's own may know more.
pub(crate) fn known(lines: &Lines) -> Result<(), Wrong> {
    if lines
        .syntax
        .as_ref()
        .is_some_and(|(_, image)| !is_dockers_own(image))
    {
        return Ok(());
    }
    for Instruction { line, keyword, .. } in &lines.instructions {
        if KNOWN.contains(&keyword.as_str()) {
            continue;
        }
        let unknown = format!("unknown instruction {keyword} on line {line}");
        return Err(match nearest(keyword, KNOWN) {
            Some(near) => Wrong::at(*line, format!("{unknown}; did you mean {near}?")),
            None => {
                Wrong::at(*line, unknown).hint("does the line before it lack a `\\` at its end?")
            }
        });
    }
    Ok(())
}

/// Whether a `# syntax=` names the frontend that engines have built in.
pub(crate) fn is_dockers_own(image: &str) -> bool {
    let image = image.strip_prefix("docker.io/").unwrap_or(image);
    let name = image.split([':', '@']).next().unwrap_or(image);
    name == "docker/dockerfile"
}

type Directives = (Option<(usize, String)>, char);

fn directives(lines: &[&str]) -> Result<Directives, Wrong> {
    let mut syntax = None;
    let mut escape = '\\';
    for (at, line) in lines.iter().enumerate() {
        let comment = line.trim().strip_prefix('#');
        let Some((name, value)) = comment.and_then(|comment| comment.split_once('=')) else {
            break;
        };
        let value = value.trim();
        match name.trim().to_ascii_lowercase().as_str() {
            "syntax" => syntax = Some((at + 1, value.to_owned())),
            "escape" if value == "`" => escape = '`',
            "escape" if value == "\\" => {}
            "escape" => {
                return Err(Wrong::at(
                    at + 1,
                    format!(
                        "the escape character `{value}` on line {} is neither a backslash nor a backtick",
                        at + 1
                    ),
                ));
            }
            name if name.chars().all(|c| c.is_ascii_alphanumeric()) && !name.is_empty() => {}
            _ => break,
        }
    }
    Ok((syntax, escape))
}

/// The instruction that stands behind another one on its line.
pub(crate) fn one(line: usize, text: &str) -> Option<Instruction> {
    (!text.is_empty()).then(|| instruction(line, text))
}

fn is_void(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with('#')
}

/// A line without the escape character at its end, and whether it had one.
fn continued(line: &str, escape: char) -> (&str, bool) {
    let bare = line.trim_end_matches([' ', '\t']);
    match bare.strip_suffix(escape) {
        Some(part) if !part.ends_with(escape) => (part, true),
        _ => (line, false),
    }
}

fn instruction(line: usize, text: &str) -> Instruction {
    let text = text.trim();
    let (keyword, mut rest) = cut(text);
    let mut flags = Vec::new();
    while let Some(flag) = rest.strip_prefix("--") {
        let (flag, after) = cut(flag);
        if flag.is_empty() {
            break;
        }
        let (name, value) = flag.split_once('=').unwrap_or((flag, ""));
        flags.push((name.to_owned(), value.to_owned()));
        rest = after;
    }
    Instruction {
        line,
        keyword: keyword.to_ascii_uppercase(),
        flags,
        rest: rest.to_owned(),
        heredoc: None,
    }
}

fn cut(text: &str) -> (&str, &str) {
    match text.split_once(char::is_whitespace) {
        Some((word, rest)) => (word, rest.trim_start()),
        None => (text, ""),
    }
}

/// Each heredoc that a line opens: whether tabs before its end are passed
/// over, its name, and how it is written.
fn heredocs(rest: &str, escape: char) -> Vec<(bool, String, String)> {
    let mut found = Vec::new();
    for word in substitute::words(rest, escape) {
        let Some(name) = word
            .trim_start_matches(|c: char| c.is_ascii_digit())
            .strip_prefix("<<")
        else {
            continue;
        };
        let (strip, name) = match name.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, name),
        };
        let bare: String = name.chars().filter(|c| !matches!(c, '"' | '\'')).collect();
        if !bare.is_empty() && !bare.contains('<') {
            found.push((strip, bare, word.clone()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(usize, &str, &str)]) {
        let lines = parse(text).expect("readable");
        let read: Vec<_> = lines
            .instructions
            .iter()
            .map(|one| (one.line, one.keyword.as_str(), one.rest.as_str()))
            .collect();
        assert_eq!(read, expected);
    }

    fn wrong(text: &str) -> String {
        let lines = match parse(text) {
            Ok(lines) => lines,
            Err(wrong) => return wrong.message,
        };
        known(&lines).expect_err("refused").message
    }

    #[test]
    fn comments_and_empty_lines_stand_anywhere() {
        check(
            "\n# one\n  FROM a\n\nrun x \\\n  # in between\n\n  && y\n# last\nCMD z",
            &[(3, "FROM", "a"), (5, "RUN", "x   && y"), (10, "CMD", "z")],
        );
    }

    #[test]
    fn a_line_goes_on_after_its_escape_character_and_spaces() {
        check(
            "RUN a \\ \t\n b\nRUN c \\\\\nCMD d\\",
            &[(1, "RUN", "a  b"), (3, "RUN", "c \\\\"), (4, "CMD", "d")],
        );
        check(
            "# escape=`\nRUN dir c:\\\nRUN a `\n b",
            &[(2, "RUN", "dir c:\\"), (3, "RUN", "a  b")],
        );
    }

    #[test]
    fn lines_may_end_as_in_windows() {
        check(
            "FROM a\r\nRUN b \\\r\n c\r\n",
            &[(1, "FROM", "a"), (2, "RUN", "b  c")],
        );
    }

    #[test]
    fn heredocs_are_no_instructions() {
        check(
            "RUN <<EOF cat > x\nRUNN\nEOF\nCOPY <<-'A' <<\"B\" /x/\n1\n\tA\nb\nB\nCMD <<no",
            &[
                (1, "RUN", "<<EOF cat > x"),
                (4, "COPY", "<<-'A' <<\"B\" /x/"),
                (9, "CMD", "<<no"),
            ],
        );
    }

    #[test]
    fn flags_are_taken_from_the_front() {
        let lines =
            parse("RUN --mount=type=cache,target=/c --network=none make --jobs").expect("readable");
        let run = &lines.instructions[0];
        assert_eq!(
            run.flags,
            [
                ("mount".into(), "type=cache,target=/c".into()),
                ("network".to_owned(), "none".to_owned())
            ]
        );
        assert_eq!(run.rest, "make --jobs");
    }

    #[test]
    fn directives_count_only_at_the_top() {
        let lines = parse("# syntax = docker/dockerfile:1\n# escape=`\nFROM a").expect("readable");
        assert_eq!(
            (lines.syntax, lines.escape),
            (Some((1, "docker/dockerfile:1".into())), '`')
        );
        let lines = parse("# a comment\n# syntax=x\nFROM a").expect("readable");
        assert_eq!(lines.syntax, None);
    }

    #[test]
    fn a_misspelt_instruction_is_named_with_its_line() {
        assert_eq!(
            wrong("FROM a\n\n\nRUNN x"),
            "unknown instruction RUNN on line 4; did you mean RUN?"
        );
        assert_eq!(
            wrong("FROM a\nENTRYPIONT x"),
            "unknown instruction ENTRYPIONT on line 2; did you mean ENTRYPOINT?"
        );
        assert_eq!(
            wrong("FROM a\nRUN x &&\n make all"),
            "unknown instruction MAKE on line 3"
        );
    }

    #[test]
    fn a_heredoc_without_an_end_is_an_error() {
        assert_eq!(
            wrong("FROM a\nRUN <<EOF\nx"),
            "the heredoc `<<EOF` on line 2 has no end"
        );
    }
}
