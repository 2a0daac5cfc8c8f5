//! A context is streamed: what it takes in memory does not grow with it. A
//! program of its own, because the most that was in use is the process's.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;

use hob_builder::{Endpoint, Recipe, build};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

const CONTEXT: u64 = 256 << 20;

#[tokio::test]
async fn a_large_context_is_sent_within_a_few_megabytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let context = folder.path().join("context");
    fs::DirBuilder::new().create(&context).expect("made");
    // Without blocks on the disk.
    let big = File::create_new(context.join("big")).expect("made");
    big.set_len(CONTEXT).expect("sized");
    let dockerfile = context.join("Dockerfile");
    let mut text = File::create_new(&dockerfile).expect("made");
    text.write_all(b"FROM a\nCOPY big /\n").expect("written");
    let socket = folder.path().join("engine.sock");
    let listener = UnixListener::bind(&socket).expect("bound");
    let engine = tokio::spawn(engine(listener));

    let recipe = Recipe {
        dockerfile,
        context,
        target: None,
        args: BTreeMap::new(),
        base: String::new(),
        labels: BTreeMap::new(),
    };
    let before = most_in_use();
    let built = build(&Endpoint::Unix(socket), &recipe, "t", |_| ()).await;
    assert_eq!(built.expect("built"), "sha256:1");
    let grown = most_in_use() - before;
    assert!(engine.await.expect("an engine") > CONTEXT);
    assert!(grown < 32 << 20, "{grown} bytes more");
}

/// Answers a ping and one build; returns how many bytes it was sent.
async fn engine(listener: UnixListener) -> u64 {
    let (mut ping, _) = listener.accept().await.expect("a ping");
    until(&mut ping, b"\r\n\r\n").await;
    ping.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        .await
        .expect("sent");
    let (mut build, _) = listener.accept().await.expect("a build");
    let sent = until(&mut build, b"\r\n0\r\n\r\n").await;
    let body = "{\"aux\":{\"ID\":\"sha256:1\"}}\n";
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    build.write_all(answer.as_bytes()).await.expect("sent");
    sent
}

/// Reads to `end`, the last that is sent; returns how many bytes that was.
async fn until(stream: &mut UnixStream, end: &[u8]) -> u64 {
    let mut piece = vec![0; 1 << 20];
    let mut last = Vec::new();
    let mut sum = 0;
    while !last.ends_with(end) {
        let read = stream.read(&mut piece).await.expect("read");
        assert!(read > 0, "it broke off after {sum} bytes");
        sum += read as u64;
        last.extend_from_slice(&piece[read.saturating_sub(end.len())..read]);
        let surplus = last.len().saturating_sub(end.len());
        last.drain(..surplus);
    }
    sum
}

/// `VmHWM`, in bytes.
fn most_in_use() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("a status");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .expect("a line");
    let kib = line
        .split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse::<u64>().ok());
    kib.expect("a number") * 1024
}
