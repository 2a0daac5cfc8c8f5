//! `air`, the live reloader that many Go users have, measured beside hob on
//! the same program when it is installed.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use rustix::process::Signal;

use crate::dev::LIMIT;
use crate::http::Client;
use crate::poll::{PACE, Poll};
use crate::process;
use crate::report::{Row, Unit};
use crate::rows::subject::{Edit, Subject};
use crate::stats::Samples;
use crate::stop::{self, Group};

/// What is said where it is not installed.
pub const MISSING: &str = "`air` is not on PATH, so it is not measured beside; get it: \
    `go install github.com/air-verse/air@latest`";

/// A running air.
pub struct Air {
    process: Group,
    folder: PathBuf,
    addr: SocketAddr,
    took: Samples,
    requests: usize,
    failed: usize,
}

impl Air {
    /// Starts it on a Go program of its own, without any delay; none when it
    /// is not installed or the program is no Go.
    pub fn start(subject: &Subject, folder: &Path) -> Result<Option<Self>> {
        let (Ok(program), Some(build)) = (which::which("air"), &subject.build) else {
            return Ok(None);
        };
        subject.place(folder)?;
        let quoted: Vec<String> = build
            .iter()
            .map(|word| format!("'{}'", word.replace("$OUT", "./tmp")))
            .collect();
        let config = format!(
            "root = \".\"\ntmp_dir = \"tmp\"\n[build]\ncmd = {}\nentrypoint = [\"./tmp/goapi\"]\n\
             delay = 0\nstop_on_error = true\n",
            serde_json::to_string(&quoted.join(" "))?
        );
        std::fs::write(folder.join(".air.toml"), config)?;
        let addr = process::free_address()?;
        let mut command = Command::new(program);
        command
            .current_dir(folder)
            .env("HOST", addr.ip().to_string())
            .env("PORT", addr.port().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let process = stop::spawn(&mut command)?;
        process::first_answer(addr, "save")?;
        let (folder, took) = (folder.to_owned(), Samples::default());
        Ok(Some(Self {
            process,
            folder,
            addr,
            took,
            requests: 0,
            failed: 0,
        }))
    }

    /// Saves and asks until the new code answers.
    pub fn save(&mut self, subject: &Subject) -> Result<()> {
        let edit = Edit::new(subject, &self.folder);
        let poll = Poll::start(self.addr);
        let began = Instant::now();
        edit.save()?;
        loop {
            let answer = Client::connect(self.addr, "/").and_then(|mut client| client.get());
            if answer.is_ok_and(|answer| answer.body.contains(&edit.mark)) {
                break;
            }
            if began.elapsed() > LIMIT {
                bail!("air's new code did not answer within {} s", LIMIT.as_secs());
            }
            std::thread::sleep(PACE);
        }
        self.took.add_ms(began.elapsed());
        let seen = poll.end();
        self.requests += seen.requests;
        self.failed += seen.failed;
        Ok(())
    }

    /// Adds what was found, and ends it.
    pub fn tell(mut self, row: &mut Row) {
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let failed = self.failed as f64 / self.took.count().max(1) as f64;
        row.spread("air, delay = 0", Unit::Ms, &self.took);
        row.single(
            "  its failed requests a rebuild, 5 ms poll",
            Unit::Count,
            failed,
        );
        // It ends its program when it is told to; what it leaves dies with
        // its group.
        self.process.signal(Signal::INT);
        let end = Instant::now() + Duration::from_secs(5);
        while Instant::now() < end && matches!(self.process.0.try_wait(), Ok(None)) {
            std::thread::sleep(PACE);
        }
    }
}
