//! A front, processes to stand behind it, and clients before it, all in the
//! test's own runtime.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use hob_front::{Config, Failure, Gate, Target, serve};
use hob_wire::Protocol;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty, Full, combinators::BoxBody};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The end of every wait in a test; generous, for busy machines.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits with an end.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: not within {PATIENCE:?}"),
    }
}

/// Lets everything else that can run do so, until the condition holds.
pub async fn until(what: &str, condition: impl Fn() -> bool) {
    soon(what, async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

/// A served front; ends with the value.
pub struct Front {
    pub addr: SocketAddr,
    pub gate: Gate,
    pub task: JoinHandle<()>,
    pub stop: Option<tokio::sync::oneshot::Sender<()>>,
}

impl Front {
    pub async fn start(change: impl FnOnce(&mut Config)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let gate = Gate::new();
        let mut config = Config::new("goapi", Protocol::Http);
        change(&mut config);
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(serve(listener, gate.clone(), config, async {
            let _ = stopped.await;
        }));
        Self {
            addr,
            gate,
            task,
            stop: Some(stop),
        }
    }

    /// A front that is open to this process as generation 1.
    pub async fn before(process: &Process) -> Self {
        let front = Self::start(|_| {}).await;
        front.open(process, 1);
        front
    }

    pub fn open(&self, process: &Process, generation: u64) {
        self.gate.open(Target {
            addr: process.addr,
            generation,
        });
    }

    /// Sends text, gives back all that comes until the front closes.
    pub async fn raw(&self, text: &str) -> String {
        soon("raw answer", raw(self.addr, text)).await
    }

    /// A GET with these header lines, and its answer.
    pub async fn get(&self, path: &str, headers: &str) -> Answer {
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
        Answer::parse(&self.raw(&format!("{head}{headers}\r\n")).await)
    }

    pub async fn client(&self) -> Client {
        Client::connect(self.addr).await
    }
}

/// An answer taken apart.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    fn parse(text: &str) -> Self {
        let (head, body) = text
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("no whole answer: {text:?}"));
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        Self {
            status: status.unwrap_or_else(|| panic!("no status: {head:?}")),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// Sends text and reads to the end. A reset counts as the end.
pub async fn raw(addr: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    read_all(&mut stream).await
}

pub async fn read_all(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut piece).await {
        bytes.extend_from_slice(&piece[..read]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads until the text so far ends with this.
pub async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut bytes = Vec::new();
    soon(end, async {
        while !bytes.ends_with(end.as_bytes()) {
            match stream.read_u8().await {
                Ok(byte) => bytes.push(byte),
                Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&bytes)),
            }
        }
    })
    .await;
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Something that listens as a service's process would.
pub struct Process {
    pub addr: SocketAddr,
    pub task: JoinHandle<()>,
}

impl Process {
    /// Handles each connection with this function.
    pub async fn raw<F, R>(handle: F) -> Self
    where
        F: Fn(TcpStream) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener, handle)
    }

    pub fn on<F, R>(listener: TcpListener, handle: F) -> Self
    where
        F: Fn(TcpStream) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let addr = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            // Ends with the task, as connections do with a process.
            let mut connections = tokio::task::JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        connections.spawn(handle(accepted.unwrap().0));
                    }
                    Some(_) = connections.join_next() => {}
                }
            }
        });
        Self { addr, task }
    }

    /// Answers each request, HTTP/1.1 or HTTP/2, with this function.
    pub async fn http<F, R>(answer: F) -> Self
    where
        F: Fn(Request<Incoming>) -> R + Clone + Send + 'static,
        R: Future<Output = Response<BoxBody<Bytes, hyper::Error>>> + Send + 'static,
    {
        Self::raw(move |stream| {
            let answer = answer.clone();
            async move {
                let service = service_fn(move |request| {
                    let answered = answer(request);
                    async move { Ok::<_, Infallible>(answered.await) }
                });
                let _ = auto::Builder::new(TokioExecutor::new())
                    .serve_connection_with_upgrades(TokioIo::new(stream), service)
                    .await;
            }
        })
        .await
    }

    /// Answers everything with this text.
    pub async fn saying(words: &'static str) -> Self {
        Self::http(move |_| async move { Response::new(text(words)) }).await
    }

    /// Reads one request head a connection, answers with this text, closes.
    pub async fn once(answer: &'static str) -> Self {
        Self::raw(move |mut stream| async move {
            read_until(&mut stream, "\r\n\r\n").await;
            stream.write_all(answer.as_bytes()).await.unwrap();
        })
        .await
    }

    /// Ends it as a crash would: the port and every connection at once.
    pub async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

pub fn text(words: impl Into<Bytes>) -> BoxBody<Bytes, hyper::Error> {
    Full::new(words.into())
        .map_err(|never| match never {})
        .boxed()
}

/// A client with one keep-alive connection.
pub struct Client {
    sender: http1::SendRequest<BoxBody<Bytes, hyper::Error>>,
}

impl Client {
    pub async fn connect(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).await.unwrap();
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self { sender }
    }

    pub async fn send(
        &mut self,
        request: Request<BoxBody<Bytes, hyper::Error>>,
    ) -> Result<Response<Incoming>, hyper::Error> {
        self.sender.ready().await?;
        self.sender.send_request(request).await
    }

    /// Status, generation and body of a GET.
    pub async fn get(&mut self, path: &str) -> Result<(u16, u64, String), hyper::Error> {
        let request = Request::get(path).header("host", "localhost");
        let body = Empty::new().map_err(|never| match never {}).boxed();
        let response = self.send(request.body(body).unwrap()).await?;
        read(response).await
    }

    /// Status, generation and body of a POST of this text.
    pub async fn post(
        &mut self,
        path: &str,
        words: String,
    ) -> Result<(u16, u64, String), hyper::Error> {
        let request = Request::post(path).header("host", "localhost");
        let response = self.send(request.body(text(words)).unwrap()).await?;
        read(response).await
    }
}

pub async fn read(response: Response<Incoming>) -> Result<(u16, u64, String), hyper::Error> {
    let status = response.status().as_u16();
    let generation = response.headers()["hob-generation"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    let body = response.into_body().collect().await?.to_bytes();
    Ok((
        status,
        generation,
        String::from_utf8(body.to_vec()).unwrap(),
    ))
}

pub fn failure(generation: u64) -> Failure {
    Failure {
        generation,
        title: "goapi failed to build".to_owned(),
        message: "go build failed with exit code 1".to_owned(),
        output: vec!["main.go:3: <script>alert(1)</script>".to_owned()],
    }
}
