//! Which sessions agents of this project led: notes that outlive the agents.
//!
//! A process that wrote its title over its environment carries no marks that
//! could be read. While its agent lives, it is known by the agent's session;
//! once that was killed, only by what was noted here before the agent was told
//! what to run. Owns the folder `agents` of the project's state: one file an
//! agent, gone when nobody is in its session any more.

#![expect(clippy::disallowed_methods, reason = "the notes are kept here")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::{AgentSpec, HostEngine};
use crate::agent::answer::{Answer, ask};
use crate::agent::socket::client;
use crate::machine::processes::{self, Leader, Marked, Marks, Process};
use crate::paths::{entries, make_closed};
use crate::world::Failure;

/// Tells one start of the machine from another: numbers of processes and
/// start times are of one only (see random(4)).
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

impl HostEngine {
    /// All living processes of this project.
    pub(super) fn processes(&self) -> Vec<Marked> {
        processes::of_project(self.setup.uid, &self.setup.project, &self.leaders())
    }

    /// The leaders that were noted since the machine was started.
    pub(super) fn leaders(&self) -> Vec<Leader> {
        let folder = self.folder_of_notes();
        let notes = entries(&folder).into_iter();
        let notes = notes.filter_map(|name| self.leader(&folder.join(name)));
        notes.collect()
    }

    /// Notes the session that the agent leads. Without an answer there is
    /// nothing to note, and nothing that it was told to start.
    pub(super) async fn note(&self, agent: &AgentSpec) -> Result<(), Failure> {
        let Answer::Status(status) = ask(&client(&agent.socket)).await else {
            return Ok(());
        };
        let Some(process) = processes::leader(status.agent_pid) else {
            return Ok(());
        };
        let folder = self.folder_of_notes();
        make_closed(&folder, self.setup.uid)
            .map_err(|error| Failure::operation(error.to_string()))?;
        let Process { pid, start } = process;
        let service = &agent.spec.service;
        // A name for each agent: an earlier one may have left processes.
        let file = folder.join(format!("{}.{pid}", service.replace('/', ".")));
        let text = format!("{service} {pid} {start} {}\n", boot());
        fs::write(&file, text).map_err(|error| {
            Failure::operation(format!("cannot write {}: {error}", file.display()))
        })
    }

    /// Takes away what is noted of sessions that nobody is in any more.
    pub(super) fn forget_leaders(&self) {
        let folder = self.folder_of_notes();
        for name in entries(&folder) {
            let file = folder.join(name);
            if !self.leader(&file).is_some_and(|it| it.is_followed()) {
                // It is looked at again by the next one who comes by here.
                let _ = fs::remove_file(file);
            }
        }
        let _ = fs::remove_dir(folder);
    }

    fn folder_of_notes(&self) -> PathBuf {
        self.setup.paths.state.join("agents")
    }

    /// What a note says; nothing when it is torn or of an earlier start of the
    /// machine.
    fn leader(&self, note: &Path) -> Option<Leader> {
        let text = fs::read_to_string(note).ok()?;
        let [service, pid, start, noted] =
            text.strip_suffix('\n')?.split(' ').collect::<Vec<_>>()[..]
        else {
            return None;
        };
        let process = Process {
            pid: pid.parse().ok()?,
            start: start.parse().ok()?,
        };
        let marks = Marks {
            project: self.setup.project.clone(),
            service: service.to_owned(),
            root: self.setup.root.clone(),
        };
        (noted == boot()).then_some(Leader { process, marks })
    }
}

fn boot() -> &'static str {
    static ID: OnceLock<String> = OnceLock::new();
    ID.get_or_init(|| {
        let id = fs::read_to_string(BOOT_ID).unwrap_or_default();
        id.trim().to_owned()
    })
}
