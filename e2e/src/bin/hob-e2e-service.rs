//! The service of hob's end-to-end tests: an HTTP server that behaves as a
//! file says.
//!
//! `hob-e2e-service PAGE` reads PAGE once, at its start. Its first line is
//! the answer to `/`; each further line is one word about behaviour:
//!
//! | line | behaviour |
//! |---|---|
//! | `grpc` | it speaks gRPC alone: a call is answered by the first line and its message |
//! | `html` | `/` is an HTML page with the first line as its heading |
//! | `say TEXT` | TEXT is printed at the start |
//! | `lines N` | N numbered lines are printed at the start |
//! | `exit CODE` | it ends at its start |
//! | `slow MS` | it listens only after this time |
//! | `sick` | `/healthz` answers 500 |
//! | `paths` | any other path is answered, too, with itself after the first line |
//! | `ignore-term` | TERM does nothing: only KILL ends it |
//! | `daemon` | it leaves a process behind that has left its group |
//!
//! It listens on `HOST` and `PORT`. Beside `/` and `/healthz` there are
//! `/env` (its environment), `/crash` (ends with 3), `/after?MS` (answers
//! late) and `/events` (server-sent events, until the client goes).

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test program"
)]

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

fn main() {
    let mut args = std::env::args().skip(1);
    let page = std::fs::read_to_string(args.next().unwrap()).unwrap();
    if args.next().as_deref() != Some("--deaf") && page.lines().any(|line| line == "ignore-term") {
        deaf();
    }
    let mut lines = page.lines();
    let mut site = Site {
        version: lines.next().unwrap_or_default().to_owned(),
        grpc: false,
        html: false,
        sick: false,
        paths: false,
    };
    for line in lines {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "grpc" => site.grpc = true,
            "html" => site.html = true,
            "sick" => site.sick = true,
            "paths" => site.paths = true,
            "say" => println!("{rest}"),
            "lines" => (0..rest.parse::<u32>().unwrap()).for_each(|n| println!("line {n}")),
            "exit" => {
                eprintln!("giving up at once");
                std::process::exit(rest.parse().unwrap());
            }
            "slow" => std::thread::sleep(Duration::from_millis(rest.parse().unwrap())),
            "daemon" => daemon(),
            _ => {}
        }
    }
    let Ok(port) = std::env::var("PORT") else {
        loop {
            std::thread::park();
        }
    };
    let host = std::env::var("HOST").unwrap_or_else(|_| "127.0.0.1".into());
    let listener = TcpListener::bind((host.as_str(), port.parse::<u16>().unwrap())).unwrap();
    println!("serving {}", site.version);
    if site.grpc {
        return hob_e2e::grpc::serve(listener, &site.version).unwrap();
    }
    let site = Arc::new(site);
    for stream in listener.incoming().flatten() {
        let site = Arc::clone(&site);
        // A client that goes away is no mistake of the service.
        std::thread::spawn(move || drop(site.serve(stream)));
    }
}

/// Becomes the same program with TERM ignored: only a shell can say so
/// without unsafe code.
fn deaf() {
    use std::os::unix::process::CommandExt as _;
    let program = std::env::current_exe().unwrap();
    let page = std::env::args().nth(1).unwrap();
    let error = Command::new("sh")
        .args(["-c", "trap '' TERM; exec \"$0\" \"$1\" --deaf"])
        .arg(program)
        .arg(page)
        .exec();
    panic!("{error}");
}

/// Leaves a process behind that is in a session of its own.
fn daemon() {
    let left = Command::new("setsid")
        .args(["--fork", "sleep", "1000"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(left.unwrap().success());
}

struct Site {
    version: String,
    grpc: bool,
    html: bool,
    sick: bool,
    paths: bool,
}

impl Site {
    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        loop {
            let mut first = String::new();
            if reader.read_line(&mut first)? == 0 {
                return Ok(());
            }
            let mut last = false;
            let mut line = String::new();
            while reader.read_line(&mut line)? > 2 {
                last |= line.eq_ignore_ascii_case("connection: close\r\n");
                line.clear();
            }
            let target = first.split(' ').nth(1).unwrap_or("/");
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            match path {
                "/" if self.html => answer(&mut stream, 200, "text/html", &self.page())?,
                "/" => answer(&mut stream, 200, "text/plain", &self.version)?,
                "/healthz" if self.sick => answer(&mut stream, 500, "text/plain", "sick")?,
                "/healthz" => answer(&mut stream, 200, "text/plain", "well")?,
                "/env" => {
                    let lines: Vec<String> = std::env::vars()
                        .map(|(name, value)| format!("{name}={value}\n"))
                        .collect();
                    answer(&mut stream, 200, "text/plain", &lines.concat())?;
                }
                "/crash" => {
                    eprintln!("crashing as told");
                    std::process::exit(3);
                }
                "/after" => {
                    std::thread::sleep(Duration::from_millis(query.parse().unwrap()));
                    answer(&mut stream, 200, "text/plain", &self.version)?;
                }
                "/events" => return events(&mut stream, &self.version),
                _ if self.paths => {
                    let told = format!("{} {target}", self.version);
                    answer(&mut stream, 200, "text/plain", &told)?;
                }
                _ => answer(&mut stream, 404, "text/plain", "not here")?,
            }
            if last {
                return Ok(());
            }
        }
    }

    fn page(&self) -> String {
        let version = &self.version;
        format!(
            "<!doctype html><html><head><title>{version}</title></head>\
             <body><h1 id=\"version\">{version}</h1></body></html>"
        )
    }
}

fn answer(stream: &mut TcpStream, status: u16, kind: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    let whole = format!(
        "HTTP/1.1 {status} Said\r\ncontent-type: {kind}; charset=utf-8\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(whole.as_bytes())
}

fn events(stream: &mut TcpStream, version: &str) -> io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 200 Said\r\ncontent-type: text/event-stream\r\n\r\n"
    )?;
    loop {
        write!(stream, "data: {version}\n\n")?;
        std::thread::sleep(Duration::from_millis(20));
    }
}
