//! Bodies of any size go through as they come.

use std::net::SocketAddr;
use std::path::Path;

use bytes::Bytes;
use futures_util::future;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::{Frame, Incoming};
use tokio::net::TcpStream;

use crate::client::{Answer, connect1, connect2, request};
use crate::nginx::Nginx;
use crate::upstream::{Frames, Upstream, channel};
use crate::{POLL, samples, within};

const LENGTH: usize = 200 << 20;
const PIECE: usize = 64 << 10;
/// Between two looks at the disk.
const STEP: usize = 8 << 20;
/// What may lie on the disk meanwhile: logs.
const BOUND: u64 = 1 << 20;

#[tokio::test]
async fn two_hundred_megabytes_go_up_without_files() {
    let upstream = Upstream::http("web").await;
    for transport in ["http", "http2"] {
        let (nginx, addr) = start(transport, "http", &upstream).await;
        let (pieces, body) = channel();
        let looking = pour(&nginx, pieces);
        // Of the one the length is told, of the other it is not.
        let answer = if transport == "http2" {
            let request = Request::post("http://web.test/count").body(body).unwrap();
            let mut sender = connect2(stream(addr).await).await.unwrap();
            let (answer, ()) = within(
                "a body",
                future::join(sender.send_request(request), looking),
            )
            .await;
            answer
        } else {
            let request = Request::post("/count")
                .header("host", "web.test")
                .header("content-length", LENGTH)
                .body(body)
                .unwrap();
            let mut sender = connect1(stream(addr).await).await.unwrap();
            let (answer, ()) = within(
                "a body",
                future::join(sender.send_request(request), looking),
            )
            .await;
            answer
        };
        let answer = Answer::of(answer.unwrap()).await.unwrap();
        assert_eq!(answer.body, LENGTH.to_string(), "{transport}");
        assert_eq!(nginx.errors(), "");
    }
}

#[tokio::test]
async fn two_hundred_megabytes_come_down_without_files() {
    let upstream = Upstream::http("web").await;
    let (nginx, addr) = start("http", "http", &upstream).await;
    let request = request(&format!("GET web.test/{LENGTH}/large"));
    let mut sender = connect1(stream(addr).await).await.unwrap();
    let response = within("the head", sender.send_request(request))
        .await
        .unwrap();
    within("a body", drink(&nginx, response)).await;
}

#[tokio::test]
async fn two_hundred_megabytes_go_both_ways_at_once_in_grpc() {
    let upstream = Upstream::http2("web").await;
    let (nginx, addr) = start("http2", "grpc", &upstream).await;
    let (pieces, body) = channel();
    let request = Request::post("http://web.test/echo").body(body).unwrap();
    let mut sender = connect2(stream(addr).await).await.unwrap();
    let pouring = pour(&nginx, pieces);
    let drinking = async {
        let response = sender.send_request(request).await.unwrap();
        drink(&nginx, response).await;
    };
    within("a body", future::join(pouring, drinking)).await;
}

async fn stream(addr: SocketAddr) -> TcpStream {
    TcpStream::connect(addr).await.unwrap()
}

async fn start(transport: &str, protocol: &str, upstream: &Upstream) -> (Nginx, SocketAddr) {
    let addr = samples::free();
    let nginx = Nginx::start(&format!(
        "
        listen {addr} {transport}
        site web web.test
          / web {protocol} {}
        ",
        upstream.is("v1")
    ))
    .await;
    (nginx, addr)
}

/// Sends it all and looks at the disk meanwhile.
async fn pour(nginx: &Nginx, pieces: Frames) {
    let workers = nginx.workers();
    let piece = Bytes::from(vec![b'x'; PIECE]);
    for sent in 0..LENGTH / PIECE {
        pieces
            .send(Ok(Frame::data(piece.clone())))
            .await
            .ok()
            .unwrap();
        if sent % (STEP / PIECE) == 0 {
            check_disk(nginx, &workers);
        }
    }
}

/// Reads it all, now and then slower than it is written, and looks at the disk
/// meanwhile.
async fn drink(nginx: &Nginx, mut response: Response<Incoming>) {
    let workers = nginx.workers();
    let mut read = 0;
    let mut next_look = STEP;
    while let Some(frame) = response.frame().await {
        read += frame.unwrap().into_data().map_or(0, |data| data.len());
        if read >= next_look {
            next_look += STEP;
            // Everything before it would pile up here if it were kept.
            tokio::time::sleep(POLL).await;
            check_disk(nginx, &workers);
        }
    }
    assert_eq!(read, LENGTH);
    assert_eq!(nginx.errors(), "");
}

fn check_disk(nginx: &Nginx, workers: &[u32]) {
    let bytes = on_disk(nginx.folder(), workers);
    assert!(bytes < BOUND, "{bytes} bytes on the disk");
}

/// Bytes of all files below a folder, also of those that nginx has removed
/// and still writes to.
fn on_disk(folder: &Path, workers: &[u32]) -> u64 {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    for id in workers {
        for entry in std::fs::read_dir(format!("/proc/{id}/fd")).unwrap() {
            let path = entry.unwrap().path();
            let is_removed = std::fs::read_link(&path).is_ok_and(|file| {
                file.starts_with(folder) && file.to_string_lossy().ends_with(" (deleted)")
            });
            if is_removed {
                files.push(path);
            }
        }
    }
    files
        .iter()
        .map(|file| std::fs::metadata(file).map_or(0, |file| file.len()))
        .sum()
}
