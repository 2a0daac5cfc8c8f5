//! What the tests need of the machine beside Rust, and its installation.

#![expect(
    clippy::disallowed_methods,
    reason = "the tests' engine is named by the caller's environment, as everywhere"
)]

use std::os::unix::net::UnixStream;
use std::path::Path;

use xshell::{Shell, cmd};

use crate::context::Context;
use crate::error::{Code, Error, Result};
use crate::verbs::setup::daemons;

/// A program that some test drives for real.
struct Needed {
    program: &'static str,
    package: &'static str,
    /// Whether the tests of `--fast` need it.
    fast: bool,
}

const NEEDED: &[Needed] = &[
    Needed {
        program: "go",
        package: "golang-go",
        fast: true,
    },
    Needed {
        program: "git",
        package: "git",
        fast: true,
    },
    Needed {
        program: "python3",
        package: "python3",
        fast: true,
    },
    Needed {
        program: "curl",
        package: "curl",
        fast: true,
    },
    Needed {
        program: "nginx",
        package: "nginx-light",
        fast: true,
    },
    Needed {
        program: "docker-registry",
        package: "docker-registry",
        fast: true,
    },
    Needed {
        program: "openssl",
        package: "openssl",
        fast: true,
    },
    Needed {
        program: "unshare",
        package: "util-linux",
        fast: true,
    },
    Needed {
        program: "dnsmasq",
        package: "dnsmasq-base",
        fast: false,
    },
    Needed {
        program: "dig",
        package: "bind9-dnsutils",
        fast: false,
    },
    Needed {
        program: "curl",
        package: "curl",
        fast: false,
    },
    Needed {
        program: "certutil",
        package: "libnss3-tools",
        fast: false,
    },
    Needed {
        program: "update-ca-certificates",
        package: "ca-certificates",
        fast: false,
    },
    Needed {
        program: "dbus-daemon",
        package: "dbus-daemon",
        fast: false,
    },
    Needed {
        program: "ip",
        package: "iproute2",
        fast: false,
    },
    Needed {
        program: "mcs",
        package: "mono-mcs",
        fast: false,
    },
    Needed {
        program: "java",
        package: "default-jdk-headless",
        fast: false,
    },
    Needed {
        program: "mmdebstrap",
        package: "mmdebstrap",
        fast: false,
    },
    Needed {
        program: "chromium",
        package: "chromium",
        fast: false,
    },
    Needed {
        program: "chromedriver",
        package: "chromium-driver",
        fast: false,
    },
];

/// What a Docker engine of the tests' own is made of; for a machine where none
/// answers.
const ENGINE: &[Needed] = &[
    Needed {
        program: "dockerd",
        package: "docker.io",
        fast: false,
    },
    Needed {
        program: "iptables",
        package: "iptables",
        fast: false,
    },
];

/// Installs what is missing where that can be done without a question.
pub fn install(context: &Context, fast: bool) -> Result {
    let engine = if fast || engine_answers() {
        &[]
    } else {
        ENGINE
    };
    let packages: Vec<&str> = NEEDED
        .iter()
        .chain(engine)
        .filter(|needed| needed.fast || !fast)
        .filter(|needed| !present(needed.program))
        .map(|needed| needed.package)
        .collect();
    if packages.is_empty() {
        return Ok(());
    }
    let wanted = packages.join(" ");
    let missing = || {
        Error::new(
            Code::Missing,
            format!("the tests need packages that are not installed: {wanted}"),
        )
        .hint(format!(
            "`sudo apt-get install --no-install-recommends {wanted}`"
        ))
    };
    if which::which("apt-get").is_err() {
        return Err(missing());
    }
    let root = rustix::process::geteuid().is_root();
    // `env` changes nothing; it stands where `sudo` would.
    let (before, option) = if root {
        ("env", None)
    } else {
        ("sudo", Some("--non-interactive"))
    };
    if !root && which::which("sudo").is_err() {
        return Err(missing());
    }
    context
        .output
        .say(format!("installing what the tests need: {wanted}"));
    let installing = Installing {
        before,
        option,
        daemons: daemons(&packages),
    };
    let installed = installing.run(&packages);
    installed.map_err(|error| missing().details([error.to_string()]))
}

