//! Who may come in: beside the agent of a container, and over TCP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Instant;

use hob_wire::{Hello, Reply, Request, Token, decode, encode};
use rustix::process::{getgid, getuid};

use crate::support::{Agent, PATIENCE, command, free_port};

fn own() -> String {
    format!("{}:{}", getuid().as_raw(), getgid().as_raw())
}

/// An agent that listens on the port, too, with the token `right`.
fn over_tcp(more: &[&str]) -> (Agent, u16) {
    let folder = tempfile::tempdir().unwrap();
    let (file, port) = (folder.path().join("token"), free_port());
    std::fs::write(&file, "right\n").unwrap();
    let port_text = port.to_string();
    let mut options = vec!["--tcp", &port_text, "--token-file", file.to_str().unwrap()];
    options.extend(more);
    (Agent::start_with(folder, &options), port)
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// What is answered to a client with this token; none when it is closed.
fn ask(port: u16, token: &str, request: &Request) -> Option<Reply> {
    let token = Token {
        token: token.to_owned(),
    };
    let mut stream = connect(port);
    let words = [encode(&token), encode(&Hello::current()), encode(request)];
    // The agent may have closed already.
    let _ = stream.write_all(&words.concat());
    let mut line = Vec::new();
    // A close with something unread is a reset.
    let _ = BufReader::new(stream).read_until(b'\n', &mut line);
    (!line.is_empty()).then(|| decode(&line).unwrap())
}

/// What the agent says until it closes.
fn said(mut stream: TcpStream) -> String {
    let mut said = String::new();
    let _ = stream.read_to_string(&mut said);
    said
}

#[test]
fn who_is_beside_the_agent_of_somebody_outside_only_looks() {
    let agent = Agent::start_with(tempfile::tempdir().unwrap(), &["--own", &own()]);
    let reason = "commands are taken from outside of this container only".to_owned();
    let session = None;
    let refused = Reply::Refused { reason, session };
    assert_eq!(agent.configure(&agent.spec()), refused);
    let info = crate::support::session();
    for request in [
        Request::Start,
        Request::Shutdown,
        Request::Attach(info),
        Request::Usage,
    ] {
        assert_eq!(agent.ask(request), refused);
    }
    assert_eq!(agent.status().spec_digest, "");
    let mut watch = agent.request(&Request::Watch { logs: true });
    assert!(matches!(watch.reply(), Reply::Status(_)));
}

#[test]
fn over_tcp_the_token_is_asked_for_and_a_wrong_one_gets_no_answer() {
    let (agent, port) = over_tcp(&[]);
    assert_eq!(ask(port, "right", &Request::Start), Some(Reply::Done));
    for wrong in ["", "righ", "rights", "wrong"] {
        assert_eq!(ask(port, wrong, &Request::Shutdown), None, "{wrong}");
    }
    for nonsense in [
        &b"\n"[..],
        b"{}\n",
        b"{\"token\":1}\n",
        b"GET / HTTP/1.1\r\n\r\n",
    ] {
        let mut stream = connect(port);
        stream.write_all(nonsense).unwrap();
        assert_eq!(said(stream), "");
    }
    // Without a token, the greeting is none.
    let mut stream = connect(port);
    let words = [encode(&Hello::current()), encode(&Request::Status)];
    let _ = stream.write_all(&words.concat());
    let _ = stream.shutdown(Shutdown::Write);
    assert_eq!(said(stream), "");
    // And a line without an end.
    let mut stream = connect(port);
    let _ = stream.write_all(&[b'x'; 5000]);
    assert_eq!(said(stream), "");
    assert!(agent.status().started);
}

#[test]
fn over_tcp_too_who_is_beside_the_agent_only_looks() {
    let (_agent, port) = over_tcp(&["--own", &own()]);
    let refused = ask(port, "right", &Request::Shutdown);
    assert!(
        matches!(refused, Some(Reply::Refused { .. })),
        "{refused:?}"
    );
    let status = ask(port, "right", &Request::Status);
    assert!(matches!(status, Some(Reply::Status(_))), "{status:?}");
}

#[test]
fn clients_that_say_nothing_keep_nobody_out_and_are_sent_away() {
    let (agent, port) = over_tcp(&[]);
    let began = Instant::now();
    let silent: Vec<_> = (0..540).map(|_| connect(port)).collect();
    assert_eq!(ask(port, "right", &Request::Start), Some(Reply::Done));
    for stream in silent {
        assert_eq!(said(stream), "");
    }
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    assert!(agent.status().started);
}

#[test]
fn a_token_file_that_says_nothing_keeps_the_agent_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let port = free_port().to_string();
    for text in [None, Some(" \n")] {
        if let Some(text) = text {
            std::fs::write(&file, text).unwrap();
        }
        let mut command = command(folder.path());
        command.args(["--tcp", &port, "--token-file", file.to_str().unwrap()]);
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        let expected = "error: cannot listen over TCP with the token of";
        assert!(said.starts_with(expected), "{said}");
    }
}
