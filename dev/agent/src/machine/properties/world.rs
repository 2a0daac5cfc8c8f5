//! [`World`]: everything outside of the machine, as a model. It performs
//! effects the way the supervisor does, refuses what must never be asked for,
//! and knows which sources each build had, so that a number on something older
//! is found. `truths.rs` says what must hold. Start at [`World::take`].

mod truths;

use std::collections::{BTreeMap, BTreeSet};

use hob_wire::{Change, ChangeAction, Mode, Spec, Swap};

use crate::machine::runs::MOST_OLD;
use crate::machine::state::AgentFacts;
use crate::machine::{BuildId, BuildResult, Effect, Exit, GateMove, Input, Machine, RunId};

/// How something turns out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Luck {
    Good,
    Bad,
}

/// Something that may happen next outside of the machine.
#[derive(Debug, Clone, Copy)]
pub enum Event {
    BuildEnds(BuildId),
    Starts(RunId),
    Answers(RunId),
    Ends(RunId),
    Drains(RunId),
    Wakes(u64),
}

#[derive(Debug)]
struct Build {
    /// The newest generation whose bytes it has read.
    sources: u64,
    cancelled: bool,
    done: bool,
    good: bool,
    discarded: bool,
}

#[derive(Debug, Default)]
pub struct Process {
    build: u64,
    /// The newest generation that was there when it was started.
    started_at: u64,
    started: bool,
    asked: bool,
    told_to_end: bool,
    killed: bool,
    draining: bool,
    pub gone: bool,
}

pub struct World {
    pub machine: Machine,
    pub spec: Spec,
    now: u64,
    pub saved: u64,
    /// The newest save, up to each generation, that a build must have read.
    built_for: BTreeMap<u64, u64>,
    /// The same for the start of a process.
    started_for: BTreeMap<u64, u64>,
    builds: BTreeMap<u64, Build>,
    pub runs: BTreeMap<u64, Process>,
    timers: BTreeSet<u64>,
    open: Option<u64>,
    pub leaving: bool,
    pub over: bool,
    /// All that came in and what was asked for, for people.
    story: String,
}

impl World {
    pub fn new(spec: Spec) -> Self {
        Self {
            machine: Machine::default(),
            spec,
            now: 0,
            saved: 1,
            built_for: BTreeMap::from([(1, 1)]),
            started_for: BTreeMap::from([(1, 0)]),
            builds: BTreeMap::new(),
            runs: BTreeMap::new(),
            timers: BTreeSet::new(),
            open: None,
            leaving: false,
            over: false,
            story: String::new(),
        }
    }

    fn exclusive(&self) -> bool {
        self.spec.swap == Swap::Exclusive || self.spec.mode == Mode::Run
    }

    pub fn take(&mut self, input: Input) {
        self.now += 1000;
        let ends = matches!(input, Input::Shutdown | Input::Rest);
        let shown = match &input {
            Input::Configure { .. } => "Configure".into(),
            input => format!("{input:?}"),
        };
        self.story.push_str(&format!("\n{shown}"));
        let shown = self.story.clone();
        for effect in self.machine.step(self.now, input) {
            if !matches!(effect, Effect::Emit(_)) {
                self.story.push_str(&format!("\n    {effect:?}"));
            }
            self.perform(effect, ends, &shown);
        }
        self.look(&shown);
    }

