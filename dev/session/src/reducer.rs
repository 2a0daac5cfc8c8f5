//! The session's decisions: a pure reducer from inputs to effects.
//!
//! Owns what the session knows of each service (its link to the agent, the
//! generation that was sent last, saves that could not be sent yet) and of the
//! plan that is under way. It never waits, reads a clock or touches a file;
//! [`crate::run`] does and feeds back what came of it. Start at
//! [`Session::step`]; here is what concerns the plan, in `agents` what agents
//! say, in `saves` the watcher, in `asked` people.

use std::collections::BTreeMap;

use hob_stack::ServiceId;
use hob_wire::Phase;

use crate::message::{Applied, Effect, End, Input, Performed, Token, Told, Watching};
use crate::selfwritten::Habit;
use crate::served::{Link, Served};

use asked::Sync;

mod agents;
mod asked;
mod saves;

/// The shortest and the longest wait before what was in the way of a plan is
/// looked for again, in milliseconds.
const FIRST_RETRY: u64 = 2_000;
const LAST_RETRY: u64 = 30_000;

/// What a plan under way makes anew.
#[derive(Debug)]
enum Anew {
    /// Nothing; a plan that nobody asked for looks for what was in the way.
    Nothing,
    /// It may be any service, until there is a plan.
    Unknown,
    /// These.
    These(Vec<ServiceId>),
}

/// The state of a dev session.
#[derive(Debug)]
pub struct Session {
    services: BTreeMap<ServiceId, Served>,
    keep: bool,
    paused: bool,
    applying: bool,
    /// Whether another plan follows the one under way, and quietly.
    apply_again: Option<bool>,
    incomplete: bool,
    /// What the newest plan met with, beside what agents tell themselves.
    troubles: Vec<String>,
    /// What is wrong with the stack files as they are now.
    misread: Option<String>,
    /// Whether they are being read.
    rereading: bool,
    /// What the plan under way makes anew.
    anew: Anew,
    /// Whether what is incomplete may mend itself.
    obstructed: bool,
    /// After how many milliseconds that is looked for next, and whether that
    /// is on its way.
    retry: u64,
    retrying: bool,
    /// Whether what was on disk at the begin was told to answer.
    caught_up: bool,
    /// Whether the first plan has ended.
    settled: bool,
    /// What was last told about all of it.
    told: Option<Told>,
    end: End,
    leaving: bool,
    syncing: BTreeMap<Token, Sync>,
    /// The newest one that was given out.
    tickets: u64,
}

impl Session {
    /// A session of these services; with `keep` they outlive it.
    #[must_use]
    pub fn new(services: impl IntoIterator<Item = Watching>, keep: bool) -> Self {
        let served = |watching: Watching| {
            let served = Served {
                watched_since: watching.since,
                ..Served::default()
            };
            (watching.service, served)
        };
        Self {
            services: services.into_iter().map(served).collect(),
            keep,
            paused: false,
            applying: false,
            apply_again: None,
            incomplete: false,
            troubles: Vec::new(),
            misread: None,
            rereading: false,
            anew: Anew::Nothing,
            obstructed: false,
            retry: FIRST_RETRY,
            retrying: false,
            caught_up: false,
            settled: false,
            told: None,
            end: End::Left,
            leaving: false,
            syncing: BTreeMap::new(),
            tickets: 0,
        }
    }

    /// What to do first.
    pub fn begin(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.apply(&mut effects);
        effects
    }

    /// Takes one input and says what to do about it.
    pub fn step(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        let out = &mut effects;
        match input {
            Input::Save(save) => self.save(save, out),
            Input::Digest { service, digest } => self.digest(&service, digest, out),
            Input::Attached(service) => self.attached(&service),
            Input::Refused {
                service,
                reason,
                other,
            } => self.refused(service, reason, other, out),
            Input::Lost(service) => self.lost(&service, out),
            Input::Released(service) => self.released(&service, out),
            Input::Status(status) => self.status(*status, out),
            Input::Event(event) => self.event(&event),
            Input::Performed(Performed { how, troubles }) => {
                self.troubles = troubles;
                self.applied(how, out);
            }
            Input::Planned(services) => self.anew = Anew::These(services),
            Input::Rereading => self.rereading = true,
            Input::Reread(why) => {
                self.rereading = false;
                self.misread = why;
            }
            Input::Replan => self.apply(out),
            Input::Retry => self.retry(out),
            Input::Reloaded(services) => self.reloaded(services, out),
            Input::Asked { token, request } => self.asked(token, request, out),
            Input::Synced { token, looked } => self.synced(token, looked, out),
            Input::Wake { service, ticket } => self.wake(&service, ticket, out),
            Input::Command(command) => self.command(&command, out),
            Input::Leave => self.leave(out),
            Input::TornDown => out.push(Effect::Finish(self.end)),
        }
        self.answer_syncs(out);
        self.catch_up(out);
        effects
    }

    fn apply(&mut self, out: &mut Vec<Effect>) {
        self.plan(false, out);
    }

