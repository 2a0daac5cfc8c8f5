//! The services of a project as their agents tell of them.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use hob_stack::ServiceId;

use super::HostEngine;
use super::candidates::{Answer, Candidate};
use super::processes::{self, Marked};
use super::socket::client;
use crate::agent::AgentClient;
use crate::status::{ServiceState, Verdict};
use crate::world::Failure;

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
