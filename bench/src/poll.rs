//! [`Poll`]: asks a service at a steady pace beside what is measured, and
//! counts what a user would have seen fail.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::http::Client;

/// The pace that the targets name.
pub const PACE: Duration = Duration::from_millis(5);

/// What the polls of one service saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// How many were asked.
    pub requests: usize,
    /// How many got no answer or one of 500 and more.
    pub failed: usize,
    /// The longest one, answered or not.
    pub longest: Duration,
    /// The first failures, in words.
    pub words: Vec<String>,
}

impl Seen {
    fn add(&mut self, other: Seen) {
        self.requests += other.requests;
        self.failed += other.failed;
        self.longest = self.longest.max(other.longest);
        self.words.extend(other.words);
        self.words.truncate(3);
    }
}

/// Two clients, one that keeps its connection and one that makes a new one
/// for each request.
pub struct Poll {
    over: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Seen>>,
}

impl Poll {
    /// Begins to ask.
    pub fn start(addr: SocketAddr) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let client = |keep: bool| {
            let over = over.clone();
            thread::spawn(move || ask(addr, keep, &over))
        };
        let clients = vec![client(true), client(false)];
        Self { over, clients }
    }

    /// Ends and says what was seen.
    pub fn end(mut self) -> Seen {
        self.over.store(true, Ordering::Relaxed);
        let mut seen = Seen::default();
        for client in self.clients.drain(..) {
            // A client that panicked has said so.
            seen.add(client.join().unwrap_or_default());
        }
        seen
    }
}

impl Drop for Poll {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

fn ask(addr: SocketAddr, keep: bool, over: &AtomicBool) -> Seen {
    let mut seen = Seen::default();
    let mut kept: Option<Client> = None;
    let mut next = Instant::now();
    while !over.load(Ordering::Relaxed) {
        let began = Instant::now();
        let result = kept
            .take()
            .map_or_else(|| Client::connect(addr, "/"), Ok)
            .and_then(|mut client| client.get().map(|answer| (client, answer)));
        seen.requests += 1;
        seen.longest = seen.longest.max(began.elapsed());
        match result {
            Ok((client, answer)) if answer.status < 500 => {
                kept = (keep && answer.keep).then_some(client);
            }
            Ok((_, answer)) => {
                seen.failed += 1;
                seen.words
                    .push(format!("{}: {}", answer.status, answer.body));
            }
            Err(error) => {
                seen.failed += 1;
                seen.words.push(error.to_string());
            }
        }
        seen.words.truncate(3);
        next = (next + PACE).max(Instant::now());
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    seen
}
