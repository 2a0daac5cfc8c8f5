//! Measures a watcher: from the event of a save to its batch, and what
//! watching many files costs.
//!
//! `cargo run --release -p hob-watch --example latency -- [FILES] [SAVES]`

#![expect(
    clippy::disallowed_methods,
    reason = "it makes files and measures time"
)]

use std::error::Error;
use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

use hob_watch::{Event, Options, Root, Watcher};
use tokio::sync::mpsc::{self, UnboundedReceiver};

fn main() -> Result<(), Box<dyn Error>> {
    let mut numbers = std::env::args().skip(1).map(|word| word.parse());
    let files: usize = numbers.next().transpose()?.unwrap_or(1000);
    let saves: usize = numbers.next().transpose()?.unwrap_or(500);
    let mut out = std::io::stdout().lock();

    let top = tempfile::tempdir()?;
    for folder in 0..files.div_ceil(20) {
        let path = top.path().join(format!("p{}/s{folder}", folder % 50));
        fs::create_dir_all(&path)?;
        for file in 0..20 {
            fs::write(path.join(format!("f{file}.go")), format!("{folder} {file}"))?;
        }
    }
    let save = top.path().join("main.go");
    fs::write(&save, "0")?;

    let before = resident()?;
    let began = Instant::now();
    let (sender, mut told) = mpsc::unbounded_channel();
    let root = Root {
        id: 0,
        path: top.path().to_path_buf(),
        extra: Vec::new(),
        ignore: Vec::new(),
    };
    let watcher = Watcher::start(vec![root], Options::default(), sender)?;
    let started = began.elapsed();
    wait(&mut told, |event| matches!(event, Event::Digest { .. }))?;
    let hashed = began.elapsed();
    let memory = resident()?.saturating_sub(before);
    writeln!(
        out,
        "{files} files: watching after {started:.1?}, hashed after {hashed:.1?}, {} bytes a file",
        memory * 1024 / files.max(1)
    )?;

    let mut from_event = Vec::new();
    let mut from_save = Vec::new();
    for nth in 0..saves {
        // Saves apart: each is a leading edge.
        std::thread::sleep(Duration::from_millis(30));
        let began = Instant::now();
        fs::write(&save, format!("save {nth}"))?;
        let batch = wait(&mut told, |event| matches!(event, Event::Batch(_)))?;
        let now = Instant::now();
        if let Event::Batch(batch) = batch {
            from_event.push(now.duration_since(batch.first_event));
        }
        from_save.push(now.duration_since(began));
    }
    for (what, mut times) in [("event -> batch", from_event), ("save -> batch", from_save)] {
        times.sort();
        let last = times.len().saturating_sub(1);
        let at = |part| times.get(last * part / 100).copied().unwrap_or_default();
        writeln!(out, "{what}: p50 {:.3?}, p99 {:.3?}", at(50), at(99))?;
    }

    let (idle, pause) = (processor()?, Duration::from_secs(10));
    std::thread::sleep(pause);
    let used = processor()?.saturating_sub(idle);
    writeln!(out, "idle: {used} ticks of 10 ms in {pause:?}")?;

    let (done, synced) = tokio::sync::oneshot::channel();
    let began = Instant::now();
    watcher.sync(0, done);
    synced.blocking_recv()?;
    writeln!(out, "sync: {:.1?}", began.elapsed())?;
    Ok(())
}

fn wait(
    told: &mut UnboundedReceiver<Event>,
    found: impl Fn(&Event) -> bool,
) -> Result<Event, Box<dyn Error>> {
    loop {
        let event = told.blocking_recv().ok_or("the watcher ended")?;
        if found(&event) {
            return Ok(event);
        }
    }
}

/// KiB of memory of this process, from proc_pid_status(5).
fn resident() -> Result<usize, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(number.ok_or("no VmRSS")?.parse()?)
}

/// Processor time of this process in clock ticks, from proc_pid_stat(5).
fn processor() -> Result<u64, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no name in stat")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let field = |nth: usize| fields.get(nth).ok_or("short stat");
    Ok(field(11)?.parse::<u64>()? + field(12)?.parse::<u64>()?)
}
