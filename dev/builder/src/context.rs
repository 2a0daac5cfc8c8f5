//! What is sent to the engine: the files of the context but for what
//! `.dockerignore` leaves out, and the Dockerfile.
//!
//! Sockets, pipes and devices are passed over, as Docker does with sockets.
//! The Dockerfile and the `.dockerignore` are sent even when ignored. Unlike
//! the `docker` program's own way of sending, an ignored Dockerfile is then
//! seen by `COPY .`, because an engine has one place for both.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::error::{BuildError, Kind};
use crate::ignore::{Above, Ignore};
use crate::recipe::Recipe;

/// Everything that is sent, in a fixed order, parents before children.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) root: PathBuf,
    pub(crate) entries: Vec<Entry>,
    /// The Dockerfile's path in what is sent.
    pub(crate) dockerfile: PathBuf,
    /// Its content when it stands outside of the context.
    pub(crate) brought: Option<Vec<u8>>,
}

/// One thing that is sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Relative to the root.
    pub(crate) path: PathBuf,
    pub(crate) what: What,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum What {
    Folder,
    File { executable: bool, length: u64 },
    Link { target: PathBuf },
}

impl Context {
    /// Reads names and kinds, no contents.
    pub(crate) fn of(recipe: &Recipe) -> Result<Self, BuildError> {
        let root = &recipe.context;
        let missing = |error: io::Error| {
            let message = format!(
                "the build context {} cannot be read: {error}",
                root.display()
            );
            BuildError::new(Kind::Recipe, &recipe.dockerfile, message)
        };
        let real_root = fs::canonicalize(root).map_err(missing)?;
        let real = fs::canonicalize(&recipe.dockerfile).map_err(|error| {
            let message = format!("{} cannot be read: {error}", recipe.dockerfile.display());
            BuildError::new(Kind::Recipe, &recipe.dockerfile, message)
        })?;
        let (dockerfile, brought) = match real.strip_prefix(&real_root) {
            Ok(inside) => (inside.to_owned(), None),
            Err(_) => {
                let content = fs::read(&real).map_err(missing)?;
                let digest = blake3::hash(&content).to_hex();
                (
                    PathBuf::from(format!(".dockerfile.{}", &digest[..20])),
                    Some(content),
                )
            }
        };
        let mut walk = Walk {
            root,
            ignore: ignore(recipe)?,
            always: [PathBuf::from(".dockerignore"), dockerfile.clone()],
            entries: Vec::new(),
            pending: Vec::new(),
        };
        walk.folder(Path::new(""), &Above::default())
            .map_err(|(path, error)| {
                let message = format!("{} cannot be sent to the engine: {error}", path.display());
                BuildError::new(Kind::Recipe, &recipe.dockerfile, message)
                    .hint("leave it out by a line in `.dockerignore`, or make it readable")
            })?;
        Ok(Self {
            root: root.clone(),
            entries: walk.entries,
            dockerfile,
            brought,
        })
    }
}

/// The rules: `NAME.dockerignore` beside the Dockerfile, else the context's.
fn ignore(recipe: &Recipe) -> Result<Ignore, BuildError> {
    let mut beside = recipe.dockerfile.clone().into_os_string();
    beside.push(".dockerignore");
    for file in [PathBuf::from(beside), recipe.context.join(".dockerignore")] {
        let text = match fs::read(&file) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                let message = format!("{} cannot be read: {error}", file.display());
                return Err(BuildError::new(Kind::Recipe, &recipe.dockerfile, message));
            }
        };
        return Ignore::parse(&text).map_err(|(line, reason)| {
            let message = format!("{}, line {line}: {reason}", file.display());
            BuildError::new(Kind::Recipe, &recipe.dockerfile, message)
        });
    }
    Ok(Ignore::default())
}

