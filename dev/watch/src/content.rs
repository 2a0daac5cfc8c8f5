//! What is at a path: its stamp (what `stat` tells) and its leaf (what its
//! bytes tell).
//!
//! Owns reading of file contents. Never remembers anything and never blocks
//! on what is not a regular file: pipes, sockets and devices do not count.
//! Start with [`look`] and [`hash`].

#![expect(
    clippy::disallowed_methods,
    reason = "a stamp is compared with the present"
)]

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{Mode, OFlags};

/// Equal stamps mean equal content, unless the file was written within the
/// clock tick that the stamp was taken in (see [`Hashed::racy`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) size: u64,
    mtime: i64,
    ctime: i64,
    inode: u64,
    kind: ItemKind,
}

impl Stamp {
    pub(crate) fn is_link(&self) -> bool {
        self.kind == ItemKind::Link
    }
}

/// What counts as a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ItemKind {
    File,
    Executable,
    Link,
}

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Nothing, or nothing that we may see.
    Missing,
    /// A real folder: a link to one is an [`Look::Item`].
    Folder,
    /// A pipe, socket or device.
    Other,
    /// A regular file or a symbolic link.
    Item(Stamp),
}

/// The hash of a file's place, kind and content.
pub(crate) type Leaf = [u8; 32];

/// A file that was read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hashed {
    /// From before the reading: a write during it makes a different stamp.
    pub(crate) stamp: Stamp,
    pub(crate) leaf: Leaf,
    /// The file was so fresh that a further write could leave its stamp as it
    /// is: file systems take times from a clock that ticks every 4 to 10 ms.
    pub(crate) racy: bool,
}

const RACY_NANOS: i64 = 50_000_000;

/// Looks without reading.
pub(crate) fn look(path: &Path) -> Look {
    let Ok(metadata) = path.symlink_metadata() else {
        return Look::Missing;
    };
    let kind = metadata.file_type();
    if kind.is_file() {
        Look::Item(file_stamp(&metadata))
    } else if kind.is_symlink() {
        Look::Item(link_stamp(&metadata, path.metadata().ok().as_ref()))
    } else if kind.is_dir() {
        Look::Folder
    } else {
        Look::Other
    }
}

/// Whether a stamp taken now may stay the same through one more write.
pub(crate) fn is_racy(stamp: &Stamp) -> bool {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos() as i64);
    now - stamp.ctime.max(stamp.mtime) < RACY_NANOS
}

/// Reads the item at `path`. `tree` and `place` are hashed with the content,
/// so that a tree's digest knows where each file stands. `None` when there is
/// no item (any more).
///
/// A file that may not be read has a leaf of its own; so has a link to
/// something that is not a readable file.
pub(crate) fn hash(path: &Path, tree: u32, place: &OsStr) -> Option<Hashed> {
    let metadata = path.symlink_metadata().ok()?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(&tree.to_le_bytes());
    hasher.update(&(place.len() as u64).to_le_bytes());
    hasher.update(place.as_bytes());
    let stamp = if metadata.file_type().is_symlink() {
        let target = path.read_link().ok()?;
        hasher.update(b"l");
        hasher.update(&(target.as_os_str().len() as u64).to_le_bytes());
        hasher.update(target.as_os_str().as_bytes());
        match open(path, OFlags::empty()) {
            Ok((file, of_target)) => {
                read(&mut hasher, &file);
                link_stamp(&metadata, Some(&of_target))
            }
            Err(_) => {
                hasher.update(b"-");
                link_stamp(&metadata, path.metadata().ok().as_ref())
            }
        }
    } else if metadata.is_file() {
        match open(path, OFlags::NOFOLLOW) {
            Ok((file, metadata)) => {
                let stamp = file_stamp(&metadata);
                hasher.update(stamp.kind.mark());
                read(&mut hasher, &file);
                stamp
            }
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                let stamp = file_stamp(&metadata);
                hasher.update(stamp.kind.mark());
                hasher.update(b"-");
                stamp
            }
            Err(_) => return None,
        }
    } else {
        return None;
    };
    Some(Hashed {
        stamp,
        leaf: *hasher.finalize().as_bytes(),
        racy: is_racy(&stamp),
    })
}

/// Opens a regular file, and only that: opening a pipe for reading would wait
/// for a writer.
fn open(path: &Path, more: OFlags) -> std::io::Result<(File, Metadata)> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY | more;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let metadata = file.metadata()?;
    if metadata.is_file() {
        Ok((file, metadata))
    } else {
        Err(std::io::ErrorKind::InvalidInput.into())
    }
}

fn read(hasher: &mut blake3::Hasher, file: &File) {
    let failed = hasher.update_reader(file).is_err();
    // Where the content ends, so that no content looks like a failed read.
    hasher.update(if failed { b"?" } else { b"+" });
}

fn file_stamp(metadata: &Metadata) -> Stamp {
    Stamp {
        size: metadata.size(),
        mtime: nanos(metadata.mtime(), metadata.mtime_nsec()),
        ctime: nanos(metadata.ctime(), metadata.ctime_nsec()),
        inode: metadata.ino(),
        kind: if metadata.mode() & 0o111 == 0 {
            ItemKind::File
        } else {
            ItemKind::Executable
        },
    }
}

/// A link to a file changes when either does.
fn link_stamp(link: &Metadata, target: Option<&Metadata>) -> Stamp {
    let own = file_stamp(link);
    match target.filter(|target| target.is_file()).map(file_stamp) {
        Some(target) => Stamp {
            size: target.size,
            mtime: target.mtime.max(own.mtime),
            ctime: target.ctime.max(own.ctime),
            inode: own.inode ^ target.inode.rotate_left(32),
            kind: ItemKind::Link,
        },
        None => Stamp {
            kind: ItemKind::Link,
            ..own
        },
    }
}

fn nanos(seconds: i64, nanos: i64) -> i64 {
    seconds.wrapping_mul(1_000_000_000).wrapping_add(nanos)
}

impl ItemKind {
    fn mark(self) -> &'static [u8] {
        match self {
            ItemKind::File => b"f",
            ItemKind::Executable => b"x",
            ItemKind::Link => b"l",
        }
    }
}
