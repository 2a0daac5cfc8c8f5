//! What the planner speaks of: [`ResourceId`] names one outside thing,
//! [`Desired`] says how it is to be, [`Observed`] what was found.
//!
//! Owns these types and no decision; `name.rs` has the names. They know
//! nothing of any engine: a process, a container and a pod differ only in
//! their [`Kind`], in the engine's own payload `S` and in which [`Level`]s they
//! pass.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Obstacle;

mod name;

pub use name::{Kind, Owner, ResourceId};

/// How far a resource has come. Not every kind passes every level: a folder
/// is done once it is `Created`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Not there.
    Absent,
    /// There, and told nothing yet.
    Created,
    /// Told what it is to do.
    Configured,
    /// Told to do it.
    Started,
    /// Doing it: others may rely on it.
    Ready,
}

/// One sort of outside action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Take it away.
    Remove,
    /// Make it.
    Create,
    /// Tell it what it is to do, new or in place.
    Configure,
    /// Let it begin.
    Start,
    /// Wait until it is ready; changes nothing.
    Await,
}

impl Verb {
    /// The level that a resource has once this verb succeeded.
    #[must_use]
    pub const fn leads_to(self) -> Level {
        match self {
            Self::Remove => Level::Absent,
            Self::Create => Level::Created,
            Self::Configure => Level::Configured,
            Self::Start => Level::Started,
            Self::Await => Level::Ready,
        }
    }

    /// Whether it changes anything outside.
    #[must_use]
    pub const fn acts(self) -> bool {
        !matches!(self, Self::Await)
    }

    /// As it is printed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Remove => "remove",
            Self::Create => "create",
            Self::Configure => "configure",
            Self::Start => "start",
            Self::Await => "await",
        }
    }
}

/// A fingerprint of a configuration: equal digests mean that nothing is to be
/// done.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// The digest of any value that serialises; map keys must be ordered.
    #[must_use]
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Self {
        let bytes = serde_json::to_vec(value).unwrap_or_else(|error| {
            unreachable!("specs have string keys and finite numbers only: {error}")
        });
        Self(blake3::hash(&bytes).to_hex()[..32].to_owned())
    }

    /// A digest that some outside thing was given before.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What cannot change while a resource lives, by name: `mode` = `dev`. A
/// difference means that it is removed and made anew, and its cause says
/// which trait it was.
pub type Identity = BTreeMap<String, String>;

/// What only one thing on this machine can have: `127.0.0.1:20010`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Claim(pub String);

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who has a [`Claim`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// A resource of this project.
    Ours(ResourceId),
    /// Anything else: it is named and left alone.
    Foreign {
        /// Who, in words: `nginx (process 4711)`.
        who: String,
        /// What to type next.
        hints: Vec<String>,
    },
}

/// What one resource waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The resource waited for.
    pub on: ResourceId,
    /// The level that it has to reach.
    pub until: Level,
    /// The first of the own verbs that waits.
    pub before: Verb,
    /// Whether its failure is a reason not to go on. Without it the attempt
    /// is enough.
    pub required: bool,
}

/// The end of each sort of wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepLimits {
    /// Of [`Verb::Remove`].
    pub remove: Duration,
    /// Of [`Verb::Create`].
    pub create: Duration,
    /// Of [`Verb::Configure`].
    pub configure: Duration,
    /// Of [`Verb::Start`].
    pub start: Duration,
    /// Of [`Verb::Await`].
    pub ready: Duration,
}

impl StepLimits {
    /// The limit of one verb.
    #[must_use]
    pub const fn of(&self, verb: Verb) -> Duration {
        match verb {
            Verb::Remove => self.remove,
            Verb::Create => self.create,
            Verb::Configure => self.configure,
            Verb::Start => self.start,
            Verb::Await => self.ready,
        }
    }
}

impl Default for StepLimits {
    fn default() -> Self {
        Self {
            remove: Duration::from_secs(60),
            create: Duration::from_secs(30),
            configure: Duration::from_secs(30),
            start: Duration::from_secs(30),
            ready: Duration::from_secs(60),
        }
    }
}

