//! The digest of a root without watching it.
//!
//! Owns nothing: one walk, one answer. Start with [`tree_digest`].

use std::io;

use crate::content::{self, Look};
use crate::event::Root;
use crate::table::{Sum, base};
use crate::tree::Tree;

/// The digest of all files of a root as they are now, the same as a
/// [`Watcher`](crate::Watcher) tells for the same bytes: 64 hexadecimal
/// digits.
///
/// # Errors
///
/// When the root's folder cannot be read, or a pattern is not valid
/// ([`io::ErrorKind::InvalidInput`]).
pub fn tree_digest(root: &Root) -> io::Result<String> {
    let trees =
        Tree::of(root).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    std::fs::read_dir(&root.path)?;
    let mut sum = Sum::default();
    for mut tree in trees {
        let mut folders = vec![base()];
        if let Look::Item(_) = content::look(&tree.base) {
            folders.clear();
            add(&mut sum, &tree, &base());
        }
        while let Some(folder) = folders.pop() {
            if let Some(found) = tree.read_folder(&folder) {
                for (place, _) in &found.new {
                    add(&mut sum, &tree, place);
                }
                folders.extend(found.folders);
            }
        }
    }
    Ok(sum.digest())
}

fn add(sum: &mut Sum, tree: &Tree, place: &std::ffi::OsStr) {
    if let Some(hashed) = content::hash(&tree.path(place), tree.number, place) {
        sum.add(&hashed.leaf);
    }
}
