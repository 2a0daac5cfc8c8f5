//! The services of a project as their agents tell of them.

#![expect(
    clippy::disallowed_methods,
    reason = "dead sockets and empty folders are tidied away here"
)]

use std::collections::BTreeSet;
use std::path::Path;

use hob_stack::ServiceId;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, socket_with};

use super::HostEngine;
use super::candidates::{Answer, Candidate, entries};
use super::client::AgentClient;
use crate::engine::Lower;
use crate::paths::Paths;
use crate::resource::{DesiredSet, Observed};
use crate::status::{ServiceState, Verdict};
use crate::want::Want;
use crate::world::Failure;

impl HostEngine {
    /// The agent of a service, whether it is there or not.
    ///
    /// # Errors
    /// The ledger, which knows its socket, cannot be read.
    pub fn agent_of(&self, id: &ServiceId) -> Result<AgentClient, Failure> {
        let records = self.records()?;
        let socket = self.socket(&records, id.stack.as_str(), id.service.as_str());
        Ok(AgentClient::new(socket))
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
                socket: candidate.socket,
                verdict,
            }
        };
        Ok(candidates.into_iter().map(state).collect())
    }
}

impl Lower for HostEngine {
    fn lower(&self, want: &Want, found: &Observed<Self::Facts>) -> DesiredSet<Self::Spec> {
        super::lower(&self.setup, want, &found.facts)
    }

    fn place(&self) -> (&Path, &Paths, u32) {
        (&self.setup.root, &self.setup.paths, self.setup.uid)
    }

    fn tidy(&self) {
        let paths = &self.setup.paths;
        for name in entries(&paths.runtime) {
            let socket = paths.runtime.join(&name);
            if name.ends_with(".sock") && is_dead(&socket) {
                // Another hob may have done the same.
                let _ = std::fs::remove_file(socket);
            }
        }
        self.forget_leaders();
        for empty in ["services", "volumes"] {
            let _ = std::fs::remove_dir(paths.state.join(empty));
        }
    }
}

/// Whether nobody listens on a socket any more.
fn is_dead(socket: &Path) -> bool {
    let connect = || {
        let kind = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let address = SocketAddrUnix::new(socket)?;
        let stream = socket_with(AddressFamily::UNIX, SocketType::STREAM, kind, None)?;
        rustix::net::connect(&stream, &address)
    };
    connect() == Err(Errno::CONNREFUSED)
}
