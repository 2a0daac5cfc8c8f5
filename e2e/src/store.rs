//! [`Store`]: a copy of whom this machine trusts, in which trust is changed by
//! the real programs.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::World;

/// The mode of each file, and what is in it.
pub type Bytes = BTreeMap<PathBuf, (u32, Vec<u8>)>;

/// This machine's store, copied, and a browser's list, in a namespace in which
/// the copy stands for it.
pub struct Store {
    folder: TempDir,
}

const INSIDE: &str = r#"
mount --bind "$STORE/certs" /etc/ssl/certs
mount --bind "$STORE/local" /usr/local/share/ca-certificates
# Java's would call dpkg, on this machine's own.
hooks=/etc/ca-certificates/update.d
[ ! -d "$hooks" ] || mount --bind "$STORE/hooks" "$hooks"
exec "$@"
"#;

impl Store {
    /// A copy of this machine's; the world's user has a browser with a list of
    /// its own.
    ///
    /// # Panics
    /// A program for that is not installed.
    #[must_use]
    pub fn new(world: &World) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let copy = |from: &str, to: &str| {
            let to = folder.path().join(to);
            let mut copy = Command::new("cp");
            copy.args(["-a", "--no-preserve=ownership", from]).arg(to);
            assert!(copy.status().unwrap().success());
        };
        copy("/etc/ssl/certs", "certs");
        copy("/usr/local/share/ca-certificates", "local");
        fs::create_dir(folder.path().join("hooks")).unwrap();
        let store = Self { folder };
        // As this machine's own programs would leave it.
        let again = store.run(world, &Command::new("update-ca-certificates"));
        assert!(again.status.success(), "{again:?}");
        let list = browsers(world);
        fs::create_dir_all(&list).unwrap();
        let mut empty = Command::new("certutil");
        empty.args(["-N", "--empty-password", "-d"]).arg(sql(&list));
        assert!(empty.status().unwrap().success());
        store
    }

    /// What stands in the list of the browser.
    #[must_use]
    pub fn listed(world: &World) -> String {
        let mut list = Command::new("certutil");
        let output = list.args(["-L", "-d"]).arg(sql(&browsers(world))).output();
        String::from_utf8_lossy(&output.unwrap().stdout).into_owned()
    }

    /// Runs a command where the copy is the machine's store, as root.
    #[must_use]
    pub fn run(&self, world: &World, command: &Command) -> Output {
        let mut inside = Command::new("unshare");
        inside.arg("--mount");
        if !rustix::process::geteuid().is_root() {
            inside.args(["--user", "--map-root-user"]);
        }
        inside.args(["sh", "-euc", INSIDE, "sh"]);
        inside.arg(command.get_program()).args(command.get_args());
        let like = world.command([""; 0]);
        inside.env_clear().current_dir(world.root());
        let set = like
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?)));
        inside.envs(set).env("STORE", self.folder.path());
        let path = std::env::var("PATH").unwrap_or_default();
        inside.env("PATH", format!("{path}:/usr/sbin:/sbin"));
        inside.output().unwrap()
    }

    /// The same for `hob`.
    #[must_use]
    pub fn hob(&self, world: &World, args: &[&str]) -> Output {
        self.run(world, &world.command(args))
    }

    /// What is not as it was before, to the byte.
    #[must_use]
    pub fn since(&self, before: &Bytes) -> Vec<PathBuf> {
        let now = self.bytes();
        let paths = before.keys().chain(now.keys());
        let mut changed: Vec<_> = paths.filter(|it| before.get(*it) != now.get(*it)).collect();
        changed.dedup();
        changed.into_iter().cloned().collect()
    }

    /// Every file and link of the store.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let metadata = path.symlink_metadata().unwrap();
                let bytes = if metadata.is_symlink() {
                    fs::read_link(&path)
                        .unwrap()
                        .into_os_string()
                        .into_encoded_bytes()
                } else if metadata.is_dir() {
                    folders.push(path.clone());
                    Vec::new()
                } else {
                    fs::read(&path).unwrap()
                };
                found.insert(path, (metadata.permissions().mode(), bytes));
            }
        }
        found
    }
}

/// Where Chromium keeps its list.
fn browsers(world: &World) -> PathBuf {
    world.outside().join("d/pki/nssdb")
}

fn sql(folder: &Path) -> String {
    format!("sql:{}", folder.display())
}
