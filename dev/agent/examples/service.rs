//! A service for the agent's tests. Its first word says what it does:
//!
//! - `http`: answers `/` with the file `$OUT/greeting`, `/env` and `/args`
//!   with what it was given, `/exit/N` by ending with that code;
//! - `tcp`: says the greeting to each connection, then waits for its end;
//! - `flood N`: that many bytes of lines on standard output, then `http`;
//! - `hups FILE`: like `http`, with a line in the file for each HUP;
//! - `attach SOCKET`: sends the further words as lines, prints what comes.
//!
//! A greeting of `crash` ends it with code 3, `hang` keeps it from listening.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a program for tests"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words[..] {
        ["http", ..] => serve(http),
        ["tcp", ..] => serve(tcp),
        ["flood", bytes] => {
            flood(bytes.parse().unwrap());
            serve(http);
        }
        ["hups", file] => {
            hups(file.to_owned());
            serve(http);
        }
        ["attach", socket, ref lines @ ..] => attach(socket, lines),
        _ => panic!("unknown words: {words:?}"),
    }
}

fn greeting() -> String {
    let out = std::env::var("OUT").unwrap();
    let greeting = std::fs::read_to_string(format!("{out}/greeting"));
    greeting.unwrap_or_else(|_| "hello".into())
}

fn serve(answer: fn(TcpStream, &str)) {
    let greeting = greeting();
    match greeting.trim() {
        "crash" => {
            eprintln!("a crash was asked for");
            std::process::exit(3);
        }
        "hang" => std::thread::sleep(std::time::Duration::MAX),
        _ => {}
    }
    let host = std::env::var("BIND").or_else(|_| std::env::var("HOST"));
    let port: u16 = std::env::var("PORT").unwrap().parse().unwrap();
    let listener = TcpListener::bind((host.unwrap().as_str(), port)).unwrap();
    println!("listening");
    for stream in listener.incoming() {
        let greeting = greeting.clone();
        std::thread::spawn(move || answer(stream.unwrap(), &greeting));
    }
}

fn http(mut stream: TcpStream, greeting: &str) {
    let mut first = String::new();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    if !matches!(reader.read_line(&mut first), Ok(1..)) {
        return;
    }
    let mut line = String::new();
    while matches!(reader.read_line(&mut line), Ok(3..)) {
        line.clear();
    }
    let path = first.split(' ').nth(1).unwrap();
    let body = match path {
        "/env" => std::env::vars()
            .map(|(name, value)| format!("{name}={value}\n"))
            .collect(),
        "/args" => std::env::args().skip(1).collect::<Vec<_>>().join("\n"),
        _ => greeting.to_owned(),
    };
    if let Some(code) = path.strip_prefix("/exit/") {
        eprintln!("told to exit with {code}");
        std::process::exit(code.parse().unwrap());
    }
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    // The client may be gone.
    let _ = stream.write_all((head + &body).as_bytes());
}

fn tcp(mut stream: TcpStream, greeting: &str) {
    // The client may be gone.
    let _ = stream.write_all(greeting.as_bytes());
    let _ = stream.read_to_end(&mut Vec::new());
}

fn flood(bytes: usize) {
    let line = format!("{:099}\n", 7).repeat(100);
    let mut out = std::io::stdout().lock();
    for _ in 0..bytes / line.len() {
        out.write_all(line.as_bytes()).unwrap();
    }
    out.write_all(b"the flood is over\n").unwrap();
}

/// From now on a HUP is a line in the file.
fn hups(file: String) {
    let (heard, hears) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let kind = tokio::signal::unix::SignalKind::hangup();
            let mut hup = tokio::signal::unix::signal(kind).unwrap();
            heard.send(()).unwrap();
            while hup.recv().await.is_some() {
                let mut file = std::fs::OpenOptions::new()
                    .append(true)
                    .create(true)
                    .open(&file)
                    .unwrap();
                file.write_all(b"hup\n").unwrap();
            }
        });
    });
    hears.recv().unwrap();
}

fn attach(socket: &str, lines: &[&str]) {
    let mut stream = UnixStream::connect(socket).unwrap();
    for line in lines {
        stream.write_all(format!("{line}\n").as_bytes()).unwrap();
    }
    for line in BufReader::new(stream).lines() {
        println!("{}", line.unwrap());
    }
}
