//! The file table: what each file of a tree was when it was last looked at,
//! and the digest of all of them.
//!
//! Owns no file and reads none. The digest is a sum over the files, so that
//! one changed file costs one addition, whatever the size of the tree. It
//! tells trees apart, it does not withstand a forger. Start with [`Table`].

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::ops::Bound;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::content::{Leaf, Stamp};

/// A path relative to a tree's base, without a leading `/`; the base itself
/// is the empty one. Sorted by bytes, so that what is below a folder stands
/// together.
pub(crate) type Place = Box<OsStr>;

/// The base of a tree as a place.
pub(crate) fn base() -> Place {
    OsString::new().into_boxed_os_str()
}

/// The place of `name` in the folder at `folder`.
pub(crate) fn child(folder: &OsStr, name: &OsStr) -> Place {
    if folder.is_empty() {
        return name.into();
    }
    let mut place = OsString::with_capacity(folder.len() + 1 + name.len());
    place.push(folder);
    place.push("/");
    place.push(name);
    place.into_boxed_os_str()
}

/// The folder that `place` is in; the base is in none.
pub(crate) fn folder_of(place: &OsStr) -> Option<&OsStr> {
    if place.is_empty() {
        return None;
    }
    let bytes = place.as_bytes();
    let end = bytes.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
    Some(OsStr::from_bytes(&bytes[..end]))
}

/// The last part of `place`.
pub(crate) fn name_of(place: &OsStr) -> &OsStr {
    let bytes = place.as_bytes();
    let start = bytes
        .iter()
        .rposition(|&byte| byte == b'/')
        .map_or(0, |slash| slash + 1);
    OsStr::from_bytes(&bytes[start..])
}

/// Where `place` of a tree with this base is on disk.
pub(crate) fn on_disk(base: &Path, place: &OsStr) -> PathBuf {
    if place.is_empty() {
        base.to_path_buf()
    } else {
        base.join(place)
    }
}

/// A map by place that can tell what is below a folder and what is right in
/// it.
#[derive(Debug)]
pub(crate) struct Places<V>(BTreeMap<Place, V>);

impl<V> Default for Places<V> {
    fn default() -> Places<V> {
        Places(BTreeMap::new())
    }
}

impl<V> Places<V> {
    pub(crate) fn get(&self, place: &OsStr) -> Option<&V> {
        self.0.get(place)
    }

    pub(crate) fn contains(&self, place: &OsStr) -> bool {
        self.0.contains_key(place)
    }

    pub(crate) fn insert(&mut self, place: Place, value: V) -> Option<V> {
        self.0.insert(place, value)
    }

    pub(crate) fn remove(&mut self, place: &OsStr) -> Option<V> {
        self.0.remove(place)
    }

    /// From the first place after `place` on.
    pub(crate) fn after(&self, place: Option<&OsStr>) -> impl Iterator<Item = (&Place, &V)> {
        let from = place.map_or(Bound::Unbounded, Bound::Excluded);
        self.0.range::<OsStr, _>((from, Bound::Unbounded))
    }

    /// All places below `folder`, at any depth, without `folder` itself.
    pub(crate) fn below(&self, folder: &OsStr) -> Vec<Place> {
        let prefix = prefix(folder);
        self.0
            .range::<OsStr, _>((Bound::Included(prefix.as_os_str()), Bound::Unbounded))
            .map(|(place, _)| place)
            .take_while(|place| place.as_bytes().starts_with(prefix.as_bytes()))
            .filter(|place| !place.is_empty())
            .cloned()
            .collect()
    }

    /// The places right in `folder`, and the folders in it that something is
    /// below of; what is deeper is jumped over.
    pub(crate) fn in_folder(&self, folder: &OsStr) -> Level {
        let prefix = prefix(folder);
        let mut found = Level::default();
        let mut from = Bound::Included(prefix.clone());
        loop {
            let next = self
                .0
                .range::<OsStr, _>((
                    from.as_ref().map(OsString::as_os_str),
                    Bound::<&OsStr>::Unbounded,
                ))
                .map(|(place, _)| place)
                .next();
            let Some(place) = next else { break };
            if !place.as_bytes().starts_with(prefix.as_bytes()) {
                break;
            }
            let rest = &place.as_bytes()[prefix.len()..];
            match rest.iter().position(|&byte| byte == b'/') {
                None => {
                    if !place.is_empty() {
                        found.places.push(place.clone());
                    }
                    from = Bound::Excluded(place.clone().into_os_string());
                }
                Some(slash) => {
                    // `0` comes right after `/`: the first place behind all
                    // that is below this folder.
                    let mut past = place.as_bytes()[..prefix.len() + slash].to_vec();
                    found.folders.push(OsStr::from_bytes(&past).into());
                    past.push(b'/' + 1);
                    from = Bound::Included(OsStr::from_bytes(&past).to_os_string());
                }
            }
        }
        found
    }
}

/// See [`Places::in_folder`].
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Level {
    pub(crate) places: Vec<Place>,
    pub(crate) folders: Vec<Place>,
}

fn prefix(folder: &OsStr) -> OsString {
    let mut prefix = folder.to_os_string();
    if !prefix.is_empty() {
        prefix.push("/");
    }
    prefix
}

/// One file as it was last looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) stamp: Stamp,
    /// Absent until the first hashing reached it.
    pub(crate) leaf: Option<Leaf>,
    /// See [`crate::content::Hashed::racy`].
    pub(crate) racy: bool,
}

