//! What a `.dockerignore` leaves out, decided as Docker decides it: patterns
//! in their order, the last that matches a path or a folder above it wins.
//! Rules: <https://docs.docker.com/build/concepts/context/#dockerignore-files>.

use crate::pattern::{Pattern, clean};

/// The rules of one file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ignore {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    pattern: Pattern,
    /// Written with `!`: what it matches is sent after all.
    exception: bool,
}

/// What is known of a folder, for what is in it: which rules matched it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Above(Vec<bool>);

impl Ignore {
    /// An error has the line and the reason.
    pub(crate) fn parse(text: &str) -> Result<Self, (usize, String)> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut rules = Vec::new();
        for (at, line) in text.lines().enumerate() {
            // Docker looks for `#` before it trims.
            if line.starts_with('#') {
                continue;
            }
            let line = line.trim();
            let (exception, text) = match line.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, line),
            };
            if text.is_empty() {
                if exception {
                    return Err((at + 1, "`!` stands without a pattern".into()));
                }
                continue;
            }
            let pattern = Pattern::new(&clean(text))
                .map_err(|reason| (at + 1, format!("`{text}` is no pattern: {reason}")))?;
            rules.push(Rule { pattern, exception });
        }
        Ok(Self { rules })
    }

    /// Whether `path` is left out, and what to hand on for what is in it.
    pub(crate) fn judge(&self, path: &str, above: &Above) -> (bool, Above) {
        let mut ignored = false;
        let matched = self
            .rules
            .iter()
            .enumerate()
            .map(|(at, rule)| {
                let inherited = above.0.get(at).copied().unwrap_or(false);
                // A rule that would change nothing is not asked.
                let matches =
                    inherited || (rule.exception == ignored && rule.pattern.matches(path));
                if matches {
                    ignored = !rule.exception;
                }
                matches
            })
            .collect();
        (ignored, Above(matched))
    }

    /// Whether something in a folder that is left out may be sent after all.
    pub(crate) fn may_except_below(&self, folder: &str) -> bool {
        self.rules
            .iter()
            .any(|rule| rule.exception && rule.pattern.may_match_below(folder))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of `paths` are left out.
    fn ignored<'a>(text: &str, paths: &[&'a str]) -> Vec<&'a str> {
        let ignore = Ignore::parse(text).expect("readable");
        let out = |path: &str| {
            let mut above = Above::default();
            let mut last = false;
            for (at, _) in path.match_indices('/').chain([(path.len(), "")]) {
                (last, above) = ignore.judge(&path[..at], &above);
            }
            last
        };
        paths.iter().copied().filter(|path| out(path)).collect()
    }

    #[test]
    fn a_folder_takes_what_is_in_it_along() {
        assert_eq!(
            ignored("target/\n", &["target", "target/a/b", "x/target"]),
            ["target", "target/a/b"]
        );
    }

    #[test]
    fn the_last_rule_that_matches_wins() {
        assert_eq!(
            ignored("*.md\n!README.md\n", &["a.md", "README.md"]),
            ["a.md"]
        );
        assert_eq!(
            ignored(
                "*.md\n!README*.md\nREADME-secret.md",
                &["a.md", "README.md", "README-secret.md"]
            ),
            ["a.md", "README-secret.md"]
        );
        assert_eq!(ignored("!README.md\n*.md", &["README.md"]), ["README.md"]);
    }

    #[test]
    fn an_exception_reaches_into_a_folder_that_is_left_out() {
        assert_eq!(
            ignored("a\n!a/b", &["a", "a/b", "a/b/c", "a/d"]),
            ["a", "a/d"]
        );
        assert_eq!(
            ignored(
                "*\n!src/**/*.go",
                &["x", "src/a.go", "src/b/c.go", "src/d.txt"]
            ),
            ["x", "src/d.txt"]
        );
    }

    #[test]
    fn comments_blank_lines_and_spaces() {
        assert_eq!(
            ignored("\u{feff}# x\n\n  a  \n #b\n! c\n", &["a", "#b", "x"]),
            ["a", "#b"]
        );
    }

    #[test]
    fn a_broken_rule_is_named_with_its_line() {
        assert_eq!(Ignore::parse("a\n!\n").expect_err("refused").0, 2);
        assert_eq!(
            Ignore::parse("a\n\n[\n").expect_err("refused").1,
            "`[` is no pattern: a `[` has no `]`"
        );
    }

    #[test]
    fn only_folders_that_can_hold_an_exception_are_walked() {
        let ignore = Ignore::parse("*\n!a/b\n!c*/d").expect("readable");
        assert!(ignore.may_except_below("a") && ignore.may_except_below("cx"));
        assert!(!ignore.may_except_below("b") && !ignore.may_except_below("ab"));
    }
}
