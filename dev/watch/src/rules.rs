//! Which files count: what editors leave behind for a moment never does, the
//! root's own patterns come next, then `.gitignore` and `.ignore` files from
//! the nearest folder up to the top of the repository.
//!
//! Owns the patterns. Never looks at anything but ignore files, and never
//! decides about a path whose folder is ignored already: whoever asks walks
//! down from the base. Start with [`Rules::ignored`].

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::event::Error;
use crate::table::{Place, folder_of, name_of, on_disk};

const IGNORE_FILES: [&str; 2] = [".gitignore", ".ignore"];

/// Whether a file of this name holds patterns.
pub(crate) fn is_ignore_file(name: &OsStr) -> bool {
    IGNORE_FILES.iter().any(|file| name == *file)
}

/// The patterns of one tree.
#[derive(Debug)]
pub(crate) struct Rules {
    base: PathBuf,
    user: Gitignore,
    /// The folders above the base up to the top of its repository, nearest
    /// first, each with the way from it to the base.
    above: Vec<(PathBuf, Gitignore)>,
    inside: HashMap<Place, Gitignore>,
}

impl Rules {
    /// Reads the ignore files above `base`; those inside come with
    /// [`Rules::enter`].
    pub(crate) fn new(base: &Path, patterns: &[String]) -> Result<Rules, Error> {
        let mut builder = GitignoreBuilder::new("");
        // Git takes `a[` as it stands; here it is a mistake worth naming.
        builder.allow_unclosed_class(false);
        for pattern in patterns {
            builder
                .add_line(None, pattern)
                .map_err(|source| Error::Pattern {
                    pattern: pattern.clone(),
                    source,
                })?;
        }
        let user = builder.build().map_err(|source| Error::Pattern {
            pattern: patterns.join(" "),
            source,
        })?;
        let mut above = Vec::new();
        for folder in folders_above(base) {
            if let (Some(rules), Ok(way)) = (read_folder(folder), base.strip_prefix(folder)) {
                above.push((way.to_path_buf(), rules));
            }
        }
        Ok(Rules {
            base: base.to_path_buf(),
            user,
            above,
            inside: HashMap::new(),
        })
    }

    /// Reads the ignore files of a folder anew. Do it before asking about
    /// what is in it.
    pub(crate) fn enter(&mut self, folder: &OsStr) {
        match read_folder(&on_disk(&self.base, folder)) {
            Some(rules) => self.inside.insert(folder.into(), rules),
            None => self.inside.remove(folder),
        };
    }

    /// Forgets what [`Rules::enter`] read.
    pub(crate) fn leave(&mut self, folder: &OsStr) {
        self.inside.remove(folder);
    }

    /// Whether `place`, in a folder that is not ignored, does not count.
    pub(crate) fn ignored(&self, place: &OsStr, is_folder: bool) -> bool {
        if place.is_empty() {
            return false;
        }
        if is_passing(name_of(place)) {
            return true;
        }
        let path = Path::new(place);
        if let Some(ignored) = verdict(&self.user, path, is_folder) {
            return ignored;
        }
        let mut folder = folder_of(place);
        while let Some(here) = folder {
            if let Some(rules) = self.inside.get(here) {
                let below = path.strip_prefix(here).unwrap_or(path);
                if let Some(ignored) = verdict(rules, below, is_folder) {
                    return ignored;
                }
            }
            folder = folder_of(here);
        }
        self.above
            .iter()
            .find_map(|(way, rules)| verdict(rules, &way.join(path), is_folder))
            .unwrap_or(false)
    }
}

fn verdict(rules: &Gitignore, path: &Path, is_folder: bool) -> Option<bool> {
    match rules.matched(path, is_folder) {
        Match::None => None,
        Match::Ignore(_) => Some(true),
        Match::Whitelist(_) => Some(false),
    }
}

/// The folders above `base` whose ignore files count: up to the one that
/// holds `.git`, and none when there is no repository.
pub(crate) fn folders_above(base: &Path) -> Vec<&Path> {
    if base.join(".git").symlink_metadata().is_ok() {
        return Vec::new();
    }
    let above: Vec<&Path> = base.ancestors().skip(1).collect();
    above
        .iter()
        .position(|folder| folder.join(".git").symlink_metadata().is_ok())
        .map_or(Vec::new(), |top| above[..=top].to_vec())
}

fn read_folder(folder: &Path) -> Option<Gitignore> {
    let mut builder = GitignoreBuilder::new("");
    let mut any = false;
    for name in IGNORE_FILES {
        let file = folder.join(name);
        // Only a regular file: opening a pipe would wait for its writer.
        if file.metadata().is_ok_and(|metadata| metadata.is_file()) {
            // A line that cannot be parsed ignores nothing, as with git.
            let _ = builder.add(&file);
            any = true;
        }
    }
    any.then(|| builder.build().ok()).flatten()
}

