//! A fake outside. It does what it is told and holds against it whatever a
//! real engine relies on: nothing made twice, nothing told before it is there,
//! nothing begun that is not written down, no needs started too late.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use hob_engine::{
    Action, Claim, Dependency, Digest, Entry, Failure, Health, Holder, Identity, Journal,
    LedgerError, Level, Observed, ObservedResource, ResourceId, Stage, Verb,
};
use tokio::sync::Notify;

use crate::cases::Case;

/// What the fake has to know of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    pub identity: Identity,
    pub config: Option<Digest>,
    pub claims: Vec<Claim>,
    pub needs: Vec<Dependency>,
    pub durable: bool,
}

/// One thing outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thing {
    pub level: Level,
    pub identity: Identity,
    pub config: Option<Digest>,
    pub claims: Vec<Claim>,
    pub needs: BTreeSet<ResourceId>,
    pub durable: bool,
    pub broken: Option<String>,
    pub failed: Option<String>,
}

/// All that is outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub things: BTreeMap<ResourceId, Thing>,
    pub foreign: BTreeMap<Claim, String>,
}

/// When a kill comes, seen from the outside action of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    Before,
    Half,
    After,
}

/// The kill comes at this step, counted as they begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fuse {
    pub at: usize,
    pub when: When,
}

/// A ledger in memory.
#[derive(Debug, Default)]
pub struct Book {
    entries: Mutex<Vec<Entry>>,
}

impl Book {
    /// Whether the newest word about this resource is that this is begun.
    fn has_begun(&self, verb: Verb, id: &ResourceId) -> bool {
        let entries = self.entries.lock().unwrap();
        let newest = entries.iter().rfind(|entry| entry.resource == *id);
        newest.is_some_and(|entry| (entry.stage, entry.verb) == (Stage::Begin, verb))
    }
}

impl Journal for Book {
    async fn write(&self, entry: Entry) -> Result<(), LedgerError> {
        self.entries.lock().unwrap().push(entry);
        Ok(())
    }
}

#[derive(Debug)]
pub struct World {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    now: Snapshot,
    never_ready: BTreeSet<ResourceId>,
    violations: Vec<String>,
    performed: usize,
    apply: Option<Apply>,
}

#[derive(Debug)]
struct Apply {
    fuse: Option<Fuse>,
    begun: usize,
    dead: bool,
    killed: Arc<Notify>,
    book: Arc<Book>,
}

impl World {
    pub fn of(case: &Case) -> Self {
        Self {
            state: Mutex::new(State {
                now: case.found(),
                never_ready: case.never_ready(),
                violations: Vec::new(),
                performed: 0,
                apply: None,
            }),
        }
    }

    pub fn begin(&self, fuse: Option<Fuse>, killed: Arc<Notify>, book: Arc<Book>) {
        self.state.lock().unwrap().apply = Some(Apply {
            fuse,
            begun: 0,
            dead: false,
            killed,
            book,
        });
    }

    pub fn snapshot(&self) -> Snapshot {
        self.state.lock().unwrap().now.clone()
    }

    pub fn performed(&self) -> usize {
        self.state.lock().unwrap().performed
    }

    /// Whatever did not become ready does from now on.
    pub fn mend(&self) {
        self.state.lock().unwrap().never_ready.clear();
    }

    pub fn assert_sound(&self) {
        let state = self.state.lock().unwrap();
        assert!(state.violations.is_empty(), "{:#?}", state.violations);
    }
}

impl hob_engine::World for World {
    type Spec = Spec;
    type Facts = ();
    type Question = ();

    async fn observe(&self, (): &()) -> Result<Observed, Failure> {
        let state = self.state.lock().unwrap();
        let mut observed = Observed::default();
        for (id, thing) in &state.now.things {
            let mut seen = ObservedResource::at(thing.level);
            seen.identity.clone_from(&thing.identity);
            seen.config.clone_from(&thing.config);
            seen.durable = thing.durable;
            seen.needs.clone_from(&thing.needs);
            if let Some(reason) = &thing.failed {
                seen.health = Health::Failed(reason.clone());
            }
            if let Some(reason) = &thing.broken {
                seen.health = Health::Broken(reason.clone());
            }
            observed.resources.insert(id.clone(), seen);
            for claim in &thing.claims {
                observed
                    .held
                    .insert(claim.clone(), Holder::Ours(id.clone()));
            }
        }
        for (claim, who) in &state.now.foreign {
            let holder = Holder::Foreign {
                who: who.clone(),
                hints: Vec::new(),
            };
            observed.held.insert(claim.clone(), holder);
        }
        Ok(observed)
    }

    async fn perform(&self, action: Action<Spec>) -> Result<(), Failure> {
        // Lets other steps get between the ledger and the action.
        tokio::task::yield_now().await;
        let (result, killed) = self.state.lock().unwrap().step(&action);
        if let Some(killed) = killed {
            killed.notify_one();
            std::future::pending::<()>().await;
        }
        result
    }
}

