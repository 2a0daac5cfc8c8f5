//! The agent's state folder and socket: made, locked, given to their owner.
//!
//! The folder may belong to somebody who is less than the agent (`--own`), so
//! there no link is followed to a file that is written or given away.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, fchown, lchown};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::process::umask;
use tokio::net::UnixListener;

use crate::options::{Options, Owner};
use crate::{Error, failed};

/// The lock ends with the process, however that ends.
pub fn lock(options: &Options) -> Result<File, Error> {
    folder(&options.state).map_err(failed("make the folder", &options.state))?;
    // Logs are in it, and it may have been there.
    fs::set_permissions(&options.state, Permissions::from_mode(0o700))
        .map_err(failed("protect", &options.state))?;
    let path = options.state.join("agent.lock");
    let file =
        file(&path, OFlags::WRONLY | OFlags::CREATE, options.own).map_err(failed("open", &path))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(Error::Twice {
            service: options.service.clone(),
            path,
        }),
        Err(error) => Err(failed("lock", &path)(error.into())),
    }
}

/// The folder for outputs that is not in the state folder, open to all: who
/// builds is not who keeps the state.
pub fn out(options: &Options) -> Result<(), Error> {
    // Output of an agent that was killed.
    clear_out(&options.out());
    let Some(out) = &options.out else {
        return Ok(());
    };
    DirBuilder::new()
        .recursive(true)
        .create(out)
        .and_then(|()| fs::set_permissions(out, Permissions::from_mode(0o755)))
        .map_err(failed("make the folder", out))
}

/// Removes the outputs of all builds. What cannot be removed now goes with
/// the state folder.
pub fn clear_out(out: &Path) {
    let entries = fs::read_dir(out).into_iter().flatten().flatten();
    for entry in entries {
        // Nothing else that may be in a folder which somebody named.
        let name = entry.file_name();
        if name.to_str().is_some_and(|it| it.parse::<u64>().is_ok()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    // A mount point stays.
    let _ = fs::remove_dir(out);
}

/// A socket that is nobody else's from its first moment on.
pub fn listen(options: &Options) -> Result<UnixListener, Error> {
    let socket = &options.socket;
    if let Some(parent) = socket.parent() {
        folder(parent).map_err(failed("make the folder", parent))?;
    }
    // The lock is held: whoever made it is gone.
    match fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(failed("remove the old socket", socket)(error));
        }
        _ => {}
    }
    let before = umask(Mode::RWXG | Mode::RWXO | Mode::XUSR);
    let listener = UnixListener::bind(socket);
    umask(before);
    let listener = listener.map_err(failed("listen on", socket))?;
    match options.own {
        Some(own) => lchown(socket, Some(own.uid), Some(own.gid)),
        None => fs::set_permissions(socket, Permissions::from_mode(0o600)),
    }
    .map_err(failed("protect", socket))?;
    Ok(listener)
}

/// A folder that is closed to others.
fn folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// A folder that is closed to all but its owner.
pub fn folder_of(path: &Path, own: Option<Owner>) -> io::Result<()> {
    folder(path)?;
    match own {
        Some(own) => lchown(path, Some(own.uid), Some(own.gid)),
        None => Ok(()),
    }
}

/// Opens a file, which is made for its owner alone. With an owner named, no
/// link is followed.
pub fn file(path: &Path, how: OFlags, own: Option<Owner>) -> io::Result<File> {
    let (links, mode) = match own {
        Some(_) => (OFlags::NOFOLLOW, Mode::RUSR | Mode::WUSR),
        // As the umask says: its folder is closed.
        None => (OFlags::empty(), Mode::from_raw_mode(0o666)),
    };
    let how = how | links | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, how, mode)?);
    if let Some(own) = own {
        fchown(&file, Some(own.uid), Some(own.gid))?;
    }
    Ok(file)
}

/// Where an agent's state folder keeps its log.
pub fn log(state: &Path) -> PathBuf {
    state.join("log")
}