    fn retry(&mut self, out: &mut Vec<Effect>) {
        self.retrying = false;
        // The end of the plan that is under way asks for the next look.
        if self.obstructed && !self.applying {
            self.plan(true, out);
        }
    }

    /// Quietly when nobody asked for it.
    fn plan(&mut self, quietly: bool, out: &mut Vec<Effect>) {
        if self.leaving {
            return;
        }
        if self.applying {
            self.apply_again = Some(quietly && self.apply_again.unwrap_or(true));
            return;
        }
        self.applying = true;
        self.anew = match quietly {
            true => Anew::Nothing,
            false => Anew::Unknown,
        };
        let services = self.own();
        out.push(Effect::Apply { services, quietly });
        self.attach(out);
    }

    fn applied(&mut self, how: Applied, out: &mut Vec<Effect>) {
        self.applying = false;
        self.anew = Anew::Nothing;
        self.incomplete = how != Applied::Wholly;
        if self.leaving {
            return;
        }
        if how == Applied::Blocked && !std::mem::replace(&mut self.settled, true) {
            self.leaving = true;
            self.end = End::Blocked;
            return self.tear_down(false, out);
        }
        self.settled = true;
        self.look_again(how, out);
        if let Some(quietly) = self.apply_again.take() {
            return self.plan(quietly, out);
        }
        self.announce(out);
    }

    /// What is in the way may go away without a save.
    fn look_again(&mut self, how: Applied, out: &mut Vec<Effect>) {
        self.obstructed = matches!(how, Applied::Obstructed | Applied::Blocked);
        if !self.obstructed {
            self.retry = FIRST_RETRY;
        } else if !std::mem::replace(&mut self.retrying, true) {
            out.push(Effect::RetryAfter(self.retry));
            self.retry = (self.retry * 2).min(LAST_RETRY);
        }
    }

    /// Says once that nothing of what was on disk at the begin is on its way
    /// any more.
    fn catch_up(&mut self, out: &mut Vec<Effect>) {
        let at_rest = |served: &Served| served.link.is_gone() || served.is_at_rest(self.incomplete);
        let alone = self.own().is_empty();
        let is_over = self.settled && !self.applying && !self.leaving && !alone;
        if is_over && !self.caught_up && self.services.values().all(at_rest) {
            self.caught_up = true;
            out.push(Effect::Tell(Told::CaughtUp));
        }
    }

    /// Says how all of it stands once the plan is done: that it is ready only
    /// when a save of any service would be built.
    fn announce(&mut self, out: &mut Vec<Effect>) {
        if self.applying || self.leaving || !self.settled {
            return;
        }
        // The plan may know of a service's end before its agent tells it here.
        let coming = |served: &Served| served.link.phase().is_some_and(is_coming);
        let heard =
            |served: &Served| served.link.is_gone() || served.link.is_attached() && !coming(served);
        // What failed may have been mended while nobody looked.
        let rests = |served: &Served| !served.link.is_attached() || served.is_at_rest(true);
        let told = if self.incomplete && self.services.values().all(rests) {
            let mut phases = self.services.values().filter_map(|it| it.link.phase());
            let serves = phases.any(Phase::serves);
            Told::SomeReady { serves }
        } else if !self.incomplete && self.services.values().all(heard) {
            Told::AllReady
        } else {
            return;
        };
        if self.told.as_ref() != Some(&told) {
            self.told = Some(told.clone());
            out.push(Effect::Tell(told));
        }
    }

    fn reloaded(&mut self, services: Vec<Watching>, out: &mut Vec<Effect>) {
        let mut before = std::mem::take(&mut self.services);
        for Watching { service, since } in services {
            let mut served = before.remove(&service).unwrap_or_default();
            if served.watched_since != since {
                // Another watch knows nothing of what the old one had seen.
                served.watched_since = since;
                served.digest = None;
                served.habit = Habit::default();
                if let Link::Attached(attached) = &mut served.link {
                    attached.fed = false;
                }
            }
            self.services.insert(service, served);
        }
        self.told = None;
        // What is under way is about services as they are no longer asked for.
        self.applying = false;
        self.apply(out);
    }

    /// Takes down what is this session's: not what another one has, nor what
    /// somebody else took down.
    fn tear_down(&self, force: bool, out: &mut Vec<Effect>) {
        let services = self.own();
        out.push(Effect::TearDown { services, force });
    }

    fn own(&self) -> Vec<ServiceId> {
        let own = self
            .services
            .iter()
            .filter(|(_, served)| !served.link.is_gone());
        own.map(|(id, _)| id.clone()).collect()
    }

    fn leave(&mut self, out: &mut Vec<Effect>) {
        let again = std::mem::replace(&mut self.leaving, true);
        if self.keep {
            return out.push(Effect::Finish(End::Left));
        }
        if !again {
            out.push(Effect::Tell(Told::Leaving));
        }
        self.tear_down(again, out);
    }
}

/// Whether an agent that says so is about to say more.
fn is_coming(phase: Phase) -> bool {
    matches!(phase, Phase::Building | Phase::Starting)
}
