//! [`Paths`]: where a project's state and sockets live.
//!
//! Owns the names of these folders and their making with closed modes. The
//! state folder survives a reboot, the runtime folder need not.

#![expect(
    clippy::disallowed_methods,
    reason = "the project's folders are made and taken away here"
)]

mod closed;
mod dead;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use hob_stack::ServiceId;

use crate::ledger::LEDGER_FILE;
use crate::resource::Scope;
use crate::rollouts::{UPDATES_LOCK, is_rollouts_file};
use crate::want::owner;

use closed::is_half_written;
pub(crate) use closed::write_closed;
pub(crate) use dead::{remove_below, take_away_dead};

/// The longest path of a unix socket, in bytes, its final zero not counted
/// (`sun_path` has 108, see unix(7)).
const SOCKET_LIMIT: usize = 107;

/// The file in a project's state folder that holds the project's path, so
/// that it can be named when only its state is known.
pub const ROOT_FILE: &str = "root";

/// The folder of the logs of services that are down, in the project's state.
pub(crate) const LAST_LOGS: &str = "logs";

/// The folder of the folders that agents in containers fill.
pub(crate) const CONTAINERS: &str = "containers";

/// The folder of the programs that containers run from.
pub(crate) const PROGRAMS: &str = "programs";

/// The folder of the stored log, in the folder that an agent fills.
pub(crate) const LOG_FOLDER: &str = "log";

/// Where hob keeps what belongs to one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Homes {
    /// Holds a state folder a project.
    pub state: PathBuf,
    /// Holds a runtime folder a project.
    pub runtime: PathBuf,
}

/// The folders cannot be told or made.
#[derive(Debug, thiserror::Error)]
pub enum PathsError {
    /// The environment names no place.
    #[error("neither `XDG_STATE_HOME` nor `HOME` is set to an absolute path")]
    NoHome,
    /// A folder that others can write to would hand them the sockets.
    #[error("{} belongs to user {owner}, not to user {uid}: hob will not use it", path.display())]
    NotOurs {
        /// The folder.
        path: PathBuf,
        /// Its owner's number.
        owner: u32,
        /// The caller's number.
        uid: u32,
    },
    /// The operating system refused.
    #[error("cannot make {}: {why}", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
}

impl Homes {
    /// The folders that this environment asks for. `XDG_RUNTIME_DIR` counts
    /// only when it is there: after a change of user it often is not.
    ///
    /// # Errors
    /// Neither `XDG_STATE_HOME` nor `HOME` is an absolute path.
    pub fn of(environment: &BTreeMap<String, String>, uid: u32) -> Result<Self, PathsError> {
        let absolute = |name: &str| {
            let path = PathBuf::from(environment.get(name)?);
            path.is_absolute().then_some(path)
        };
        let state = absolute("XDG_STATE_HOME")
            .or_else(|| Some(absolute("HOME")?.join(".local/state")))
            .ok_or(PathsError::NoHome)?
            .join("hob");
        // The longest name below is `<12 digits>/<16 digits>.sock`.
        let fits = |path: &PathBuf| path.as_os_str().len() + 1 + 12 + 1 + 16 + 5 <= SOCKET_LIMIT;
        let runtime = absolute("XDG_RUNTIME_DIR")
            .filter(|path| path.is_dir())
            .map(|path| path.join("hob"))
            .filter(fits)
            .unwrap_or_else(|| PathBuf::from(format!("/tmp/hob-{uid}")));
        Ok(Self { state, runtime })
    }

    /// The folders of one project.
    #[must_use]
    pub fn project(&self, id: &str) -> Paths {
        Paths {
            state: self.state.join(id),
            runtime: self.runtime.join(id),
        }
    }

    /// The ids of all projects that left something here, in order.
    #[must_use]
    pub fn projects(&self) -> Vec<String> {
        let names = |folder: &Path| {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            let folders = entries.filter(|entry| entry.path().is_dir());
            folders
                .filter_map(|entry| entry.file_name().into_string().ok())
                .collect::<Vec<_>>()
        };
        let mut ids = names(&self.state);
        ids.extend(names(&self.runtime));
        ids.sort();
        ids.dedup();
        ids
    }
}

