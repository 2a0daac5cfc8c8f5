//! [`Upload`]: a request's body on its way to the process.
//!
//! Reads nothing before the process wants it. With `Expect: 100-continue` it
//! does not even begin before the process asked for the body, so that a
//! refusal costs no upload; a process that never asks gets it after a second,
//! as RFC 9110, 10.1.1 allows.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Sleep;

const CONTINUE_LIMIT: Duration = Duration::from_secs(1);

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

/// Set when the process said `100 Continue`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked(Arc<Mutex<(bool, Option<Waker>)>>);

impl Asked {
    pub(crate) fn set(&self) {
        let waker = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.0 = true;
            state.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.0 {
            return Poll::Ready(());
        }
        state.1 = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Upload {
    pub(crate) fn new(body: Incoming) -> Self {
        Self {
            body: Some(body),
            expects: None,
        }
    }

    /// Holds the body back until `asked` is set or a second has passed.
    pub(crate) fn expect(&mut self, asked: Asked) {
        self.expects = Some(Expects { asked, limit: None });
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        if let Some(expects) = &mut this.expects {
            let limit = expects
                .limit
                .get_or_insert_with(|| Box::pin(tokio::time::sleep(CONTINUE_LIMIT)));
            if expects.asked.poll(cx).is_pending() && limit.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            this.expects = None;
        }
        match &mut this.body {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
