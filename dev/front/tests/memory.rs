//! A body of a gigabyte passes both ways in memory that does not depend on it.
//! On its own, because what is measured is the whole process.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use hob_front::{Config, Gate, Target, serve};
use hob_wire::Protocol;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const LENGTH: usize = 1 << 30;
const PIECE: usize = 64 << 10;
/// What a body may cost: sockets' and connections' buffers, far below it.
const BOUND: usize = 48 << 20;

/// Bytes of memory that the process has resident.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// Reads that many bytes, checks the memory as it goes, and now and then is
/// slower than the writer.
async fn drink(stream: &mut TcpStream, most: usize) {
    let mut piece = vec![0; PIECE];
    let mut left = LENGTH;
    let mut looks = 0;
    while left > 0 {
        let most_now = PIECE.min(left);
        let read = stream.read(&mut piece[..most_now]).await.unwrap();
        assert!(read > 0, "cut with {left} bytes to go");
        left -= read;
        if left / (16 << 20) != (left + read) / (16 << 20) {
            looks += 1;
            let now = resident();
            assert!(
                now < most,
                "{} MiB resident with {} MiB to go",
                now >> 20,
                left >> 20
            );
            // Everything before it would pile up here if it were kept.
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    assert!(looks >= 60);
}

async fn pour(stream: &mut TcpStream) {
    let piece = vec![b'x'; PIECE];
    for _ in 0..LENGTH / PIECE {
        stream.write_all(&piece).await.unwrap();
    }
}

#[tokio::test]
async fn a_gigabyte_passes_both_ways_in_constant_memory() {
    let process = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = process.local_addr().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let front = listener.local_addr().unwrap();
    let gate = Gate::new();
    gate.open(Target {
        addr,
        generation: 1,
    });
    let config = Config::new("goapi", Protocol::Http);
    tokio::spawn(serve(listener, gate, config, std::future::pending()));

    let mut client = TcpStream::connect(front).await.unwrap();
    let most = resident() + BOUND;
    let upload = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {LENGTH}\r\n\r\n");
    client.write_all(upload.as_bytes()).await.unwrap();
    let (mut server, _) = process.accept().await.unwrap();
    head(&mut server).await;
    tokio::join!(pour(&mut client), drink(&mut server, most));

    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n");
    server.write_all(answer.as_bytes()).await.unwrap();
    assert!(head(&mut client).await.starts_with("HTTP/1.1 200"));
    tokio::join!(pour(&mut server), drink(&mut client, most));
}
