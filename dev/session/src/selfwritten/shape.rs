//! What files have in common that are new each time, and the line of `ignore`
//! that names them.
//!
//! Start with [`shapes`].

use hob_stack::printable;

/// One file, or all those of a folder whose names begin and end alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    /// This one.
    File(String),
    /// Those whose paths begin and end so.
    Alike {
        /// The folder's path, its slash with it, and how the names begin.
        begin: String,
        /// How they end.
        end: String,
    },
    /// All of this folder; its slash is with it.
    Folder(String),
}

/// Whether both are about the same files, but for numbers in their names; or,
/// when all of them are `new`, about the same folders.
pub(super) fn alike(before: &[String], now: &[String], new: bool) -> bool {
    before == now
        || set(before, masked) == set(now, masked)
        || new && set(before, |path| folder(path).into()) == set(now, |path| folder(path).into())
}

/// What these files have in common with those of before, which are `alike`,
/// and what those had in common with others.
pub(super) fn shapes(known: &[Shape], before: &[String], now: &[String]) -> Vec<Shape> {
    let mut shapes: Vec<Shape> = Vec::new();
    for path in now {
        let known = known.iter().find(|shape| shape.is_of(path));
        let shape = if before.contains(path) {
            known.cloned().unwrap_or_else(|| Shape::File(path.clone()))
        } else {
            let others = || before.iter().filter(|it| folder(it) == folder(path));
            let other = others().find(|it| masked(it) == masked(path));
            match (known, other.or_else(|| others().next())) {
                (Some(Shape::Folder(_)), _) => Shape::Folder(folder(path).to_owned()),
                (Some(Shape::Alike { begin, end }), _) => in_common(&format!("{begin}{end}"), path),
                (_, Some(other)) => in_common(other, path),
                (_, None) => Shape::File(path.clone()),
            }
        };
        if !shapes.contains(&shape) {
            shapes.push(shape);
        }
    }
    shapes
}

