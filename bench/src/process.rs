//! Bare processes, the baseline of most rows, and what `/proc` says of any.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::http::Client;
use crate::stop::{self, Group};

/// The variables that hob hands on to services, so that a bare program sees
/// the same environment.
const HANDED_ON: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
];

/// How long anything bare may take.
const LIMIT: Duration = Duration::from_secs(60);

/// A program as hob would start it: the same command, folder and variables.
pub fn bare(argv: &[String], folder: &Path, out: &Path) -> Result<Command> {
    let place = out.display().to_string();
    let mut words = argv.iter().map(|word| word.replace("$OUT", &place));
    let program = words.next().context("the command is empty")?;
    let mut command = Command::new(program);
    command
        .args(words)
        .current_dir(folder)
        .env_clear()
        .envs(
            HANDED_ON
                .iter()
                .filter_map(|name| Some((name, std::env::var_os(name)?))),
        )
        .env("OUT", out)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Ok(command)
}

/// A loopback address that nothing listens on.
pub fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}

/// Starts a bare server on an address.
pub fn serve(mut command: Command, addr: SocketAddr) -> Result<Group> {
    command
        .env("HOST", addr.ip().to_string())
        .env("PORT", addr.port().to_string());
    Ok(stop::spawn(&mut command)?)
}

/// Asks on new connections until an answer holds `text`.
pub fn first_answer(addr: SocketAddr, text: &str) -> Result<()> {
    let end = Instant::now() + LIMIT;
    while Instant::now() < end {
        let answer = Client::connect(addr, "/").and_then(|mut client| client.get());
        if answer.is_ok_and(|answer| answer.body.contains(text)) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    bail!(
        "{addr} did not answer `{text}` within {} s",
        LIMIT.as_secs()
    )
}

/// The process's share of memory in MiB, from `smaps_rollup` (proc(5)).
pub fn memory(pid: u32) -> Result<f64> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = fs::read_to_string(&path).with_context(|| path.clone())?;
    let kib: f64 = text
        .lines()
        .find_map(|line| {
            line.strip_prefix("Pss:")?
                .split_whitespace()
                .next()?
                .parse()
                .ok()
        })
        .with_context(|| format!("{path} names no Pss"))?;
    Ok(kib / 1024.0)
}

/// How long all threads of a process have run, from
/// `/proc/PID/task/*/schedstat` (in nanoseconds, where `stat` counts in
/// hundredths of a second), and how often they were woken.
pub fn ran(pid: u32) -> Result<(Duration, u64)> {
    let mut time = Duration::ZERO;
    let mut woken = 0;
    let folder = format!("/proc/{pid}/task");
    for thread in fs::read_dir(&folder).with_context(|| folder.clone())? {
        let thread = thread?.path();
        let Ok(text) = fs::read_to_string(thread.join("schedstat")) else {
            // The thread has ended in the meantime.
            continue;
        };
        let mut numbers = text
            .split_whitespace()
            .map(|word| word.parse().unwrap_or(0));
        time += Duration::from_nanos(numbers.next().unwrap_or(0));
        woken += numbers.nth(1).unwrap_or(0);
    }
    Ok((time, woken))
}

/// How many threads of the machine ran or wanted to, over the last minute, if
/// it was more than it has cores: figures are rough then.
pub fn busy() -> Option<f64> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    let load: f64 = text.split_whitespace().next()?.parse().ok()?;
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let busy = load > cores as f64;
    busy.then_some(load)
}
