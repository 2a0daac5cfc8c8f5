//! The addresses of an engine of the tests: whose turn it is to have them, and
//! the bridge that they are on.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use rustix::fs::{FlockOperation, flock};

use super::run;

/// What is said to anybody but root.
const NOT_ROOT: &str = "no Docker engine answers, and only root can start one: start it, or \
     name one in DOCKER_HOST, or run the tests as root";

/// The right to the addresses of a [`Network`], for as long as this lives.
#[derive(Debug)]
pub struct Turn(#[expect(dead_code, reason = "its lock is what counts")] File);

/// The addresses of one engine of the tests: `10.N.0.0/16` and `hobtestN`.
#[derive(Debug, Clone, Copy)]
pub struct Network(u8);

impl Network {
    /// Of the engine that all tests of a run use.
    pub const FIRST: Self = Self(213);
    /// Of an engine that one test restarts.
    pub const SECOND: Self = Self(214);

    /// Waits until no other engine has these addresses.
    ///
    /// # Errors
    /// In words: nobody but root may have them.
    pub fn turn(self) -> Result<Turn, String> {
        let path = PathBuf::from(format!("/run/hob-test-engine-{}.lock", self.0));
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        if !rustix::process::geteuid().is_root() {
            return Err(NOT_ROOT.to_owned());
        }
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| failed(&error))?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let _ = writeln!(
                std::io::stderr(),
                "other tests use the engine that this needs ({}); waiting for them",
                path.display()
            );
            flock(&file, FlockOperation::LockExclusive).map_err(|error| failed(&error))?;
        }
        Ok(Turn(file))
    }

    /// What every address of it begins with.
    pub(super) fn prefix(self) -> String {
        format!("10.{}.", self.0)
    }

    pub(super) fn bridge(self) -> String {
        format!("hobtest{}", self.0)
    }

    /// What lets its containers reach others and each other, also where the
    /// machine forwards nothing by itself.
    fn rules(self) -> [Vec<String>; 3] {
        let all = format!("10.{}.0.0/16", self.0);
        let rule = |text: &str| text.split(' ').map(str::to_owned).collect();
        [
            rule(&format!("FORWARD -s {all} -j ACCEPT")),
            rule(&format!("FORWARD -d {all} -j ACCEPT")),
            rule(&format!(
                "POSTROUTING -t nat -s {all} ! -d {all} -j MASQUERADE"
            )),
        ]
    }

    pub(super) fn make(self) -> Result<(), String> {
        let bridge = self.bridge();
        // One that was left is as good.
        let _ = run("ip", &["link", "add", &bridge, "type", "bridge"]);
        let address = format!("10.{}.0.1/24", self.0);
        run("ip", &["address", "replace", &address, "dev", &bridge])?;
        run("ip", &["link", "set", &bridge, "up"])?;
        for rule in self.rules() {
            if iptables("-C", &rule).is_err() {
                iptables("-I", &rule)?;
            }
        }
        Ok(())
    }

    pub(super) fn unmake(self) {
        for rule in self.rules() {
            while iptables("-D", &rule).is_ok() {}
        }
        let _ = run("ip", &["link", "delete", &self.bridge()]);
    }
}

fn iptables(what: &str, rule: &[String]) -> Result<(), String> {
    let rule = rule.iter().map(String::as_str);
    let args: Vec<&str> = ["--wait", what].into_iter().chain(rule).collect();
    run("iptables", &args)
}
