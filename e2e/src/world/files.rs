//! The files of a [`World`]'s project.

use std::fs;
use std::path::Path;

use super::World;

impl World {
    /// Writes a stack's file.
    pub fn stack(&self, name: &str, text: &str) {
        self.write(&format!("stacks/{name}/stack.toml"), text);
    }

    /// Writes a file of the project, its folders made.
    ///
    /// # Panics
    /// It cannot be written.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes `page.txt` of a service: what it answers and how it behaves.
    pub fn page(&self, service: &str, text: &str) {
        self.write(&format!("stacks/{service}/page.txt"), text);
        self.engine.provide(&self.root.join("stacks").join(service));
    }

    /// The text of a file of the project.
    ///
    /// # Panics
    /// It is not there.
    #[must_use]
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap()
    }

    /// Removes a file of the project, if it is there.
    ///
    /// # Panics
    /// It cannot be removed.
    pub fn remove(&self, path: &str) {
        let path = self.root.join(path);
        if path.exists() {
            fs::remove_file(path).unwrap();
        }
    }

    /// Copies a folder into the project.
    ///
    /// # Panics
    /// It is not there, or the project has it already.
    pub fn copy(&self, from: &Path, to: &str) {
        copy(from, &self.root.join(to));
    }
}

pub(super) fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