    fn perform(&mut self, effect: Effect, ends: bool, after: &str) {
        match effect {
            Effect::Build { id, generation } => {
                assert!(!self.leaving, "a build after the end: {after}");
                let others = self.builds.values().filter(|build| !build.done).count();
                assert_eq!(others, 0, "two builds at once: {after}");
                assert!(generation <= self.saved);
                self.builds.insert(
                    id.0,
                    Build {
                        sources: self.saved,
                        cancelled: false,
                        done: false,
                        good: false,
                        discarded: false,
                    },
                );
            }
            Effect::CancelBuild(id) => {
                let build = self.builds.get_mut(&id.0).expect("a known build");
                assert!(!build.done && !build.cancelled, "cancelled twice: {after}");
                build.cancelled = true;
            }
            Effect::Spawn { run, build, .. } => {
                assert!(!self.leaving, "a process after the end: {after}");
                if self.spec.build.is_none() {
                    // It is there at once.
                    self.builds.entry(build.0).or_insert(Build {
                        sources: self.saved,
                        cancelled: false,
                        done: true,
                        good: true,
                        discarded: false,
                    });
                }
                let from = &self.builds[&build.0];
                assert!(from.good && !from.discarded, "no output: {after}");
                if self.exclusive() {
                    let alive = self.runs.values().filter(|run| !run.gone).count();
                    assert_eq!(alive, 0, "two processes of an exclusive service: {after}");
                }
                // With this one: who serves, who starts, and who is on the way
                // out.
                let alive = self.runs.values().filter(|run| !run.gone).count();
                assert!(alive <= MOST_OLD, "{alive} and one more: {after}");
                self.runs.insert(
                    run.0,
                    Process {
                        build: build.0,
                        started_at: self.saved,
                        ..Process::default()
                    },
                );
            }
            Effect::Probe(run) => self.alive(run, after).asked = true,
            Effect::Drain(run) => {
                self.must_not_serve(run, ends, after);
                self.alive(run, after).draining = true;
            }
            Effect::Terminate(run) => {
                self.must_not_serve(run, ends, after);
                let run = self.alive(run, after);
                assert!(!run.told_to_end, "told to end twice: {after}");
                run.told_to_end = true;
            }
            Effect::Kill(run) => {
                self.must_not_serve(run, ends, after);
                let run = self.alive(run, after);
                assert!(run.told_to_end && !run.killed, "killed unasked: {after}");
                run.killed = true;
            }
            Effect::Signal(run) => drop(self.alive(run, after)),
            Effect::Backoff { token, .. } => {
                self.timers.insert(token);
            }
            Effect::Discard(id) => self.discard(id, after),
            Effect::Gate(GateMove::Open { run, .. }) => {
                self.alive(run, after);
                self.open = Some(run.0);
            }
            Effect::Gate(GateMove::Hold(_) | GateMove::Fail(_)) => self.open = None,
            Effect::Gate(GateMove::Reload(_)) => {
                assert!(self.open.is_some(), "a reload of nothing: {after}");
            }
            Effect::Gate(GateMove::Close(_) | GateMove::Badge(_)) | Effect::Emit(_) => {}
            Effect::Exit => {
                assert!(self.leaving, "it goes unasked: {after}");
                assert!(self.builds.values().all(|build| build.done), "{after}");
                assert!(self.runs.values().all(|run| run.gone), "{after}");
                self.over = true;
            }
        }
    }

    #[track_caller]
    fn alive(&mut self, run: RunId, after: &str) -> &mut Process {
        let run = self.runs.get_mut(&run.0).expect("a known process");
        assert!(!run.gone, "about a process that is gone: {after}");
        run
    }

    /// What serves ends only for one that is ready, or at somebody's word.
    fn must_not_serve(&self, run: RunId, ends: bool, after: &str) {
        let swap = !ends && !self.exclusive();
        assert!(
            !(swap && self.open == Some(run.0)),
            "the serving process is ended: {after}"
        );
    }

    fn discard(&mut self, id: BuildId, after: &str) {
        let used = self.runs.values().any(|run| run.build == id.0 && !run.gone);
        assert!(!used, "the output of a living process goes: {after}");
        if let Some(build) = self.builds.get_mut(&id.0) {
            assert!(build.done && !build.discarded, "discarded twice: {after}");
            build.discarded = true;
        }
    }

    pub fn save(&mut self, action: ChangeAction) {
        self.saved += 1;
        let last = |of: &BTreeMap<u64, u64>| of.last_key_value().map_or(0, |(_, at)| *at);
        let built = match action {
            ChangeAction::Rebuild => self.saved,
            _ => last(&self.built_for),
        };
        let started = match action {
            ChangeAction::Rebuild | ChangeAction::Restart => self.saved,
            _ => last(&self.started_for),
        };
        self.built_for.insert(self.saved, built);
        self.started_for.insert(self.saved, started);
        self.take(Input::Change(Change {
            generation: self.saved,
            action,
            noticed: 0,
            digest: None,
            paths: Vec::new(),
        }));
    }