/// The folders of one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// Ledger, lock, logs, outputs, volumes.
    pub state: PathBuf,
    /// Sockets.
    pub runtime: PathBuf,
}

impl Paths {
    /// The folder that one service's agent fills.
    #[must_use]
    pub fn service(&self, stack: &str, service: &str) -> PathBuf {
        self.state.join("services").join(stack).join(service)
    }

    /// The folder that the agent of one service's container fills.
    #[must_use]
    pub fn container(&self, stack: &str, service: &str) -> PathBuf {
        self.containers().join(stack).join(service)
    }

    /// The folder of those folders.
    #[must_use]
    pub fn containers(&self) -> PathBuf {
        self.state.join(CONTAINERS)
    }

    /// The folder of the programs that containers run from.
    #[must_use]
    pub fn programs(&self) -> PathBuf {
        self.state.join(PROGRAMS)
    }

    /// The folder of the logs of services that are down.
    #[must_use]
    pub fn last_logs_folder(&self) -> PathBuf {
        self.state.join(LAST_LOGS)
    }

    /// The folder of the log of a service's last run.
    #[must_use]
    pub fn last_log(&self, stack: &str, service: &str) -> PathBuf {
        self.last_logs_folder().join(stack).join(service)
    }

    /// The services that have one.
    #[must_use]
    pub fn last_logs(&self) -> Vec<ServiceId> {
        let home = self.last_logs_folder();
        let ids = entries(&home).into_iter().flat_map(|stack| {
            let services = entries(&home.join(&stack)).into_iter();
            services.filter_map(move |service| format!("{stack}/{service}").parse().ok())
        });
        ids.collect()
    }

    /// Keeps the log of a service whose folder is about to go. Without room
    /// for it on the disk it goes, too.
    pub(crate) fn keep_log(&self, folder: &Path, stack: &str, service: &str, uid: u32) {
        let now = folder.join(LOG_FOLDER);
        if !now.is_dir() {
            return;
        }
        self.forget_log(stack, service);
        let last = self.last_log(stack, service);
        let made = last.parent().map(|above| make_closed(above, uid));
        if matches!(made, Some(Ok(()))) {
            let _ = fs::rename(now, last);
        }
    }

    /// Takes the log of a service's last run away.
    pub(crate) fn forget_log(&self, stack: &str, service: &str) {
        let last = self.last_log(stack, service);
        // What stays is replaced by the next one.
        let _ = fs::remove_dir_all(&last);
        for above in last.ancestors().skip(1).take(2) {
            let _ = fs::remove_dir(above);
        }
    }

    /// Takes the logs of the last runs of a scope's services away.
    pub(crate) fn forget_logs(&self, scope: &Scope) {
        for id in self.last_logs() {
            if scope.contains(&owner(&id)) {
                self.forget_log(id.stack.as_str(), id.service.as_str());
            }
        }
    }

    /// The folder of one volume.
    #[must_use]
    pub fn volume(&self, stack: &str, service: &str, name: &str) -> PathBuf {
        let volumes = self.state.join("volumes");
        volumes.join(stack).join(service).join(name)
    }

    /// The socket of one service's agent; readable where its length allows.
    #[must_use]
    pub fn socket(&self, stack: &str, service: &str) -> PathBuf {
        let readable = self.runtime.join(format!("{stack}.{service}.sock"));
        if readable.as_os_str().len() <= SOCKET_LIMIT {
            return readable;
        }
        let hash = blake3::hash(format!("{stack}/{service}").as_bytes()).to_hex();
        self.runtime.join(format!("{}.sock", &hash[..16]))
    }

    /// The socket of the dev session that is this process.
    #[must_use]
    pub fn session_socket(&self, pid: u32) -> PathBuf {
        crate::sessions::socket(&self.runtime, pid)
    }

