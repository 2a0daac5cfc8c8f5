//! The agent's clients: reads requests, answers them, feeds those who watch.
//! How they come in is `door.rs`.
//!
//! Decides nothing about the service; what changes it goes to the agent's
//! loop as a [`Command`].

mod attached;
mod lines;

use std::io;
use std::sync::Arc;

use hob_wire::{
    Hello, LogLine, LogQuery, Micros, PROTOCOL, Phase, Reply, Request, SessionInfo, Spec, Stream,
    decode, encode,
};
use tokio::io::{AsyncBufRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use self::lines::{Reader, read_line};
use crate::feed::{Feed, too_fast};
use crate::log::Log;
use crate::machine::{Input, RunId};
use crate::publish::View;
use crate::usage;

/// What a connection asks of the agent's loop.
pub enum Command {
    /// Something for the machine.
    Input(Input),
    /// A spec, answered with a refusal if it cannot be taken.
    Configure {
        spec: Box<Spec>,
        digest: String,
        answer: oneshot::Sender<Result<(), String>>,
    },
    /// What the service needs is there; answered once that is kept.
    Start { answer: oneshot::Sender<()> },
    /// A new process; answered with the first run that would satisfy it.
    Restart { answer: oneshot::Sender<RunId> },
    /// No process any more; answered once it is told.
    Rest { answer: oneshot::Sender<()> },
    /// What serves is to read its files anew; answered once it is told.
    Signal { answer: oneshot::Sender<()> },
    /// A session wants to be the one that sends changes.
    Attach {
        info: SessionInfo,
        answer: oneshot::Sender<Result<Option<Micros>, SessionInfo>>,
    },
    /// The attached session is gone.
    Detach,
}

/// What every connection works with.
#[derive(Clone)]
pub struct Shared {
    pub commands: mpsc::UnboundedSender<Command>,
    pub replies: broadcast::Sender<Arc<Reply>>,
    pub view: watch::Receiver<View>,
    pub log: Log,
    /// Held by each connection that must have its answer before the agent goes.
    pub farewell: mpsc::WeakSender<()>,
}

/// What a client may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// Anything.
    Command,
    /// How the service is, and to be told when that changes.
    Look,
}

/// One client, however it came.
pub struct Connection {
    read: Reader,
    write: Box<dyn AsyncWrite + Send + Unpin>,
    shared: Shared,
}

impl Connection {
    /// A client that has said nothing yet.
    pub fn new(
        read: impl AsyncBufRead + Send + Unpin + 'static,
        write: impl AsyncWrite + Send + Unpin + 'static,
        shared: Shared,
    ) -> Self {
        Self {
            read: Box::new(read),
            write: Box::new(write),
            shared,
        }
    }

    /// Answers the client's one request, if it may ask for that.
    ///
    /// # Errors
    /// It went away.
    pub async fn serve(mut self, rights: Rights) -> io::Result<()> {
        let Some(hello) = read_line(&mut self.read).await? else {
            return Ok(());
        };
        let hello: Hello = match decode(&hello) {
            Ok(hello) => hello,
            Err(error) => return self.refuse(error.to_string()).await,
        };
        if hello.protocol != PROTOCOL {
            return self.reply(&Reply::Version { protocol: PROTOCOL }).await;
        }
        let Some(line) = read_line(&mut self.read).await? else {
            return Ok(());
        };
        let request: Request = match decode(&line) {
            Ok(request) => request,
            Err(error) => return self.refuse(error.to_string()).await,
        };
        let looks = matches!(request, Request::Status | Request::Watch { .. });
        if rights == Rights::Look && !looks {
            let reason = "commands are taken from outside of this container only";
            return self.refuse(reason.into()).await;
        }
        self.answer(request).await
    }

    async fn answer(&mut self, request: Request) -> io::Result<()> {
        match request {
            Request::Status => {
                let status = self.shared.view.borrow().status.clone();
                self.reply(&Reply::Status(Box::new(status))).await
            }
            Request::Configure { spec, digest } => self.configure(spec, digest).await,
            Request::Start => self.start().await,
            Request::Restart => self.restart().await,
            Request::Rest => self.rest().await,
            Request::Signal => self.signal().await,
            Request::Shutdown => self.shutdown().await,
            Request::Logs(query) => self.logs(query).await,
            Request::Watch { logs } => self.watch(logs).await,
            Request::Attach(info) => self.attach(info).await,
            Request::Change(_) | Request::Digest { .. } => {
                self.refuse("only an attached session may send changes".into())
                    .await
            }
            Request::Await { generation } => self.wait_for(generation).await,
            Request::Usage => self.usage().await,
        }
    }

    async fn start(&mut self) -> io::Result<()> {
        let (answer, answered) = oneshot::channel();
        self.command(Command::Start { answer });
        match answered.await {
            Ok(()) => self.reply(&Reply::Done).await,
            Err(_) => self.refuse("the agent is going down".into()).await,
        }
    }

    async fn signal(&mut self) -> io::Result<()> {
        let (answer, answered) = oneshot::channel();
        self.command(Command::Signal { answer });
        match answered.await {
            Ok(()) => self.reply(&Reply::Done).await,
            Err(_) => self.refuse("the agent is going down".into()).await,
        }
    }

    async fn configure(&mut self, spec: Box<Spec>, digest: String) -> io::Result<()> {
        let (answer, answered) = oneshot::channel();
        self.command(Command::Configure {
            spec,
            digest,
            answer,
        });
        match answered.await {
            Ok(Ok(())) => self.reply(&Reply::Done).await,
            Ok(Err(reason)) => self.refuse(reason).await,
            Err(_) => self.refuse("the agent is going down".into()).await,
        }
    }

