//! The session's own socket: `wait` and `down` of other terminals ask here.

#![expect(
    clippy::disallowed_methods,
    reason = "the session makes this socket and removes it"
)]

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hob_wire::{Hello, LINE_LIMIT, PROTOCOL, Reply, SessionRequest, decode, encode};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};

/// A request and where its answer goes.
pub(crate) struct Asked {
    pub(crate) request: SessionRequest,
    pub(crate) answer: oneshot::Sender<Reply>,
}

/// The socket; its file goes with it.
pub(crate) struct Socket {
    path: PathBuf,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.task.abort();
        // Nobody can ask any more either way.
        let _ = fs::remove_file(&self.path);
    }
}

/// Listens at `path`, whose folder is there and private.
pub(crate) fn listen(path: &Path, asked: mpsc::UnboundedSender<Asked>) -> io::Result<Socket> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    let task = tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                // Out of descriptors: connections that end free some.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let asked = asked.clone();
            tokio::spawn(async move {
                // A client that went away is no concern of the session's.
                let _ = serve(stream, &asked).await;
            });
        }
    });
    Ok(Socket {
        path: path.to_owned(),
        task,
    })
}

async fn serve(stream: UnixStream, asked: &mpsc::UnboundedSender<Asked>) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read.take(LINE_LIMIT as u64));
    let mut line = Vec::new();
    read.read_until(b'\n', &mut line).await?;
    let reply = match decode::<Hello>(&line) {
        Ok(hello) if hello.protocol == PROTOCOL => {
            line.clear();
            read.read_until(b'\n', &mut line).await?;
            match decode(&line) {
                Ok(request) => ask(request, asked).await,
                Err(error) => refusal(&error.to_string()),
            }
        }
        Ok(_) => Reply::Version { protocol: PROTOCOL },
        Err(error) => refusal(&error.to_string()),
    };
    write.write_all(&encode(&reply)).await
}

async fn ask(request: SessionRequest, asked: &mpsc::UnboundedSender<Asked>) -> Reply {
    let (answer, answered) = oneshot::channel();
    let gone = || refusal("the dev session is over");
    match asked.send(Asked { request, answer }) {
        Ok(()) => answered.await.unwrap_or_else(|_| gone()),
        Err(_) => gone(),
    }
}

fn refusal(reason: &str) -> Reply {
    Reply::Refused {
        reason: reason.to_owned(),
        session: None,
    }
}
