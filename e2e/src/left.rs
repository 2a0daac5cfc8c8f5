//! What is left of a [`World`] when it should be gone: looked for, asserted
//! and, at its end, removed.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::processes;
use crate::run::finish_quietly;
use crate::world::World;

impl World {
    /// Asserts that hob and the machine agree that nothing is left.
    ///
    /// # Panics
    /// Something is left.
    #[track_caller]
    pub fn assert_nothing_left(&self) {
        let run = self.hob(["down", "--prove"]).good();
        assert_eq!(run.out, "", "{run:?}");
        self.assert_gone(false);
    }

    /// Asserts that a plain `down` keeps what it keeps, images and volumes, and
    /// that nothing is left by one that is to take that away, too.
    ///
    /// # Panics
    /// Something is left.
    #[track_caller]
    pub fn assert_nothing_kept(&self) {
        let run = self.hob(["down", "--prove"]).good();
        assert_eq!(run.out, "", "{run:?}");
        assert_eq!(self.marked(), []);
        let run = self.hob(["down", "--volumes", "--prove"]).good();
        assert_eq!(run.out, "", "{run:?}");
        self.assert_gone(true);
    }

    /// Asserts that neither processes nor files nor anything of the engine is
    /// left; kept volumes and images are looked for too when they were to go.
    ///
    /// # Panics
    /// Something is left.
    #[track_caller]
    pub fn assert_gone(&self, kept: bool) {
        assert_eq!(self.marked(), []);
        assert_eq!(self.left_files(), Vec::<String>::new());
        let left = self.engine().left(self.client(), self.root(), kept);
        assert_eq!(left, Vec::<String>::new());
    }

    /// The files of hob that are still there, those of kept volumes and of
    /// kept logs aside.
    #[must_use]
    pub fn left_files(&self) -> Vec<String> {
        let mut found = Vec::new();
        for home in [self.state(), self.runtime()] {
            walk(&home, &mut found);
        }
        found.retain(|path| !path.contains("/volumes/") && !is_kept_log(path));
        // Kept logs have the path of their project beside them.
        found.retain(|path| {
            let logs = path
                .strip_suffix("/root")
                .map(|state| Path::new(state).join("logs"));
            logs.is_none_or(|logs| !logs.is_dir())
        });
        found
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let platform = self.platform();
        if platform.is_dir() {
            take_down(self.command(LAST_DOWN_OF_ALL), self, &platform);
        }
        if self.root().is_dir() {
            take_down(self.command(LAST_DOWN), self, self.root());
        }
    }
}

/// The same for all projects of a state home.
const LAST_DOWN_OF_ALL: [&str; 4] = ["down", "--all", "--volumes", "--yes"];

/// What takes a project down for good.
pub(crate) const LAST_DOWN: [&str; 3] = ["down", "--volumes", "--prove"];

/// Takes a project down and asserts that nothing of it is left; what is left
/// all the same is ended and removed, so that it disturbs no other test.
pub(crate) fn take_down(down: Command, world: &World, root: &Path) {
    let (engine, client) = (world.engine(), world.client());
    let run = finish_quietly(down);
    let processes = engine.marked(client, root);
    let left = engine.left(client, root, true);
    for process in &processes {
        processes::kill(process.pid);
    }
    engine.remove_all(client, root);
    if !std::thread::panicking() {
        assert!(
            processes.is_empty() && left.is_empty(),
            "left behind: {processes:#?} {left:#?}\n`hob down`: {run:#?}"
        );
    }
}

/// Whether this is `logs/STACK/SERVICE/FILE`, with one of the two files of a
/// service's log.
fn is_kept_log(path: &str) -> bool {
    let Some((_, below)) = path.split_once("/logs/") else {
        return false;
    };
    let parts: Vec<&str> = below.split('/').collect();
    matches!(parts[..], [_, _, "current.log" | "previous.log"])
}

fn walk(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(&path, found);
        } else {
            found.push(path.display().to_string());
        }
    }
}