    async fn restart(&mut self) -> io::Result<()> {
        let (answer, answered) = oneshot::channel();
        self.command(Command::Restart { answer });
        let Ok(run) = answered.await else {
            return self.refuse("the agent is going down".into()).await;
        };
        let serves = move |view: &View| view.serving.is_some_and(|serving| serving >= run);
        let done = |view: &View| !coming(view) && view.status.done.is_some();
        self.until(
            move |view| view.over || !coming(view) || serves(view),
            move |view| serves(view) || done(view),
        )
        .await
    }

    async fn rest(&mut self) -> io::Result<()> {
        let (answer, answered) = oneshot::channel();
        self.command(Command::Rest { answer });
        if answered.await.is_err() {
            return self.refuse("the agent is going down".into()).await;
        }
        self.until(|view| view.over || !view.runs, |view| !view.runs)
            .await
    }

    async fn wait_for(&mut self, generation: u64) -> io::Result<()> {
        let serves = move |view: &View| {
            view.status
                .serving
                .as_ref()
                .is_some_and(|it| it.generation >= generation)
                || view.status.done.is_some_and(|done| done >= generation)
        };
        let failed = move |view: &View| {
            view.status
                .problem
                .as_ref()
                .is_some_and(|it| it.generation >= generation)
                && !coming(view)
        };
        self.until(
            move |view| view.over || serves(view) || failed(view),
            serves,
        )
        .await
    }

    /// Waits for a view that `settled` accepts: `Done` if `good` does too,
    /// else the status and a refusal with its problem.
    async fn until(
        &mut self,
        settled: impl Fn(&View) -> bool,
        good: impl Fn(&View) -> bool,
    ) -> io::Result<()> {
        let mut view = self.shared.view.clone();
        let view = tokio::select! {
            view = view.wait_for(settled) => view.map(|view| view.clone()),
            // The client has gone; nobody wants the answer.
            _ = read_line(&mut self.read) => return Ok(()),
        };
        let Ok(view) = view else {
            return self.refuse("the agent is going down".into()).await;
        };
        if good(&view) {
            return self.reply(&Reply::Done).await;
        }
        let reason = match &view.status.problem {
            Some(problem) => problem.message.clone(),
            None if view.over => "the agent is going down".into(),
            None => "it does not serve".into(),
        };
        self.reply(&Reply::Status(Box::new(view.status))).await?;
        self.refuse(reason).await
    }

    async fn shutdown(&mut self) -> io::Result<()> {
        let _answer_first = self.shared.farewell.upgrade();
        self.command(Command::Input(Input::Shutdown));
        let mut view = self.shared.view.clone();
        // An error means that the loop has ended, which is as good.
        let _ = view.wait_for(|view| view.over).await;
        self.reply(&Reply::Done).await
    }

    async fn usage(&mut self) -> io::Result<()> {
        match usage::measure().await {
            Ok(usage) => {
                self.reply(&Reply::Usage {
                    cpu_percent: usage.cpu_percent,
                    memory_bytes: usage.memory_bytes,
                })
                .await
            }
            Err(error) => {
                self.refuse(format!("cannot look at the processes: {error}"))
                    .await
            }
        }
    }

    async fn logs(&mut self, query: LogQuery) -> io::Result<()> {
        let (mut stored, mut feed) = self.shared.log.follow();
        // Read elsewhere and handed over piece by piece: the files are large,
        // this is the thread of all, and the client may be slow.
        let (lines, mut read) = mpsc::channel(64);
        tokio::task::spawn_blocking(move || {
            stored.each(&query, |line| lines.blocking_send(line).is_ok());
        });
        while let Some(line) = read.recv().await {
            self.reply(&Reply::Log(line)).await?;
        }
        if !query.follow {
            return self.reply(&Reply::Done).await;
        }
        loop {
            let line = tokio::select! {
                line = feed.recv() => line,
                _ = read_line(&mut self.read) => return Ok(()),
            };
            match line {
                Ok((_, line)) => self.reply(&Reply::Log(line)).await?,
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    let line = LogLine {
                        at: crate::log::now(),
                        stream: Stream::Hob,
                        generation: 0,
                        text: too_fast(missed),
                    };
                    self.reply(&Reply::Log(line)).await?;
                }
                Err(broadcast::error::RecvError::Closed) => return Ok(()),
            }
        }
    }

    async fn watch(&mut self, logs: bool) -> io::Result<()> {
        let mut feed = Feed::new(&self.shared, logs);
        let first = Reply::Status(Box::new(self.shared.view.borrow().status.clone()));
        self.reply(&first).await?;
        loop {
            tokio::select! {
                reply = feed.next() => match reply {
                    Some(reply) => self.reply(&reply).await?,
                    None => return Ok(()),
                },
                _ = read_line(&mut self.read) => return Ok(()),
            }
        }
    }

    fn command(&self, command: Command) {
        // The loop may have ended; the connection ends with it.
        let _ = self.shared.commands.send(command);
    }

    async fn refuse(&mut self, reason: String) -> io::Result<()> {
        self.reply(&Reply::Refused {
            reason,
            session: None,
        })
        .await
    }

    async fn reply(&mut self, reply: &Reply) -> io::Result<()> {
        self.write.write_all(&encode(reply)).await
    }
}

/// Whether something is on its way that may serve: no problem is final yet.
fn coming(view: &View) -> bool {
    let phase = view.status.phase;
    matches!(phase, Phase::Starting | Phase::Updating | Phase::Building)
}
