//! A client that is the attached session: sends changes, and is told all that
//! happens.

use std::io;

use hob_wire::{LogQuery, Micros, Reply, Request, SessionInfo, Stream, decode};
use tokio::sync::oneshot;

use super::lines::read_into;
use super::{Command, Connection};
use crate::feed::Feed;
use crate::machine::Input;

/// How many lines that were said before it came a first session is told.
const MISSED: u64 = 512;

impl Connection {
    pub(super) async fn attach(&mut self, info: SessionInfo) -> io::Result<()> {
        let (answer, answered) = oneshot::channel();
        self.command(Command::Attach { info, answer });
        let missed = match answered.await {
            Ok(Ok(missed)) => missed,
            Ok(Err(other)) => {
                let reason = format!("process {} is in a dev session with it", other.pid);
                return self
                    .reply(&Reply::Refused {
                        reason,
                        session: Some(other),
                    })
                    .await;
            }
            Err(_) => return self.refuse("the agent is going down".into()).await,
        };
        let result = self.attached(missed).await;
        self.command(Command::Detach);
        result
    }

    async fn attached(&mut self, missed: Option<Micros>) -> io::Result<()> {
        let (mut stored, lines) = self.shared.log.follow();
        let mut feed = Feed::with(&self.shared, lines);
        self.reply(&Reply::Done).await?;
        let first = Reply::Status(Box::new(self.shared.view.borrow().status.clone()));
        self.reply(&first).await?;
        if missed.is_some() {
            let query = LogQuery {
                since: missed,
                tail: Some(MISSED),
                follow: false,
            };
            let mut said = Vec::new();
            stored.each(&query, |line| {
                // What a build said stands in its problem, where there is one.
                if matches!(line.stream, Stream::Out | Stream::Err) {
                    said.push(line);
                }
                true
            });
            for line in said {
                self.reply(&feed.line(line)).await?;
            }
        }
        let mut line = Vec::new();
        loop {
            // `read_into` keeps a line that is not whole yet in `line`.
            tokio::select! {
                reply = feed.next() => match reply {
                    Some(reply) => self.reply(&reply).await?,
                    None => return Ok(()),
                },
                read = read_into(&mut self.read, &mut line) => {
                    if !read? {
                        return Ok(());
                    }
                    let request = decode(&line);
                    line.clear();
                    match request {
                        Ok(request) => self.obey(request),
                        Err(error) => return self.refuse(error.to_string()).await,
                    }
                }
            }
        }
    }

    /// A further line of an attached session; answered by events only.
    fn obey(&self, request: Request) {
        let input = match request {
            Request::Change(change) => Input::Change(change),
            Request::Digest { generation, digest } => Input::Digest { generation, digest },
            Request::Start => {
                let answer = oneshot::channel().0;
                return self.command(Command::Start { answer });
            }
            Request::Restart => Input::Restart,
            Request::Configure { spec, digest } => {
                let answer = oneshot::channel().0;
                return self.command(Command::Configure {
                    spec,
                    digest,
                    answer,
                });
            }
            Request::Status
            | Request::Shutdown
            | Request::Rest
            | Request::Logs(_)
            | Request::Watch { .. }
            | Request::Attach(_)
            | Request::Usage
            | Request::Await { .. }
            | Request::Signal => return,
        };
        self.command(Command::Input(input));
    }
}
