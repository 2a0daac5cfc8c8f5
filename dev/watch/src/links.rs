//! Links that show files: which paths decide about what a link shows, and
//! watching those wherever they are.
//!
//! Owns the way from a link to its file. Reads no contents. A path on the way
//! is watched through the folder that it is in; when a folder further up,
//! outside of every root, is renamed, only a look at the disk finds out.
//! Start with [`way`].

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

use crate::queue::{Hint, Key, Moment};
use crate::source::Seen;
use crate::table::Place;
use crate::watches::Purpose;
use crate::worker::Worker;

/// As many as the system itself follows: path_resolution(7).
const MOST_LINKS: usize = 40;

/// The paths that decide about what `link` shows: every further link on the
/// way, and the end of it, or the first part that is missing.
pub(crate) fn way(link: &Path) -> Vec<PathBuf> {
    let mut points = Vec::new();
    let (Some(folder), Ok(text)) = (link.parent(), link.read_link()) else {
        return points;
    };
    let mut here = PathBuf::new();
    let mut rest = parts(&folder.join(text));
    while let Some(part) = rest.pop_front() {
        match Path::new(&part).components().next() {
            Some(Component::ParentDir) => {
                here.pop();
                continue;
            }
            Some(Component::Normal(_) | Component::RootDir) => here.push(&part),
            _ => continue,
        }
        let Ok(metadata) = here.symlink_metadata() else {
            points.push(here);
            break;
        };
        if metadata.is_symlink() {
            points.push(here.clone());
            if points.len() > MOST_LINKS {
                break;
            }
            here.pop();
            if let Ok(text) = points[points.len() - 1].read_link() {
                if text.is_absolute() {
                    here = PathBuf::new();
                }
                for part in parts(&text).into_iter().rev() {
                    rest.push_front(part);
                }
            }
        } else if rest.is_empty() {
            points.push(here);
            break;
        }
    }
    points.retain(|point| point != link && point.parent().is_some());
    points
}

fn parts(path: &Path) -> VecDeque<OsString> {
    path.components()
        .map(|part| part.as_os_str().to_os_string())
        .collect()
}

impl Worker {
    /// Watches everything that decides about what a link shows.
    pub(crate) fn follow(&mut self, tree: u32, place: &Place, at: Moment) {
        let Some(known) = self.trees.get(&tree) else {
            return;
        };
        let points = way(&known.path(place));
        let known_points = known.links.get(place) == Some(&points);
        if !known_points {
            self.unfollow(tree, place);
        }
        for point in &points {
            if let Some(folder) = point.parent() {
                self.watches.add(folder, Purpose::Target(tree), false);
            }
            if !known_points {
                let links = self.targets.entry(point.clone()).or_default();
                links.push((tree, place.clone()));
            }
        }
        if let (false, Some(known)) = (known_points, self.trees.get_mut(&tree)) {
            known.links.insert(place.clone(), points);
            // It may have changed before the watches were set.
            self.note_again((tree, place.clone()), at);
        }
    }

    /// Ends the watches for a link.
    pub(crate) fn unfollow(&mut self, tree: u32, place: &OsStr) {
        let Some(known) = self.trees.get_mut(&tree) else {
            return;
        };
        for point in known.links.remove(place).unwrap_or_default() {
            if let Some(links) = self.targets.get_mut(&point) {
                links.retain(|key| key.0 != tree || *key.1 != *place);
                if links.is_empty() {
                    self.targets.remove(&point);
                }
            }
            let folder = point.parent();
            let mut others = known.links.values().flatten();
            if let Some(folder) = folder.filter(|_| !others.any(|other| other.parent() == folder)) {
                self.watches.release(folder, Purpose::Target(tree));
            }
        }
    }

    /// An event in a folder that a link leads through.
    pub(crate) fn see_target(&mut self, path: &Path, seen: &Seen) {
        for key in self.targets.get(path).cloned().unwrap_or_default() {
            let hint = self.hint(path, seen.what, true, false);
            self.note(key, hint, seen.at);
        }
    }

    /// A watched folder went away, and with it what links showed below it.
    pub(crate) fn targets_lost(&mut self, folder: &Path, at: Moment) {
        let below: Vec<PathBuf> = self
            .targets
            .keys()
            .filter(|point| point.starts_with(folder))
            .cloned()
            .collect();
        for point in below {
            if let Some(parent) = point.parent().filter(|parent| parent.starts_with(folder)) {
                self.watches.lost(parent);
            }
            for key in self.targets.get(&point).cloned().unwrap_or_default() {
                self.note(key, Hint::Gone, at);
            }
        }
    }

    /// Looks at all links of a tree.
    pub(crate) fn look_at_links(&mut self, tree: u32, at: Moment) {
        let Some(known) = self.trees.get(&tree) else {
            return;
        };
        for place in known.links.keys().cloned().collect::<Vec<_>>() {
            self.note_again((tree, place), at);
        }
    }

    fn note_again(&mut self, key: Key, at: Moment) {
        self.queue_only(key, Hint::Attributes, at);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[track_caller]
    fn check(links: &[(&str, &str)], start: &str, expected: &[&str]) {
        let top = tempfile::tempdir().unwrap();
        let top = top.path().canonicalize().unwrap();
        fs::create_dir_all(top.join("dir/deep")).unwrap();
        fs::write(top.join("dir/file"), "").unwrap();
        for (link, text) in links {
            symlink(text, top.join(link)).unwrap();
        }
        let expected: Vec<_> = expected.iter().map(|point| top.join(point)).collect();
        assert_eq!(way(&top.join(start)), expected);
    }

    #[test]
    fn the_end_decides() {
        check(&[("a", "dir/file")], "a", &["dir/file"]);
        check(&[("a", "dir/deep/../file")], "a", &["dir/file"]);
        check(&[("a", "dir")], "a", &["dir"]);
    }

    #[test]
    fn links_on_the_way_decide_too() {
        let links = [("a", "b/file"), ("b", "c"), ("c", "./dir")];
        check(&links, "a", &["b", "c", "dir/file"]);
        check(
            &[("dir/a", "../b"), ("b", "dir/file")],
            "dir/a",
            &["b", "dir/file"],
        );
    }

    #[test]
    fn the_first_missing_part_decides() {
        check(&[("a", "dir/no/such/file")], "a", &["dir/no"]);
    }

    #[test]
    fn a_circle_ends() {
        check(&[("a", "a")], "a", &[]);
        let top = tempfile::tempdir().unwrap();
        symlink("b", top.path().join("a")).unwrap();
        symlink("a", top.path().join("b")).unwrap();
        assert!(!way(&top.path().join("a")).is_empty());
    }
}
