//! [`Terminal`]: a `hob` at a terminal of its own, with keys to press.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::wait::{until, until_some};

/// A running program at a terminal. Ended when it is dropped.
#[derive(Debug)]
pub struct Terminal {
    child: Child,
    keys: File,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    /// Starts the command at a new terminal that it controls: `setsid
    /// --ctty` (util-linux) makes it so, as a terminal emulator does.
    ///
    /// # Panics
    /// There is no terminal to be had.
    #[must_use]
    pub fn start(command: &Command) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let path = Path::new(name.to_str().unwrap());
        let open = || {
            OpenOptions::new()
                .read(true)
                .write(true)
                .open(path)
                .unwrap()
        };
        let mut inside = Command::new("setsid");
        inside
            .arg("--ctty")
            .arg(command.get_program())
            .args(command.get_args());
        inside.env_clear();
        for (name, value) in command.get_envs() {
            inside.env(name, value.unwrap_or_default());
        }
        inside.env("TERM", "xterm-256color");
        if let Some(folder) = command.get_current_dir() {
            inside.current_dir(folder);
        }
        let child = inside
            .stdin(Stdio::from(open()))
            .stdout(Stdio::from(open()))
            .stderr(Stdio::from(open()))
            .spawn()
            .unwrap();
        let keys = File::from(master);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (mut screen, all) = (keys.try_clone().unwrap(), Arc::clone(&seen));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // It ends with an error once nobody has the other side open.
            while let Ok(read @ 1..) = screen.read(&mut bytes) {
                all.lock().unwrap().extend_from_slice(&bytes[..read]);
            }
        });
        Self { child, keys, seen }
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Presses keys; `\x03` is Ctrl-C.
    ///
    /// # Panics
    /// The terminal is gone.
    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// All that was shown, control sequences included.
    #[must_use]
    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().unwrap()).into_owned()
    }

    /// Waits until this is shown.
    ///
    /// # Panics
    /// It was not within the limit.
    #[track_caller]
    pub fn wait(&self, text: &str) {
        self.wait_times(text, 1);
    }

    /// Waits until this is shown so many times.
    ///
    /// # Panics
    /// It was not within the limit.
    #[track_caller]
    pub fn wait_times(&self, text: &str, times: usize) {
        until(text, || self.shown().matches(text).count() >= times);
    }

    /// Waits until it ended; its exit code, or 128 and the signal.
    ///
    /// # Panics
    /// It did not end within the limit.
    #[track_caller]
    pub fn end(&mut self) -> i32 {
        use std::os::unix::process::ExitStatusExt as _;
        let status = until_some("the end of hob", || self.child.try_wait().unwrap());
        status
            .code()
            .unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "--- the terminal of process {} showed:\n{}---",
                self.pid(),
                self.shown()
            );
        }
        if matches!(self.child.try_wait(), Ok(None)) {
            // It may end by itself in this moment.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
