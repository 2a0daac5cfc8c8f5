//! [`Rollout`]: which versions of a service there are, and how far an update
//! has come.
//!
//! Owns the steps of an update and what each of them means for requests and for
//! what has to go. Pure; `rollouts/file.rs` keeps it, written before each
//! step is taken, so that whoever comes after one that was killed knows what to
//! undo and what to finish.

mod file;
mod version;

use std::collections::{BTreeMap, BTreeSet};

use hob_stack::{Project, ServiceId, ServiceName, VersionError};
use serde::{Deserialize, Serialize};

use crate::resource::{Owner, Scope};
use crate::want::owner;

pub(crate) use file::is_rollouts_file;
pub use file::{RolloutsError, UPDATES_LOCK};
pub use version::Version;

/// The highest number of a version that the next ones are counted from.
const NUMBERS: u32 = 1_000_000_000;

/// The versions of one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollout {
    /// The one that stands for the service.
    current: Version,
    /// The one before, which rests and can come back.
    previous: Option<Version>,
    /// The one that was undone last, of which the log is kept.
    #[serde(default)]
    undone: Option<Version>,
    /// The number that was given last.
    last: u32,
    /// How far an update has come; none while there is none.
    step: Option<Step>,
}

/// How far an update has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// This version comes up beside the current one, which gets all requests.
    Starting {
        /// It.
        to: Version,
    },
    /// It is ready and gets a part of the requests.
    Moving {
        /// It.
        to: Version,
        /// How many of a hundred, from 1 to 99.
        percent: u8,
    },
    /// It is the current one by now; the one before ends what it has.
    Leaving {
        /// The one before.
        from: Version,
        /// What is of no use any more: the one before that.
        gone: Option<Version>,
    },
}

/// What is to be done about an update that somebody did not finish, once
/// requests go where [`Rollout::shares`] says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rest {
    /// Ends what it has, and rests.
    pub resting: Option<Version>,
    /// Ends what it has, and goes but for its log.
    pub undone: Option<Version>,
    /// Goes with all that is kept of it.
    pub gone: Vec<Version>,
}

impl Default for Rollout {
    fn default() -> Self {
        Self {
            current: Version::first(),
            previous: None,
            undone: None,
            last: 1,
            step: None,
        }
    }
}

impl Rollout {
    /// The version that stands for the service.
    #[must_use]
    pub fn current(&self) -> &Version {
        &self.current
    }

    /// The one before, which can come back.
    #[must_use]
    pub fn previous(&self) -> Option<&Version> {
        self.previous.as_ref()
    }

    /// How far an update has come.
    #[must_use]
    pub fn step(&self) -> Option<&Step> {
        self.step.as_ref()
    }

    /// Whether an update that was not finished has moved all requests: then
    /// whoever comes next finishes it, otherwise undoes it.
    #[must_use]
    pub fn is_committed(&self) -> bool {
        matches!(self.step, Some(Step::Leaving { .. }))
    }

    /// The next number of which no service of these names goes by.
    pub fn next(&self, service: &ServiceName, taken: &BTreeSet<ServiceName>) -> Version {
        let numbers = (self.last + 1..).map(Version::numbered);
        let is_free = |version: &Version| {
            let known = self.versions().contains(version);
            let name = version.of(service);
            !known && name.is_ok_and(|name| !taken.contains(&name))
        };
        // Where no name is free, or all are too long, whoever brings it up is
        // told so.
        let next = || Version::numbered(self.last + 1);
        numbers
            .take(taken.len() + 2)
            .find(is_free)
            .unwrap_or_else(next)
    }

    /// An update begins: this version comes up, or back.
    pub fn begin(&mut self, to: Version) {
        let number = to.as_str().parse().ok().filter(|it| *it <= NUMBERS);
        self.last = self.last.max(number.unwrap_or_default());
        self.undone.take_if(|undone| *undone == to);
        self.step = Some(Step::Starting { to });
    }

    /// What comes up is ready and gets so many of a hundred requests.
    pub fn move_to(&mut self, percent: u8) {
        if let Some(to) = self.coming().cloned() {
            let percent = percent.clamp(1, 99);
            self.step = Some(Step::Moving { to, percent });
        }
    }

    /// What comes up is the current one from now on.
    pub fn commit(&mut self) {
        let Some(to) = self.coming().cloned() else {
            return;
        };
        let gone = self.previous.take().filter(|it| *it != to);
        let from = std::mem::replace(&mut self.current, to);
        self.previous = Some(from.clone());
        self.step = Some(Step::Leaving { from, gone });
    }

    /// What comes up is not to: the current one gets all requests.
    pub fn undo(&mut self) {
        if let Some(to) = self.coming().cloned() {
            self.step = Some(Step::Starting { to });
        }
    }

    /// What is left to be done now: an update that was not committed is
    /// undone.
    #[must_use]
    pub fn rest(&self) -> Option<Rest> {
        let before = self.undone.iter().cloned();
        Some(match self.step.as_ref()? {
            Step::Starting { to } | Step::Moving { to, .. } => {
                let comes_back = self.previous.as_ref() == Some(to);
                Rest {
                    resting: comes_back.then(|| to.clone()),
                    undone: (!comes_back).then(|| to.clone()),
                    gone: before.collect(),
                }
            }
            Step::Leaving { from, gone } => Rest {
                resting: Some(from.clone()),
                undone: None,
                gone: before.chain(gone.iter().cloned()).collect(),
            },
        })
    }