/// Packages on their way into the machine.
struct Installing {
    /// What makes a command root's.
    before: &'static str,
    option: Option<&'static str>,
    /// Services that come with them and that nobody asked for.
    daemons: Vec<&'static str>,
}

impl Installing {
    /// The tests start these programs themselves: a package that brings one up
    /// at once, and again with the machine, would have their ports, and listen
    /// beyond loopback.
    fn run(&self, packages: &[&str]) -> Result {
        let shell = Shell::new().map_err(anyhow::Error::from)?;
        shell.set_var("DEBIAN_FRONTEND", "noninteractive");
        let (before, option, daemons) = (self.before, self.option, &self.daemons);
        let updated = cmd!(shell, "{before} {option...} apt-get update --quiet --quiet").run();
        updated.map_err(anyhow::Error::from)?;
        // systemd looks at nothing but its own; other inits, at the run level.
        let masked = !daemons.is_empty() && Path::new("/run/systemd/system").is_dir();
        let systemctl = |verb: &[&str]| {
            let command = cmd!(
                shell,
                "{before} {option...} systemctl --quiet {verb...} {daemons...}"
            );
            command.ignore_stderr().run().map_err(anyhow::Error::from)
        };
        if masked {
            systemctl(&["mask", "--runtime"])?;
        }
        let arguments = ["--quiet", "--quiet", "--yes", "--no-install-recommends"];
        let level = if daemons.is_empty() {
            None
        } else {
            Some("RUNLEVEL=1")
        };
        let installed = cmd!(
            shell,
            "{before} {option...} env {level...} apt-get install {arguments...} {packages...}"
        );
        let installed = installed.run().map_err(anyhow::Error::from);
        if masked {
            systemctl(&["unmask", "--runtime"])?;
            if installed.is_ok() {
                systemctl(&["disable"])?;
            }
        }
        installed.map_err(Error::from)
    }
}

/// Unpacks systemd-resolved below the workspace's `target`, where the machine
/// has none: its installation would take over this machine's names.
pub fn unpack(context: &Context, root: &Path) -> Result {
    let folder = root.join("target/resolved");
    let program = "lib/systemd/systemd-resolved";
    let there = [Path::new("/usr"), &folder, &folder.join("usr")];
    if there.iter().any(|it| it.join(program).exists()) {
        return Ok(());
    }
    context
        .output
        .say("unpacking what the tests need: systemd-resolved");
    let unpacked = || -> xshell::Result<()> {
        let shell = Shell::new()?;
        shell.create_dir(&folder)?;
        shell.change_dir(&folder);
        let packages = ["systemd-resolved", "libsystemd-shared"];
        cmd!(shell, "apt-get download --quiet --quiet {packages...}").run()?;
        for file in shell.read_dir(".")? {
            if file.extension().is_some_and(|it| it == "deb") {
                cmd!(shell, "dpkg -x {file} .").run()?;
            }
        }
        Ok(())
    };
    unpacked().map_err(|error| {
        let words = "the tests need a systemd-resolved, which is not installed";
        let folder = folder.display();
        Error::new(Code::Missing, words)
            .hint(format!(
                "`cd {folder} && apt-get download systemd-resolved libsystemd-shared`, then \
                 `dpkg -x` of both into that folder"
            ))
            .details([error.to_string()])
    })
}

/// Whether somebody listens where the machine's Docker engine does, or where
/// `DOCKER_HOST` says: that one is used then, whatever it answers.
fn engine_answers() -> bool {
    let host = std::env::var("DOCKER_HOST").unwrap_or_default();
    match host.strip_prefix("unix://") {
        Some(path) => UnixStream::connect(path).is_ok(),
        None if host.is_empty() => UnixStream::connect("/var/run/docker.sock").is_ok(),
        None => true,
    }
}

/// Debian keeps some programs where an ordinary user's path does not look.
fn present(program: &str) -> bool {
    which::which(program).is_ok()
        || ["/usr/sbin", "/sbin"]
            .iter()
            .any(|folder| std::path::Path::new(folder).join(program).is_file())
}