/// What tools put beside the sources for their own use: repositories,
/// settings, swap, lock and backup files of vim, Emacs, JetBrains, VS Code,
/// Kate, LibreOffice, GNOME; what Python makes of its sources; what SQLite
/// keeps beside a database while it is open.
fn is_passing(name: &OsStr) -> bool {
    const WHOLE: [&[u8]; 12] = [
        b".git",
        b".hg",
        b".svn",
        b".jj",
        b".idea",
        b".vscode",
        // vim asks with it whether it may write in this folder.
        b"4913",
        b".DS_Store",
        // Python writes it beside its sources while it reads them.
        b"__pycache__",
        b".pytest_cache",
        b".mypy_cache",
        b".ruff_cache",
    ];
    const START: [&[u8]; 5] = [
        b".#",
        b".~lock.",
        b".goutputstream-",
        b".fuse_hidden",
        b".nfs0",
    ];
    const END: [&[u8]; 8] = [
        b"~",
        b"___jb_tmp___",
        b"___jb_old___",
        b".kate-swp",
        b".pyc",
        b".pyo",
        // The usual ones, of files that are not hidden.
        b".swp",
        b".swo",
    ];
    const DATABASE: [&[u8]; 3] = [b"db", b"sqlite", b"sqlite3"];
    const BESIDE: [&[u8]; 3] = [b"-journal", b"-wal", b"-shm"];
    let name = name.as_bytes();
    let is_vim_swap = || match name {
        [b'.', .., b'.', b's', b'w', last] => last.is_ascii_lowercase(),
        _ => false,
    };
    let is_beside_database = || {
        let of = BESIDE.iter().find_map(|end| name.strip_suffix(*end));
        of.and_then(|of| of.rsplit(|byte| *byte == b'.').next())
            .is_some_and(|extension| DATABASE.contains(&extension))
    };
    WHOLE.contains(&name)
        || START.iter().any(|start| name.starts_with(start))
        || END.iter().any(|end| name.ends_with(end))
        || matches!(name, [b'#', .., b'#'])
        || is_vim_swap()
        || is_beside_database()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]
    use super::*;
    use std::fs;

    /// Builds a folder with these files and tells which of `places` count
    /// (those that end in `/` are asked about as folders).
    fn counting(files: &[(&str, &str)], patterns: &[&str], places: &[&str]) -> Vec<String> {
        let top = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = top.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let base = top.path().join("base");
        fs::create_dir_all(&base).unwrap();
        let patterns: Vec<_> = patterns.iter().map(ToString::to_string).collect();
        let mut rules = Rules::new(&base, &patterns).unwrap();
        rules.enter(OsStr::new(""));
        rules.enter(OsStr::new("sub"));
        places
            .iter()
            .filter(|place| {
                !rules.ignored(
                    OsStr::new(place.trim_end_matches('/')),
                    place.ends_with('/'),
                )
            })
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn what_editors_leave_behind_never_counts() {
        let silent = [
            ".git/",
            ".main.go.swp",
            ".main.go.swx",
            "4913",
            "main.go~",
            ".#main.go",
            "#main.go#",
            "main.go___jb_tmp___",
            "main.go___jb_old___",
            "sub/4913",
            "__pycache__/",
            "sub/__pycache__/",
            "main.pyc",
            "sub/a.swp",
            "app.db-journal",
            "app.sqlite3-wal",
            ".vscode/",
        ];
        let heard = [
            ".env",
            "swp",
            "swp.c",
            "pyc",
            "app.db",
            "cargo-journal",
            "a.c-wal",
            "49130",
            "#define",
            ".gitignore",
            "x#",
        ];
        assert_eq!(counting(&[], &["!*"], &silent), [""; 0]);
        assert_eq!(counting(&[], &[], &heard), heard);
    }

    #[test]
    fn nearer_ignore_files_win_and_the_roots_patterns_win_over_all() {
        let files = [
            (".git/HEAD", ""),
            (".gitignore", "*.log\n/base/out\n*.up\n"),
            ("base/.gitignore", "!keep.log\n/only\n*.tmp\n"),
            ("base/.ignore", "*.data\n"),
            ("base/sub/.gitignore", "!*.tmp\nbuild/\n"),
        ];
        let places = [
            "a.log",
            "keep.log",
            "out/",
            "only",
            "sub/only",
            "x.tmp",
            "sub/x.tmp",
            "a.data",
            "sub/build/",
            "sub/build",
            "a.up",
            "a.md",
        ];
        assert_eq!(
            counting(&files, &["*.md", "!a.up"], &places),
            ["keep.log", "sub/only", "sub/x.tmp", "sub/build", "a.up"]
        );
    }

    #[test]
    fn ignore_files_above_count_only_within_a_repository() {
        let files = [(".gitignore", "*")];
        assert_eq!(counting(&files, &[], &["a"]), ["a"]);
    }

    #[test]
    fn a_wrong_pattern_is_named() {
        let error = Rules::new(Path::new("/nowhere"), &["a[".to_owned()]).unwrap_err();
        assert_eq!(error.to_string(), "ignore pattern `a[` is not valid");
    }
}
