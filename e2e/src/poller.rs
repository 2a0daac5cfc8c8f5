//! [`Poller`]: a client that never stops asking, and keeps every mistake.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::http;

/// Between two requests.
const EVERY: Duration = Duration::from_millis(5);

/// Asks for a path of a port, `/` as a rule, every five milliseconds until it is ended.
#[derive(Debug)]
pub struct Poller {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<Polled>>,
}

/// What a poller saw.
#[derive(Debug, Default)]
pub struct Polled {
    /// How many requests were answered with 200.
    pub good: usize,
    /// Every other end of a request, in words.
    pub bad: Vec<String>,
    /// The bodies, each once, in the order of their first appearance.
    pub bodies: Vec<String>,
    /// Whether a body came back after a newer one had been seen.
    pub went_back: bool,
}

impl Poller {
    /// Begins to ask.
    #[must_use]
    pub fn start(port: u16) -> Self {
        Self::start_from(port, &format!("127.0.0.1:{port}"))
    }

    /// Begins to ask one of the hosts that the port has.
    #[must_use]
    pub fn start_from(port: u16, host: &str) -> Self {
        Self::begin(port, host, "/")
    }

    /// Begins to ask for another path.
    #[must_use]
    pub fn start_at(port: u16, path: &str) -> Self {
        Self::begin(port, &format!("127.0.0.1:{port}"), path)
    }

    fn begin(port: u16, host: &str, path: &str) -> Self {
        let (host, path) = (host.to_owned(), path.to_owned());
        let over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&over);
        let thread = std::thread::spawn(move || {
            let mut polled = Polled::default();
            while !ends.load(Ordering::Relaxed) {
                polled.ask(port, &host, &path);
                std::thread::sleep(EVERY);
            }
            polled
        });
        Self {
            over,
            thread: Some(thread),
        }
    }

    /// Ends it.
    ///
    /// # Panics
    /// It was ended already.
    #[must_use]
    pub fn end(mut self) -> Polled {
        self.over.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

impl Polled {
    fn ask(&mut self, port: u16, host: &str, path: &str) {
        match http::get_from(port, host, path) {
            Ok(answer) if answer.status == 200 => {
                self.good += 1;
                match self.bodies.iter().position(|it| *it == answer.body) {
                    Some(at) => self.went_back |= at + 1 < self.bodies.len(),
                    None => self.bodies.push(answer.body),
                }
            }
            Ok(answer) => self.bad.push(format!("{} {}", answer.status, answer.body)),
            Err(error) => self.bad.push(error.to_string()),
        }
    }
}
