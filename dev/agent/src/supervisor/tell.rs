//! What people are told: pages of the front, events, lines of the log.

use hob_front::Failure;
use hob_wire::{Event, EventKind, Problem, Spec, Stage};

use super::Supervisor;
use crate::log::now;
use crate::machine::RunId;
use crate::port;

impl Supervisor {
    pub(super) fn failure(&self, problem: Problem) -> Failure {
        let name = self.machine.spec().map_or("the service", Spec::name);
        let title = match problem.stage {
            Stage::Build => format!("{name} does not build"),
            Stage::Start => format!("{name} does not start"),
            Stage::Ready => format!("{name} is not ready"),
            Stage::Crash => format!("{name} has crashed"),
        };
        Failure {
            generation: problem.generation,
            title,
            message: problem.message,
            output: problem.output.into_iter().map(|line| line.text).collect(),
        }
    }

    /// hob's own words, to the log alone.
    pub fn say(&self, text: String) {
        self.log.say(0, text);
    }

    /// Tells an event to those who watch, and the ones that people look for
    /// later to the log.
    pub fn emit(&mut self, kind: EventKind) {
        let said = match &kind {
            EventKind::Failed {
                generation,
                message,
                ..
            } => Some((*generation, message.clone())),
            EventKind::Crashed {
                generation,
                message,
                ..
            } => Some((*generation, message.clone())),
            EventKind::Swapped { waterfall } => Some((
                waterfall.generation,
                format!("save {} serves", waterfall.generation),
            )),
            EventKind::Retired {
                generation,
                killed: true,
            } => Some((
                *generation,
                "the old process did not end in time and was killed".into(),
            )),
            EventKind::Note(note) => Some((0, note.clone())),
            EventKind::Exposed { addr } => Some((
                0,
                format!("the process listens on {addr}, beyond loopback; bind to $HOST"),
            )),
            _ => None,
        };
        if let Some((generation, text)) = said {
            self.log.say(generation, text);
        }
        let service = self.publisher.service().to_owned();
        self.publisher.event(Event {
            at: now(),
            service,
            kind,
        });
    }

    /// A process on the host chooses its own address; one that anybody on the
    /// network can reach is worth a word.
    pub(super) fn look_at_exposure(&mut self, run: RunId) {
        let private = self
            .machine
            .spec()
            .is_some_and(|spec| spec.host.is_loopback());
        let addr = self.runs.get(&run).and_then(|hold| hold.addr);
        if let Some(addr) = addr.filter(|_| private && !self.exposure_told) {
            if let Some(addr) = port::exposed(addr.port()) {
                self.exposure_told = true;
                self.emit(EventKind::Exposed { addr });
            }
        }
    }
}
