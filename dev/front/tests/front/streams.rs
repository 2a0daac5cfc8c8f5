//! Tunnels and event streams: they do not count, and end when told.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Front, Process, read_all, read_until, soon};

/// Switches to any protocol, then echoes bytes until its reading side ends,
/// and says goodbye.
async fn echo() -> Process {
    Process::raw(|mut stream| async move {
        let head = read_until(&mut stream, "\r\n\r\n").await;
        let wanted = head.lines().find_map(|line| line.to_lowercase().strip_prefix("upgrade: ").map(str::to_owned));
        let Some(wanted) = wanted else {
            let refused = b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(refused).await.unwrap();
            return;
        };
        let answer = format!("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {wanted}\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nfirst");
        stream.write_all(answer.as_bytes()).await.unwrap();
        let mut piece = [0; 1024];
        while let Ok(read @ 1..) = stream.read(&mut piece).await {
            stream.write_all(&piece[..read]).await.unwrap();
        }
        let _ = stream.write_all(b"goodbye").await;
    })
    .await
}

async fn upgrade(front: &Front, protocol: &str) -> (TcpStream, String) {
    let mut client = TcpStream::connect(front.addr).await.unwrap();
    let request = format!(
        "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: {protocol}\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    client.write_all(request.as_bytes()).await.unwrap();
    let head = read_until(&mut client, "\r\n\r\n").await;
    (client, head)
}

#[tokio::test]
async fn a_websocket_outlives_the_drain_and_ends_with_the_close() {
    let process = echo().await;
    let front = Front::before(&process).await;
    let (mut client, head) = upgrade(&front, "websocket").await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    let lower = head.to_lowercase();
    assert!(lower.contains("\r\nconnection: upgrade\r\n"), "{head}");
    assert!(lower.contains("\r\nupgrade: websocket\r\n"), "{head}");
    assert!(
        head.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
        "{head}"
    );
    assert!(lower.contains("\r\nhob-generation: 1\r\n"), "{head}");
    read_until(&mut client, "first").await;

    let next = Process::saying("next").await;
    front.open(&next, 2);
    soon(
        "drained although a tunnel is open",
        front.gate.drained(process.addr),
    )
    .await;
    client.write_all(b"\x81\x05hello").await.unwrap();
    read_until(&mut client, "hello").await;
    front.gate.close(process.addr);
    assert_eq!(soon("the end", read_all(&mut client)).await, "");
}

#[tokio::test]
async fn any_upgrade_is_a_tunnel_with_half_close() {
    let process = echo().await;
    let front = Front::before(&process).await;
    let (mut client, head) = upgrade(&front, "x-own/1").await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    client.write_all(b"ping").await.unwrap();
    read_until(&mut client, "ping").await;
    client.shutdown().await.unwrap();
    assert_eq!(soon("the end", read_all(&mut client)).await, "goodbye");
}

#[tokio::test]
async fn an_upgrade_that_is_refused_is_an_ordinary_answer() {
    let process = Process::once("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno").await;
    let front = Front::before(&process).await;
    let (mut client, head) = upgrade(&front, "websocket").await;
    assert!(head.starts_with("HTTP/1.1 403"), "{head}");
    read_until(&mut client, "no").await;
}

#[tokio::test]
async fn a_held_upgrade_is_made_when_the_gate_opens() {
    let front = Front::start(|_| {}).await;
    let process = echo().await;
    let (client, ()) = soon("both", async {
        tokio::join!(upgrade(&front, "websocket"), async {
            front.open(&process, 1)
        })
    })
    .await;
    assert!(client.1.starts_with("HTTP/1.1 101"), "{}", client.1);
}

/// Sends an event for each word, and tells how its connection ended.
async fn events(
    words: tokio::sync::watch::Receiver<u64>,
    gone: tokio::sync::mpsc::UnboundedSender<()>,
) -> Process {
    Process::raw(move |mut stream| {
        let (mut words, gone) = (words.clone(), gone.clone());
        async move {
            read_until(&mut stream, "\r\n\r\n").await;
            let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n";
            stream.write_all(head).await.unwrap();
            loop {
                tokio::select! {
                    changed = words.changed() => {
                        if changed.is_err() { return }
                        let event = format!("data: {}\n\n", *words.borrow_and_update());
                        stream.write_all(event.as_bytes()).await.unwrap();
                    }
                    _ = stream.read_u8() => {
                        let _ = gone.send(());
                        return;
                    }
                }
            }
        }
    })
    .await
}

#[tokio::test]
async fn events_pass_at_once_do_not_count_and_end_with_either_side() {
    let (say, words) = tokio::sync::watch::channel(0);
    let (gone, mut ended) = tokio::sync::mpsc::unbounded_channel();
    let process = events(words, gone).await;
    let front = Front::before(&process).await;
    let ask = b"GET /events HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\nConnection: close\r\n\r\n";
    let mut client = TcpStream::connect(front.addr).await.unwrap();
    client.write_all(ask).await.unwrap();
    read_until(&mut client, "\r\n\r\n").await;
    for number in 1..4 {
        say.send(number).unwrap();
        read_until(&mut client, &format!("data: {number}\n\n")).await;
    }
    front.gate.hold("test".to_owned());
    soon(
        "drained although events flow",
        front.gate.drained(process.addr),
    )
    .await;
    front.open(&process, 1);

    // The client goes: the process is told without another event.
    drop(client);
    soon("the process hears of it", ended.recv()).await.unwrap();

    // The process goes: the client is told.
    let mut client = TcpStream::connect(front.addr).await.unwrap();
    client.write_all(ask).await.unwrap();
    read_until(&mut client, "\r\n\r\n").await;
    process.kill().await;
    soon("the end", read_all(&mut client)).await;

    // And so is one whose target is closed.
    let (_say, words) = tokio::sync::watch::channel(0);
    let (gone, _ended) = tokio::sync::mpsc::unbounded_channel();
    let process = events(words, gone).await;
    front.open(&process, 2);
    let mut client = TcpStream::connect(front.addr).await.unwrap();
    client.write_all(ask).await.unwrap();
    read_until(&mut client, "\r\n\r\n").await;
    front.gate.close(process.addr);
    soon("the end", read_all(&mut client)).await;
}