    /// That is done.
    pub fn finish(&mut self) {
        if let Some(rest) = self.rest() {
            self.undone = rest.undone;
        }
        self.step = None;
    }

    /// The version before is not there to come back any more.
    pub fn forget_previous(&mut self) {
        self.previous = None;
    }

    /// Which version gets how many of a hundred requests.
    #[must_use]
    pub fn shares(&self) -> Vec<(&Version, u8)> {
        match &self.step {
            Some(Step::Moving { to, percent }) => {
                let percent = *percent.min(&100);
                vec![(&self.current, 100 - percent), (to, percent)]
            }
            _ => vec![(&self.current, 100)],
        }
    }

    /// All versions that something may be there of.
    #[must_use]
    pub fn versions(&self) -> BTreeSet<&Version> {
        let mut all = BTreeSet::from([&self.current]);
        all.extend(&self.previous);
        all.extend(&self.undone);
        match &self.step {
            None => {}
            Some(Step::Starting { to } | Step::Moving { to, .. }) => {
                all.insert(to);
            }
            Some(Step::Leaving { from, gone }) => {
                all.insert(from);
                all.extend(gone);
            }
        }
        all
    }

    fn coming(&self) -> Option<&Version> {
        match &self.step {
            Some(Step::Starting { to } | Step::Moving { to, .. }) => Some(to),
            Some(Step::Leaving { .. }) | None => None,
        }
    }
}

/// The versions of all services of a project that were ever updated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rollouts(BTreeMap<ServiceId, Rollout>);

impl Rollouts {
    /// Those of one service.
    #[must_use]
    pub fn of(&self, service: &ServiceId) -> Option<&Rollout> {
        self.0.get(service)
    }

    /// Takes over those of one service.
    pub fn set(&mut self, service: ServiceId, rollout: Rollout) {
        self.0.insert(service, rollout);
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&ServiceId, &Rollout)> {
        self.0.iter()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The service and the version that go by this name; the first version of
    /// a service that was never updated is none.
    #[must_use]
    pub fn find(&self, name: &ServiceId) -> Option<(&ServiceId, &Rollout, &Version)> {
        let of_stack = self.0.iter().filter(|(id, _)| id.stack == name.stack);
        of_stack
            .flat_map(|(id, rollout)| {
                let versions = rollout.versions().into_iter();
                versions.map(move |version| (id, rollout, version))
            })
            .find(|(id, _, version)| version.of(&id.service).as_ref() == Ok(&name.service))
    }

    /// The service that this is a version of, if it is not the one that stands
    /// for it.
    #[must_use]
    pub fn aside(&self, owner: &Owner) -> Option<&ServiceId> {
        let id = ServiceId {
            stack: owner.stack.parse().ok()?,
            service: owner.service.as_deref()?.parse().ok()?,
        };
        let (service, rollout, version) = self.find(&id)?;
        (version != rollout.current()).then_some(service)
    }

    /// The names that versions of these services go by.
    #[must_use]
    pub fn names(&self, services: &BTreeSet<ServiceId>) -> BTreeSet<ServiceId> {
        let known = self.0.iter().filter(|(id, _)| services.contains(id));
        let names = known.flat_map(|(id, rollout)| {
            let versions = rollout.versions().into_iter();
            versions.filter_map(|version| named(id, version))
        });
        names.collect()
    }

    /// Has each service run as the version that stands for it.
    ///
    /// # Errors
    /// The files have a service of that name by now.
    pub fn apply(&self, project: &mut Project) -> Result<(), VersionError> {
        for (id, rollout) in &self.0 {
            // What its file no longer has goes down like any other.
            if project.service(id).is_none() {
                continue;
            }
            if let Ok(name) = rollout.current.of(&id.service) {
                project.put_in_place(id, &name)?;
            }
        }
        Ok(())
    }

    /// Those of the services of a scope, whichever version of them is named.
    pub fn within(&self, scope: &Scope) -> impl Iterator<Item = (&ServiceId, &Rollout)> {
        let known = self.0.iter();
        known.filter(|(id, rollout)| is_within(scope, id, rollout))
    }

    /// Forgets the services of a scope, whichever version of them is named;
    /// whether there were any.
    pub fn forget(&mut self, scope: &Scope) -> bool {
        let before = self.0.len();
        self.0.retain(|id, rollout| !is_within(scope, id, rollout));
        self.0.len() < before
    }
}

fn is_within(scope: &Scope, id: &ServiceId, rollout: &Rollout) -> bool {
    let current = named(id, &rollout.current);
    let mut names = current.iter().chain([id]);
    names.any(|name| scope.contains(&owner(name)))
}

/// The name that a version of a service goes by.
#[must_use]
pub fn named(service: &ServiceId, version: &Version) -> Option<ServiceId> {
    Some(ServiceId {
        stack: service.stack.clone(),
        service: version.of(&service.service).ok()?,
    })
}

#[cfg(test)]
mod tests;
