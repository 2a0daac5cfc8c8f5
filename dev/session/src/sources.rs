//! What is watched: the sources of each service and the stack files, each
//! under a number that is never used for anything else.

#![expect(clippy::disallowed_methods, reason = "it notes when a watch was set")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use hob_stack::ServiceId;
use hob_watch::{Options, Root, Watcher};
use hob_wire::Micros;
use tokio::sync::mpsc;

use crate::changes::{Rules, Watched};
use crate::message::Watching;

/// The root of the stack files; those of services count from 0.
pub(crate) const STACK_FILES: usize = usize::MAX;

/// The watches of one session.
pub(crate) struct Sources {
    pub(crate) watcher: Arc<Watcher>,
    roots: BTreeMap<usize, Source>,
    next: usize,
}

/// One service's watch.
pub(crate) struct Source {
    pub(crate) watched: Watched,
    pub(crate) rules: Rules,
    /// When its watch was set; none while that is under way.
    since: Option<Micros>,
}

impl Sources {
    /// Watches these services and files; returns when every later change will
    /// be told.
    pub(crate) fn start(
        watched: Vec<Watched>,
        stack_files: Vec<PathBuf>,
        events: mpsc::UnboundedSender<hob_watch::Event>,
    ) -> Result<Self, hob_watch::Error> {
        let mut roots = BTreeMap::new();
        let mut next = 0;
        let asked = ask(&mut roots, &mut next, watched, stack_files);
        let watcher = Arc::new(Watcher::start(asked, Options::default(), events)?);
        let mut sources = Self {
            watcher,
            roots,
            next,
        };
        sources.are_set();
        Ok(sources)
    }

    /// Takes in what the stack files say now. What is to be watched is the
    /// result: the watcher is told by whoever may wait for its walk.
    pub(crate) fn replace(&mut self, watched: Vec<Watched>, files: Vec<PathBuf>) -> Vec<Root> {
        ask(&mut self.roots, &mut self.next, watched, files)
    }

    /// All watches are set from now on.
    pub(crate) fn are_set(&mut self) {
        let now = micros(SystemTime::now());
        for source in self.roots.values_mut() {
            source.since.get_or_insert(now);
        }
    }

    /// The services whose watches are set.
    pub(crate) fn watching(&self) -> Vec<Watching> {
        let watching = |source: &Source| {
            Some(Watching {
                service: source.watched.service.clone(),
                since: source.since?,
            })
        };
        self.roots.values().filter_map(watching).collect()
    }

    /// All services, whether their watches are set or not.
    pub(crate) fn services(&self) -> Vec<ServiceId> {
        let services = self.roots.values().map(|it| it.watched.service.clone());
        services.collect()
    }

    /// The service of a root, if it is still one.
    pub(crate) fn get(&self, root: usize) -> Option<&Source> {
        self.roots.get(&root)
    }

    /// The root of a service.
    pub(crate) fn root_of(&self, service: &ServiceId) -> Option<usize> {
        let mut roots = self.roots.iter();
        roots
            .find(|(_, source)| source.watched.service == *service)
            .map(|(root, _)| *root)
    }
}

/// Gives each service its root: the one that it has where the same files are
/// watched, so that nothing of what is pending there is lost, else a new one.
fn ask(
    roots: &mut BTreeMap<usize, Source>,
    next: &mut usize,
    watched: Vec<Watched>,
    stack_files: Vec<PathBuf>,
) -> Vec<Root> {
    let mut before = std::mem::take(roots);
    let mut asked = Vec::new();
    for watched in watched {
        let same = |source: &Source| {
            let old = &source.watched;
            old.service == watched.service
                && old.source == watched.source
                && old.extra == watched.extra
                && old.ignore == watched.ignore
        };
        let known = before.iter().find(|(_, it)| same(it)).map(|(id, _)| *id);
        let since = known.and_then(|id| before.remove(&id)?.since);
        let id = known.unwrap_or_else(|| {
            *next += 1;
            *next - 1
        });
        asked.push(Root {
            id,
            path: watched.source.clone(),
            extra: watched.extra.clone(),
            ignore: watched.ignore.clone(),
        });
        let rules = Rules::new(&watched);
        roots.insert(
            id,
            Source {
                watched,
                rules,
                since,
            },
        );
    }
    // Nothing else of the stack files' folders counts.
    if let Some(first) = stack_files.first().cloned() {
        asked.push(Root {
            id: STACK_FILES,
            path: first,
            extra: stack_files,
            ignore: Vec::new(),
        });
    }
    asked
}

/// The time in the wire's unit.
pub(crate) fn micros(at: SystemTime) -> Micros {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use hob_wire::ChangeAction;

    use super::*;

    fn watched(service: &str, source: &str, otherwise: ChangeAction) -> Watched {
        Watched {
            service: service.parse().unwrap(),
            source: source.into(),
            extra: Vec::new(),
            ignore: Vec::new(),
            rules: Vec::new(),
            otherwise,
        }
    }

    fn ids(asked: &[Root]) -> Vec<usize> {
        asked.iter().map(|root| root.id).collect()
    }

    #[test]
    fn a_service_keeps_its_root_while_its_files_are_the_same_and_no_number_comes_again() {
        let (mut roots, mut next) = (BTreeMap::new(), 0);
        let rebuild = ChangeAction::Rebuild;
        let both = vec![watched("s/a", "/a", rebuild), watched("s/b", "/b", rebuild)];
        assert_eq!(ids(&ask(&mut roots, &mut next, both, Vec::new())), [0, 1]);
        // `a` is gone, `b` has other rules, `c` is new.
        let later = vec![
            watched("s/b", "/b", ChangeAction::None),
            watched("s/c", "/c", rebuild),
        ];
        assert_eq!(ids(&ask(&mut roots, &mut next, later, Vec::new())), [1, 2]);
        assert_eq!(roots[&1].watched.otherwise, ChangeAction::None);
        // `b` moved to another folder, `a` is back.
        let last = vec![
            watched("s/a", "/a", rebuild),
            watched("s/b", "/bb", rebuild),
        ];
        assert_eq!(ids(&ask(&mut roots, &mut next, last, Vec::new())), [3, 4]);
    }

    #[test]
    fn the_stack_files_are_a_root_of_their_own() {
        let files = vec!["/s/stack.toml".into(), "/hob.toml".into()];
        let asked = ask(&mut BTreeMap::new(), &mut 0, Vec::new(), files);
        assert_eq!(ids(&asked), [STACK_FILES]);
        assert_eq!(asked[0].extra.len(), 2);
    }
}
