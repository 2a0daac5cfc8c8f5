//! Others that listen where a registry should, and registries that answer
//! nonsense.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use hob_registry::{Client, Error};

use crate::server::{Server, Setting};
use crate::{digest, reference, repository};

/// Answers each connection with the bytes for the path that it asks for, and
/// hangs up. It ends when it is dropped.
pub(crate) struct Stranger {
    addr: SocketAddr,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Stranger {
    pub(crate) fn new(answer: impl Fn(&str) -> String + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let ended = Arc::new(AtomicBool::new(false));
        let over = ended.clone();
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let _ = respond(stream.unwrap(), &answer);
            }
        });
        Self {
            addr,
            ended,
            thread: Some(thread),
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.addr.to_string().parse().unwrap())
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.addr);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn respond(mut stream: TcpStream, answer: &dyn Fn(&str) -> String) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let Some(request) = lines.next() else {
        return Ok(());
    };
    let request = request?;
    while lines
        .next()
        .transpose()?
        .is_some_and(|line| !line.is_empty())
    {}
    stream.write_all(answer(request.split(' ').nth(1).unwrap_or_default()).as_bytes())?;
    stream.shutdown(Shutdown::Write)
}

/// A whole answer with some headers, each with its end of line.
pub(crate) fn json(headers: &str, body: &str) -> String {
    http("200 OK", headers, body)
}

pub(crate) fn http(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// What `ping` says of somebody who gives this answer, without the URL.
async fn ping(answer: &str) -> String {
    let answer = answer.to_owned();
    let stranger = Stranger::new(move |_| answer.clone());
    match stranger.client().ping().await {
        Ok(()) => "a registry".to_owned(),
        Err(error) => error
            .to_string()
            .replace(&format!("http://{}/v2/", stranger.addr), "URL"),
    }
}

#[tokio::test]
async fn a_registry_is_told_from_others_that_listen() {
    let version = "Docker-Distribution-Api-Version: registry/2.0\r\n";
    let refusal = r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#;
    for (answer, expected) in [
        (json(version, ""), "a registry"),
        (json("", "{}"), "a registry"),
        (
            json("", "hello\nyou"),
            "what listens at URL is no registry: it answers 200, \"hello\"",
        ),
        (
            http("404 Not Found", "", "404 page not found\n"),
            "what listens at URL is no registry: it answers 404, \"404 page not found\"",
        ),
        (
            http("301 Moved", "Location: https://a.example/\r\n", ""),
            "what listens at URL is no registry: it answers 301 and leads to https://a.example/",
        ),
        (
            http("401 Unauthorized", "", "who are you?"),
            "what listens at URL is no registry: it answers 401, \"who are you?\"",
        ),
        (
            http("401 Unauthorized", "", refusal),
            "the registry at URL wants a login: authentication required",
        ),
        (
            http(
                "401 Unauthorized",
                &format!("{version}WWW-Authenticate: Basic realm=\"hob\"\r\n"),
                "",
            ),
            "the registry at URL wants a login: Basic realm=\"hob\"",
        ),
        (
            http("503 Unavailable", version, "wait"),
            "URL answered 503: wait",
        ),
        (
            "SSH-2.0-OpenSSH_9.2\r\n".to_owned(),
            "what listens at URL is no registry: it speaks no HTTP",
        ),
        (
            String::new(),
            "the connection broke before URL had answered: connection closed before message completed",
        ),
    ] {
        assert_eq!(ping(&answer).await, expected, "{answer}");
    }
}

#[tokio::test]
async fn who_says_nothing_is_waited_for_so_long_and_no_longer() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = silent.local_addr().unwrap();
    let client = Client::new(addr.to_string().parse().unwrap());
    let client = client.with_limit(Duration::from_millis(50));
    let error = client.ping().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("http://{addr}/v2/ gave no whole answer within 50ms")
    );
}

