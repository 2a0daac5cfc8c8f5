//! No request fails because of a swap.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use http::Response;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::{Client, Front, Process, read_until, soon, text, until};

/// A process that says its generation, after a moment in which it is busy.
async fn process(generation: u64) -> Process {
    Process::http(move |request| async move {
        let body = http_body_util::BodyExt::collect(request.into_body()).await;
        let body = body.unwrap().to_bytes();
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        Response::new(text(format!("{generation} {}", body.len())))
    })
    .await
}

/// Clients that ask without pause, by GET and POST, over kept connections.
struct Load {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    clients: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn start(front: &Front, clients: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::new(AtomicUsize::new(0));
        let addr = front.addr;
        let clients = (0..clients)
            .map(|number| {
                let (stop, asked) = (Arc::clone(&stop), Arc::clone(&asked));
                tokio::spawn(async move {
                    let mut client = Client::connect(addr).await;
                    let mut newest = 0;
                    while !stop.load(Ordering::Relaxed) {
                        let (answer, length) = if number % 2 == 0 {
                            (client.get("/").await, 0)
                        } else {
                            (
                                client.post("/", "x".repeat(number * 100)).await,
                                number * 100,
                            )
                        };
                        let (status, generation, body) = answer.unwrap();
                        assert_eq!(status, 200, "{body}");
                        assert_eq!(body, format!("{generation} {length}"));
                        assert!(generation >= newest, "{generation} after {newest}");
                        newest = generation;
                        asked.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        Self {
            stop,
            asked,
            clients,
        }
    }

    /// Waits until so many more requests were answered.
    async fn pass(&self, more: usize) {
        let goal = self.asked.load(Ordering::Relaxed) + more;
        until("requests", || {
            self.asked.load(Ordering::Relaxed) >= goal
                || self.clients.iter().any(|it| it.is_finished())
        })
        .await;
    }

    async fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            soon("client", client).await.unwrap();
        }
        self.asked.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn nothing_fails_over_300_overlapping_swaps() {
    let front = Front::start(|_| {}).await;
    let mut old = process(1).await;
    front.open(&old, 1);
    let load = Load::start(&front, 16);
    for generation in 2..=300 {
        load.pass(20).await;
        let new = process(generation).await;
        front.open(&new, generation);
        soon("drained", front.gate.drained(old.addr)).await;
        front.gate.close(old.addr);
        std::mem::replace(&mut old, new).kill().await;
    }
    assert!(load.end().await >= 299 * 20);
}

#[tokio::test]
async fn nothing_fails_over_300_exclusive_swaps() {
    let front = Front::start(|_| {}).await;
    let mut old = process(1).await;
    front.open(&old, 1);
    let load = Load::start(&front, 16);
    for generation in 2..=300 {
        load.pass(20).await;
        front.gate.hold("goapi is being restarted".to_owned());
        soon("drained", front.gate.drained(old.addr)).await;
        front.gate.close(old.addr);
        old.kill().await;
        old = process(generation).await;
        front.open(&old, generation);
    }
    assert!(load.end().await >= 299 * 20);
}

/// The drain cannot end between "this is the target" and "it is in flight":
/// the old process is killed in the very moment of the drain's end.
#[tokio::test]
async fn a_drained_process_has_no_request() {
    let front = Front::start(|_| {}).await;
    let served = Arc::new(AtomicUsize::new(0));
    let busy = Arc::clone(&served);
    let slow = Process::http(move |request| {
        busy.fetch_add(1, Ordering::SeqCst);
        let busy = Arc::clone(&busy);
        async move {
            let body = http_body_util::BodyExt::collect(request.into_body()).await;
            let length = body.unwrap().to_bytes().len();
            for _ in 0..50 {
                tokio::task::yield_now().await;
            }
            busy.fetch_sub(1, Ordering::SeqCst);
            Response::new(text(format!("1 {length}")))
        }
    })
    .await;
    front.open(&slow, 1);
    let load = Load::start(&front, 8);
    load.pass(10).await;
    until("a request in the process", || {
        served.load(Ordering::SeqCst) > 0
    })
    .await;
    let new = process(2).await;
    front.open(&new, 2);
    soon("drained", front.gate.drained(slow.addr)).await;
    assert_eq!(served.load(Ordering::SeqCst), 0);
    slow.kill().await;
    load.pass(50).await;
    load.end().await;
}

#[tokio::test]
async fn a_restart_of_the_same_generation_drains_the_old_process_only() {
    let front = Front::start(|_| {}).await;
    let old = process(1).await;
    front.open(&old, 1);
    let load = Load::start(&front, 8);
    load.pass(20).await;
    let new = process(1).await;
    front.open(&new, 1);
    soon(
        "drained although the new one is busy",
        front.gate.drained(old.addr),
    )
    .await;
    front.gate.close(old.addr);
    old.kill().await;
    load.pass(100).await;
    load.end().await;
}

#[tokio::test]
async fn a_request_is_in_flight_until_its_last_byte() {
    let (finish, finished) = tokio::sync::watch::channel(false);
    let process = Process::raw(move |mut stream| {
        let mut finished = finished.clone();
        async move {
            read_until(&mut stream, "\r\n\r\n").await;
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
                .await
                .unwrap();
            finished.wait_for(|it| *it).await.unwrap();
            stream.write_all(b"half").await.unwrap();
        }
    })
    .await;
    let front = Front::before(&process).await;
    let mut client = TcpStream::connect(front.addr).await.unwrap();
    client
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    read_until(&mut client, "half").await;
    front.gate.hold("test".to_owned());
    let drained = front.gate.drained(process.addr);
    let mut drained = std::pin::pin!(drained);
    let early = tokio::time::timeout(Duration::from_millis(50), drained.as_mut()).await;
    assert!(early.is_err(), "drained with half an answer to go");
    finish.send(true).unwrap();
    read_until(&mut client, "half").await;
    soon("drained", drained).await;
}

#[tokio::test]
async fn the_first_answer_of_each_generation_is_told_once() {
    let front = Front::start(|_| {}).await;
    let mut first = front.gate.first_answers();
    let process = process(1).await;
    let mut client = front.client().await;
    for generation in [3, 4] {
        front.open(&process, generation);
        for _ in 0..3 {
            assert_eq!(client.get("/").await.unwrap().1, generation);
        }
    }
    front.gate.reload(5);
    assert_eq!(client.get("/").await.unwrap().1, 5);
    let mut told = Vec::new();
    while let Ok((generation, _)) = first.try_recv() {
        told.push(generation);
    }
    assert_eq!(told, [3, 4, 5]);
}