/// The files of one tree.
#[derive(Debug, Default)]
pub(crate) struct Table {
    files: Places<Entry>,
    sum: Sum,
    unhashed: usize,
}

impl Table {
    pub(crate) fn files(&self) -> &Places<Entry> {
        &self.files
    }

    pub(crate) fn get(&self, place: &OsStr) -> Option<&Entry> {
        self.files.get(place)
    }

    /// How many files have no leaf yet.
    pub(crate) fn unhashed(&self) -> usize {
        self.unhashed
    }

    pub(crate) fn sum(&self) -> &Sum {
        &self.sum
    }

    /// Puts a file in and gives back what stood there.
    pub(crate) fn set(&mut self, place: Place, entry: Entry) -> Option<Entry> {
        match &entry.leaf {
            Some(leaf) => self.sum.add(leaf),
            None => self.unhashed += 1,
        }
        let old = self.files.insert(place, entry);
        self.forget(old)
    }

    /// Takes a file out and gives back what stood there.
    pub(crate) fn remove(&mut self, place: &OsStr) -> Option<Entry> {
        let old = self.files.remove(place);
        self.forget(old)
    }

    fn forget(&mut self, old: Option<Entry>) -> Option<Entry> {
        match old.as_ref().map(|entry| &entry.leaf) {
            Some(Some(leaf)) => self.sum.subtract(leaf),
            Some(None) => self.unhashed -= 1,
            None => {}
        }
        old
    }
}

/// A sum over leaves, the same in whatever order they came and went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    lanes: [u64; 4],
    count: u64,
}

impl Sum {
    pub(crate) fn add(&mut self, leaf: &Leaf) {
        for (lane, value) in self.lanes.iter_mut().zip(lanes(leaf)) {
            *lane = lane.wrapping_add(value);
        }
        self.count = self.count.wrapping_add(1);
    }

    fn subtract(&mut self, leaf: &Leaf) {
        for (lane, value) in self.lanes.iter_mut().zip(lanes(leaf)) {
            *lane = lane.wrapping_sub(value);
        }
        self.count = self.count.wrapping_sub(1);
    }

    /// Adds all leaves of another sum.
    pub(crate) fn join(&mut self, other: &Sum) {
        for (lane, value) in self.lanes.iter_mut().zip(other.lanes) {
            *lane = lane.wrapping_add(value);
        }
        self.count = self.count.wrapping_add(other.count);
    }

    /// The digest as it is told: 64 hexadecimal digits.
    pub(crate) fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for lane in self.lanes {
            hasher.update(&lane.to_le_bytes());
        }
        hasher.update(&self.count.to_le_bytes());
        hasher.finalize().to_hex().to_string()
    }
}

fn lanes(leaf: &Leaf) -> impl Iterator<Item = u64> {
    leaf.chunks_exact(8).map(|chunk| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(chunk);
        u64::from_le_bytes(bytes)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(all: &[&str]) -> Places<()> {
        let mut places = Places::default();
        for place in all {
            places.insert(OsStr::new(place).into(), ());
        }
        places
    }

    fn check(found: &[Place], expected: &[&str]) {
        let found: Vec<_> = found.iter().map(|place| place.to_str()).collect();
        let expected: Vec<_> = expected.iter().map(|place| Some(*place)).collect();
        assert_eq!(found, expected);
    }

    const ALL: &[&str] = &["", "a", "a!b", "a/b", "a/b/c", "a/b/d/e", "a/f", "a0", "b"];

    #[test]
    fn below_tells_every_depth_and_no_neighbour() {
        let all = places(ALL);
        check(
            &all.below(OsStr::new("a")),
            &["a/b", "a/b/c", "a/b/d/e", "a/f"],
        );
        check(&all.below(OsStr::new("a/b")), &["a/b/c", "a/b/d/e"]);
        check(&all.below(OsStr::new("")), &ALL[1..]);
        check(&all.below(OsStr::new("b")), &[]);
    }

    #[test]
    fn in_folder_jumps_over_what_is_deeper() {
        let all = places(ALL);
        for (folder, places, folders) in [
            ("a", &["a/b", "a/f"][..], &["a/b"][..]),
            ("a/b", &["a/b/c"], &["a/b/d"]),
            ("", &["a", "a!b", "a0", "b"], &["a"]),
            ("a/b/d", &["a/b/d/e"], &[]),
            ("b", &[], &[]),
        ] {
            let level = all.in_folder(OsStr::new(folder));
            check(&level.places, places);
            check(&level.folders, folders);
        }
    }

    #[test]
    fn places_come_apart_and_together() {
        for (place, folder, name) in [
            ("a", Some(""), "a"),
            ("a/b", Some("a"), "b"),
            ("a/b/c", Some("a/b"), "c"),
            ("", None, ""),
        ] {
            assert_eq!(folder_of(OsStr::new(place)), folder.map(OsStr::new));
            assert_eq!(name_of(OsStr::new(place)), name);
            if let Some(folder) = folder {
                assert_eq!(&*child(OsStr::new(folder), OsStr::new(name)), place);
            }
        }
    }

    #[test]
    fn a_sum_forgets_what_was_taken_out_again() {
        let (one, two) = ([1; 32], [255; 32]);
        let mut sum = Sum::default();
        sum.add(&one);
        let digest = sum.digest();
        sum.add(&two);
        assert_ne!(sum.digest(), digest);
        sum.subtract(&two);
        assert_eq!(sum.digest(), digest);
        sum.subtract(&one);
        assert_eq!(sum, Sum::default());
    }
}
