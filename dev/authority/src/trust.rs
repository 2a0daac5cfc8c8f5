//! Who is to trust the authority on this machine, and how that is taken back.
//!
//! Programs ask the system's store; Firefox and Chromium have databases of
//! their own (NSS), which `certutil` changes. [`Stores::read`] looks, [`Plan`]
//! and [`Noted::undo`] decide and are pure; what they are made of, and what
//! performs it, is `hob-changes`'s: a file put in place whole or a command,
//! with a note of what was there before.

mod read;

pub use read::Asked;

use std::path::{Path, PathBuf};

use hob_changes::{Changed, Changes, Command, Edit, Entry, Made, Step, Undo};
use serde::{Deserialize, Serialize};

/// The version of the note's form.
const VERSION: u32 = 1;

/// `update-ca-certificates` tells them of what came, and of its own files that
/// went; a file of others that is gone it does not miss.
const FORGET: &str = r#"for hook in /etc/ca-certificates/update.d/*; do [ ! -x "$hook" ] || echo "-/etc/ssl/certs/hob.pem" | "$hook"; done"#;

/// Who keeps lists of authorities here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stores {
    /// The system's own; none where it is of an unknown kind.
    pub system: Option<System>,
    /// What stands now where an authority would be put for it.
    pub there: Option<Entry>,
    /// Whether that folder is there.
    pub has_folder: bool,
    /// Whether lists of others follow the system's, such as Java's, by programs
    /// that are told of what comes and goes.
    pub hooks: bool,
    /// The databases of browsers.
    pub databases: Vec<Database>,
    /// Whether `certutil` is there.
    pub certutil: bool,
}

/// A system's store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// Debian's and its descendants', see update-ca-certificates(8).
    Debian,
    /// Fedora's and its descendants', see update-ca-trust(8).
    Fedora,
    /// Arch Linux's, likewise.
    Arch,
    /// openSUSE's.
    Suse,
    /// The keychain of macOS.
    Mac,
}

type Argv = &'static [&'static str];

/// A database of a browser, see certutil(1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Database {
    /// Its folder.
    pub folder: PathBuf,
    /// Whose it is: the user's and the group's number, where that is not the
    /// caller.
    pub owner: Option<(u32, u32)>,
}

impl System {
    /// The file that it reads, what has it do so, and what has it forget a file
    /// that is gone. The keychain has none.
    fn file(self) -> Option<(&'static str, Argv, Argv)> {
        Some(match self {
            Self::Debian => (
                "/usr/local/share/ca-certificates/hob.crt",
                &["update-ca-certificates"],
                // Without that the links to it stay.
                &["update-ca-certificates", "--fresh"],
            ),
            Self::Fedora => {
                let again: Argv = &["update-ca-trust", "extract"];
                ("/etc/pki/ca-trust/source/anchors/hob.crt", again, again)
            }
            Self::Arch => {
                let again: Argv = &["trust", "extract-compat"];
                let path = "/etc/ca-certificates/trust-source/anchors/hob.crt";
                (path, again, again)
            }
            Self::Suse => {
                let again: Argv = &["update-ca-certificates"];
                ("/etc/pki/trust/anchors/hob.crt", again, again)
            }
            Self::Mac => return None,
        })
    }

    /// For people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Mac => "the system's keychain",
            _ => "the system's store",
        }
    }
}

/// The authority that is to be trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trusted<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its certificate, in PEM.
    pub pem: &'a str,
    /// The file of that.
    pub file: &'a Path,
}

/// What has to be changed so that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// All that it takes; what could not be done is warned of, with what to
    /// type.
    pub changes: Changes,
    noted: Noted,
}

/// What was changed, written before it is: what was [`Made`] stands beside
/// what it was for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noted {
    version: u32,
    /// The authority's name.
    pub name: String,
    /// Who trusts it, for people.
    pub stores: Vec<String>,
    edits: Vec<Edit>,
    folders: Vec<PathBuf>,
    undo_first: Vec<Command>,
    undo_after: Vec<Command>,
}

impl Plan {
    /// For all stores that are there; `before` is what was noted of an earlier
    /// plan.
    #[must_use]
    pub fn of(stores: &Stores, authority: &Trusted<'_>, before: Option<&Noted>) -> Self {
        let name = authority.name.to_owned();
        let mut plan = Self {
            changes: Changes::default(),
            noted: Noted {
                version: VERSION,
                name,
                stores: Vec::new(),
                edits: Vec::new(),
                folders: Vec::new(),
                undo_first: Vec::new(),
                undo_after: Vec::new(),
            },
        };
        match stores.system {
            Some(system) => plan.system(system, stores, authority),
            None => plan.changes.warnings.push(format!(
                "the system's store is of a kind that hob does not know; programs that are told \
                 so trust {}",
                authority.file.display()
            )),
        }
        plan.browsers(stores, authority);
        plan.noted.note(&plan.changes, before);
        plan
    }

