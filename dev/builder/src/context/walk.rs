//! The way through the context: which of its files are sent, and where its
//! links lead.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::{Entry, What};
use crate::dockerfile::Takes;
use crate::error::{BuildError, Kind};
use crate::ignore::{Above, Ignore};
use crate::recipe::Recipe;
use crate::taken::Taken;

/// How often links that lead to more links are followed, as in path_resolution(7).
const LINKS: usize = 40;

pub(super) struct Walk<'a> {
    root: &'a Path,
    ignore: Ignore,
    /// Sent whatever the rules say.
    always: [PathBuf; 2],
    pub(super) taken: Taken,
    pub(super) entries: Vec<Entry>,
    /// Folders that are not sent but walked: sent once something in them is.
    pending: Vec<PathBuf>,
    pub(super) matched: Vec<PathBuf>,
    /// Whether a link led to something that is taken as well.
    led: bool,
    rounds: usize,
}

impl<'a> Walk<'a> {
    /// Walks until no link leads to more.
    pub(super) fn whole(
        recipe: &'a Recipe,
        ignore: Ignore,
        always: [PathBuf; 2],
        takes: Takes,
    ) -> Result<Self, BuildError> {
        let mut walk = Self {
            root: &recipe.context,
            ignore,
            always,
            taken: Taken::of(takes),
            entries: Vec::new(),
            pending: Vec::new(),
            matched: Vec::new(),
            led: false,
            rounds: 0,
        };
        loop {
            let everything = walk.taken.is_everything();
            walk.folder(Path::new(""), &Above::default(), everything)
                .map_err(|(path, error)| {
                    let path = path.display();
                    let message = format!("{path} cannot be sent to the engine: {error}");
                    BuildError::new(Kind::Recipe, &recipe.dockerfile, message)
                        .hint("leave it out by a line in `.dockerignore`, or make it readable")
                })?;
            // Each time it knows more sources, of which there are only so many
            // unless links go round in a circle.
            if !std::mem::take(&mut walk.led) {
                break;
            }
            walk.rounds += 1;
            if walk.rounds == LINKS {
                walk.taken = Taken::of(Takes::Whole);
            }
            walk.entries.clear();
            walk.matched.clear();
        }
        Ok(walk)
    }

    /// `taken`: whether all that is in it is.
    fn folder(
        &mut self,
        folder: &Path,
        above: &Above,
        taken: bool,
    ) -> Result<(), (PathBuf, io::Error)> {
        let full = self.root.join(folder);
        let failed = |error| (full.clone(), error);
        let mut names = Vec::new();
        for entry in fs::read_dir(&full).map_err(failed)? {
            names.push(entry.map_err(failed)?.file_name());
        }
        names.sort();
        for name in names {
            self.entry(folder.join(name), above, taken)?;
        }
        Ok(())
    }

    fn entry(
        &mut self,
        path: PathBuf,
        above: &Above,
        taken: bool,
    ) -> Result<(), (PathBuf, io::Error)> {
        let name = path.to_string_lossy().into_owned();
        let (ignored, known) = self.ignore.judge(&name, above);
        let always = self.always.contains(&path);
        let matched = !taken && self.taken.takes(&name);
        let taken = taken || matched;
        let full = self.root.join(&path);
        let failed = |error| (full.clone(), error);
        let meta = match fs::symlink_metadata(&full) {
            Ok(meta) => meta,
            // Gone since its folder was read.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(error)),
        };
        if matched {
            self.matched.push(path.clone());
        }
        let sent = taken && !ignored;
        if meta.is_dir() {
            let below = self.always.iter().any(|always| always.starts_with(&path))
                || (!ignored || self.ignore.may_except_below(&name))
                    && (taken || self.taken.may_take_below(&name));
            if !below {
                return Ok(());
            }
            self.pending.push(path.clone());
            if sent {
                self.send_pending(true);
            }
            self.folder(&path, &known, taken)?;
            self.pending.retain(|pending| *pending != path);
            return Ok(());
        }
        let on_the_way = meta.is_symlink() && !taken && self.taken.leads_through(&name);
        if !(sent || always || on_the_way && !ignored) {
            return Ok(());
        }
        let what = if meta.is_symlink() {
            let target = fs::read_link(&full).map_err(failed)?;
            self.led |= self.taken.follow(&name, &target);
            What::Link { target }
        } else if meta.is_file() {
            What::File {
                executable: meta.permissions().mode() & 0o111 != 0,
                length: meta.len(),
            }
        } else {
            return Ok(());
        };
        let taken = taken || on_the_way;
        self.send_pending(taken);
        self.entries.push(Entry { path, what, taken });
        Ok(())
    }

    fn send_pending(&mut self, taken: bool) {
        let folders = self.pending.drain(..).map(|path| Entry {
            path,
            what: What::Folder,
            taken,
        });
        self.entries.extend(folders);
    }
}
