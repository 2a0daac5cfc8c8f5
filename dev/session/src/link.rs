//! The connection to one agent: asks to be its session, passes on what it
//! says and what it is told.

use std::sync::Arc;
use std::time::Duration;

use hob_stack::ServiceId;
use hob_wire::{Hello, LINE_LIMIT, Reply, Request, SessionInfo, decode, encode};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::ground::{Ground, Wire};
use crate::message::Input;

/// The first wait for an agent that is not there yet, and the longest.
const FIRST_WAIT: Duration = Duration::from_millis(2);
const LAST_WAIT: Duration = Duration::from_millis(100);

/// Something that a link says.
pub(crate) struct Linked {
    /// The link's number.
    pub(crate) link: u64,
    /// Whose agent it is to.
    pub(crate) service: ServiceId,
    /// What it says.
    pub(crate) input: Input,
}

/// Where a link says it.
pub(crate) struct Out {
    link: u64,
    linked: mpsc::UnboundedSender<Linked>,
}

impl Out {
    pub(crate) fn new(link: u64, linked: mpsc::UnboundedSender<Linked>) -> Self {
        Self { link, linked }
    }

    /// None once the session is over.
    fn say(&self, service: &ServiceId, input: Input) -> Option<()> {
        let (link, service) = (self.link, service.clone());
        self.linked
            .send(Linked {
                link,
                service,
                input,
            })
            .ok()
    }
}

/// Keeps a connection until it ends or its `requests` do. The agent may not
/// be there yet: it is asked for until it is.
pub(crate) async fn link<G: Ground>(
    ground: Arc<G>,
    service: ServiceId,
    info: SessionInfo,
    mut requests: mpsc::UnboundedReceiver<Request>,
    out: Out,
) {
    let mut wait = FIRST_WAIT;
    let end = loop {
        if let Ok(wire) = ground.connect(&service).await {
            let mut heard = false;
            let talk = converse(wire, &service, &info, &mut requests, &out, &mut heard);
            let end = talk.await;
            // A port of a container takes connections before its agent does,
            // and drops them.
            if heard || end.is_some() {
                break end;
            }
        }
        if requests.is_closed() {
            return;
        }
        sleep(wait).await;
        wait = (wait * 2).min(LAST_WAIT);
    };
    // The session may have ended before its links.
    let _ = out.say(
        &service,
        end.unwrap_or_else(|| Input::Lost(service.clone())),
    );
}

/// `Some` when there was something else to say at the end than that it ended;
/// `heard` becomes true once the agent said anything.
async fn converse(
    wire: Wire,
    service: &ServiceId,
    info: &SessionInfo,
    requests: &mut mpsc::UnboundedReceiver<Request>,
    out: &Out,
    heard: &mut bool,
) -> Option<Input> {
    let Wire { read, mut write } = wire;
    let own = info.pid;
    let mut read = BufReader::new(read);
    let mut greeting = encode(&Hello::current());
    greeting.extend(encode(&Request::Attach(info.clone())));
    write.write_all(&greeting).await.ok()?;
    let mut line = Vec::new();
    let mut attached = false;
    loop {
        tokio::select! {
            request = requests.recv() => {
                write.write_all(&encode(&request?)).await.ok()?;
            }
            read = read_into(&mut read, &mut line) => {
                if !read? {
                    return None;
                }
                *heard = true;
                let reply: Reply = decode(&line).ok()?;
                line.clear();
                let input = match reply {
                    Reply::Done if !attached => {
                        attached = true;
                        Input::Attached(service.clone())
                    }
                    Reply::Refused { reason, session } => {
                        let service = service.clone();
                        // One of this process's own is a connection that the
                        // agent has not missed yet: no other session.
                        let other = session.filter(|session| session.pid != own);
                        return Some(Input::Refused { service, reason, other });
                    }
                    Reply::Status(status) => Input::Status(status),
                    Reply::Event(event) => Input::Event(event),
                    // Another version: the plan replaces it.
                    Reply::Version { .. } => return None,
                    Reply::Done
                    | Reply::Log(_)
                    | Reply::Generation(_)
                    | Reply::Session(_)
                    | Reply::Usage { .. } => continue,
                };
                out.say(service, input)?;
            }
        }
    }
}

/// Reads up to a line break into `line`, which may hold the beginning of one
/// already: dropping this future loses nothing. `Some(false)` at the end.
async fn read_into(read: &mut (impl AsyncBufReadExt + Unpin), line: &mut Vec<u8>) -> Option<bool> {
    let room = (LINE_LIMIT + 1).saturating_sub(line.len()) as u64;
    read.take(room).read_until(b'\n', line).await.ok()?;
    Some(line.last() == Some(&b'\n'))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// What the session `own` is told when the agent has the session `other`.
    fn refused(own: u32, other: u32) -> Option<u32> {
        let info = |pid| SessionInfo {
            pid,
            socket: "/s".into(),
        };
        let session = Some(info(other));
        let reason = "another one has it".to_owned();
        let answer = encode(&Reply::Refused { reason, session });
        let wire = Wire {
            read: Box::new(std::io::Cursor::new(answer)),
            write: Box::new(tokio::io::sink()),
        };
        // Held: without it there is nothing to be connected for.
        let (_requests, mut asked) = mpsc::unbounded_channel();
        let out = Out::new(1, mpsc::unbounded_channel().0);
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.build().unwrap();
        let service = "s/web".parse().unwrap();
        let (info, mut heard) = (info(own), false);
        let end = converse(wire, &service, &info, &mut asked, &out, &mut heard);
        match runtime.block_on(end) {
            Some(Input::Refused { other, .. }) => other.map(|other| other.pid),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_refusal_because_of_an_own_connection_names_no_other_session() {
        assert_eq!(refused(1, 2), Some(2));
        assert_eq!(refused(1, 1), None);
    }
}
