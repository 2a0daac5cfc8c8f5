//! One pattern of a `.dockerignore` or a `COPY`: Go's `filepath.Match`, in the
//! former with `**`, held against whole paths with `/` between their parts.

/// A pattern, cleaned and taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    parts: Vec<Part>,
    /// What every path that it matches begins with.
    literal: String,
}

#[derive(Clone, Debug)]
enum Part {
    Is(char),
    /// `?`: any but `/`.
    One,
    /// `*`: any number of any but `/`.
    Star,
    /// `**` at the end: all that is left.
    Rest,
    /// `**/`, or `**` before anything else: no folder or some.
    Folders,
    Class {
        not: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Pattern {
    /// `text` as [`clean`] leaves it; an error says what is wrong with it.
    pub(crate) fn new(text: &str) -> Result<Self, &'static str> {
        Self::read(text, true)
    }

    /// One without `**`, as the sources of `COPY` are.
    pub(crate) fn of_source(text: &str) -> Result<Self, &'static str> {
        Self::read(text, false)
    }

    fn read(text: &str, crosses: bool) -> Result<Self, &'static str> {
        let mut parts = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            parts.push(match c {
                '*' if crosses && chars.peek() == Some(&'*') => {
                    chars.next();
                    if chars.peek() == Some(&'/') {
                        chars.next();
                    }
                    if chars.peek().is_none() {
                        Part::Rest
                    } else {
                        Part::Folders
                    }
                }
                '*' => Part::Star,
                '?' => Part::One,
                '[' => class(&mut chars)?,
                '\\' => Part::Is(chars.next().ok_or("it ends with a backslash")?),
                c => Part::Is(c),
            });
        }
        let literal = parts
            .iter()
            .map_while(|part| {
                if let Part::Is(c) = part {
                    Some(*c)
                } else {
                    None
                }
            })
            .collect();
        Ok(Self { parts, literal })
    }

    pub(crate) fn matches(&self, path: &str) -> bool {
        let path: Vec<char> = path.chars().collect();
        matches(&self.parts, &path)
    }

    /// Whether it stands for one path only.
    pub(crate) fn is_literal(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Is(_)))
    }

    /// Whether a path below the folder can match.
    pub(crate) fn may_match_below(&self, folder: &str) -> bool {
        let below = format!("{folder}/");
        self.literal.starts_with(&below) || !self.is_literal() && below.starts_with(&self.literal)
    }
}

/// Go's `filepath.Clean`, and no slash in front.
pub(crate) fn clean(text: &str) -> String {
    let rooted = text.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    if parts.is_empty() {
        ".".into()
    } else {
        parts.join("/")
    }
}

fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<Part, &'static str> {
    const OPEN: &str = "a `[` has no `]`";
    let not = chars.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    let one = |chars: &mut std::iter::Peekable<std::str::Chars<'_>>| match chars.next() {
        None => Err(OPEN),
        Some('-' | ']') => Err("a class begins with `-` or is empty"),
        Some('\\') => chars.next().ok_or(OPEN),
        Some(c) => Ok(c),
    };
    loop {
        if !ranges.is_empty() && chars.next_if_eq(&']').is_some() {
            return Ok(Part::Class { not, ranges });
        }
        let from = one(chars)?;
        let to = if chars.next_if_eq(&'-').is_some() {
            one(chars)?
        } else {
            from
        };
        ranges.push((from, to));
    }
}

fn matches(parts: &[Part], path: &[char]) -> bool {
    let Some((part, parts)) = parts.split_first() else {
        return path.is_empty();
    };
    match part {
        Part::Rest => true,
        Part::Star => {
            let most = path.iter().position(|c| *c == '/').unwrap_or(path.len());
            (0..=most).any(|taken| matches(parts, &path[taken..]))
        }
        Part::Folders => {
            matches(parts, path)
                || path
                    .iter()
                    .enumerate()
                    .any(|(at, c)| *c == '/' && matches(parts, &path[at + 1..]))
        }
        Part::Is(_) | Part::One | Part::Class { .. } => {
            let Some((c, path)) = path.split_first() else {
                return false;
            };
            let fits = match part {
                Part::Is(wanted) => wanted == c,
                Part::Class { not, ranges } => {
                    ranges.iter().any(|(from, to)| (from..=to).contains(&c)) != *not
                }
                _ => *c != '/',
            };
            fits && matches(parts, path)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, yes: &[&str], no: &[&str]) {
        let read = Pattern::new(&clean(pattern)).expect(pattern);
        for path in yes {
            assert!(read.matches(path), "{pattern} should match {path}");
        }
        for path in no {
            assert!(!read.matches(path), "{pattern} should not match {path}");
        }
    }

    #[test]
    fn a_star_stays_within_one_part() {
        check("*.log", &["a.log", ".log"], &["a/b.log", "a.logs"]);
        check(
            "*/temp*",
            &["a/temp", "a/temporary.txt"],
            &["temp", "a/b/temp"],
        );
        check("a*b*c", &["abc", "axxbyyc"], &["ab", "a/bc"]);
    }

    #[test]
    fn two_stars_cross_folders() {
        check("**/*.go", &["a.go", "a/b.go", "a/b/c.go"], &["a.gox"]);
        check("a/**", &["a/b", "a/b/c"], &["a", "ab"]);
        check("a/**/z", &["a/z", "a/b/z", "a/b/c/z"], &["a/bz", "z"]);
        check("**", &["a", "a/b"], &[]);
    }

    #[test]
    fn a_question_mark_is_one_character_and_no_slash() {
        check("a?c", &["abc", "aéc"], &["ac", "a/c", "abbc"]);
    }

    #[test]
    fn classes_have_ranges_and_a_caret() {
        check("[a-c]x", &["ax", "cx"], &["dx", "x"]);
        check("[^a-c]x", &["dx"], &["ax"]);
        check(r"[\]]x", &["]x"], &["x"]);
    }

    #[test]
    fn what_regular_expressions_would_read_is_literal() {
        check("a+b(c)|{d}$.^", &["a+b(c)|{d}$.^"], &["aab"]);
        check(r"\*", &["*"], &["a"]);
    }

    #[test]
    fn slashes_at_the_ends_and_dots_are_cleaned() {
        check("/foo/", &["foo"], &["foo/bar"]);
        check("./foo//bar/../baz", &["foo/baz"], &["foo/bar"]);
    }

    #[test]
    fn a_broken_pattern_is_refused() {
        for bad in ["[", "[a", "[]", "a\\", "[-a]"] {
            assert!(Pattern::new(bad).is_err(), "{bad}");
        }
    }
}
