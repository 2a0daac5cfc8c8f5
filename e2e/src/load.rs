//! [`Load`]: clients that ask at a steady rate, whatever the answers take, and
//! keep every mistake.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::http;

/// Who asks in turns: enough that none of them falls behind.
const CLIENTS: u32 = 16;

/// Asks for `/` of a host at a steady rate until it is ended.
#[derive(Debug)]
pub struct Load {
    begin: Instant,
    over: Arc<AtomicBool>,
    good: Arc<AtomicU64>,
    clients: Vec<JoinHandle<Loaded>>,
}

/// What came back.
#[derive(Debug, Default)]
pub struct Loaded {
    /// How many answers of 200 each version gave, by the ingress's word.
    pub good: BTreeMap<String, u64>,
    /// Every other end of a request, in words.
    pub bad: Vec<String>,
    /// From the first request to the last.
    pub lasted: Duration,
}

impl Load {
    /// Begins to ask so often a second.
    #[must_use]
    pub fn start(port: u16, host: &str, per_second: u32) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let good = Arc::new(AtomicU64::new(0));
        let begin = Instant::now();
        let every = Duration::from_secs(1) * CLIENTS / per_second;
        let client = |number: u32| {
            let first = begin + every * number / CLIENTS;
            let (over, good, host) = (Arc::clone(&over), Arc::clone(&good), host.to_owned());
            std::thread::spawn(move || {
                let mut loaded = Loaded::default();
                let mut next = first;
                while !over.load(Ordering::Relaxed) {
                    std::thread::sleep(next.saturating_duration_since(Instant::now()));
                    next += every;
                    if loaded.ask(port, &host) {
                        good.fetch_add(1, Ordering::Relaxed);
                    }
                }
                loaded
            })
        };
        Self {
            clients: (0..CLIENTS).map(client).collect(),
            begin,
            over,
            good,
        }
    }

    /// How many requests were answered with 200 until now.
    #[must_use]
    pub fn good(&self) -> u64 {
        self.good.load(Ordering::Relaxed)
    }

    /// Ends it.
    ///
    /// # Panics
    /// A client did.
    #[must_use]
    pub fn end(mut self) -> Loaded {
        self.over.store(true, Ordering::Relaxed);
        let mut all = Loaded::default();
        for client in self.clients.drain(..) {
            let loaded = client.join().unwrap();
            all.bad.extend(loaded.bad);
            for (version, good) in loaded.good {
                *all.good.entry(version).or_default() += good;
            }
        }
        all.lasted = self.begin.elapsed();
        all
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

impl Loaded {
    /// How many requests came to their end in a second. Whoever asks waits for
    /// the answer before, so a service that stalls gets fewer than was meant.
    #[must_use]
    pub fn per_second(&self) -> u64 {
        let all = self.good.values().sum::<u64>() + self.bad.len() as u64;
        all * 1000
            / u64::try_from(self.lasted.as_millis())
                .unwrap_or(u64::MAX)
                .max(1)
    }

    fn ask(&mut self, port: u16, host: &str) -> bool {
        let bad = match http::get_from(port, host, "/") {
            Ok(answer) if answer.status == 200 => {
                let version = answer.header("hob-version").unwrap_or_default();
                *self.good.entry(version.to_owned()).or_default() += 1;
                return true;
            }
            Ok(answer) => format!("{} {}", answer.status, answer.body),
            Err(error) => error.to_string(),
        };
        self.bad.push(bad);
        false
    }
}