    pub fn configure(&mut self) {
        let spec = Box::new(self.spec.clone());
        self.take(Input::Configure {
            spec,
            digest: "d".into(),
        });
    }

    /// All that may happen now; without `accidents` only what is on its way.
    pub fn events(&self, accidents: bool) -> Vec<Event> {
        let mut events = Vec::new();
        for (id, _) in self.builds.iter().filter(|(_, build)| !build.done) {
            events.push(Event::BuildEnds(BuildId(*id)));
        }
        for (id, run) in self.runs.iter().filter(|(_, run)| !run.gone) {
            let id = RunId(*id);
            if !run.started {
                events.push(Event::Starts(id));
                continue;
            }
            if run.asked {
                events.push(Event::Answers(id));
            }
            if run.draining {
                events.push(Event::Drains(id));
            }
            if run.told_to_end || accidents {
                events.push(Event::Ends(id));
            }
        }
        events.extend(self.timers.iter().map(|token| Event::Wakes(*token)));
        events
    }

    pub fn happen(&mut self, event: Event, luck: Luck) {
        let good = luck == Luck::Good;
        let input = match event {
            Event::BuildEnds(id) => {
                let build = self.builds.get_mut(&id.0).expect("a known build");
                build.done = true;
                // A build may end in the moment of its cancellation.
                let result = match (build.cancelled, good) {
                    (true, true) => BuildResult::Cancelled,
                    (false, true) | (true, false) => BuildResult::Built,
                    (false, false) => BuildResult::Failed {
                        message: "no".into(),
                        output: Vec::new(),
                    },
                };
                build.good = matches!(result, BuildResult::Built) && !build.cancelled;
                Input::BuildDone { id, result }
            }
            Event::Starts(run) => {
                let process = self.runs.get_mut(&run.0).expect("a known process");
                process.started = good;
                process.gone = !good;
                if good {
                    // Its number serves as its process id.
                    let pid = u32::try_from(run.0).unwrap_or(u32::MAX);
                    let port = Some(1);
                    Input::Spawned { run, pid, port }
                } else {
                    let message = "not found".into();
                    Input::SpawnFailed { run, message }
                }
            }
            Event::Answers(run) => {
                self.runs.get_mut(&run.0).expect("known").asked = false;
                let message = "late".into();
                let tail = Vec::new();
                match good {
                    true => Input::Ready(run),
                    false => Input::NotReady { run, message, tail },
                }
            }
            Event::Drains(run) => {
                self.runs.get_mut(&run.0).expect("known").draining = false;
                Input::Drained(run)
            }
            Event::Ends(run) => {
                self.runs.get_mut(&run.0).expect("known").gone = true;
                let exit = Exit {
                    message: "exited".into(),
                    code: None,
                    success: good,
                    killed: false,
                    left: false,
                    uptime_ms: 1,
                    tail: Vec::new(),
                };
                Input::Exited { run, exit }
            }
            Event::Wakes(token) => {
                self.timers.remove(&token);
                Input::BackoffOver { token }
            }
        };
        // Until the machine has heard of it, requests may still be sent there.
        if let (Input::Exited { run, .. }, Some(open)) = (&input, self.open) {
            if run.0 == open {
                self.take(input);
                let again = "requests go to a process that is gone";
                assert_ne!(self.open, Some(open), "{again}");
                return;
            }
        }
        self.take(input);
    }

    /// Lets all that is on its way come to its end, and come out well.
    pub fn settle(&mut self) {
        for _ in 0..10_000 {
            let Some(event) = self.events(false).first().copied() else {
                return;
            };
            self.happen(event, Luck::Good);
        }
        panic!("it never comes to rest");
    }
}

pub fn facts() -> AgentFacts {
    AgentFacts {
        pid: 1,
        project: "p".into(),
        service: "s/web".into(),
        since: 0,
    }
}
