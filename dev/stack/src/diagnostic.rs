//! [`Diagnostic`]: what is wrong, where, and what to type about it; as text
//! for people and as data for programs.
//!
//! Owns the shape and the rendering; what is wrong is decided elsewhere.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::printable::{printable, printable_lines};

/// A file that was read, kept for showing its lines.
#[derive(Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its absolute path.
    pub path: PathBuf,
    /// Its path as people read it: relative to the project where it lies there.
    pub shown: String,
    /// Its text; empty when it could not be read.
    pub text: String,
    /// Whether its lines may hold secrets and are never shown.
    pub private: bool,
}

/// The text stays out of `{:?}`: it may be long or private.
impl fmt::Debug for SourceFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SourceFile").field(&self.path).finish()
    }
}

impl SourceFile {
    /// Line and column of a byte offset, both from 1, the column in characters.
    #[must_use]
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let before = &self.text[..floor_boundary(&self.text, offset)];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.bytes().filter(|&b| b == b'\n').count() + 1;
        let column = before[line_start..].trim_start_matches('\u{feff}');
        (line, column.chars().count() + 1)
    }
}

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is wrong; something is worth knowing.
    Note,
    /// It works, but hardly as meant.
    Warning,
    /// The stack cannot be used.
    Error,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: Arc<SourceFile>,
    /// The bytes of its text; none for the file as a whole.
    pub span: Option<Range<usize>>,
}

/// Something to tell about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub message: String,
    /// Where.
    pub place: Place,
    /// A few words at the place; may be empty.
    pub label: String,
    /// Further places that explain it, each with a few words.
    pub related: Vec<(Place, String)>,
    /// What to do about it; what to type stands in backticks.
    pub hints: Vec<String>,
}

impl Diagnostic {
    pub(crate) fn new(severity: Severity, message: impl Into<String>, place: Place) -> Self {
        Self {
            severity,
            message: message.into(),
            place,
            label: String::new(),
            related: Vec::new(),
            hints: Vec::new(),
        }
    }

    pub(crate) fn error(message: impl Into<String>, place: Place) -> Self {
        Self::new(Severity::Error, message, place)
    }

    pub(crate) fn warning(message: impl Into<String>, place: Place) -> Self {
        Self::new(Severity::Warning, message, place)
    }

    pub(crate) fn note(message: impl Into<String>, place: Place) -> Self {
        Self::new(Severity::Note, message, place)
    }

    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    pub(crate) fn related(mut self, place: Place, label: impl Into<String>) -> Self {
        self.related.push((place, label.into()));
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// With a hint when there is one.
    pub(crate) fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hints.extend(hint);
        self
    }

    /// What is wrong and where, in one line.
    #[must_use]
    pub fn line(&self) -> String {
        let Place { file, span } = &self.place;
        let line = span.as_ref().map(|span| file.position(span.start).0);
        let line = line.map_or_else(String::new, |line| format!(":{line}"));
        printable(&format!("{}{line}: {}", file.shown, self.message)).into_owned()
    }

    /// Whether the file cannot be used because of this.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// By file, then by place, then by message, so that output is the same each time.
pub(crate) fn sort(diagnostics: &mut Vec<Diagnostic>) {
    let start = |d: &Diagnostic| d.place.span.as_ref().map_or(0, |span| span.start);
    diagnostics.sort_by(|a, b| -> Ordering {
        let place = a.place.file.path.cmp(&b.place.file.path);
        place
            .then_with(|| start(a).cmp(&start(b)))
            .then_with(|| a.message.cmp(&b.message))
    });
    diagnostics.dedup();
}

/// At most so many diagnostics are shown; the others are counted.
const SHOWN_LIMIT: usize = 100;

/// The diagnostics as text for a terminal of `width` columns, a blank line
/// between two; empty when there are none. Past a hundred they are counted.
#[must_use]
pub fn render(diagnostics: &[Diagnostic], colour: bool, width: usize) -> String {
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let renderer = renderer
        .term_width(width.max(40))
        .decor_style(DecorStyle::Ascii);
    let reports: Vec<String> = diagnostics
        .iter()
        .take(SHOWN_LIMIT)
        .map(|diagnostic| renderer.render(&[group(&safe(diagnostic))]))
        .collect();
    let mut text = reports.join("\n\n");
    if !text.is_empty() {
        text.push('\n');
    }
    if diagnostics.len() > SHOWN_LIMIT {
        let more = diagnostics.len() - SHOWN_LIMIT;
        text.push_str(&format!("\n… and {more} more\n"));
    }
    text
}

/// The same with nothing in it that a terminal would obey: a stack file may
/// come from anybody. The text keeps its length in characters and its lines;
/// spans are moved along.
fn safe(diagnostic: &Diagnostic) -> Diagnostic {
    let text = |text: &String| printable(text).into_owned();
    let place = |place: &Place| {
        let source = &place.file.text;
        let moved = |at: usize| printable_lines(&source[..floor_boundary(source, at)]).len();
        Place {
            file: Arc::new(SourceFile {
                path: place.file.path.clone(),
                shown: text(&place.file.shown),
                text: printable_lines(source),
                private: place.file.private,
            }),
            span: place.span.as_ref().map(|it| moved(it.start)..moved(it.end)),
        }
    };
    let related = diagnostic.related.iter();
    Diagnostic {
        severity: diagnostic.severity,
        message: text(&diagnostic.message),
        place: place(&diagnostic.place),
        label: text(&diagnostic.label),
        related: related
            .map(|(at, label)| (place(at), text(label)))
            .collect(),
        hints: diagnostic.hints.iter().map(text).collect(),
    }
}

fn group(diagnostic: &Diagnostic) -> Group<'_> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut group = Group::with_title(level.primary_title(&diagnostic.message));
    // A file's places share one snippet, in the order in which files appear.
    let mut files: Vec<(&Arc<SourceFile>, Vec<Annotation<'_>>)> = Vec::new();
    let primary = (&diagnostic.place, diagnostic.label.as_str());
    let related = diagnostic.related.iter().map(|(p, l)| (p, l.as_str()));
    for (index, (place, label)) in std::iter::once(primary).chain(related).enumerate() {
        let showable = |_: &&Range<usize>| !place.file.private && !place.file.text.is_empty();
        let Some(span) = place.span.as_ref().filter(showable) else {
            group = group.element(origin(place));
            if index > 0 || !label.is_empty() {
                group = group.element(Level::NOTE.message(label.to_owned()));
            }
            continue;
        };
        let kind = if index == 0 {
            AnnotationKind::Primary
        } else {
            AnnotationKind::Context
        };
        let mut annotation = kind.span(clamp(&place.file.text, span));
        if !label.is_empty() {
            annotation = annotation.label(label);
        }
        match files.iter_mut().find(|(file, _)| *file == &place.file) {
            Some((_, annotations)) => annotations.push(annotation),
            None => files.push((&place.file, vec![annotation])),
        }
    }
    for (file, annotations) in files {
        group = group.element(
            Snippet::source(file.text.as_str())
                .path(file.shown.as_str())
                .annotations(annotations),
        );
    }
    for hint in &diagnostic.hints {
        group = group.element(Level::HELP.message(hint.as_str()));
    }
    group
}

fn origin(place: &Place) -> Origin<'_> {
    let origin = Origin::path(place.file.shown.as_str());
    match &place.span {
        Some(span) => {
            let (line, column) = place.file.position(span.start);
            origin.line(line).char_column(column)
        }
        None => origin,
    }
}

