//! [`Upload`]: a request's body on its way to the process.
//!
//! Reads nothing before the process wants it, or nobody does any more: one
//! that is dropped before its end, because its request was refused or its
//! process was lost, is read on for a while and forgotten. Many clients send
//! all of it before they look at the answer; closed on, they would see their
//! connection reset instead (RFC 9112, 9.6).
//!
//! With `Expect: 100-continue` it does not even begin before the process asked
//! for the body, so that a refusal costs no upload; a process that neither
//! asks nor answers gets it after a second, as RFC 9110, 10.1.1 allows. Start
//! with [`Asked`] for that conversation.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::runtime::Handle;
use tokio::time::{Sleep, timeout};

const CONTINUE_LIMIT: Duration = Duration::from_secs(1);

/// A body that nobody wants is read for so long, in bytes and in time.
const LINGER: usize = 64 << 20;
const LINGER_LIMIT: Duration = Duration::from_secs(2);

/// A request body: the client's, or none.
#[derive(Debug, Default)]
pub(crate) struct Upload {
    body: Option<Incoming>,
    expects: Option<Expects>,
}

#[derive(Debug)]
struct Expects {
    asked: Asked,
    /// Begins when the process could first have asked.
    limit: Option<Pin<Box<Sleep>>>,
}

/// What has become of a client's `Expect: 100-continue`; shared by the body
/// that waits and those who hear the process.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked(Arc<Mutex<Expectation>>);

#[derive(Debug, Default)]
struct Expectation {
    state: Wait,
    waker: Option<Waker>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// The body waits.
    #[default]
    Waiting,
    /// The process asked for it, or the limit passed.
    Sent,
    /// The process answered without it: it will never be read.
    Refused,
    /// That answer has passed: the connection, still owed a body, can end.
    Over,
}

impl Asked {
    /// The process said `100 Continue`.
    pub(crate) fn go(&self) {
        self.advance(Wait::Waiting, Wait::Sent);
    }

    /// The process answered. True when it did so without the body: then the
    /// connection is of no use afterwards, and [`over`](Self::over) ends it.
    pub(crate) fn refuse(&self) -> bool {
        self.advance(Wait::Waiting, Wait::Refused)
    }

    /// The answer has passed.
    pub(crate) fn over(&self) {
        self.advance(Wait::Refused, Wait::Over);
    }

    fn advance(&self, from: Wait, to: Wait) -> bool {
        let mut expectation = self.lock();
        if expectation.state != from {
            return false;
        }
        expectation.state = to;
        let waker = expectation.waker.take();
        drop(expectation);
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    fn state(&self, cx: &Context<'_>) -> Wait {
        let mut expectation = self.lock();
        expectation.waker = Some(cx.waker().clone());
        expectation.state
    }

    fn lock(&self) -> MutexGuard<'_, Expectation> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Upload {
    pub(crate) fn new(body: Incoming) -> Self {
        Self {
            body: Some(body),
            expects: None,
        }
    }

    /// Holds the body back until the process asks or a second has passed.
    pub(crate) fn expect(&mut self, asked: Asked) {
        self.expects = Some(Expects { asked, limit: None });
    }

    fn poll_expectation(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(expects) = &mut self.expects else {
            return Poll::Ready(());
        };
        match expects.asked.state(cx) {
            Wait::Waiting => {
                let limit = expects
                    .limit
                    .get_or_insert_with(|| Box::pin(tokio::time::sleep(CONTINUE_LIMIT)));
                if limit.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                expects.asked.go();
            }
            Wait::Sent => {}
            Wait::Refused => {
                // Gone from here, the client's connection can end too.
                self.body = None;
                return Poll::Pending;
            }
            Wait::Over => self.body = None,
        }
        self.expects = None;
        Poll::Ready(())
    }
}

impl Drop for Upload {
    /// Nobody wants the rest of it.
    fn drop(&mut self) {
        // A client that waits to be asked for its body sends none.
        if self.expects.is_none() {
            if let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) {
                linger(body);
            }
        }
    }
}

/// Reads a body for a while and forgets it.
fn linger(mut body: Incoming) {
    let Ok(runtime) = Handle::try_current() else {
        // The front is going down.
        return;
    };
    runtime.spawn(async move {
        let read = async {
            let mut left = LINGER;
            while let Some(Ok(frame)) = body.frame().await {
                let length = frame.data_ref().map_or(0, Bytes::len);
                left = left.saturating_sub(length);
                if left == 0 {
                    return;
                }
            }
        };
        // The limit is the answer to a client that goes on and on.
        let _ = timeout(LINGER_LIMIT, read).await;
    });
}

impl Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        if this.poll_expectation(cx).is_pending() {
            return Poll::Pending;
        }
        match &mut this.body {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.expects.is_none() && self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
