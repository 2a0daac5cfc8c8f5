//! What is sent to the engine: the files of the context that the Dockerfile
//! takes, but for what `.dockerignore` leaves out, and the Dockerfile.
//!
//! Sockets, pipes and devices are passed over, as Docker does with sockets.
//! The Dockerfile and the `.dockerignore` are sent even when ignored. Unlike
//! the `docker` program's own way of sending, an ignored Dockerfile is then
//! seen by `COPY .`, because an engine has one place for both.

mod walk;

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use self::walk::Walk;
use crate::dockerfile::Takes;
use crate::error::{BuildError, Kind};
use crate::ignore::Ignore;
use crate::recipe::Recipe;
use crate::taken::Taken;

/// Everything that is sent, in a fixed order, parents before children.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) root: PathBuf,
    pub(crate) entries: Vec<Entry>,
    /// The Dockerfile's path in what is sent.
    pub(crate) dockerfile: PathBuf,
    /// Its content when it stands outside of the context.
    pub(crate) brought: Option<Vec<u8>>,
    /// What the build takes, links followed.
    pub(crate) taken: Taken,
    /// The paths that its sources match, relative to the root; what is in
    /// such a folder goes with it.
    pub(crate) matched: Vec<PathBuf>,
}

/// One thing that is sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Relative to the root.
    pub(crate) path: PathBuf,
    pub(crate) what: What,
    /// Whether the image can hold it; the rest is for the engine only.
    pub(crate) taken: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum What {
    Folder,
    File { executable: bool, length: u64 },
    Link { target: PathBuf },
}

impl Context {
    /// Reads names and kinds, no contents.
    pub(crate) fn of(recipe: &Recipe, takes: Takes) -> Result<Self, BuildError> {
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
        let always = [PathBuf::from(".dockerignore"), dockerfile.clone()];
        let walk = Walk::whole(recipe, ignore(recipe)?, always, takes)?;
        Ok(Self {
            root: root.clone(),
            entries: walk.entries,
            dockerfile,
            brought,
            taken: walk.taken,
            matched: walk.matched,
        })
    }
}

fn ignore(recipe: &Recipe) -> Result<Ignore, BuildError> {
    let cannot = |file: &Path, why: String| {
        let message = format!("{}{why}", file.display());
        BuildError::new(Kind::Recipe, &recipe.dockerfile, message)
    };
    let Some(file) = rules(recipe) else {
        return Ok(Ignore::default());
    };
    let bytes =
        fs::read(&file).map_err(|error| cannot(&file, format!(" cannot be read: {error}")))?;
    Ignore::parse(&String::from_utf8_lossy(&bytes))
        .map_err(|(line, reason)| cannot(&file, format!(", line {line}: {reason}")))
}

/// The file of the rules, if there is one: `NAME.dockerignore` beside the
/// Dockerfile, else the context's.
pub(crate) fn rules(recipe: &Recipe) -> Option<PathBuf> {
    let mut beside = recipe.dockerfile.clone().into_os_string();
    beside.push(".dockerignore");
    [PathBuf::from(beside), recipe.context.join(".dockerignore")]
        .into_iter()
        .find(|file| match fs::metadata(file) {
            Err(error) => error.kind() != io::ErrorKind::NotFound,
            Ok(_) => true,
        })
}

/// A path's bytes, as they are hashed and sent.
pub(crate) fn bytes(path: &Path) -> &[u8] {
    OsStr::as_bytes(path.as_os_str())
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make contexts")]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::dockerfile::Dockerfile;

    const ALL: &str = "FROM a\nCOPY . /x";

    /// The paths that are sent, folders with a slash; a text that begins with
    /// `-> ` is the target of a link.
    fn sent(dockerfile: &str, files: &[(&str, &str)]) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            match text.strip_prefix("-> ") {
                Some(target) => symlink(target, path).expect("linked"),
                None => fs::write(path, text).expect("written"),
            }
        }
        let recipe = Recipe {
            dockerfile: root.join(dockerfile),
            context: root.join("in"),
            target: None,
            args: BTreeMap::new(),
            base: String::new(),
            labels: BTreeMap::new(),
        };
        let takes = Dockerfile::read(&recipe.dockerfile).expect("readable");
        let takes = takes.takes(&BTreeSet::from([0]), &BTreeMap::new());
        let context = Context::of(&recipe, takes).expect("read");
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
        let files = [("in/b/c", ""), ("in/a", ""), ("in/Dockerfile", ALL)];
        assert_eq!(sent("in/Dockerfile", &files), "Dockerfile a b/ b/c");
    }

    #[test]
    fn an_ignored_folder_comes_only_with_an_exception_in_it() {
        let files = [
            ("in/.dockerignore", "*\n!a/b/keep\n!no/such"),
            ("in/Dockerfile", ALL),
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
            ("in/deploy/dev/Dockerfile", ALL),
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
            ("dev.Dockerfile", ALL),
            ("dev.Dockerfile.dockerignore", "b"),
            ("in/a", ""),
            ("in/b", ""),
        ];
        assert_eq!(sent("dev.Dockerfile", &files), ".dockerignore a");
    }

    #[test]
    fn only_what_is_copied_is_sent() {
        let copies = |sources: &str| {
            let dockerfile = format!("FROM a\nCOPY {sources} /x");
            let files = [
                ("in/.dockerignore", "**/*.log"),
                ("in/Dockerfile", dockerfile.as_str()),
                ("in/src/b.go", ""),
                ("in/src/sub/c.go", ""),
                ("in/src/d.log", ""),
                ("in/e.json", ""),
                ("in/other/src/f", ""),
            ];
            let sent = sent("in/Dockerfile", &files);
            let always = ".dockerignore Dockerfile";
            let sent = sent.strip_prefix(always).expect("both are always sent");
            sent.trim().to_owned()
        };
        assert_eq!(copies("--from=x src"), "");
        assert_eq!(copies("gone"), "");
        assert_eq!(copies("*.json"), "e.json");
        assert_eq!(copies("src"), "src/ src/b.go src/sub/ src/sub/c.go");
        assert_eq!(copies("src/*.go src/d.log"), "src/ src/b.go");
        assert_eq!(copies("*/sub e.json"), "e.json src/ src/sub/ src/sub/c.go");
    }

    #[test]
    fn what_links_lead_to_is_sent_with_them() {
        let files = [
            ("in/Dockerfile", "FROM a\nCOPY a/b c/d /x"),
            ("in/a/b", "-> ../e/f"),
            ("in/c", "-> g"),
            ("in/e/f", "-> /h"),
            ("in/e/not", ""),
            ("in/g/d", ""),
            ("in/g/not", ""),
            ("in/h", ""),
        ];
        assert_eq!(
            sent("in/Dockerfile", &files),
            "Dockerfile a/ a/b c e/ e/f g/ g/d h"
        );
    }

    #[test]
    fn links_that_go_round_in_a_circle_end() {
        let files = [
            ("in/Dockerfile", "FROM a\nCOPY a/b /x"),
            ("in/a", "-> c/a"),
            ("in/c", "-> ."),
        ];
        assert_eq!(sent("in/Dockerfile", &files), "Dockerfile a c");
    }
}
