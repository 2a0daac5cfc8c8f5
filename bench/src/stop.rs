//! What this program has started and made, and its end in every case: at the
//! row's end, on an error, on a panic, at Ctrl-C.
//!
//! Starting goes through [`spawn`] and projects through [`register`], so that
//! nothing can exist that [`everything`] does not know.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

/// How what a project brought up is taken down.
type TakeDown = Box<dyn Fn() -> anyhow::Result<()> + Send>;

/// What there is to end.
struct Things {
    stopping: bool,
    groups: BTreeSet<u32>,
    projects: BTreeMap<PathBuf, TakeDown>,
}

static THINGS: Mutex<Things> = Mutex::new(Things {
    stopping: false,
    groups: BTreeSet::new(),
    projects: BTreeMap::new(),
});

/// The things, for somebody who goes on; once all is being ended nobody does.
fn things() -> MutexGuard<'static, Things> {
    loop {
        let things = THINGS.lock().unwrap_or_else(PoisonError::into_inner);
        if !things.stopping {
            return things;
        }
        drop(things);
        thread::park();
    }
}

/// A process in a group of its own that is killed when this is dropped.
#[derive(Debug)]
pub struct Group(pub Child);

/// Starts a process in a group of its own.
///
/// # Errors
/// It cannot be started.
pub fn spawn(command: &mut Command) -> io::Result<Group> {
    use std::os::unix::process::CommandExt;
    let mut things = things();
    let child = command.process_group(0).spawn()?;
    things.groups.insert(child.id());
    Ok(Group(child))
}

/// Runs a command to its end, as `Command::output` does, and collects what it
/// says where that is piped.
///
/// # Errors
/// It cannot be started or waited for.
pub fn output(command: &mut Command) -> io::Result<Output> {
    let mut group = spawn(command)?;
    let (out, err) = (group.0.stdout.take(), group.0.stderr.take());
    let err = thread::spawn(move || read(err));
    let stdout = read(out)?;
    let status = group.wait()?;
    let stderr = err.join().unwrap_or_else(|_| Ok(Vec::new()))?;
    Ok(Output {
        status,
        stdout,
        stderr,
    })
}

fn read(from: Option<impl Read>) -> io::Result<Vec<u8>> {
    let mut said = Vec::new();
    if let Some(mut from) = from {
        from.read_to_end(&mut said)?;
    }
    Ok(said)
}

/// Returns at once unless all is being ended; then never.
pub fn go_on() {
    drop(things());
}

impl Group {
    /// The process.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Sends a signal to all of it.
    pub fn signal(&self, signal: Signal) {
        signal_group(self.pid(), signal);
    }

    /// Waits until the process is over.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        self.0.wait()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        // It is gone either way.
        let _ = self.0.wait();
        let mut things = THINGS.lock().unwrap_or_else(PoisonError::into_inner);
        things.groups.remove(&self.0.id());
    }
}

fn signal_group(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // It may have ended by itself.
        let _ = kill_process_group(pid, signal);
    }
}

/// Remembers a folder with a project that may be brought up, and how that is
/// taken down.
pub fn register(folder: &Path, take_down: impl Fn() -> anyhow::Result<()> + Send + 'static) {
    things()
        .projects
        .insert(folder.to_owned(), Box::new(take_down));
}

/// That project is down and proved to be.
pub fn forget(folder: &Path) {
    things().projects.remove(folder);
}

/// Ends everything whenever the user interrupts, and then the program.
///
/// # Errors
/// Signals cannot be waited for.
pub fn on_interrupt() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let waiting = async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut term = signal(SignalKind::terminate())?;
        let mut hangup = signal(SignalKind::hangup())?;
        io::Result::Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = term.recv() => {}
                _ = hangup.recv() => {}
            }
        })
    };
    let interrupted = runtime.block_on(waiting)?;
    thread::spawn(move || {
        runtime.block_on(interrupted);
        everything();
        std::process::exit(130);
    });
    Ok(())
}

/// Ends all that there is; nothing can be started any more.
fn everything() {
    let (groups, projects) = {
        let mut things = THINGS.lock().unwrap_or_else(PoisonError::into_inner);
        things.stopping = true;
        (things.groups.clone(), std::mem::take(&mut things.projects))
    };
    // They would hold on to what is taken down.
    for group in &groups {
        signal_group(*group, Signal::INT);
    }
    for take_down in projects.values() {
        if let Err(error) = take_down() {
            eprintln!("error: {error:#}");
        }
    }
    for group in groups {
        signal_group(group, Signal::KILL);
    }
    // What was killed lets go of its files.
    thread::sleep(Duration::from_millis(50));
    for project in projects.keys() {
        // The system clears its temporary folder otherwise.
        let _ = std::fs::remove_dir_all(project);
    }
}