/// The span within the text, on character boundaries.
fn clamp(text: &str, span: &Range<usize>) -> Range<usize> {
    let start = floor_boundary(text, span.start);
    start..floor_boundary(text, span.end).max(start)
}

fn floor_boundary(text: &str, offset: usize) -> usize {
    let mut at = offset.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        struct Flat {
            file: String,
            line: Option<usize>,
            column: Option<usize>,
        }
        let position = self.span.as_ref().map(|s| self.file.position(s.start));
        Flat {
            file: self.file.path.display().to_string(),
            line: position.map(|(line, _)| line),
            column: position.map(|(_, column)| column),
        }
        .serialize(serializer)
    }
}

/// The form of `--json`: `severity`, `message`, `file`, `line` and `column`
/// (from 1, `null` for the file as a whole), `label`, `related`, `hints`.
impl Serialize for Diagnostic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        struct Related<'a> {
            place: &'a Place,
            label: &'a str,
        }
        let span = self.place.span.as_ref();
        let position = span.map(|s| self.place.file.position(s.start));
        let related: Vec<_> = self
            .related
            .iter()
            .map(|(place, label)| Related { place, label })
            .collect();
        let mut out = serializer.serialize_struct("Diagnostic", 8)?;
        out.serialize_field("severity", &self.severity)?;
        out.serialize_field("message", &self.message)?;
        out.serialize_field("file", &self.place.file.path.display().to_string())?;
        out.serialize_field("line", &position.map(|(line, _)| line))?;
        out.serialize_field("column", &position.map(|(_, column)| column))?;
        out.serialize_field("label", &self.label)?;
        out.serialize_field("related", &related)?;
        out.serialize_field("hints", &self.hints)?;
        out.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str, span: Range<usize>) -> Place {
        let file = SourceFile {
            path: "/p/f".into(),
            shown: "f".into(),
            text: text.into(),
            private: false,
        };
        Place {
            file: Arc::new(file),
            span: Some(span),
        }
    }

    #[test]
    fn positions_count_lines_and_characters() {
        let check = |text: &str, offset, expected| {
            assert_eq!(
                place(text, 0..0).file.position(offset),
                expected,
                "{text:?}"
            );
        };
        check("", 0, (1, 1));
        check("ab\ncd", 2, (1, 3));
        check("ab\ncd", 3, (2, 1));
        check("ü=東", 3, (1, 3));
        check("ü=東", 99, (1, 4));
        check("\u{feff}a", 3, (1, 1));
    }

    #[test]
    fn what_a_file_says_is_shown_and_never_obeyed() {
        let text = "a = \"\u{1b}]0;x\u{7}\"\r\n\tb\u{7f} = 2\n";
        let at = text.find('b').map_or(0, |at| at);
        let told = Diagnostic::error("bad \u{1b}[2Jkey", place(text, at..at + 1))
            .label("he\u{202e}re")
            .hint("write\n`x\u{9b}`");
        let text = render(&[told], false, 80);
        let obeyed = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!text.contains(obeyed), "{text:?}");
        for part in ["bad ␛[2Jkey", "b␡ = 2", "write␊`x\u{fffd}`", " --> f:2:"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn a_span_beside_the_text_or_inside_a_character_is_shown_near_it() {
        for span in [0..99, 98..99, 1..2, 4..5] {
            let text = render(&[Diagnostic::error("m", place("ü東\nx", span))], false, 80);
            assert!(text.starts_with("error: m\n --> f:"), "{text}");
        }
    }
}
