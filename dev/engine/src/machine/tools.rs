//! The programs that services call, and the packages that bring them.
//!
//! Owns the table of Debian packages and the words about what is missing.
//! The names are those of Debian 12 and 13.

use std::collections::{BTreeMap, BTreeSet};

use hob_stack::{Form, Ready, Service};
use hob_wire::Mode;

/// Program and Debian package, in the order of the programs.
const PACKAGES: &[(&str, &str)] = &[
    ("bundle", "ruby-bundler"),
    ("cargo", "cargo"),
    ("cmake", "cmake"),
    ("composer", "composer"),
    ("csc", "mono-mcs"),
    ("dotnet", "dotnet-sdk-8.0"),
    ("elixir", "elixir"),
    ("erl", "erlang-base"),
    ("g++", "g++"),
    ("gcc", "gcc"),
    ("git", "git"),
    ("go", "golang-go"),
    ("gradle", "gradle"),
    ("java", "default-jre-headless"),
    ("javac", "default-jdk-headless"),
    ("lua", "lua5.4"),
    ("make", "make"),
    ("mcs", "mono-mcs"),
    ("memcached", "memcached"),
    ("mix", "elixir"),
    ("mono", "mono-runtime"),
    ("mvn", "maven"),
    ("nginx", "nginx"),
    ("node", "nodejs"),
    ("npm", "npm"),
    ("perl", "perl"),
    ("pg_isready", "postgresql-client"),
    ("php", "php-cli"),
    ("pip", "python3-pip"),
    ("pip3", "python3-pip"),
    ("psql", "postgresql-client"),
    ("python", "python-is-python3"),
    ("python3", "python3"),
    ("redis-cli", "redis-tools"),
    ("redis-server", "redis-server"),
    ("ruby", "ruby"),
    ("rustc", "rustc"),
    ("uvicorn", "uvicorn"),
];

/// The package of a program: what the service says, else what the table says.
#[must_use]
pub fn package(program: &str, of_service: &BTreeMap<String, String>) -> Option<String> {
    let known = || {
        let at = PACKAGES.binary_search_by(|(name, _)| (*name).cmp(program));
        at.ok().map(|at| PACKAGES[at].1.to_owned())
    };
    of_service.get(program).cloned().or_else(known)
}

/// The programs that a service calls in a mode and that are looked up in the
/// search path: to build, to run, to tell whether it is ready.
#[must_use]
pub fn programs(service: &Service, mode: Mode) -> BTreeSet<&str> {
    let (form, ready) = match mode {
        Mode::Dev => (&service.dev_form.form, &service.dev_form.ready),
        Mode::Run => (&service.run_form, &service.ready),
    };
    let mut commands: Vec<&[String]> = Vec::new();
    if let Form::Program { build, run } = form {
        commands.extend(build.as_deref());
        commands.push(run);
    }
    if let Ready::Command(argv) = ready {
        commands.push(argv);
    }
    let programs = commands.into_iter().filter_map(|argv| argv.first());
    programs
        .map(String::as_str)
        .filter(|program| is_looked_up(program))
        .collect()
}

/// The programs that a service names the packages of and calls in no mode
/// itself: a script of it does.
pub fn of_scripts(service: &Service) -> impl Iterator<Item = &str> {
    let modes = [Mode::Dev, Mode::Run].into_iter();
    let called: BTreeSet<&str> = modes.flat_map(|mode| programs(service, mode)).collect();
    let named = service.packages.keys().map(String::as_str);
    named.filter(move |program| !called.contains(program))
}

/// Whether a program's name is looked up in the search path: a path is not,
/// and neither is what the build makes.
#[must_use]
pub fn is_looked_up(program: &str) -> bool {
    !program.contains('/') && !program.contains('$')
}

/// A search path that ends with the folders of system programs, where Debian
/// keeps servers and an ordinary user's path does not look; none when it has
/// them already.
#[must_use]
pub fn path_with_system(path: Option<&String>) -> Option<String> {
    let mut folders: Vec<&str> = path.map_or(Vec::new(), |path| path.split(':').collect());
    let before = folders.len();
    for system in ["/usr/local/sbin", "/usr/sbin", "/sbin"] {
        if !folders.contains(&system) {
            folders.push(system);
        }
    }
    (folders.len() > before).then(|| folders.join(":"))
}

/// What is missing, in one line and with what to type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// `mcs and mono are not installed`.
    pub reason: String,
    /// What to type next.
    pub hints: Vec<String>,
}

/// The words about these missing programs; `root` needs no `sudo`.
#[must_use]
pub fn missing(
    programs: &BTreeSet<String>,
    of_service: &BTreeMap<String, String>,
    root: bool,
) -> Missing {
    let names: Vec<&str> = programs.iter().map(String::as_str).collect();
    let verb = if names.len() == 1 { "is" } else { "are" };
    let mut packages = BTreeSet::new();
    let mut unknown = Vec::new();
    for program in &names {
        match package(program, of_service) {
            Some(package) => drop(packages.insert(package)),
            None => unknown.push(*program),
        }
    }
    let mut hints = Vec::new();
    if !packages.is_empty() {
        let sudo = if root { "" } else { "sudo " };
        let packages: Vec<String> = packages.into_iter().collect();
        hints.push(format!("`{sudo}apt-get install {}`", packages.join(" ")));
    }
    for program in unknown {
        hints.push(format!(
            "put `{program}` on the `PATH`, or name what brings it: `packages = {{ {program} = \"…\" }}`"
        ));
    }
    Missing {
        reason: format!("{} {verb} not installed", listed(&names)),
        hints,
    }
}

/// `a`, `a and b`, `a, b and c`.
fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests;
