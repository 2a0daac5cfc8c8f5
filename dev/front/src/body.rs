//! [`Body`]: what an answer carries to the client.
//!
//! Owns what must end with the answer: its place in the count of flights and
//! the connection that it came over. Keeps nothing of a passing body but the
//! frame at hand.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::sync::mpsc;

use crate::backend::{Backend, Flight};
use crate::inject::Injection;
use crate::pool::{self, Sender};
use crate::upload::Asked;

/// An answer's body.
#[derive(Debug)]
pub(crate) enum Body {
    /// The front's own words.
    Whole(Option<Bytes>),
    /// The front's own event stream.
    Events(mpsc::Receiver<Bytes>),
    /// From the process.
    Passing(Passing),
}

/// A body on its way from the process to the client.
#[derive(Debug)]
pub(crate) struct Passing {
    incoming: Incoming,
    injection: Option<Injection>,
    /// Trailers that came while the injection was still to be sent.
    trailers: Option<Frame<Bytes>>,
    ended: bool,
    /// Goes back to the pool when the body was read to its end; otherwise it
    /// is dropped, which closes the connection.
    origin: Option<(Sender, Arc<Backend>)>,
    /// Told at the end when the process answered without the request's body.
    refused: Option<Asked>,
    /// Counts the answer as in flight until its last byte.
    _flight: Option<Flight>,
}

impl Passing {
    pub(crate) fn new(
        incoming: Incoming,
        origin: Option<(Sender, Arc<Backend>)>,
        flight: Option<Flight>,
        injection: Option<Injection>,
    ) -> Self {
        Self {
            incoming,
            injection,
            trailers: None,
            ended: false,
            origin,
            refused: None,
            _flight: flight,
        }
    }

    /// The request's body will never be sent: its connection ends with the
    /// answer.
    pub(crate) fn refused(&mut self, asked: Asked) {
        self.origin = None;
        self.refused = Some(asked);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if !self.ended {
            match ready!(Pin::new(&mut self.incoming).poll_frame(cx)) {
                Some(Ok(frame)) if frame.is_trailers() && self.injection.is_some() => {
                    self.trailers = Some(frame);
                }
                Some(Ok(frame)) => {
                    if let (Some(injection), Some(data)) = (&mut self.injection, frame.data_ref()) {
                        injection.look(data);
                    }
                    return Poll::Ready(Some(Ok(frame)));
                }
                // No script at the end of half a page: nobody polls after an
                // error, and the client sees that it is cut.
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {}
            }
            self.ended = true;
        }
        if let Some(injection) = self.injection.take() {
            return Poll::Ready(Some(Ok(Frame::data(injection.into_bytes()))));
        }
        Poll::Ready(self.trailers.take().map(Ok))
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        if let Some(refused) = self.refused.take() {
            refused.over();
        }
        if let Some((sender, backend)) = self.origin.take() {
            if self.ended || self.incoming.is_end_stream() {
                pool::recycle(&backend, sender);
            }
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Events(events) => events
                .poll_recv(cx)
                .map(|event| event.map(|event| Ok(Frame::data(event)))),
            Self::Passing(passing) => passing.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Events(_) => false,
            Self::Passing(passing) => {
                passing.injection.is_none()
                    && passing.trailers.is_none()
                    && (passing.ended || passing.incoming.is_end_stream())
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Self::Events(_) => SizeHint::default(),
            Self::Passing(passing) => {
                let mut hint = passing.incoming.size_hint();
                if let Some(injection) = &passing.injection {
                    let more = injection.len();
                    if let Some(upper) = hint.upper() {
                        hint.set_upper(upper + more);
                    }
                    hint.set_lower(hint.lower() + more);
                }
                hint
            }
        }
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self::Whole(Some(Bytes::from(text)))
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Self::Whole(Some(Bytes::from_static(text.as_bytes())))
    }
}