impl State {
    /// Performs as far as the fuse lets; a notifier means that the program is
    /// dead from here on.
    fn step(&mut self, action: &Action<Spec>) -> (Result<(), Failure>, Option<Arc<Notify>>) {
        let Some(apply) = &mut self.apply else {
            return (Err(Failure::operation("nothing is applied")), None);
        };
        if apply.dead {
            return (Ok(()), Some(Arc::clone(&apply.killed)));
        }
        let at = apply.begun;
        apply.begun += 1;
        if action.verb.acts() && !apply.book.has_begun(action.verb, &action.resource) {
            let what = format!("{} {}", action.verb.as_str(), action.resource);
            self.violations.push(format!("{what} is not written down"));
        }
        let when = apply.fuse.filter(|fuse| fuse.at == at).map(|f| f.when);
        let killed = when.map(|_| Arc::clone(&apply.killed));
        apply.dead = when.is_some();
        self.performed += 1;
        let result = match when {
            Some(When::Before) => Ok(()),
            Some(When::Half) => {
                self.half(action);
                Ok(())
            }
            Some(When::After) | None => self.whole(action),
        };
        (result, killed)
    }

    /// What a kill in the middle of an action leaves.
    fn half(&mut self, action: &Action<Spec>) {
        match action.verb {
            Verb::Create => {
                if self.whole(action).is_ok()
                    && let Some(thing) = self.now.things.get_mut(&action.resource)
                {
                    thing.broken = Some("it was made in part".to_owned());
                }
            }
            Verb::Remove => {
                if let Some(thing) = self.now.things.get_mut(&action.resource) {
                    thing.broken = Some("it was removed in part".to_owned());
                }
            }
            Verb::Configure | Verb::Start | Verb::Await => {}
        }
    }

    fn whole(&mut self, action: &Action<Spec>) -> Result<(), Failure> {
        let id = &action.resource;
        if action.verb == Verb::Remove {
            for (other, thing) in &self.now.things {
                if thing.needs.contains(id) && other.owner() == id.owner() {
                    let what = format!("{id} goes while {other} needs it");
                    self.violations.push(what);
                }
            }
            self.now.things.remove(id);
            return Ok(());
        }
        let Some(spec) = &action.spec else {
            return Err(Failure::operation("nothing is known of it"));
        };
        self.check_needs(action.verb, id, spec);
        if action.verb == Verb::Create {
            return self.create(id, spec);
        }
        let never_ready = self.never_ready.contains(id);
        let Some(thing) = self.now.things.get_mut(id) else {
            self.violations
                .push(format!("{id} is told something before it is there"));
            return Err(Failure::operation("it is not there"));
        };
        match action.verb {
            Verb::Configure => {
                if thing.identity != spec.identity {
                    self.violations.push(format!("{id} cannot become that"));
                }
                thing.config.clone_from(&spec.config);
                thing.needs = spec.needs.iter().map(|need| need.on.clone()).collect();
                thing.level = thing.level.clamp(Level::Configured, Level::Started);
                thing.failed = None;
            }
            Verb::Start => thing.level = thing.level.max(Level::Started),
            _ if never_ready => {
                thing.failed = Some("it never will".to_owned());
                return Err(Failure::service("it never will"));
            }
            _ => {
                thing.level = Level::Ready;
                thing.failed = None;
            }
        }
        Ok(())
    }

    fn create(&mut self, id: &ResourceId, spec: &Spec) -> Result<(), Failure> {
        if self.now.things.contains_key(id) {
            self.violations.push(format!("{id} is made twice"));
        }
        let remains =
            |other: &&ResourceId| other.kind.as_str() == "remains" && other.owner() == id.owner();
        if let Some(remains) = self.now.things.keys().find(remains) {
            self.violations
                .push(format!("{id} comes while {remains} is there"));
        }
        for claim in &spec.claims {
            let ours = self
                .now
                .things
                .values()
                .any(|thing| thing.claims.contains(claim));
            if ours || self.now.foreign.contains_key(claim) {
                self.violations
                    .push(format!("{id} takes {claim} from another"));
            }
        }
        let thing = Thing {
            level: Level::Created,
            identity: spec.identity.clone(),
            config: None,
            claims: spec.claims.clone(),
            needs: spec.needs.iter().map(|need| need.on.clone()).collect(),
            durable: spec.durable,
            broken: None,
            failed: None,
        };
        self.now.things.insert(id.clone(), thing);
        Ok(())
    }

    fn check_needs(&mut self, verb: Verb, id: &ResourceId, spec: &Spec) {
        for need in spec.needs.iter().filter(|need| need.required) {
            if need.before != verb {
                continue;
            }
            let level = self.now.things.get(&need.on).map(|thing| thing.level);
            if level < Some(need.until) {
                let what = format!("{} {id} comes before {}", verb.as_str(), need.on);
                self.violations.push(what);
            }
        }
    }
}
