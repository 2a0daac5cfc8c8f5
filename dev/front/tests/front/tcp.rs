//! Services that speak no HTTP.

use std::time::Duration;

use hob_wire::Protocol;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Front, Process, failure, read_all, read_until, soon};

/// Greets first, as many protocols do, echoes, and says goodbye at the end.
async fn greeter(greeting: &'static str) -> Process {
    Process::raw(move |mut stream| async move {
        stream.write_all(greeting.as_bytes()).await.unwrap();
        let mut piece = [0; 1024];
        while let Ok(read @ 1..) = stream.read(&mut piece).await {
            stream.write_all(&piece[..read]).await.unwrap();
        }
        let _ = stream.write_all(b"goodbye").await;
    })
    .await
}

#[tokio::test]
async fn connections_are_held_passed_half_closed_and_counted() {
    let front = Front::start(|config| config.protocol = Protocol::Tcp).await;
    let mut client = TcpStream::connect(front.addr).await.unwrap();
    let process = greeter("one\n").await;
    front.open(&process, 1);
    read_until(&mut client, "one\n").await;
    client.write_all(b"ping").await.unwrap();
    read_until(&mut client, "ping").await;

    let next = greeter("two\n").await;
    front.open(&next, 2);
    let mut newer = TcpStream::connect(front.addr).await.unwrap();
    read_until(&mut newer, "two\n").await;
    {
        let drained = front.gate.drained(process.addr);
        let mut drained = std::pin::pin!(drained);
        let early = tokio::time::timeout(Duration::from_millis(50), drained.as_mut()).await;
        assert!(early.is_err(), "drained with an open connection");
        client.shutdown().await.unwrap();
        assert_eq!(soon("goodbye", read_all(&mut client)).await, "goodbye");
        soon("drained", drained).await;
    }
    front.gate.close(next.addr);
    assert_eq!(soon("the end", read_all(&mut newer)).await, "");
}

#[tokio::test]
async fn calls_of_grpc_are_bytes_as_well() {
    let front = Front::start(|config| config.protocol = Protocol::Grpc).await;
    let mut client = TcpStream::connect(front.addr).await.unwrap();
    let process = greeter("one\n").await;
    front.open(&process, 1);
    read_until(&mut client, "one\n").await;
    client.write_all(b"PRI * HTTP/2.0\r\n\r\n").await.unwrap();
    read_until(&mut client, "PRI * HTTP/2.0\r\n\r\n").await;
}

#[tokio::test]
async fn past_the_limit_or_after_a_failure_a_connection_is_closed() {
    let limit = Duration::from_millis(30);
    let front = Front::start(|config| {
        config.protocol = Protocol::Tcp;
        config.hold_limit = limit;
    })
    .await;
    let mut client = TcpStream::connect(front.addr).await.unwrap();
    assert_eq!(soon("the end", read_all(&mut client)).await, "");
    front.gate.fail(failure(1));
    let mut client = TcpStream::connect(front.addr).await.unwrap();
    assert_eq!(soon("the end", read_all(&mut client)).await, "");
}

#[tokio::test]
async fn a_connection_waits_for_a_process_that_refuses() {
    let front = Front::start(|config| config.protocol = Protocol::Tcp).await;
    let mut trouble = front.gate.trouble();
    let gone = greeter("gone\n").await;
    front.open(&gone, 1);
    gone.kill().await;
    let mut client = TcpStream::connect(front.addr).await.unwrap();
    assert_eq!(
        soon("trouble", trouble.recv())
            .await
            .unwrap()
            .target
            .generation,
        1
    );
    let process = greeter("back\n").await;
    front.open(&process, 2);
    read_until(&mut client, "back\n").await;
}
