//! The services of a project as their agents tell of them.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use hob_stack::ServiceId;
use hob_wire::{MARK_PROJECT, MARK_ROOT, MARK_RUN, MARK_SERVICE, Status};

use super::HostEngine;
use super::candidates::Candidate;
use crate::agent::AgentClient;
use crate::agent::answer::Answer;
use crate::agent::socket::client;
use crate::machine::processes::{self, Marked};
use crate::status::{Inside, ServiceState, Verdict};
use crate::world::Failure;

/// The variables by which hob and a service's agent know what they supervise:
/// what a person starts is not.
const MARKS: [&str; 4] = [MARK_PROJECT, MARK_SERVICE, MARK_ROOT, MARK_RUN];

impl HostEngine {
    /// The agent of a service, whether it is there or not.
    ///
    /// # Errors
    /// The ledger, which knows its socket, cannot be read.
    pub fn agent_of(&self, id: &ServiceId) -> Result<AgentClient, Failure> {
        let records = self.records()?;
        let socket = self.socket(&records, id.stack.as_str(), id.service.as_str());
        Ok(client(&socket))
    }

    /// Where the process that answers for a service runs, and with what; none
    /// when there is none or it shows no environment of this service's: it
    /// may have ended, or written over it.
    #[must_use]
    pub fn inside(&self, status: &Status) -> Option<Inside> {
        let pid = status.serving.as_ref()?.pid;
        let mut environment = processes::environment(pid)?;
        if environment.get(MARK_SERVICE) != Some(&status.service)
            || environment.get(MARK_PROJECT) != Some(&self.setup.project)
        {
            return None;
        }
        environment.retain(|name, _| !MARKS.contains(&name.as_str()));
        Some(Inside {
            environment,
            folder: std::fs::read_link(format!("/proc/{pid}/cwd")).ok()?,
        })
    }

    /// Every service that something is known of, and those of `asked`.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn services(
        &self,
        asked: &BTreeSet<ServiceId>,
    ) -> Result<Vec<ServiceState>, Failure> {
        let records = self.records()?;
        let candidates = self.candidates(&records, asked).await;
        let state = |candidate: Candidate| {
            let verdict = match (&candidate.answer, candidate.status(&self.setup.project)) {
                (_, Some(status)) => Verdict::Up(Box::new(status.clone())),
                (Answer::Nobody, _) => match candidate.processes.len() {
                    0 => Verdict::Down,
                    _ if candidate.processes.iter().any(is_agent) => Verdict::Cut,
                    left => Verdict::Remains(left),
                },
                (Answer::Version(version), _) => Verdict::Broken(format!(
                    "its agent speaks version {version} of the protocol"
                )),
                (Answer::Useless(reason), _) => Verdict::Broken(reason.clone()),
                (Answer::Status(other), None) => {
                    Verdict::Broken(format!("the agent of {} answers for it", other.service))
                }
            };
            ServiceState {
                owner: candidate.owner(),
                verdict,
            }
        };
        Ok(candidates.into_iter().map(state).collect())
    }
}

/// Whether agents of a project that run have this as their state folder.
pub(crate) fn agents_in(uid: u32, project: &str, state: &Path) -> bool {
    let mut marked = processes::marked(uid);
    marked.retain(|found| found.marks.project == project);
    marked.iter().filter(|it| is_agent(it)).any(|agent| {
        let words = command(agent);
        let mut words = words.split(|byte| *byte == 0);
        words.any(|word| word == b"--state")
            && words
                .next()
                .is_some_and(|path| Path::new(OsStr::from_bytes(path)).starts_with(state))
    })
}

/// Whether a process was started as an agent: `hob agent … --socket …`.
fn is_agent(marked: &Marked) -> bool {
    let command = command(marked);
    let words: Vec<&[u8]> = command.split(|byte| *byte == 0).collect();
    words.contains(&b"agent".as_slice()) && words.contains(&b"--socket".as_slice())
}

fn command(marked: &Marked) -> Vec<u8> {
    std::fs::read(format!("/proc/{}/cmdline", marked.process.pid)).unwrap_or_default()
}
