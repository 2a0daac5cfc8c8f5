//! A Debian base without a registry: `mmdebstrap` on this machine, its
//! archive piped into the engine.
#![expect(
    clippy::disallowed_methods,
    reason = "mmdebstrap is the one program that this crate runs"
)]

mod command;
mod failure;

use std::io;
use std::time::Duration;

use hyper::body::Bytes;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{ChildStderr, ChildStdout, Command};
use tokio::sync::mpsc;

use self::command::command;
use self::failure::failed;
use super::group::Group;
use super::{BaseError, Name, Tail};
use crate::archive::WAITING;
use crate::build::Output;
use crate::error::Kind;
use crate::http::{self, Endpoint, Lines, Pieces};

/// Ten seconds are usual; a slow mirror takes minutes.
const LIMIT: Duration = Duration::from_secs(900);

/// Makes `image` from the suite; see [`super::ensure`].
///
/// # Errors
/// A missing `mmdebstrap`, its failure, or the engine's.
#[doc(hidden)]
pub async fn bootstrap(
    endpoint: &Endpoint,
    suite: &str,
    image: &str,
    mirrors: &[String],
    progress: impl FnMut(Output) + Send,
) -> Result<(), BaseError> {
    let name = Name::parse(image)?;
    let command = command("mmdebstrap", suite, name.tag.ends_with("-slim"), mirrors);
    make(endpoint, suite, &name, command, progress).await
}

async fn make(
    endpoint: &Endpoint,
    suite: &str,
    name: &Name<'_>,
    mut command: Command,
    mut progress: impl FnMut(Output) + Send,
) -> Result<(), BaseError> {
    let mut child = command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            let message = format!(
                "`{}:{}` cannot be pulled, and `mmdebstrap`, which could make it, is not installed",
                name.repository, name.tag
            );
            BaseError::new(Kind::Prerequisite, message).hint("`apt-get install mmdebstrap`")
        }
        _ => BaseError::new(
            Kind::Operation,
            format!("mmdebstrap cannot be started: {error}"),
        ),
    })?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let mut group = Group::of(child);
    let (Some(out), Some(err)) = (out, err) else {
        return Err(BaseError::new(Kind::Operation, "mmdebstrap has no output"));
    };

    let (pieces, body) = mpsc::channel(WAITING);
    let mut tail = Tail::default();
    let work = async {
        let import = import(endpoint, name, body);
        let make = async {
            let (copied, ()) = tokio::join!(
                copy(out, &pieces),
                tell(err, suite, &mut tail, &mut progress)
            );
            let made = match group.wait().await {
                Ok(true) => Ok(()),
                Ok(false) => Err("it failed".to_owned()),
                Err(error) => Err(error.to_string()),
            };
            if made.is_err() {
                // The engine must not take a part for the whole.
                let _ = pieces
                    .send(Err(io::Error::other("mmdebstrap failed")))
                    .await;
            }
            drop(pieces);
            (made, copied)
        };
        tokio::join!(make, import)
    };
    let ((made, copied), imported) = tokio::time::timeout(LIMIT, work).await.map_err(|_| {
        let limit = LIMIT.as_secs() / 60;
        BaseError::new(
            Kind::Operation,
            format!("mmdebstrap did not end within {limit} min"),
        )
    })?;
    match (made, copied, imported) {
        (Ok(()), Ok(()), imported) => imported,
        // An engine that refuses reads no more, so mmdebstrap fails, too.
        (_, Err(_), Err(refused)) => Err(refused),
        (Err(reason), ..) => Err(failed(suite, &reason, tail)),
        (Ok(()), Err(error), Ok(())) => Err(failed(suite, &error.to_string(), tail)),
    }
}