impl Shape {
    /// Whether both are about the same file, or about the same folder.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(one), Self::File(other)) => one == other,
            (Self::File(_), _) | (_, Self::File(_)) => false,
            _ => self.folder() == other.folder(),
        }
    }

    fn folder(&self) -> &str {
        match self {
            Self::File(path) | Self::Alike { begin: path, .. } | Self::Folder(path) => folder(path),
        }
    }

    fn is_of(&self, path: &str) -> bool {
        match self {
            Self::File(file) => file == path,
            Self::Alike { .. } | Self::Folder(_) => self.folder() == folder(path),
        }
    }

    /// For people.
    pub(super) fn show(&self) -> String {
        let text = match self {
            Self::File(file) => file.clone(),
            Self::Alike { begin, end } => format!("{begin}*{end}"),
            Self::Folder(folder) => format!("{folder}**"),
        };
        printable(&text).into_owned()
    }

    /// As a string of TOML that is a pattern of gitignore.
    pub(super) fn quoted(&self) -> String {
        let pattern = match self {
            Self::File(file) => literal(file),
            Self::Alike { begin, end } => match end.as_str() {
                "" => format!("{}*", literal(begin)),
                end => format!("{}*{}", literal(begin), literal_rest(end)),
            },
            Self::Folder(folder) => format!("{}**", literal(folder)),
        };
        format!("\"{}\"", pattern.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

/// The names of one folder begin and end so; nothing at all is no name.
fn in_common(one: &str, other: &str) -> Shape {
    let folder = folder(other);
    let (one, name) = (&one[folder.len()..], &other[folder.len()..]);
    let pairs = one.chars().zip(name.chars());
    let begin: String = pairs.take_while(|(a, b)| a == b).map(|(a, _)| a).collect();
    // Numbers may begin alike and end alike.
    let begin = begin.trim_end_matches(|char: char| char.is_ascii_digit());
    let (one, name) = (&one[begin.len()..], &name[begin.len()..]);
    let pairs = one.chars().rev().zip(name.chars().rev());
    let end: Vec<char> = pairs.take_while(|(a, b)| a == b).map(|(a, _)| a).collect();
    let end: String = end.into_iter().rev().collect();
    let end = end.trim_start_matches(|char: char| char.is_ascii_digit());
    if begin.is_empty() && (end.is_empty() || !folder.is_empty()) {
        return match folder {
            "" => Shape::File(other.to_owned()),
            folder => Shape::Folder(folder.to_owned()),
        };
    }
    Shape::Alike {
        begin: format!("{folder}{begin}"),
        end: end.to_owned(),
    }
}

fn set(paths: &[String], of: impl Fn(&str) -> String) -> std::collections::BTreeSet<String> {
    paths.iter().map(|path| of(path)).collect()
}

/// The path of the folder, with its slash.
fn folder(path: &str) -> &str {
    path.rfind('/').map_or("", |at| &path[..=at])
}

/// The path with each number as one mark.
fn masked(path: &str) -> String {
    let mut masked = String::with_capacity(path.len());
    for char in path.chars() {
        let char = if char.is_ascii_digit() { '0' } else { char };
        if char != '0' || !masked.ends_with('0') {
            masked.push(char);
        }
    }
    masked
}

/// The pattern that this path matches (gitignore(5)).
fn literal(path: &str) -> String {
    let pattern = literal_rest(path);
    match path.chars().next() {
        Some('#' | '!') => format!("\\{pattern}"),
        _ => pattern,
    }
}

/// The same for what is not the pattern's beginning.
fn literal_rest(path: &str) -> String {
    let mut pattern = String::with_capacity(path.len());
    for char in path.chars() {
        match char {
            '\\' | '*' | '?' | '[' | ']' | '{' | '}' => pattern.extend(['\\', char]),
            // What stands for bytes that are no text.
            char::REPLACEMENT_CHARACTER => pattern.push('*'),
            // What no terminal and no stack file takes as it is.
            char if char == '\t'
                || printable(char.encode_utf8(&mut [0; 4])) != char.to_string() =>
            {
                pattern.push('?');
            }
            char => pattern.push(char),
        }
    }
    // Blanks at the end are no part of a pattern.
    match pattern.strip_suffix(' ') {
        Some(rest) => format!("{rest}\\ "),
        None if pattern.ends_with(char::is_whitespace) => {
            pattern.pop();
            pattern.push('?');
            pattern
        }
        None => pattern,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use ignore::gitignore::GitignoreBuilder;

    use super::*;

    /// The shape of files that came one after the other, in words; that its
    /// pattern, read as a stack file is, matches each of them.
    #[track_caller]
    fn check(paths: &[&str], shown: &str, quoted: &str) {
        let paths: Vec<Vec<String>> = paths.iter().map(|path| vec![(*path).to_owned()]).collect();
        let mut known = shapes(&[], &[], &paths[0]);
        for pair in paths.windows(2) {
            assert!(alike(&pair[0], &pair[1], true), "{pair:?}");
            known = shapes(&known, &pair[0], &pair[1]);
        }
        assert_eq!(known.len(), 1, "{known:?}");
        assert_eq!((&*known[0].show(), &*known[0].quoted()), (shown, quoted));
        let read: toml::Table = format!("ignore = [{quoted}]").parse().unwrap();
        let mut rules = GitignoreBuilder::new("");
        rules
            .add_line(None, read["ignore"][0].as_str().unwrap())
            .unwrap();
        let rules = rules.build().unwrap();
        for path in paths.iter().flatten() {
            assert!(rules.matched(path, false).is_ignore(), "{path:?}: {quoted}");
        }
        let other = rules.matched("another/file.rs", false);
        assert!(!other.is_ignore(), "{quoted}");
    }

    #[test]
    fn files_that_are_new_each_time_are_named_by_what_their_names_share() {
        let logs = ["log-4711.txt", "log-4719.txt", "log-12.txt"];
        check(&logs, "log-*.txt", "\"log-*.txt\"");
        check(
            &["data/x/71.json", "data/x/72.json"],
            "data/x/**",
            "\"data/x/**\"",
        );
        check(
            &["d/tmp3ab.o", "d/tmpx1.o", "d/tz.o"],
            "d/t*.o",
            "\"d/t*.o\"",
        );
        check(&["12.pid", "7.pid"], "*.pid", "\"*.pid\"");
        check(&["run7", "run8"], "run*", "\"run*\"");
    }

    #[test]
    fn one_file_is_named_so_that_gitignore_and_toml_read_its_name() {
        check(&["app.db"; 3], "app.db", "\"app.db\"");
        check(&["[c]x.txt"], "[c]x.txt", "\"\\\\[c\\\\]x.txt\"");
        check(&["#x"], "#x", "\"\\\\#x\"");
        check(&["!y"], "!y", "\"\\\\!y\"");
        check(&["end "], "end ", "\"end\\\\ \"");
        check(
            &["a{b,c}*?\\d"],
            "a{b,c}*?\\d",
            "\"a\\\\{b,c\\\\}\\\\*\\\\?\\\\\\\\d\"",
        );
        check(&["say \"x\".txt"], "say \"x\".txt", "\"say \\\"x\\\".txt\"");
        check(&["red\u{1b}[31m\nx"], "red␛[31m␊x", "\"red?\\\\[31m?x\"");
    }
}
