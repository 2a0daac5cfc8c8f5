//! From changed paths to what is to be done about them.

use std::path::PathBuf;

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
    rules: Vec<(Gitignore, ChangeAction)>,
    otherwise: ChangeAction,
}

impl Rules {
    pub(crate) fn new(watched: &Watched) -> Self {
        let compile = |rule: &OnChange| {
            let mut builder = GitignoreBuilder::new(&watched.source);
            for pattern in &rule.paths {
                // Checked when the stack file was read.
                let _ = builder.add_line(None, pattern);
            }
            Some((builder.build().ok()?, rule.action))
        };
        Self {
            rules: watched.rules.iter().filter_map(compile).collect(),
            otherwise: watched.otherwise,
        }
    }

    /// The most that any of the changed paths asks for.
    pub(crate) fn action(&self, changed: &[hob_watch::Changed]) -> ChangeAction {
        let of = |changed: &hob_watch::Changed| {
            let matches = |(rule, _): &&(Gitignore, ChangeAction)| {
                // A path outside the source matches no pattern of the source.
                changed.path.is_relative()
                    && rule
                        .matched_path_or_any_parents(&changed.path, false)
                        .is_ignore()
            };
            self.rules
                .iter()
                .find(matches)
                .map_or(self.otherwise, |(_, action)| *action)
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
            source: "/src".into(),
            extra: Vec::new(),
            ignore: Vec::new(),
            rules: vec![
                rule(&["static/**", "*.css"], ChangeAction::None),
                rule(&["config/*.toml"], ChangeAction::Restart),
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
    fn a_path_outside_the_source_matches_no_rule() {
        check(&["/elsewhere/static/a.js"], ChangeAction::Rebuild);
    }
}
