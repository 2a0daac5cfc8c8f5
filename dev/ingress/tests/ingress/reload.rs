//! Nothing fails while one version takes another's place.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::{http1, http2};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use crate::client::{Answer, ask, connect1, connect2, request, request2};
use crate::nginx::Nginx;
use crate::upstream::Upstream;
use crate::{LIMIT, samples, until};

/// How often one version takes another's place.
const CHANGES: usize = 20;

/// Each in turn: with a body that may not be repeated, and without one.
const REQUESTS: [&str; 2] = ["GET web.test/", "POST web.test/\n\nbody"];

/// What clients that go on asking have seen.
#[derive(Default)]
struct Seen {
    is_over: Cell<bool>,
    answers: RefCell<BTreeMap<&'static str, usize>>,
    failures: RefCell<Vec<String>>,
}

impl Seen {
    /// Notes an answer of the version that the header tells, or a failure.
    fn note(&self, client: &'static str, answer: Result<Answer, String>) {
        let failure = match answer {
            Ok(answer) if answer.status != 200 => format!("{} {}", answer.status, answer.body),
            Ok(answer) if answer.seen()["by"] != answer.header("hob-version") => {
                format!("{} told as {}", answer.body, answer.header("hob-version"))
            }
            Ok(_) => {
                *self.answers.borrow_mut().entry(client).or_default() += 1;
                return;
            }
            Err(error) => error,
        };
        self.failures
            .borrow_mut()
            .push(format!("{client}: {failure}"));
    }

    fn total(&self) -> usize {
        self.answers.borrow().values().sum()
    }
}

fn told(error: &dyn std::error::Error) -> String {
    let source = error.source().map_or_else(String::new, told);
    format!("{error}: {source}")
}

async fn connect(addr: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(addr).await?;
    // Else the kernel keeps a body back until what came before it arrived.
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A connection for each request.
async fn new_connections(addr: SocketAddr, seen: Rc<Seen>) {
    for text in REQUESTS.into_iter().cycle() {
        if seen.is_over.get() {
            return;
        }
        let answer = async {
            let stream = connect(addr).await.map_err(|error| told(&error))?;
            let mut sender = connect1(stream).await.map_err(|error| told(&error))?;
            let response = sender.send_request(request(text)).await;
            let response = response.map_err(|error| told(&error))?;
            Answer::of(response).await.map_err(|error| told(&error))
        };
        seen.note("new", answer.await);
    }
}

/// A connection for as many requests as the server takes, and never a second
/// try.
async fn kept_connection(addr: SocketAddr, seen: Rc<Seen>) {
    let mut kept: Option<http1::SendRequest<Full<Bytes>>> = None;
    for text in REQUESTS.into_iter().cycle() {
        if seen.is_over.get() {
            return;
        }
        let answer = async {
            let usable = match kept.take() {
                Some(mut sender) => sender.ready().await.is_ok().then_some(sender),
                None => None,
            };
            let mut sender = match usable {
                Some(sender) => sender,
                None => {
                    let stream = connect(addr).await.map_err(|error| told(&error))?;
                    connect1(stream).await.map_err(|error| told(&error))?
                }
            };
            let response = sender.send_request(request(text)).await;
            let response = response.map_err(|error| told(&error))?;
            let answer = Answer::of(response).await.map_err(|error| told(&error))?;
            kept = Some(sender);
            Ok(answer)
        };
        seen.note("kept", answer.await);
    }
}

/// A connection of HTTP/2. A request that the server says it has not looked
/// at is sent again, as every client of HTTP/2 does.
async fn http2_connection(addr: SocketAddr, seen: Rc<Seen>) {
    let mut kept: Option<http2::SendRequest<Full<Bytes>>> = None;
    for text in REQUESTS.into_iter().cycle() {
        if seen.is_over.get() {
            return;
        }
        let answer = async {
            loop {
                let usable = match kept.take() {
                    Some(mut sender) => sender.ready().await.is_ok().then_some(sender),
                    None => None,
                };
                let mut sender = match usable {
                    Some(sender) => sender,
                    None => {
                        let stream = connect(addr).await.map_err(|error| told(&error))?;
                        connect2(stream).await.map_err(|error| told(&error))?
                    }
                };
                match sender.send_request(request2(text)).await {
                    Ok(response) => {
                        let answer = Answer::of(response).await.map_err(|error| told(&error))?;
                        kept = Some(sender);
                        return Ok(answer);
                    }
                    // Not sent at all, or behind the last that a GOAWAY names.
                    Err(error)
                        if error.is_canceled()
                            || told(&error).contains("not a result of an error") => {}
                    Err(error) => return Err(told(&error)),
                }
            }
        };
        seen.note("http2", answer.await);
    }
}

#[tokio::test]
async fn no_request_fails_while_versions_change() {
    let (addr, addr2) = (samples::free(), samples::free());
    let routes = |upstreams: &[(&Upstream, &str)]| {
        let upstreams: Vec<String> = upstreams
            .iter()
            .map(|(it, version)| it.is(version))
            .collect();
        format!(
            "
            listen {addr}
            listen {addr2} http2
            site web web.test
              / web http {}
            ",
            upstreams.join(" ")
        )
    };
    let mut version = "v0".to_owned();
    let mut serving = Upstream::http(&version).await;
    let nginx = Nginx::start(&routes(&[(&serving, &version)])).await;
    let seen = Rc::new(Seen::default());
    let clients = LocalSet::new();
    for _ in 0..3 {
        clients.spawn_local(new_connections(addr, seen.clone()));
        clients.spawn_local(kept_connection(addr, seen.clone()));
    }
    clients.spawn_local(http2_connection(addr2, seen.clone()));
    clients
        .run_until(async {
            for change in 1..=CHANGES {
                let next_version = format!("v{change}");
                let next = Upstream::http(&next_version).await;
                let both = [(&serving, version.as_str()), (&next, &next_version)];
                // Both for a while, or the next one at once.
                let steps: &[&[_]] = if change % 2 == 0 {
                    &[&both, &both[1..]]
                } else {
                    &[&both[1..]]
                };
                for upstreams in steps {
                    let old = nginx.workers();
                    nginx.reload(&routes(upstreams));
                    nginx.wait_for_end_of(&old).await;
                    let before = seen.total();
                    until("more answers", || async {
                        (seen.total() > before + 20).then_some(())
                    })
                    .await;
                }
                until("the last request of the old version", || async {
                    (serving.connections() == 0).then_some(())
                })
                .await;
                assert_eq!(
                    ask(addr, "GET web.test/").await.header("hob-version"),
                    next_version
                );
                (serving, version) = (next, next_version);
            }
            seen.is_over.set(true);
        })
        .await;
    tokio::time::timeout(LIMIT, clients).await.unwrap();
    assert_eq!(*seen.failures.borrow(), Vec::<String>::new());
    let answers = seen.answers.borrow();
    assert!(
        answers.len() == 3 && answers.values().all(|count| *count > CHANGES),
        "{answers:?}"
    );
    assert_eq!(nginx.errors(), "");
}
