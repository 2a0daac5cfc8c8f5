//! From changed paths to what is to be done about them.

use std::path::{Path, PathBuf};

use hob_stack::{OnChange, ServiceId};
use hob_wire::ChangeAction;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// How many paths of a save are named to people.
const NAMED: usize = 3;

/// One service's sources and what its stack file says of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// The service.
    pub service: ServiceId,
    /// The folder of its sources.
    pub source: PathBuf,
    /// More files and folders that count.
    pub extra: Vec<PathBuf>,
    /// Gitignore-style patterns of what is not watched.
    pub ignore: Vec<String>,
    /// What a change of matching paths asks for, the first match first.
    pub rules: Vec<OnChange>,
    /// What any other change asks for.
    pub otherwise: ChangeAction,
}

/// A service's rules, ready to be asked.
pub(crate) struct Rules {
    rules: Vec<Rule>,
    otherwise: ChangeAction,
}

struct Rule {
    /// The patterns of the source.
    inside: Gitignore,
    /// Those that lead out of it with `../`, each from the folder that they
    /// come to.
    outside: Vec<(PathBuf, Gitignore)>,
    action: ChangeAction,
}

impl Rule {
    fn new(rule: &OnChange, source: &Path) -> Option<Self> {
        let (outside, inside): (Vec<_>, Vec<_>) =
            rule.paths.iter().partition(|it| it.starts_with(UP));
        let mut builder = GitignoreBuilder::new(source);
        for pattern in inside {
            // Checked when the stack file was read.
            let _ = builder.add_line(None, pattern);
        }
        let outside = outside.into_iter().filter_map(|it| leading_out(it, source));
        Some(Self {
            inside: builder.build().ok()?,
            outside: outside.collect(),
            action: rule.action,
        })
    }

    fn matches(&self, path: &Path) -> bool {
        if path.is_relative() {
            let matched = self.inside.matched_path_or_any_parents(path, false);
            return matched.is_ignore();
        }
        self.outside.iter().any(|(base, patterns)| {
            let below = path.strip_prefix(base);
            below.is_ok_and(|it| patterns.matched_path_or_any_parents(it, false).is_ignore())
        })
    }
}

/// What a pattern begins with that leads out of the source.
const UP: &str = "../";

/// The folder that such a pattern leads to, and what it says there.
fn leading_out(pattern: &str, source: &Path) -> Option<(PathBuf, Gitignore)> {
    let (mut rest, mut base) = (pattern, source);
    while let Some(after) = rest.strip_prefix(UP) {
        (rest, base) = (after, base.parent()?);
    }
    let mut builder = GitignoreBuilder::new(base);
    // It says where it begins, so it is for no deeper folder.
    builder.add_line(None, &format!("/{rest}")).ok()?;
    Some((base.to_owned(), builder.build().ok()?))
}

impl Rules {
    pub(crate) fn new(watched: &Watched) -> Self {
        let rules = watched.rules.iter();
        Self {
            rules: rules
                .filter_map(|rule| Rule::new(rule, &watched.source))
                .collect(),
            otherwise: watched.otherwise,
        }
    }

    /// The most that any of the changed paths asks for.
    pub(crate) fn action(&self, changed: &[hob_watch::Changed]) -> ChangeAction {
        let of = |changed: &hob_watch::Changed| {
            let mut rules = self.rules.iter();
            let first = rules.find(|rule| rule.matches(&changed.path));
            first.map_or(self.otherwise, |rule| rule.action)
        };
        changed.iter().map(of).max().unwrap_or(self.otherwise)
    }
}

/// A few of the paths, for people to read.
pub(crate) fn names(changed: &[hob_watch::Changed]) -> Vec<String> {
    let mut names: Vec<String> = changed
        .iter()
        .take(NAMED)
        .map(|it| it.path.display().to_string())
        .collect();
    if changed.len() > NAMED {
        names.push(format!("and {} more", changed.len() - NAMED));
    }
    names
}

/// Whether all of them came or went.
pub(crate) fn are_new(changed: &[hob_watch::Changed]) -> bool {
    let mut kinds = changed.iter().map(|it| it.kind);
    kinds.all(|kind| kind != hob_watch::Kind::Modified)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[track_caller]
    fn check(paths: &[&str], expected: ChangeAction) {
        let rule = |paths: &[&str], action| OnChange {
            paths: paths.iter().map(|path| (*path).into()).collect(),
            action,
        };
        let watched = Watched {
            service: "s/web".parse().unwrap(),
            source: "/project/stack/web".into(),
            extra: Vec::new(),
            ignore: Vec::new(),
            rules: vec![
                rule(&["static/**", "*.css"], ChangeAction::None),
                rule(
                    &["config/*.toml", "../../config/web"],
                    ChangeAction::Restart,
                ),
                rule(&["../../*.css"], ChangeAction::None),
                rule(&["static/**"], ChangeAction::Rebuild),
            ],
            otherwise: ChangeAction::Rebuild,
        };
        let changed: Vec<hob_watch::Changed> = paths
            .iter()
            .map(|path| hob_watch::Changed {
                path: path.into(),
                kind: hob_watch::Kind::Modified,
            })
            .collect();
        assert_eq!(Rules::new(&watched).action(&changed), expected, "{paths:?}");
    }

    #[test]
    fn the_first_rule_that_matches_a_path_says_what_to_do() {
        check(&["static/a/b.js"], ChangeAction::None);
        check(&["deep/down/site.css"], ChangeAction::None);
        check(&["config/app.toml"], ChangeAction::Restart);
        check(&["config/deep/app.toml"], ChangeAction::Rebuild);
        check(&["main.go"], ChangeAction::Rebuild);
    }

    #[test]
    fn a_batch_asks_for_the_most_that_one_of_its_paths_asks_for() {
        check(&["static/a.js", "config/app.toml"], ChangeAction::Restart);
        check(
            &["static/a.js", "config/app.toml", "main.go"],
            ChangeAction::Rebuild,
        );
    }

    #[test]
    fn a_path_outside_the_source_matches_rules_that_lead_there_alone() {
        check(&["/elsewhere/static/a.js"], ChangeAction::Rebuild);
        check(&["/project/config/web/app.toml"], ChangeAction::Restart);
        check(&["/project/stack/config/web"], ChangeAction::Rebuild);
        check(&["/project/config/webs"], ChangeAction::Rebuild);
        check(&["/project/shared.css"], ChangeAction::None);
        check(&["/project/deep/shared.css"], ChangeAction::Rebuild);
        check(&["config/web/app.toml"], ChangeAction::Rebuild);
    }
}
