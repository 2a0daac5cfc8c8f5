//! What the front costs: the same requests to a process directly and through
//! the front, in one run.
//!
//! `cargo run --release -p hob-front --example overhead`
//!
//! Process, front and client each have one thread with a runtime of its own,
//! as they have one process each in earnest. Rounds of both ways alternate, so
//! that a busy moment of the machine does not fall on one of them.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement for people"
)]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hob_front::{Config, Gate, Target, serve};
use hob_wire::Protocol;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty, Full};
use hyper::client::conn::http1;
use hyper::server;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

const ROUNDS: usize = 20;
const REQUESTS: usize = 1_000;
const CLIENTS: usize = 32;
const BURST: Duration = Duration::from_millis(300);

fn main() {
    let process = process();
    let front = front(process);
    let runtime = runtime();
    let (mut direct, mut through) = (Vec::new(), Vec::new());
    let (mut direct_rate, mut through_rate) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let one = runtime.block_on(latencies(process));
        let other = runtime.block_on(latencies(front));
        let one_rate = runtime.block_on(rate(process));
        let other_rate = runtime.block_on(rate(front));
        // The first round warms up.
        if round > 0 {
            direct.extend(one);
            through.extend(other);
            direct_rate.push(one_rate);
            through_rate.push(other_rate);
        }
    }
    let [d50, d99] = percentiles(&mut direct);
    let [t50, t99] = percentiles(&mut through);
    let (dr, tr) = (median(&mut direct_rate), median(&mut through_rate));
    println!("                 p50 us    p99 us   requests/s ({CLIENTS} connections)");
    println!("direct         {d50:8.1}  {d99:8.1}   {dr:10.0}");
    println!("through        {t50:8.1}  {t99:8.1}   {tr:10.0}");
    println!(
        "added          {:8.1}  {:8.1}   {:9.2}x",
        t50 - d50,
        t99 - d99,
        tr / dr
    );
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// Runs on a thread of its own for good; gives back where it listens.
fn on_thread<F>(serve: impl FnOnce(TcpListener) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()>,
{
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        runtime().block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            sender.send(listener.local_addr().unwrap()).unwrap();
            serve(listener).await;
        });
    });
    receiver.recv().unwrap()
}

fn process() -> SocketAddr {
    on_thread(async |listener: TcpListener| {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            tokio::spawn(async move {
                let service = service_fn(|_| async {
                    let body = Full::new(Bytes::from_static(b"{\"hello\":\"world\"}"));
                    Ok::<_, Infallible>(Response::new(body))
                });
                let _ = server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    })
}

fn front(process: SocketAddr) -> SocketAddr {
    on_thread(async move |listener: TcpListener| {
        let gate = Gate::new();
        gate.open(Target {
            addr: process,
            generation: 1,
        });
        let config = Config::new("overhead", Protocol::Http);
        serve(listener, gate, config, std::future::pending()).await;
    })
}

async fn connect(addr: SocketAddr) -> http1::SendRequest<Empty<Bytes>> {
    let stream = TcpStream::connect(addr).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

async fn ask(sender: &mut http1::SendRequest<Empty<Bytes>>) {
    sender.ready().await.unwrap();
    let request = Request::get("/api/hello")
        .header("host", "localhost")
        .header("accept", "*/*")
        .body(Empty::new())
        .unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.status(), 200);
    response.into_body().collect().await.unwrap();
}

/// One client, one request after the other; microseconds each.
async fn latencies(addr: SocketAddr) -> Vec<f64> {
    let mut sender = connect(addr).await;
    let mut all = Vec::with_capacity(REQUESTS);
    for _ in 0..REQUESTS {
        let began = Instant::now();
        ask(&mut sender).await;
        all.push(began.elapsed().as_secs_f64() * 1e6);
    }
    all
}

/// Many clients without pause; requests a second.
async fn rate(addr: SocketAddr) -> f64 {
    let began = Instant::now();
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..CLIENTS {
        clients.spawn(async move {
            let mut sender = connect(addr).await;
            let mut count = 0_u32;
            while began.elapsed() < BURST {
                ask(&mut sender).await;
                count += 1;
            }
            count
        });
    }
    let counts = clients.join_all().await;
    f64::from(counts.iter().sum::<u32>()) / began.elapsed().as_secs_f64()
}

fn percentiles(all: &mut [f64]) -> [f64; 2] {
    all.sort_by(f64::total_cmp);
    [all[all.len() / 2], all[all.len() * 99 / 100]]
}

fn median(all: &mut [f64]) -> f64 {
    percentiles(all)[0]
}