/// <https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Image/operation/ImageCreate>
async fn import(
    endpoint: &Endpoint,
    name: &Name<'_>,
    body: mpsc::Receiver<io::Result<Bytes>>,
) -> Result<(), BaseError> {
    let path = http::query([
        ("fromSrc", "-".to_owned()),
        ("repo", name.repository.to_owned()),
        ("tag", name.tag.to_owned()),
        ("changes", r#"CMD ["bash"]"#.to_owned()),
    ]);
    let request = http::request("POST", &format!("/images/create?{path}"), Pieces(body));
    let mut lines = Lines::of(http::send(endpoint, request, None).await?);
    while let Some(line) = lines.next().await? {
        if let Ok(super::Progress {
            error: Some(error), ..
        }) = serde_json::from_slice(&line)
        {
            return Err(BaseError::new(
                Kind::Operation,
                format!("the engine did not take the base image: {error}"),
            ));
        }
    }
    Ok(())
}

async fn copy(mut out: ChildStdout, pieces: &mpsc::Sender<io::Result<Bytes>>) -> io::Result<()> {
    let mut piece = vec![0; 256 << 10];
    loop {
        let read = out.read(&mut piece).await?;
        if read == 0 {
            return Ok(());
        }
        let sent = pieces
            .send(Ok(Bytes::copy_from_slice(&piece[..read])))
            .await;
        sent.map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the engine reads no more"))?;
    }
}

async fn tell(err: ChildStderr, suite: &str, tail: &mut Tail, progress: &mut impl FnMut(Output)) {
    let step = format!("mmdebstrap {suite}");
    let mut lines = BufReader::new(err).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        let line = String::from_utf8_lossy(&line);
        let text = line
            .trim_end()
            .rsplit('\r')
            .next()
            .unwrap_or_default()
            .to_owned();
        tail.push(text.clone());
        progress(Output {
            step: Some(step.clone()),
            text,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use super::*;
    use crate::base::group::GRACE;
    use crate::fake::Fake;

    fn words(lines: &[&str]) -> String {
        let mut tail = Tail::default();
        lines.iter().for_each(|line| tail.push((*line).to_owned()));
        failed("nosuch", "it failed", tail).message
    }

    /// Runs `script` as if it were `mmdebstrap`.
    async fn made(engine: &Fake, script: &str) -> Result<(), BaseError> {
        let mut command = Command::new("sh");
        command.args(["-c", script]).process_group(0);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let name = Name::parse("debian:trixie")?;
        make(&engine.endpoint, "trixie", &name, command, |_| ()).await
    }

    #[tokio::test]
    async fn what_is_made_goes_into_the_engine_whole() {
        let mut engine = Fake::new(|_| (200, String::new()));
        made(&engine, "head -c 1000000 /dev/zero; echo talk >&2")
            .await
            .expect("made");
        let heard = engine.heard().await;
        assert!(
            heard.path.contains("fromSrc=%2D&repo=debian&tag=trixie&"),
            "{heard:?}"
        );
        assert_eq!((heard.bytes, heard.whole), (1_000_000, true));
    }

    #[tokio::test]
    async fn a_part_is_never_taken_for_the_whole() {
        let mut engine = Fake::new(|_| (200, String::new()));
        let error = made(
            &engine,
            "head -c 5000000 /dev/zero; echo 'E: no luck' >&2; exit 1",
        )
        .await
        .expect_err("it fails");
        assert_eq!(error.message, "mmdebstrap could not make `trixie`: no luck");
        assert_eq!(error.output, ["E: no luck"]);
        assert!(!engine.heard().await.whole);
    }

    #[tokio::test]
    async fn an_engine_that_refuses_is_quoted() {
        let engine = Fake::new(|_| (500, r#"{"message":"no room"}"#.into()));
        let error = made(&engine, "echo talk >&2; cat /dev/zero")
            .await
            .expect_err("it fails");
        assert_eq!(error.message, "no room");
    }

    #[tokio::test]
    async fn a_program_that_is_missing_is_named_with_what_installs_it() {
        let engine = Fake::new(|_| (200, String::new()));
        let command = command("no-such-program-here", "trixie", false, &[]);
        let name = Name::parse("debian:trixie").expect("a name");
        let made = make(&engine.endpoint, "trixie", &name, command, |_| ()).await;
        let error = made.expect_err("it fails");
        assert_eq!(
            (error.kind, error.hints),
            (
                Kind::Prerequisite,
                vec!["`apt-get install mmdebstrap`".to_owned()]
            )
        );
    }

    /// The pipe that all of the group hold is closed once they have ended.
    #[tokio::test]
    async fn the_whole_group_ends_when_the_future_is_dropped() {
        let (mut reader, writer) = tokio::net::unix::pipe::pipe()
            .map(|(writer, reader)| (reader, writer))
            .expect("a pipe");
        let engine = Fake::new(|_| (200, String::new()));
        let mut command = Command::new("sh");
        command
            .args(["-c", "sleep 3000 & echo begun >&2; wait"])
            .process_group(0);
        command.stdin(Stdio::from(writer.into_blocking_fd().expect("blocking")));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let name = Name::parse("debian:trixie").expect("a name");
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let mut begun = Some(begun);
        let making = make(&engine.endpoint, "trixie", &name, command, |_| {
            let _ = begun.take().map(|begun| begun.send(()));
        });
        tokio::select! {
            made = making => panic!("it ended: {made:?}"),
            begun = has_begun => begun.expect("it began"),
        }
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(GRACE * 2, reader.read_to_end(&mut rest)).await;
        ended.expect("it ends in time").expect("read");
    }

    #[test]
    fn what_mmdebstrap_says_is_told_in_plain_words() {
        assert_eq!(
            words(&[
                "E: The repository 'x nosuch Release' does not have a Release file.",
                "E: apt-get update failed"
            ]),
            "the Debian mirror has no suite `nosuch`"
        );
        assert_eq!(
            words(&["W: a", "E: setup failed: b", "I: done"]),
            "mmdebstrap could not make `nosuch`: setup failed: b"
        );
        assert_eq!(words(&[]), "mmdebstrap could not make `nosuch`: it failed");
    }

    #[test]
    fn only_slim_leaves_documentation_out() {
        let has = |slim| {
            format!("{:?}", command("mmdebstrap", "trixie", slim, &[]).as_std())
                .contains("path-exclude")
        };
        assert!(has(true) && !has(false));
    }

    #[test]
    fn mirrors_come_last_and_are_no_options() {
        let mirrors = [
            "http://one/debian".to_owned(),
            "http://two/debian".to_owned(),
        ];
        let command = command("mmdebstrap", "trixie", false, &mirrors);
        let args: Vec<_> = command
            .as_std()
            .get_args()
            .filter_map(|arg| arg.to_str())
            .collect();
        assert!(args.ends_with(&[
            "--",
            "trixie",
            "-",
            "http://one/debian",
            "http://two/debian"
        ]));
    }
}
