//! One folder (or single file) of a root as it is on disk and as it was last
//! looked at.
//!
//! Owns the walk and the comparison of names and stamps. Sets no watches and
//! reads no contents. Links to folders are not followed: they count by their
//! target's name, so a cycle is a file like any other. Start with
//! [`Tree::read_folder`].

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::content::{self, Look, Stamp};
use crate::event::{Error, Root};
use crate::rules::Rules;
use crate::table::{Place, Places, Table, child, on_disk};

/// See the module.
#[derive(Debug)]
pub(crate) struct Tree {
    /// 0 for the root's own folder, then one for each extra: part of every
    /// leaf, so that the same file in two trees is two files.
    pub(crate) number: u32,
    /// Absolute, as the caller named it.
    pub(crate) given: PathBuf,
    /// The same without links, so that each folder has one name only: the
    /// system's watches are by folder, not by name.
    pub(crate) base: PathBuf,
    pub(crate) rules: Rules,
    patterns: Vec<String>,
    pub(crate) table: Table,
    /// The folders that are walked (and watched).
    pub(crate) folders: Places<()>,
    /// Links, with the paths that decide about what they show.
    pub(crate) links: HashMap<Place, Vec<PathBuf>>,
    /// Device and inode of the base when it was last walked.
    pub(crate) identity: Option<(u64, u64)>,
}

/// How a folder differs from what was known of it.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) new: Vec<(Place, Stamp)>,
    pub(crate) changed: Vec<Place>,
    pub(crate) gone: Vec<Place>,
    /// Folders in it that count, known or not.
    pub(crate) folders: Vec<Place>,
    pub(crate) gone_folders: Vec<Place>,
}

impl Tree {
    /// The trees of a root: its folder, then its extras.
    pub(crate) fn of(root: &Root) -> Result<Vec<Tree>, Error> {
        let path = absolute(&root.path)?;
        let extras = root.extra.iter().map(|extra| path.join(extra));
        std::iter::once(path.clone())
            .chain(extras)
            .zip(0..)
            .map(|(given, number)| Tree::new(number, given, &root.ignore))
            .collect()
    }

    fn new(number: u32, given: PathBuf, patterns: &[String]) -> Result<Tree, Error> {
        let base = real(&given);
        Ok(Tree {
            number,
            rules: Rules::new(&base, patterns)?,
            given,
            base,
            patterns: patterns.to_vec(),
            table: Table::default(),
            folders: Places::default(),
            links: HashMap::new(),
            identity: None,
        })
    }

    /// Where `place` is.
    pub(crate) fn path(&self, place: &OsStr) -> PathBuf {
        on_disk(&self.base, place)
    }

    /// Device and inode of what is at the base now.
    pub(crate) fn identify(&self) -> Option<(u64, u64)> {
        let metadata = self.given.metadata().ok()?;
        Some((metadata.dev(), metadata.ino()))
    }

    /// Finds out anew where the base is and which ignore files are above it.
    pub(crate) fn reload(&mut self) {
        self.base = real(&self.given);
        // The patterns were valid at the start.
        if let Ok(rules) = Rules::new(&self.base, &self.patterns) {
            self.rules = rules;
        }
    }

    /// Compares a folder's own level with what is known. `None` when it is no
    /// folder (any more). To miss nothing, watch it before.
    pub(crate) fn read_folder(&mut self, folder: &OsStr) -> Option<Found> {
        let path = self.path(folder);
        self.rules.enter(folder);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => Some(entries),
            // A folder that may not be read is an empty one.
            Err(_) if path.is_dir() => None,
            Err(_) => return None,
        };
        let mut found = Found::default();
        // Apart, for a name may have changed from one to the other.
        let (mut files, mut folders) = (HashSet::new(), HashSet::new());
        for entry in entries.into_iter().flatten().flatten() {
            let place = child(folder, &entry.file_name());
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            if kind.is_dir() {
                if !self.rules.ignored(&place, true) {
                    folders.insert(place.clone());
                    found.folders.push(place);
                }
            } else if (kind.is_file() || kind.is_symlink()) && !self.rules.ignored(&place, false) {
                let Look::Item(stamp) = content::look(&entry.path()) else {
                    continue;
                };
                match self.table.get(&place) {
                    None => found.new.push((place.clone(), stamp)),
                    Some(known) if known.stamp != stamp => found.changed.push(place.clone()),
                    // Not yet hashed and nothing to compare with.
                    Some(known) if known.racy && known.leaf.is_some() => {
                        found.changed.push(place.clone());
                    }
                    Some(_) => {}
                }
                files.insert(place);
            }
        }
        let level = self.table.files().in_folder(folder);
        found.gone = level.places;
        found.gone.retain(|place| !files.contains(place));
        found.gone_folders = self.folders.in_folder(folder).places;
        // Folders that are not walked any more may have left files behind.
        found.gone_folders.extend(level.folders);
        found.gone_folders.sort();
        found.gone_folders.dedup();
        found.gone_folders.retain(|place| !folders.contains(place));
        Some(found)
    }
}

fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(|source| Error::Path {
        path: path.to_path_buf(),
        source,
    })
}

/// `path` with the links in its longest existing part resolved.
fn real(path: &Path) -> PathBuf {
    path.ancestors()
        .find_map(|existing| {
            let real = existing.canonicalize().ok()?;
            let rest = path.strip_prefix(existing).ok()?;
            Some(if rest.as_os_str().is_empty() {
                real
            } else {
                real.join(rest)
            })
        })
        .unwrap_or_else(|| path.to_path_buf())
}