    fn system(&mut self, system: System, stores: &Stores, authority: &Trusted<'_>) {
        self.noted.stores.push(system.words().to_owned());
        let Some((path, add, forget)) = system.file() else {
            return self.keychain(authority);
        };
        let path = PathBuf::from(path);
        if !stores.has_folder {
            let folder = path.parent().unwrap_or(&path);
            self.changes.folders.push(folder.to_owned());
        }
        self.changes.edits.push(Edit {
            before: stores.there.clone().unwrap_or(Entry::Absent),
            after: Entry::text(authority.pem),
            path,
        });
        let what = "have the system read its authorities again";
        self.changes.commands.push(Command::new(what, add));
        self.changes.undo_after.push(Command::new(what, forget));
        if stores.hooks {
            let what = "have the lists that follow it, such as Java's, forget it";
            let forget = Command::may_fail(what, &["sh", "-c", FORGET]);
            self.changes.undo_after.push(forget);
        }
    }

    fn keychain(&mut self, authority: &Trusted<'_>) {
        const CHAIN: &str = "/Library/Keychains/System.keychain";
        let file = authority.file.display().to_string();
        let trust = ["security", "add-trusted-cert", "-d", "-r", "trustRoot"];
        let ssl = ["-p", "ssl", "-k", CHAIN, file.as_str()];
        let what = "have the system's keychain trust it for servers";
        self.changes
            .commands
            .push(Command::new(what, &[&trust[..], &ssl[..]].concat()));
        let what = "take it out of the system's keychain";
        let argv = [
            "security",
            "delete-certificate",
            "-c",
            authority.name,
            "-t",
            CHAIN,
        ];
        self.changes.undo_first.push(Command::may_fail(what, &argv));
    }

    fn browsers(&mut self, stores: &Stores, authority: &Trusted<'_>) {
        if !stores.databases.is_empty() && !stores.certutil {
            let folders = stores
                .databases
                .iter()
                .map(|it| it.folder.display().to_string());
            let folders = folders.collect::<Vec<_>>().join(", ");
            self.changes.warnings.push(format!(
                "browsers that keep their own list do not trust it, for `certutil` is not \
                 installed: {folders} (`apt-get install libnss3-tools`, then once more)"
            ));
            return;
        }
        let file = authority.file.display().to_string();
        for database in &stores.databases {
            let place = format!("sql:{}", database.folder.display());
            let base = ["certutil", "-d", &place];
            // Trusted to sign for servers, and for nothing else.
            let add = ["-A", "-t", "C,,", "-n", authority.name, "-i", &file];
            let what = "have a browser trust it";
            self.changes.commands.push(as_owner(
                database,
                Command::new(what, &[&base[..], &add[..]].concat()),
            ));
            let remove = ["-D", "-n", authority.name];
            let what = "take it out of a browser's list";
            let undo = Command::may_fail(what, &[&base[..], &remove[..]].concat());
            self.changes.undo_first.push(as_owner(database, undo));
            let words = format!("the browser with {}", database.folder.display());
            self.noted.stores.push(words);
        }
    }

    /// In order.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        self.changes.steps(self.noted.text())
    }

    /// What is noted of it.
    #[must_use]
    pub fn noted(&self) -> &Noted {
        &self.noted
    }

    /// Whether nobody could be made to trust it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.edits.is_empty() && self.changes.commands.is_empty()
    }
}

impl Noted {
    /// As it is written.
    #[must_use]
    pub fn text(&self) -> String {
        // Paths alone could fail, and hob's own are text.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Reads what was written.
    ///
    /// # Errors
    /// It is none, or of another version.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let noted: Self = serde_json::from_str(text)?;
        if noted.version == VERSION {
            return Ok(noted);
        }
        let version = noted.version;
        let words = format!("version {version}, and this hob reads {VERSION}");
        Err(serde::de::Error::custom(words))
    }

    /// The files that were changed.
    pub fn paths(&self) -> impl Iterator<Item = PathBuf> {
        self.edits.iter().map(|it| it.path.clone())
    }

    /// What takes it back, by what stands at its files now.
    ///
    /// # Errors
    /// Somebody has changed one since.
    pub fn undo(&self, there: impl Fn(&Path) -> Entry) -> Result<Undo, Changed> {
        self.made().undo(there)
    }

    fn made(&self) -> Made {
        Made {
            edits: self.edits.clone(),
            folders: self.folders.clone(),
            undo_first: self.undo_first.clone(),
            undo_after: self.undo_after.clone(),
        }
    }

    /// Who trusted it before may still do.
    fn note(&mut self, changes: &Changes, before: Option<&Self>) {
        let made = Made::by(changes, before.map(Self::made).as_ref());
        self.edits = made.edits;
        self.folders = made.folders;
        self.undo_first = made.undo_first;
        self.undo_after = made.undo_after;
        for store in before.iter().flat_map(|it| &it.stores) {
            if !self.stores.contains(store) {
                self.stores.push(store.clone());
            }
        }
    }
}

/// As the one whose database it is: root would leave files in it that the
/// browser cannot write.
fn as_owner(database: &Database, mut command: Command) -> Command {
    if let Some((user, group)) = database.owner {
        let become_it = [
            "setpriv".to_owned(),
            format!("--reuid={user}"),
            format!("--regid={group}"),
            "--clear-groups".to_owned(),
        ];
        command.argv.splice(0..0, become_it);
    }
    command
}

#[cfg(test)]
mod tests;
