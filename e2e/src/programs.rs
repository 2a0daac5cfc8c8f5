//! Where the programs are that the tests run.

use std::path::{Path, PathBuf};

/// The `hob` to test: `HOB_BIN`, else the one of this build.
pub(crate) fn hob_program() -> PathBuf {
    if let Ok(path) = std::env::var("HOB_BIN") {
        return PathBuf::from(path);
    }
    let path = beside("hob");
    assert!(
        path.is_file(),
        "{} is not there; `cargo build -p xtask` builds it",
        path.display()
    );
    path
}

/// The service that the tests run.
pub(crate) fn service_program() -> PathBuf {
    beside("hob-e2e-service")
}

/// A program of this build: tests run in `target/…/debug/deps`.
fn beside(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).unwrap();
    folder.join(name)
}