    /// Makes both folders, closed to everybody else, and notes the project's
    /// path in them.
    ///
    /// # Errors
    /// They cannot be made, or somebody else made them.
    pub fn make(&self, root: &Path, uid: u32) -> Result<(), PathsError> {
        for folder in [&self.state, &self.runtime] {
            make_closed(folder, uid)?;
        }
        // Its parent may stand in a folder that everybody can write to.
        if let Some(home) = self.runtime.parent() {
            close(home, uid)?;
        }
        let file = self.state.join(ROOT_FILE);
        let bytes = root.as_os_str().as_encoded_bytes();
        if fs::read(&file).is_ok_and(|old| old == bytes) {
            return Ok(());
        }
        if fs::write(&file, bytes).is_err() {
            // It only names the project to people; a full disk keeps nobody
            // from taking services down. Half a path would mislead.
            let _ = fs::remove_file(&file);
        }
        Ok(())
    }

    /// Takes away the ledger and the project's path, once there is nothing to
    /// remember. The caller holds the lock. Kept logs keep the path.
    pub(crate) fn take_away_notes(&self) {
        // What cannot be removed is found by whoever proves that nothing is
        // left.
        let _ = fs::remove_file(self.state.join(LEDGER_FILE));
        // Whoever holds the lock has something up, and there are versions of
        // that alone.
        let _ = fs::remove_file(self.state.join(UPDATES_LOCK));
        for name in entries(&self.state) {
            if is_half_written(&name) || is_rollouts_file(&name) {
                let _ = fs::remove_file(self.state.join(name));
            }
        }
        if !self.last_logs_folder().is_dir() {
            let _ = fs::remove_file(self.state.join(ROOT_FILE));
        }
    }

    /// Takes the folders away, and those above them, as far as they are empty.
    pub(crate) fn take_away(&self) {
        remove_empty(&self.state);
        self.take_away_runtime();
    }

    /// The same with the runtime folder alone.
    pub(crate) fn take_away_runtime(&self) {
        remove_empty(&self.runtime);
    }

    /// The project's path, as noted by [`make`](Self::make).
    #[must_use]
    pub fn noted_root(&self) -> Option<PathBuf> {
        let text = fs::read_to_string(self.state.join(ROOT_FILE)).ok()?;
        Some(PathBuf::from(text))
    }
}

/// The names in a folder, in order; none when it is not there.
pub(crate) fn entries(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

/// Removes a project's folder and the one that holds them all, as far as they
/// are empty.
fn remove_empty(folder: &Path) {
    if fs::remove_dir(folder).is_ok()
        && let Some(home) = folder.parent()
    {
        let _ = fs::remove_dir(home);
    }
}

/// Makes a folder and those above it, mode 0700 where they are new.
pub(crate) fn make_closed(folder: &Path, uid: u32) -> Result<(), PathsError> {
    let made = fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder);
    made.map_err(|why| PathsError::Io {
        path: folder.to_owned(),
        why,
    })?;
    close(folder, uid)
}

/// Writes a new random word of 32 bytes, in hexadecimal digits, for its owner
/// alone.
pub(crate) fn make_secret(file: &Path) -> io::Result<()> {
    use std::io::Read as _;
    let mut bytes = [0; 32];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let word: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    write_closed(file, word.as_bytes())
}

/// Removes such a word, if it is there.
pub(crate) fn remove_secret(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn close(folder: &Path, uid: u32) -> Result<(), PathsError> {
    let failed = |why| PathsError::Io {
        path: folder.to_owned(),
        why,
    };
    let meta = fs::symlink_metadata(folder).map_err(failed)?;
    if meta.uid() != uid || !meta.is_dir() {
        return Err(PathsError::NotOurs {
            path: folder.to_owned(),
            owner: meta.uid(),
            uid,
        });
    }
    if meta.mode() & 0o077 != 0 {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