/// How one resource is to be.
#[derive(Debug, Clone)]
pub struct Desired<S> {
    /// Its name.
    pub id: ResourceId,
    /// What cannot change while it lives.
    pub identity: Identity,
    /// What can be changed in place; none when there is nothing to configure.
    pub config: Option<Digest>,
    /// How far it is to come.
    pub level: Level,
    /// What it waits for.
    pub needs: Vec<Dependency>,
    /// What it must have alone.
    pub claims: Vec<Claim>,
    /// Whether one that failed is made anew instead of waited for.
    pub retry: bool,
    /// Whether it is made while what its owner had before is still there: an
    /// image, before the container that runs from an older one goes.
    pub early: bool,
    /// The ends of its waits.
    pub limits: StepLimits,
    /// What the ledger remembers beside its name. Never a secret.
    pub facts: BTreeMap<String, String>,
    /// Something worth saying when it is made: `static files by nginx`.
    pub label: Option<String>,
    /// What the engine needs to know to act.
    pub spec: S,
}

/// How a found resource fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// Nothing is wrong with it.
    Ok,
    /// It is whole and did what it was told; that failed, for this reason.
    Failed(String),
    /// What it is is of use; what it was told last is not in force yet, for
    /// this reason.
    Behind(String),
    /// It is of no use and has to be made anew, for this reason.
    Broken(String),
}

/// One found resource of this project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedResource {
    /// How far it has come.
    pub level: Level,
    /// The traits that it has; one that is not settled yet is not in it.
    pub identity: Identity,
    /// The configuration that it was given.
    pub config: Option<Digest>,
    /// How it fares.
    pub health: Health,
    /// Whether it holds the user's data: removed only when that is asked for.
    pub durable: bool,
    /// Who works with it right now, in words: another session. It is then
    /// changed only by force.
    pub busy: Option<String>,
    /// What it was made to depend on: these are removed after it.
    pub needs: BTreeSet<ResourceId>,
    /// Why it is removed when nobody asks for it, if there is more to say than
    /// that: `its agent is gone`.
    pub remains: Option<String>,
    /// The ends of its waits.
    pub limits: StepLimits,
}

impl ObservedResource {
    /// A sound one at this level, without traits.
    #[must_use]
    pub fn at(level: Level) -> Self {
        Self {
            level,
            identity: Identity::new(),
            config: None,
            health: Health::Ok,
            durable: false,
            busy: None,
            needs: BTreeSet::new(),
            remains: None,
            limits: StepLimits::default(),
        }
    }
}

/// All that was found. `F` is what else the engine looked at for its lowering.
#[derive(Debug, Clone, Default)]
pub struct Observed<F = ()> {
    /// The resources of this project.
    pub resources: BTreeMap<ResourceId, ObservedResource>,
    /// Who has what was asked about.
    pub held: BTreeMap<Claim, Holder>,
    /// The engine's own findings.
    pub facts: F,
}

/// Which resources may be touched at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Everything of the project, also of stacks and services that left it.
    Project,
    /// Everything of these stacks, also of services that left them.
    Stacks(BTreeSet<String>),
    /// These services.
    Services(BTreeSet<Owner>),
}

impl Scope {
    /// Whether it reaches into a stack at all.
    #[must_use]
    pub fn touches(&self, stack: &str) -> bool {
        match self {
            Self::Project => true,
            Self::Stacks(stacks) => stacks.contains(stack),
            Self::Services(services) => services.iter().any(|it| it.stack == stack),
        }
    }

    /// Whether what belongs to this owner may be touched.
    #[must_use]
    pub fn contains(&self, owner: &Owner) -> bool {
        match self {
            Self::Project => true,
            Self::Stacks(stacks) => stacks.contains(&owner.stack),
            Self::Services(services) => services.contains(owner),
        }
    }
}

/// All that is asked for.
#[derive(Debug, Clone)]
pub struct DesiredSet<S> {
    /// What may be touched: in it, what is not asked for is removed.
    pub scope: Scope,
    /// What is to be there.
    pub resources: Vec<Desired<S>>,
    /// What the lowering could not ask for, and why.
    pub obstacles: Vec<Obstacle>,
    /// What was found and has a successor by now, and who used it: it is
    /// removed once its user runs from that, whether it is durable or not.
    pub outdated: BTreeMap<ResourceId, ResourceId>,
    /// Whether durable resources that are not asked for are removed too.
    pub remove_durable: bool,
    /// Whether busy resources are changed all the same.
    pub force: bool,
}

impl<S> DesiredSet<S> {
    /// Nothing is to be there.
    #[must_use]
    pub fn nothing(scope: Scope) -> Self {
        Self {
            scope,
            resources: Vec::new(),
            obstacles: Vec::new(),
            outdated: BTreeMap::new(),
            remove_durable: false,
            force: false,
        }
    }
}
