//! Where git says that it is at work: `index.lock` in the git folder of the
//! repository that a folder is in.
//!
//! Owns finding that file, also through the `.git` file of a worktree or a
//! submodule. Never runs git. Start with [`lock_file`].

use std::path::{Path, PathBuf};

/// The lock file of the repository that holds `folder`, which exists only
/// while git changes the work tree or the index (gitrepository-layout(5)).
pub(crate) fn lock_file(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().find_map(|top| {
        let git = top.join(".git");
        let metadata = git.symlink_metadata().ok()?;
        if metadata.is_file() {
            // A worktree: `gitdir: PATH`, relative to the folder it is in.
            let text = std::fs::read_to_string(&git).ok()?;
            let path = text.strip_prefix("gitdir:")?.trim();
            Some(top.join(path).join("index.lock"))
        } else {
            Some(git.join("index.lock"))
        }
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]
    use super::*;
    use std::fs;

    #[test]
    fn the_lock_is_found_from_within_and_through_a_worktree() {
        let top = tempfile::tempdir().unwrap();
        let top = top.path();
        fs::create_dir_all(top.join("repo/.git")).unwrap();
        fs::create_dir_all(top.join("repo/a/b")).unwrap();
        fs::create_dir_all(top.join("tree/a")).unwrap();
        fs::write(top.join("tree/.git"), "gitdir: ../repo/.git/worktrees/t\n").unwrap();
        assert_eq!(
            lock_file(&top.join("repo/a/b")),
            Some(top.join("repo/.git/index.lock"))
        );
        assert_eq!(
            lock_file(&top.join("tree/a")),
            Some(top.join("tree/../repo/.git/worktrees/t/index.lock"))
        );
    }
}
