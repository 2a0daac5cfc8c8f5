//! A project in a temporary folder, made from one text.

#![expect(clippy::disallowed_methods, reason = "tests make files")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hob_stack::{Loaded, Project, Service, render};
use tempfile::TempDir;

/// A project on disk and the environment that it is loaded with.
pub struct Fixture {
    dir: TempDir,
    environment: BTreeMap<String, String>,
}

/// Files from a text: each begins with a line `== PATH`; a text that begins
/// otherwise is `stacks/demo/stack.toml`. A path that ends with `/` is a
/// folder. The folder `src` is always in the stack, and `HOME` and `TAG` are
/// in the environment.
pub fn project(text: &str) -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let fixture = Fixture {
        dir,
        environment: BTreeMap::from([
            ("HOME".to_owned(), "/home/me".to_owned()),
            ("TAG".to_owned(), "v1".to_owned()),
            ("DB_PASSWORD".to_owned(), "hunter2".to_owned()),
        ]),
    };
    std::fs::create_dir_all(fixture.root().join("stacks/demo/src")).unwrap();
    let text = if text.starts_with("== ") {
        text.to_owned()
    } else {
        format!("== stacks/demo/stack.toml\n{text}")
    };
    for part in format!("\n{text}").split("\n== ").skip(1) {
        let (path, contents) = part.split_once('\n').unwrap_or((part, ""));
        fixture.write(path, contents.as_bytes());
    }
    fixture
}

impl Fixture {
    pub fn root(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap()
    }

    /// Writes a file below the root, its folders included.
    pub fn write(&self, path: &str, contents: &[u8]) {
        let full = self.root().join(path);
        if path.ends_with('/') {
            std::fs::create_dir_all(full).unwrap();
            return;
        }
        std::fs::create_dir_all(full.parent().unwrap()).unwrap();
        std::fs::write(full, contents).unwrap();
    }

    pub fn load(&self) -> Loaded {
        Project::load(&self.root(), &self.environment)
    }

    /// The project, which has no error.
    #[track_caller]
    pub fn valid(&self) -> Project {
        let loaded = self.load();
        assert!(!loaded.has_errors(), "{}", told(&loaded));
        loaded.project.unwrap()
    }

    /// The service of that name in the stack `demo`.
    #[track_caller]
    pub fn service(&self, name: &str) -> Service {
        let project = self.valid();
        let id = format!("demo/{name}").parse().unwrap();
        project.service(&id).unwrap().clone()
    }

    /// A text with this project's folder called `ROOT`.
    pub fn anonymous(&self, text: &str) -> String {
        text.replace(&self.root().display().to_string(), "ROOT")
    }
}

/// All diagnostics as people see them.
pub fn told(loaded: &Loaded) -> String {
    render(&loaded.diagnostics, false, 100)
}

/// Holds all diagnostics of a project against what is expected.
#[track_caller]
pub fn check(files: &str, expected: impl snapbox::IntoData) {
    let fixture = project(files);
    check_fixture(&fixture, expected);
}

/// Like [`check`], for a project that was made by hand.
#[track_caller]
pub fn check_fixture(fixture: &Fixture, expected: impl snapbox::IntoData) {
    let loaded = fixture.load();
    // Whatever is told of a stack, it is either there or failed.
    if let Some(project) = &loaded.project {
        for folder in &loaded.failed {
            assert!(!project.stacks.contains_key(folder.as_str()), "{folder}");
        }
    }
    assert_eq!(
        loaded.has_errors(),
        loaded.project.is_none() || !loaded.failed.is_empty(),
    );
    let text = fixture.anonymous(&told(&loaded));
    snapbox::assert_data_eq!(text, expected);
}

/// A stack whose one service `a` is as given and otherwise in order.
pub fn with(keys: &str) -> String {
    format!("version = 1\n[services.a]\nrun = [\"x\"]\n{keys}")
}

/// Whether there is such a path.
pub fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