#[tokio::test]
async fn who_speaks_first_is_no_registry() {
    let greeter = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = greeter.local_addr().unwrap();
    let client = Client::new(addr.to_string().parse().unwrap());
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = greeter.accept().unwrap();
        stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").unwrap();
        stream
    });
    let error = client.ping().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("what listens at http://{addr}/v2/ is no registry: it speaks no HTTP")
    );
    drop(thread.join().unwrap());
}

#[tokio::test]
async fn who_stops_in_the_middle_of_an_answer_is_limited_too() {
    let half = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = half.local_addr().unwrap();
    let client = Client::new(addr.to_string().parse().unwrap());
    let client = client.with_limit(Duration::from_millis(200));
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = half.accept().unwrap();
        let mut request = BufReader::new(stream.try_clone().unwrap()).lines();
        while request.next().is_some_and(|line| !line.unwrap().is_empty()) {}
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")
            .unwrap();
        stream
    });
    let error = client.repositories().await.unwrap_err();
    assert!(matches!(error, Error::Slow { .. }), "{error}");
    drop(thread.join().unwrap());
}

#[tokio::test]
async fn a_registry_that_wants_a_login_says_so_to_every_question() {
    let server = Server::with(Setting {
        login: true,
        ..Setting::default()
    });
    let (client, api) = (server.client(), repository("api"));
    let absent = digest(&format!("sha256:{}", "0".repeat(64)));
    let errors = [
        client.ping().await.unwrap_err(),
        client.repositories().await.unwrap_err(),
        client.tags(&api).await.unwrap_err(),
        client.manifest(&api, &reference("v1")).await.unwrap_err(),
        client.head(&api, &reference("v1")).await.unwrap_err(),
        client.delete(&api, &absent).await.unwrap_err(),
        client.list().await.unwrap_err(),
    ];
    for error in &errors {
        assert!(matches!(error, Error::Login { .. }), "{error}");
    }
    assert_eq!(
        errors[0].to_string(),
        format!(
            "the registry at http://{}/v2/ wants a login: authentication required",
            server.addr()
        )
    );
    assert_eq!(errors[0].hints().len(), 1);
}

#[tokio::test]
async fn garbage_is_said_to_be_that() {
    let huge = format!(r#"{{"mediaType":"{}"}}"#, "a".repeat(5 << 20));
    let long = "a".repeat(300);
    let digest = "Docker-Content-Digest: sha256:no\r\n";
    for (answer, catalog, expected) in [
        (
            json("", "<html>"),
            true,
            "expected value at line 1 column 1",
        ),
        (
            json("", r#"{"repositories":["A"]}"#),
            true,
            "\"A\" is no repository: it has upper case letters",
        ),
        (
            json("", &format!(r#"{{"repositories":["{long}"]}}"#)),
            true,
            &format!("\"{long}\" is no repository: it has more than 255 characters"),
        ),
        (
            json("Link: </else>; rel=\"next\"\r\n", "{}"),
            true,
            "its next page is \"/else\"",
        ),
        (json("", "{}"), false, "it has no `Docker-Content-Digest`"),
        (
            json(digest, "{}"),
            false,
            "\"sha256:no\" is no digest: it has another length than its algorithm's",
        ),
        (json("", &huge), false, "it has more than 4194304 bytes"),
        (
            json("", r#"{"layers":[{"digest":"sha256:a","size":-1}]}"#),
            false,
            "invalid value: integer `-1`, expected u64 at line 1 column 41",
        ),
    ] {
        let stranger = Stranger::new(move |_| answer.clone());
        let client = stranger.client();
        let error = if catalog {
            client.repositories().await.unwrap_err()
        } else {
            client
                .manifest(&repository("api"), &reference("v1"))
                .await
                .unwrap_err()
        };
        assert!(
            matches!(&error, Error::Garbage { reason, .. } if reason == expected),
            "{error}"
        );
    }
}
