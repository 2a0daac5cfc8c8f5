//! What of a context is taken by a build: the sources that its Dockerfile
//! names, held against paths, and where links among them lead.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use crate::dockerfile::Takes;
use crate::pattern::{Pattern, clean};

/// The sources; `None` is everything.
#[derive(Clone, Debug)]
pub(crate) struct Taken(Option<BTreeMap<String, Source>>);

/// One source.
#[derive(Clone, Debug)]
struct Source {
    itself: Pattern,
    /// The folders above it, outermost first.
    above: Vec<Pattern>,
}

impl Source {
    fn read(text: &str) -> Result<Self, &'static str> {
        let ends = text.match_indices('/').map(|(at, _)| &text[..at]);
        Ok(Self {
            itself: Pattern::of_source(text)?,
            above: ends.map(Pattern::of_source).collect::<Result<_, _>>()?,
        })
    }
}

impl Taken {
    /// A source that is no pattern takes everything: the engine refuses it in
    /// its own words.
    pub(crate) fn of(takes: Takes) -> Self {
        let Takes::These(sources) = takes else {
            return Self(None);
        };
        let read = sources.into_iter().map(|text| {
            let source = Source::read(&text)?;
            Ok((text, source))
        });
        Self(read.collect::<Result<_, &str>>().ok())
    }

    pub(crate) fn is_everything(&self) -> bool {
        self.0.is_none()
    }

    /// Whether a source is this path; what is in a folder goes with it.
    pub(crate) fn takes(&self, path: &str) -> bool {
        let Some(sources) = &self.0 else { return true };
        sources.values().any(|source| source.itself.matches(path))
    }

    /// Whether something in a folder that is not taken may be.
    pub(crate) fn may_take_below(&self, folder: &str) -> bool {
        let Some(sources) = &self.0 else { return true };
        let depth = folder.matches('/').count();
        let mut above = sources.values().filter_map(|it| it.above.get(depth));
        above.any(|above| above.matches(folder))
    }

    /// Whether a source is named through this link.
    pub(crate) fn leads_through(&self, link: &str) -> bool {
        let below = format!("{link}/");
        let mut sources = self.0.iter().flatten();
        sources.any(|(text, _)| text.starts_with(&below))
    }

    /// The sources that stand for one path, whether it is there or not.
    pub(crate) fn literal(&self) -> impl Iterator<Item = &str> {
        let sources = self.0.iter().flatten();
        sources.filter_map(|(text, source)| source.itself.is_literal().then_some(text.as_str()))
    }

    /// Builders follow a link that a source names or leads through, within the
    /// context: adds what the source then stands for. Returns whether that is
    /// new.
    pub(crate) fn follow(&mut self, link: &str, target: &Path) -> bool {
        let Some(sources) = &mut self.0 else {
            return false;
        };
        let below = format!("{link}/");
        let behind = sources.iter().filter_map(|(text, source)| {
            if source.itself.matches(link) {
                Some("")
            } else {
                text.strip_prefix(&below)
            }
        });
        let target = inside(link, target);
        let more: Vec<String> = behind
            .map(|rest| clean(&format!("/{target}/{rest}")))
            .filter(|text| !sources.contains_key(text))
            .collect();
        let mut new = false;
        for text in more {
            let Ok(source) = Source::read(&text) else {
                continue;
            };
            if text == "." {
                self.0 = None;
                return true;
            }
            if let Some(sources) = &mut self.0 {
                new |= sources.insert(text, source).is_none();
            }
        }
        new
    }
}

/// Where a link leads, with the context as the root of everything.
fn inside(link: &str, target: &Path) -> String {
    let mut at = match Path::new(link).parent() {
        Some(folder) if target.is_relative() => folder.to_owned(),
        _ => PathBuf::new(),
    };
    for component in target.components() {
        match component {
            Component::Normal(name) => at.push(name),
            Component::ParentDir => drop(at.pop()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    at.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(sources: &[&str]) -> Taken {
        Taken::of(Takes::These(sources.iter().map(|it| clean(it)).collect()))
    }

    #[test]
    fn a_star_stays_within_one_part() {
        let taken = taken(&["src/**.go", "a?"]);
        assert!(taken.takes("src/x.go") && taken.takes("ab"));
        assert!(!taken.takes("src/x/y.go") && !taken.takes("src"));
        assert!(taken.may_take_below("src") && !taken.may_take_below("ab"));
    }

    #[test]
    fn a_source_that_is_no_pattern_takes_everything() {
        assert!(taken(&["a", "[b"]).is_everything());
    }

    #[test]
    fn links_lead_to_what_is_taken_too() {
        let mut taken = taken(&["link/x*", "d/file"]);
        assert!(taken.follow("link", Path::new("/to/../there")));
        assert!(taken.takes("there/x1") && !taken.takes("there/y"));
        assert!(taken.follow("d/file", Path::new("../e/file")));
        assert!(taken.takes("e/file"));
        assert!(!taken.follow("d/file", Path::new("../e/file")));
        assert!(!taken.follow("other", Path::new("f")) && !taken.takes("f"));
    }

    #[test]
    fn a_link_to_the_context_itself_takes_everything() {
        let mut taken = taken(&["link"]);
        assert!(taken.follow("link", Path::new("../..")));
        assert!(taken.is_everything());
    }
}