struct Walk<'a> {
    root: &'a Path,
    ignore: Ignore,
    /// Sent whatever the rules say.
    always: [PathBuf; 2],
    entries: Vec<Entry>,
    /// Folders that are ignored but walked: sent once something in them is.
    pending: Vec<PathBuf>,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, above: &Above) -> Result<(), (PathBuf, io::Error)> {
        let full = self.root.join(folder);
        let failed = |error| (full.clone(), error);
        let mut names = Vec::new();
        for entry in fs::read_dir(&full).map_err(failed)? {
            names.push(entry.map_err(failed)?.file_name());
        }
        names.sort();
        for name in names {
            self.entry(folder.join(name), above)?;
        }
        Ok(())
    }

    fn entry(&mut self, path: PathBuf, above: &Above) -> Result<(), (PathBuf, io::Error)> {
        let (ignored, known) = self.ignore.judge(&path.to_string_lossy(), above);
        let ignored = ignored && !self.always.contains(&path);
        let full = self.root.join(&path);
        let failed = |error| (full.clone(), error);
        let meta = match fs::symlink_metadata(&full) {
            Ok(meta) => meta,
            // Gone since its folder was read.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(error)),
        };
        if meta.is_dir() {
            let holds = |always: &PathBuf| always.starts_with(&path);
            if ignored
                && !self.always.iter().any(holds)
                && !self.ignore.may_except_below(&path.to_string_lossy())
            {
                return Ok(());
            }
            self.pending.push(path.clone());
            if !ignored {
                self.send_pending();
            }
            self.folder(&path, &known)?;
            self.pending.retain(|pending| *pending != path);
            return Ok(());
        }
        if ignored {
            return Ok(());
        }
        let what = if meta.is_symlink() {
            What::Link {
                target: fs::read_link(&full).map_err(failed)?,
            }
        } else if meta.is_file() {
            What::File {
                executable: meta.permissions().mode() & 0o111 != 0,
                length: meta.len(),
            }
        } else {
            return Ok(());
        };
        self.send_pending();
        self.entries.push(Entry { path, what });
        Ok(())
    }

    fn send_pending(&mut self) {
        let folders = self.pending.drain(..).map(|path| Entry {
            path,
            what: What::Folder,
        });
        self.entries.extend(folders);
    }
}

/// A path's bytes, as they are hashed and sent.
pub(crate) fn bytes(path: &Path) -> &[u8] {
    OsStr::as_bytes(path.as_os_str())
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make contexts")]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The paths that are sent, folders with a slash.
    fn sent(dockerfile: &str, files: &[(&str, &str)]) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, text).expect("written");
        }
        let recipe = Recipe {
            dockerfile: root.join(dockerfile),
            context: root.join("in"),
            target: None,
            args: BTreeMap::new(),
            base: String::new(),
            labels: BTreeMap::new(),
        };
        let context = Context::of(&recipe).expect("read");
        let name = |entry: &Entry| {
            let slash = if entry.what == What::Folder { "/" } else { "" };
            format!("{}{slash}", entry.path.display())
        };
        context
            .entries
            .iter()
            .map(name)
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn folders_come_before_what_is_in_them_in_a_fixed_order() {
        let files = [("in/b/c", ""), ("in/a", ""), ("in/Dockerfile", "")];
        assert_eq!(sent("in/Dockerfile", &files), "Dockerfile a b/ b/c");
    }

    #[test]
    fn an_ignored_folder_comes_only_with_an_exception_in_it() {
        let files = [
            ("in/.dockerignore", "*\n!a/b/keep\n!no/such"),
            ("in/Dockerfile", ""),
            ("in/a/b/keep", ""),
            ("in/a/b/other", ""),
            ("in/no/other", ""),
        ];
        assert_eq!(
            sent("in/Dockerfile", &files),
            ".dockerignore Dockerfile a/ a/b/ a/b/keep"
        );
    }

    #[test]
    fn a_dockerfile_deep_in_an_ignored_folder_is_sent() {
        let files = [
            ("in/.dockerignore", "deploy"),
            ("in/deploy/dev/Dockerfile", ""),
            ("in/deploy/dev/x", ""),
        ];
        assert_eq!(
            sent("in/deploy/dev/Dockerfile", &files),
            ".dockerignore deploy/ deploy/dev/ deploy/dev/Dockerfile"
        );
    }

    #[test]
    fn the_rules_beside_a_dockerfile_win() {
        let files = [
            ("in/.dockerignore", "a"),
            ("dev.Dockerfile", ""),
            ("dev.Dockerfile.dockerignore", "b"),
            ("in/a", ""),
            ("in/b", ""),
        ];
        assert_eq!(sent("dev.Dockerfile", &files), ".dockerignore a");
    }
}
