//! What the configuration does, and that nginx takes it.
//!
//! `samples.rs` reads routes from a few lines of text, `nginx.rs` runs the
//! real program, `upstream.rs` is what is behind it and `client.rs` what asks.
#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(
    clippy::disallowed_methods,
    reason = "nginx, its files and its clients' certificates are the tests' own"
)]

mod accepted;
mod accounts;
mod balance;
mod bodies;
mod client;
mod conflicts;
mod headers;
mod nginx;
mod reload;
mod routing;
mod samples;
mod streams;
mod text;
mod tls;
mod upstream;

use std::future::Future;
use std::time::Duration;

/// Nothing that is waited for takes that long.
const LIMIT: Duration = Duration::from_secs(60);

/// Between two looks at a condition that is waited for.
const POLL: Duration = Duration::from_millis(2);

/// Waits until there is something.
async fn until<T, F: Future<Output = Option<T>>>(what: &str, look: impl Fn() -> F) -> T {
    let found = tokio::time::timeout(LIMIT, async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(POLL).await;
        }
    });
    let Ok(found) = found.await else {
        panic!("waited in vain for {what}");
    };
    found
}

/// Fails when something does not come to an end.
async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let Ok(done) = tokio::time::timeout(LIMIT, future).await else {
        panic!("no end of {what}");
    };
    done
}
