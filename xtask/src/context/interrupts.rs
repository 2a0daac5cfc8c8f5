//! [`Interrupts`]: the words of others that a command is to end.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Ctrl-C, TERM and the end of the terminal, heard from here on: what comes
/// while nobody waits for it is for whoever waits next. A command that does one
/// thing after the other has one of these for all of them.
pub struct Interrupts(Option<[Signal; 3]>);

impl Interrupts {
    pub fn listen() -> Self {
        let heard = |kind| signal(kind).ok();
        let (interrupt, term, hangup) = (
            heard(SignalKind::interrupt()),
            heard(SignalKind::terminate()),
            heard(SignalKind::hangup()),
        );
        Self(interrupt.zip(term).zip(hangup).map(|((a, b), c)| [a, b, c]))
    }

    /// Resolves at the next one.
    pub async fn next(&mut self) {
        let Some([interrupt, term, hangup]) = &mut self.0 else {
            // Without signals there is nothing to wait for.
            return std::future::pending().await;
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = term.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

/// Resolves at the first Ctrl-C or TERM from when it is waited for.
pub async fn interrupted() {
    Interrupts::listen().next().await;
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::time::Duration;

    use rustix::process::{Signal, getpid, kill_process};
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn what_comes_between_two_waits_is_for_the_second() {
        let mut interrupts = Interrupts::listen();
        for _ in 0..2 {
            kill_process(getpid(), Signal::INT).unwrap();
            // Somebody else hears it, too, and none for ever.
            timeout(Duration::from_secs(20), interrupts.next())
                .await
                .unwrap();
        }
        let mut never = std::pin::pin!(interrupts.next());
        assert!(futures_util::poll!(&mut never).is_pending());
        kill_process(getpid(), Signal::TERM).unwrap();
        timeout(Duration::from_secs(20), never).await.unwrap();
    }
}
