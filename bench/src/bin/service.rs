//! The smallest service that is worth measuring around: it answers every GET
//! with the text of one file, read once at its start.
//!
//! `hob-bench-service FILE`, listening on `HOST` and `PORT`. Standard library
//! only and small stacks, so that fifty of them weigh next to nothing.
#![expect(
    clippy::disallowed_methods,
    reason = "a program of its own that is told everything through its environment"
)]

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

fn main() -> io::Result<()> {
    let file = std::env::args_os().nth(1);
    let text = match file {
        Some(file) => std::fs::read_to_string(file)?,
        None => String::from("hello"),
    };
    let host = std::env::var("HOST").unwrap_or_else(|_| "127.0.0.1".into());
    let port = std::env::var("PORT").unwrap_or_else(|_| "0".into());
    let listener = TcpListener::bind(format!("{host}:{port}"))?;
    let answer: &'static [u8] = answer(&text).leak();
    for stream in listener.incoming() {
        let serve = move || {
            // A client that goes away is no matter.
            let _ = stream.and_then(|stream| serve(stream, answer));
        };
        thread::Builder::new().stack_size(64 << 10).spawn(serve)?;
    }
    Ok(())
}

fn answer(text: &str) -> Vec<u8> {
    let length = text.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\n\r\n{text}")
        .into_bytes()
}

/// Answers one request after the other; what a request says is of no
/// interest, and none of them has a body.
fn serve(mut stream: TcpStream, answer: &[u8]) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; 4096];
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..])?;
        if read == 0 {
            return Ok(());
        }
        filled += read;
        let head = &buffer[..filled];
        if head.ends_with(b"\r\n\r\n") {
            stream.write_all(answer)?;
            filled = 0;
        } else if filled == buffer.len() {
            return Ok(());
        }
    }
}
