//! One HTTP request's way through the front.
//!
//! Owns the order of things: what the front answers itself, the wait for a
//! target, the try on a connection, whether to try again, and what becomes of
//! the answer. Never reads a request's body before there is a connection that
//! wants it, or none will. Start with [`Link::answer`].

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use hob_wire::FRONT_PREFIX;
use http::header::{ALLOW, CONTENT_TYPE, HOST, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use hyper::body::{Body as _, Incoming};
use hyper::upgrade::OnUpgrade;
use tokio::sync::Mutex;

use crate::backend::{Backend, Flight};
use crate::body::{Body, Passing};
use crate::gate::{Failure, Gate};
use crate::hold::{Hold, Step};
use crate::inject::{self, Injection};
use crate::origin::Origin;
use crate::page::{self, Refusal};
use crate::pool::{self, Sender, SharedSender};
use crate::serve::Config;
use crate::upload::{Asked, Upload};
use crate::visit::Visit;
use crate::{headers, live, tunnel};

/// How often a request that was lost on the way is sent again.
const REPLAYS: u32 = 3;

/// One client connection, as its requests see it.
#[derive(Debug)]
pub(crate) struct Link {
    gate: Gate,
    config: Arc<Config>,
    peer: IpAddr,
    /// The HTTP/2 connection to the process. Each client connection has its
    /// own: limits on streams mean the same on both sides.
    shared: Mutex<Option<(Arc<Backend>, SharedSender)>>,
}

/// What is asked, apart from the request that is sent on.
struct Ask {
    visit: Visit,
    /// The other service's page that asks.
    origin: Option<Origin>,
    host: Option<HeaderValue>,
    method: Method,
    upgrade: Option<(HeaderValue, OnUpgrade)>,
    /// May be sent a second time: idempotent and without a body.
    repeatable: Option<Parts>,
    /// The client waits to be asked for its body.
    asked: Option<Asked>,
}

/// How one try ended.
enum Tried {
    Answered(Response<Incoming>, Option<Sender>),
    /// Nothing of it was sent.
    Unsent(Request<Upload>, String),
    /// It was sent, at least in part, and no answer came.
    Lost {
        /// The connection had been used before: it may have been closed
        /// before the request arrived.
        reused: bool,
        error: hyper::Error,
    },
}

impl Link {
    pub(crate) fn new(gate: Gate, config: Arc<Config>, peer: IpAddr) -> Self {
        Self {
            gate,
            config,
            peer,
            shared: Mutex::new(None),
        }
    }

    /// Answers one request; never fails, because every failure is an answer.
    pub(crate) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Infallible> {
        if request.method() == Method::CONNECT {
            return Ok(self.connect_refused(&request));
        }
        if request.uri().path().starts_with(FRONT_PREFIX) {
            let response = live::answer(&request, &self.gate, &self.config);
            // Whatever body it has is of no use.
            drop(Upload::new(request.into_body()));
            return Ok(response);
        }
        let (ask, request) = self.read(request);
        Ok(self.send(ask, request).await)
    }

    fn read(&self, mut request: Request<Incoming>) -> (Ask, Request<Upload>) {
        let visit = Visit::of(&request);
        let origin = Origin::of(&request);
        let upgrade = headers::upgrade(request.version(), request.headers())
            .map(|wanted| (wanted, hyper::upgrade::on(&mut request)));
        let (mut head, body) = request.into_parts();
        let extends = self.config.live_reload && visit.navigation && visit.whole;
        let wanted = upgrade.as_ref().map(|(wanted, _)| wanted);
        headers::request(&mut head, wanted, self.peer, extends);
        let empty = body.is_end_stream();
        let mut upload = Upload::new(body);
        let asked = (!empty && headers::expects_continue(&head.headers)).then(Asked::default);
        if let Some(asked) = &asked {
            upload.expect(asked.clone());
        }
        let ask = Ask {
            visit,
            origin,
            host: authority(&head),
            method: head.method.clone(),
            upgrade,
            repeatable: (empty && head.method.is_idempotent()).then(|| head.clone()),
            asked: asked.clone(),
        };
        let mut request = Request::from_parts(head, upload);
        if let Some(asked) = asked {
            hyper::ext::on_informational(&mut request, move |response| {
                if response.status() == StatusCode::CONTINUE {
                    asked.go();
                }
            });
        }
        (ask, request)
    }

    async fn send(&self, ask: Ask, mut request: Request<Upload>) -> Response<Body> {
        let mut hold = Hold::new(&self.gate, self.config.hold_limit);
        let mut replays = 0;
        let mut anew = false;
        loop {
            let flight = match hold.target().await {
                Step::Go(flight) => flight,
                step => return self.refuse(&ask, self.held(step)),
            };
            let tried = if request.version() == Version::HTTP_2 {
                self.try_shared(flight.backend(), request).await
            } else {
                self.try_one(flight.backend(), request, &ask, anew).await
            };
            match tried {
                Tried::Answered(response, sender) => {
                    return self.relay(ask, response, sender, flight);
                }
                Tried::Unsent(unsent, reason) => {
                    drop(flight);
                    request = unsent;
                    hold.pause(reason).await;
                }
                Tried::Lost { reused, error } => {
                    drop(flight);
                    let words = words(&error);
                    let again = !error.is_parse() && replays < REPLAYS;
                    let Some(head) = ask.repeatable.clone().filter(|_| again) else {
                        return self.refuse(&ask, self.lost(&ask, &words));
                    };
                    request = Request::from_parts(head, Upload::default());
                    if reused {
                        anew = true;
                    } else {
                        replays += 1;
                        hold.pause(words).await;
                    }
                }
            }
        }
    }

    /// Over a connection of its own, pooled or new.
    async fn try_one(
        &self,
        backend: &Arc<Backend>,
        mut request: Request<Upload>,
        ask: &Ask,
        anew: bool,
    ) -> Tried {
        let repeatable = ask.repeatable.is_some();
        while let Some(mut sender) = backend.pool.take(repeatable).filter(|_| !anew) {
            if !repeatable {
                // Lets the connection see a close that has already arrived,
                // so that what cannot be sent twice is not sent into it.
                tokio::task::yield_now().await;
                if !sender.is_ready() {
                    continue;
                }
            }
            match sender.try_send_request(request).await {
                Ok(response) => return Tried::Answered(response, Some(sender)),
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => {
                        let error = error.into_error();
                        return Tried::Lost {
                            reused: true,
                            error,
                        };
                    }
                },
            }
        }
        let mut sender = match pool::dial(backend).await {
            Ok(sender) => sender,
            Err(error) => {
                self.gate.refused(backend.target, &error);
                return Tried::Unsent(
                    request,
                    format!("{} does not accept: {error}", backend.target.addr),
                );
            }
        };
        match sender.try_send_request(request).await {
            Ok(response) => Tried::Answered(response, Some(sender)),
            Err(mut error) => match error.take_message() {
                Some(unsent) => Tried::Unsent(unsent, words(error.error())),
                None => Tried::Lost {
                    reused: false,
                    error: error.into_error(),
                },
            },
        }
    }

    /// Over this client connection's one HTTP/2 connection.
    async fn try_shared(&self, backend: &Arc<Backend>, request: Request<Upload>) -> Tried {
        let mut shared = self.shared.lock().await;
        let known = shared
            .as_ref()
            .filter(|(of, sender)| Arc::ptr_eq(of, backend) && !sender.is_closed())
            .map(|(_, sender)| sender.clone());
        let reused = known.is_some();
        let mut sender = match known {
            Some(sender) => sender,
            None => match pool::dial_shared(backend).await {
                Ok(sender) => {
                    *shared = Some((Arc::clone(backend), sender.clone()));
                    sender
                }
                Err(error) => {
                    self.gate.refused(backend.target, &error);
                    return Tried::Unsent(
                        request,
                        format!("{} does not accept: {error}", backend.target.addr),
                    );
                }
            },
        };
        drop(shared);
        match sender.try_send_request(request).await {
            Ok(response) => Tried::Answered(response, None),
            Err(mut error) => match error.take_message() {
                Some(unsent) => Tried::Unsent(unsent, words(error.error())),
                None => Tried::Lost {
                    reused,
                    error: error.into_error(),
                },
            },
        }
    }

    /// Passes the answer on.
    fn relay(
        &self,
        ask: Ask,
        response: Response<Incoming>,
        sender: Option<Sender>,
        flight: Flight,
    ) -> Response<Body> {
        let generation = flight.backend().label();
        self.gate.answered(generation);
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return self.switch(ask, response, flight);
        }
        let (mut head, incoming) = response.into_parts();
        let version = std::mem::replace(&mut head.version, Version::HTTP_11);
        headers::response(&mut head.headers, None, version, generation);
        let injects = self.config.live_reload
            && inject::objection(ask.visit, ask.host.as_ref(), head.status, &head.headers)
                .is_none();
        let injection = injects.then(|| {
            let injection = Injection::new(self.gate.look().boot, generation);
            inject::prepare(&mut head.headers, &injection);
            injection
        });
        let origin = sender.map(|sender| (sender, Arc::clone(flight.backend())));
        let flight = (!streams(&head.headers)).then_some(flight);
        let mut passing = Passing::new(incoming, origin, flight, injection);
        if let Some(asked) = ask.asked.filter(Asked::refuse) {
            passing.refused(asked);
        }
        Response::from_parts(head, Body::Passing(passing))
    }

    /// Makes the connection a tunnel.
    fn switch(&self, ask: Ask, mut response: Response<Incoming>, flight: Flight) -> Response<Body> {
        let chosen = headers::upgrade(Version::HTTP_11, response.headers());
        let Some(((_, client), chosen)) = ask.upgrade.as_ref().zip(chosen) else {
            let words = "it switched to a protocol that nobody asked for";
            return self.refuse(&ask, self.lost(&ask, words));
        };
        let process = hyper::upgrade::on(&mut response);
        tunnel::spawn(client.clone(), process, flight.backend().closing());
        let (mut head, _) = response.into_parts();
        let generation = flight.backend().label();
        headers::response(
            &mut head.headers,
            Some(&chosen),
            Version::HTTP_11,
            generation,
        );
        Response::from_parts(head, Body::Whole(None))
    }

    fn refuse(&self, ask: &Ask, refusal: Refusal) -> Response<Body> {
        let live = self.config.live_reload;
        let response = page::answer(&refusal, ask.visit, live, &self.gate.look());
        match &ask.origin {
            Some(origin) => origin.admit(response),
            None => response,
        }
    }

    fn held(&self, step: Step) -> Refusal {
        let service = &self.config.service;
        match step {
            Step::Failed(failure) => Refusal::failed(Failure::clone(&failure)),
            Step::Expired(reason) => Refusal::expired(service, self.config.hold_limit, &reason),
            Step::Shut | Step::Go(_) => Refusal::shut(service),
        }
    }

    fn lost(&self, ask: &Ask, words: &str) -> Refusal {
        let once = ask.repeatable.is_none().then_some(&ask.method);
        Refusal::lost(&self.config.service, words, once)
    }

    fn connect_refused<B>(&self, request: &Request<B>) -> Response<Body> {
        let refusal = Refusal::connect(&self.config.service);
        let mut response = page::answer(&refusal, Visit::of(request), false, &self.gate.look());
        let allowed = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
        response.headers_mut().insert(ALLOW, allowed);
        response
    }
}

fn authority(head: &Parts) -> Option<HeaderValue> {
    match head.uri.authority() {
        Some(authority) => HeaderValue::from_str(authority.as_str()).ok(),
        None => head.headers.get(HOST).cloned(),
    }
}

/// An event stream goes on for ever: a drain does not wait for it.
fn streams(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.as_bytes().get(..17))
        .is_some_and(|kind| kind.eq_ignore_ascii_case(b"text/event-stream"))
}

/// What went wrong between the front and the process.
fn words(error: &hyper::Error) -> String {
    if error.is_parse() {
        return format!("its answer is no HTTP: {error}");
    }
    if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
        return "it closed the connection before it answered".to_owned();
    }
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
