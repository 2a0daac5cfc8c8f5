//! [`Checkout`]: a second folder with the same project, on the same machine.

use std::path::{Path, PathBuf};

use super::World;
use super::files::copy;
use crate::left::{LAST_DOWN, take_down};
use crate::processes::Marked;
use crate::run::{Run, finish};
use crate::session::Session;

/// A second checkout of a [`World`]'s project.
#[derive(Debug)]
pub struct Checkout<'a> {
    world: &'a World,
    root: PathBuf,
}

impl World {
    /// The same machine for another project folder beside this one: a second
    /// checkout. Its stacks are copied.
    ///
    /// # Panics
    /// The folder is there already.
    #[must_use]
    pub fn checkout(&self, name: &str) -> Checkout<'_> {
        let root = self.outside().join(name);
        copy(&self.root, &root);
        Checkout { world: self, root }
    }
}

impl Checkout<'_> {
    /// Its folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Runs `hob` in it to its end.
    #[track_caller]
    pub fn hob(&self, args: &[&str]) -> Run {
        finish(self.world.command_in(&self.root, args))
    }

    /// The processes of this project's services and of their agents.
    #[must_use]
    pub fn marked(&self) -> Vec<Marked> {
        self.world.engine.marked(&self.world.client, &self.root)
    }

    /// Starts `hob` in it, in the background.
    #[must_use]
    pub fn background(&self, args: &[&str]) -> Session {
        Session::start(self.world.command_in(&self.root, args))
    }
}

impl Drop for Checkout<'_> {
    fn drop(&mut self) {
        let down = self.world.command_in(&self.root, LAST_DOWN);
        take_down(down, self.world, &self.root);
    }
}
