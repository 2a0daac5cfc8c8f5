//! What asks: one request on a connection, several, or plain bytes.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::within;

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next().map_or("", |value| value.to_str().unwrap());
        assert!(values.next().is_none(), "{name} is there twice");
        value
    }

    /// What the upstream of these tests saw.
    pub(crate) fn seen(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{}", self.body))
    }

    pub(crate) async fn of(response: http::Response<Incoming>) -> Result<Self, hyper::Error> {
        let (parts, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Self {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        })
    }
}

/// `GET host/path`, or another method, with headers on the lines below and a
/// body after an empty line.
pub(crate) fn request(text: &str) -> Request<Full<Bytes>> {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let (method, target) = lines.next().unwrap().split_once(' ').unwrap();
    let (host, path) = target.split_at(target.find('/').unwrap());
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", host);
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        request = request.header(name, value);
    }
    request.body(Full::from(body.to_owned())).unwrap()
}

/// The same for HTTP/2, where the host stands in the URI.
pub(crate) fn request2(text: &str) -> Request<Full<Bytes>> {
    let mut request = request(text);
    let host = request.headers_mut().remove("host").unwrap();
    let uri = format!("http://{}{}", host.to_str().unwrap(), request.uri());
    *request.uri_mut() = uri.parse().unwrap();
    request
}

pub(crate) async fn ask(addr: SocketAddr, text: &str) -> Answer {
    let stream = TcpStream::connect(addr).await.unwrap();
    ask_on(stream, text).await
}

pub(crate) async fn ask_on<S>(stream: S, text: &str) -> Answer
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    within(text, async {
        let mut sender = connect1(stream).await.unwrap();
        let response = sender.send_request(request(text)).await.unwrap();
        Answer::of(response).await.unwrap()
    })
    .await
}

pub(crate) async fn connect1<S, B>(stream: S) -> Result<http1::SendRequest<B>, hyper::Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection.with_upgrades());
    Ok(sender)
}

pub(crate) async fn connect2<S, B>(stream: S) -> Result<http2::SendRequest<B>, hyper::Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>
        + Send
        + Unpin
        + 'static,
{
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

/// Sends bytes and reads until the end.
pub(crate) async fn raw(addr: SocketAddr, bytes: &str) -> String {
    within(bytes, async {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    })
    .await
}
