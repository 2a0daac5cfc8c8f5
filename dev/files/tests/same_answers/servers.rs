//! Both servers, started alike, and a client that sends what it is told:
//! paths are not tidied on the way.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hob_files::{Options, Server, nginx_command};
use tokio::sync::oneshot;

const LIMIT: Duration = Duration::from_secs(60);

/// Between two looks at a condition that is waited for.
const POLL: Duration = Duration::from_millis(2);

/// What the wait for nginx leaves in its log.
pub(crate) const PROBE_LINE: &str = "GET /probe 404";

pub(crate) struct Answer {
    pub(crate) status: u16,
    /// By names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

pub(crate) struct Running {
    addr: SocketAddr,
    server: Kind,
}

enum Kind {
    BuiltIn {
        log: Arc<Mutex<String>>,
        thread: Option<JoinHandle<()>>,
        stop: Option<oneshot::Sender<()>>,
    },
    Nginx {
        child: Child,
        stdout: Option<JoinHandle<String>>,
    },
}

impl Running {
    pub(crate) fn built_in(options: &Options) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let server = runtime.block_on(Server::bind(options)).unwrap();
        let addr = server.addr();
        let (stop, stopped) = oneshot::channel();
        let log = Arc::new(Mutex::new(String::new()));
        let lines = log.clone();
        let thread = std::thread::spawn(move || {
            let log = move |line: &str| {
                let mut lines = lines.lock().unwrap();
                lines.push_str(line);
                lines.push('\n');
            };
            runtime.block_on(server.run(log, stopped));
        });
        Self {
            addr,
            server: Kind::BuiltIn {
                log,
                thread: Some(thread),
                stop: Some(stop),
            },
        }
    }

    pub(crate) fn nginx(options: &Options, state: &Path) -> Self {
        let Ok(program) = which::which_in("nginx", path_with_sbin(), "/") else {
            panic!("nginx is not installed; `apt-get install -y nginx-light` installs it");
        };
        // Another process may take the free port before nginx does.
        for _ in 0..10 {
            let mut options = options.clone();
            options.listen = free_port();
            let mut child = nginx_command(&options, &program, state)
                .unwrap()
                .env_clear()
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let running = Self {
                addr: options.listen,
                server: Kind::Nginx {
                    stdout: child.stdout.take().map(read_to_end),
                    child,
                },
            };
            match running.wait_for_nginx() {
                Ok(running) => return running,
                Err(errors) if errors.contains("Address already in use") => {}
                Err(errors) => panic!("nginx did not start:\n{errors}"),
            }
        }
        panic!("no port stayed free");
    }

    fn wait_for_nginx(mut self) -> Result<Self, String> {
        let deadline = Instant::now() + LIMIT;
        loop {
            let Kind::Nginx { child, .. } = &mut self.server else {
                return Ok(self);
            };
            if child.try_wait().unwrap().is_some() {
                return Err(std::io::read_to_string(child.stderr.take().unwrap()).unwrap());
            }
            if try_ask(self.addr, "GET /probe").is_ok() {
                return Ok(self);
            }
            assert!(Instant::now() < deadline, "nginx does not answer");
            std::thread::sleep(POLL);
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self.server {
            Kind::BuiltIn { .. } => "built-in",
            Kind::Nginx { .. } => "nginx",
        }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Asks for `METHOD /path`, headers on the lines below.
    pub(crate) fn ask(&self, request: &str) -> Answer {
        match try_ask(self.addr, request) {
            Ok(answer) => answer,
            Err(error) => panic!("{} does not answer {request}: {error}", self.name()),
        }
    }

    /// Asks it to end, waits until it has, and gives its log.
    pub(crate) fn end(mut self) -> String {
        let deadline = Instant::now() + LIMIT;
        match &mut self.server {
            Kind::BuiltIn { log, thread, stop } => {
                stop.take().unwrap().send(()).unwrap();
                thread.take().unwrap().join().unwrap();
                let log = log.lock().unwrap();
                log.clone()
            }
            Kind::Nginx { child, stdout } => {
                let pid = rustix::process::Pid::from_child(child);
                rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
                while child.try_wait().unwrap().is_none() {
                    assert!(Instant::now() < deadline, "nginx does not end on TERM");
                    std::thread::sleep(POLL);
                }
                assert_eq!(child.wait().unwrap().code(), Some(0));
                stdout.take().unwrap().join().unwrap()
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        match &mut self.server {
            Kind::BuiltIn { thread, stop, .. } => {
                drop(stop.take());
                if let Some(thread) = thread.take() {
                    let _ = thread.join();
                }
            }
            Kind::Nginx { child, .. } => {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}

/// Waits until nothing listens there.
pub(crate) fn wait_until_closed(addr: SocketAddr) {
    let deadline = Instant::now() + LIMIT;
    while TcpStream::connect(addr).is_ok() {
        assert!(Instant::now() < deadline, "{addr} still listens");
        std::thread::sleep(POLL);
    }
}

/// PATH, and the folders of daemons, which a user's PATH may lack.
fn path_with_sbin() -> Option<String> {
    let path = std::env::var("PATH").unwrap_or_default();
    Some(format!("{path}:/usr/sbin:/usr/local/sbin"))
}

fn free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

fn read_to_end(stdout: std::process::ChildStdout) -> JoinHandle<String> {
    std::thread::spawn(move || std::io::read_to_string(stdout).unwrap())
}

fn try_ask(addr: SocketAddr, request: &str) -> std::io::Result<Answer> {
    let (line, headers) = request.split_once('\n').unwrap_or((request, ""));
    let mut text = format!("{line} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n");
    for header in headers.lines() {
        text.push_str(header);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    let mut stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.write_all(text.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1)?.parse().ok())
        .ok_or(std::io::ErrorKind::InvalidData)?;
    Ok(Answer {
        status,
        headers: lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect(),
        body: body.to_owned(),
    })
}
