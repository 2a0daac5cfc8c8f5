//! Looks below a root folder, `/` for real, and in a user's own.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use hob_changes::{below, entry};

use super::{Database, Stores, System};

/// What is to be looked for.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Whether this is macOS.
    pub mac: bool,
    /// The user's own folder, in which browsers keep theirs.
    pub home: Option<PathBuf>,
    /// The folder of a user's programs' data, in which Chromium does.
    pub data: Option<PathBuf>,
    /// The caller's number.
    pub user: u32,
    /// Whether `certutil` is there.
    pub certutil: bool,
}

/// Where browsers keep databases below a user's folder; a `*` is one folder of
/// any name.
const DATABASES: [&str; 6] = [
    ".pki/nssdb",
    ".mozilla/firefox/*",
    "snap/chromium/current/.pki/nssdb",
    "snap/firefox/common/.mozilla/firefox/*",
    ".var/app/org.mozilla.firefox/.mozilla/firefox/*",
    ".var/app/org.chromium.Chromium/.pki/nssdb",
];

/// Programs that Debian's store tells of changes.
const HOOKS: &str = "/etc/ca-certificates/update.d";

impl Stores {
    /// Looks at all of it.
    #[must_use]
    pub fn read(root: &Path, asked: &Asked) -> Self {
        let is = |path: &str| below(root, Path::new(path)).exists();
        let system = if asked.mac {
            Some(System::Mac)
        } else if is("/etc/pki/ca-trust/source/anchors") {
            Some(System::Fedora)
        } else if is("/etc/ca-certificates/trust-source/anchors") {
            Some(System::Arch)
        } else if is("/etc/pki/trust/anchors") {
            Some(System::Suse)
        } else if is("/usr/sbin/update-ca-certificates") {
            Some(System::Debian)
        } else {
            None
        };
        let file = system.and_then(System::file).map(|it| Path::new(it.0));
        let folder = file.and_then(Path::parent);
        Self {
            there: file.map(|it| entry(&below(root, it))),
            has_folder: folder.is_some_and(|it| below(root, it).is_dir()),
            hooks: system == Some(System::Debian) && has_any(&below(root, Path::new(HOOKS))),
            system,
            databases: databases(asked),
            certutil: asked.certutil,
        }
    }
}

fn has_any(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut it| it.next().is_some())
}

/// The databases that are there, in order. What leads elsewhere is left alone.
fn databases(asked: &Asked) -> Vec<Database> {
    let data = asked.data.iter().map(|it| it.join("pki/nssdb"));
    let own = asked.home.iter().flat_map(|home| {
        DATABASES
            .iter()
            .flat_map(|pattern| match pattern.strip_suffix("/*") {
                None => vec![home.join(pattern)],
                Some(above) => {
                    let entries = fs::read_dir(home.join(above));
                    let entries = entries.into_iter().flatten().flatten();
                    entries.map(|entry| entry.path()).collect()
                }
            })
    });
    let mut found: Vec<Database> = data
        .chain(own)
        .filter_map(|it| database(it, asked))
        .collect();
    found.sort();
    found.dedup();
    found
}

fn database(folder: PathBuf, asked: &Asked) -> Option<Database> {
    let metadata = fs::symlink_metadata(folder.join("cert9.db")).ok()?;
    let owner = (metadata.uid(), metadata.gid());
    metadata.is_file().then_some(Database {
        folder,
        owner: (owner.0 != asked.user).then_some(owner),
    })
}
