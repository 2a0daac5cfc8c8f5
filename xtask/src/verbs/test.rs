//! `test`: everything hob is tested by, in parts, each with its time.

#![expect(
    clippy::disallowed_methods,
    reason = "what a part took is measured where it is shown"
)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use console::style;
use xshell::{Shell, cmd};

use crate::cli::TestArgs;
use crate::context::Context;
use crate::error::{Code, Error, Result};

mod prerequisites;

/// One part of the tests.
struct Part {
    name: &'static str,
    /// Whether `--fast` has it.
    fast: bool,
    run: fn(&Shell, &TestArgs) -> xshell::Result<()>,
}

const PARTS: &[Part] = &[
    Part {
        name: "format",
        fast: true,
        run: format,
    },
    Part {
        name: "lints",
        fast: false,
        run: lints,
    },
    Part {
        name: "unit, property and behaviour tests",
        fast: true,
        run: crates,
    },
    Part {
        name: "the stacks' own tests",
        fast: true,
        run: stacks,
    },
    Part {
        name: "the builder's tests on a real engine",
        fast: false,
        run: builder,
    },
    Part {
        name: "the resolver's tests on a real systemd-resolved",
        fast: false,
        run: resolver,
    },
    Part {
        name: "end to end, documents and browser, on the host",
        fast: false,
        run: on_the_host,
    },
    Part {
        name: "end to end, documents and browser, in Docker",
        fast: false,
        run: in_docker,
    },
];

pub fn test(context: &Context, args: TestArgs) -> Result {
    let root = workspace()?;
    let shell = Shell::new().map_err(anyhow::Error::from)?;
    shell.change_dir(&root);
    prerequisites::install(context, args.fast)?;
    if !args.fast {
        prerequisites::unpack(context, &root)?;
    }
    if let Some(filter) = &args.filter
        && !any_test(&shell, &args).map_err(anyhow::Error::from)?
    {
        let error = format!("no test has `{filter}` in its name");
        return Err(Error::usage(error).hint("`hob test` runs them all"));
    }
    let mut took: Vec<(&str, Duration)> = Vec::new();
    let mut failed: Vec<&str> = Vec::new();
    for part in PARTS.iter().filter(|part| part.fast || !args.fast) {
        // A filter names tests; the rest has none.
        if args.filter.is_some()
            && !part.name.contains("tests")
            && !part.name.contains("end to end")
        {
            continue;
        }
        context
            .output
            .say(style(format!("== {}", part.name)).bold().to_string());
        let began = Instant::now();
        if let Err(error) = (part.run)(&shell, &args) {
            context.output.say(format!("{} {error}", style("✗").red()));
            failed.push(part.name);
        }
        took.push((part.name, began.elapsed()));
    }
    context.output.say(style("== parts").bold().to_string());
    for (name, time) in &took {
        let mark = if failed.contains(name) {
            style("✗").red()
        } else {
            style("✓").green()
        };
        context
            .output
            .say(format!("{mark} {:>6.1} s  {name}", time.as_secs_f32()));
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(Error::new(
        Code::Failed,
        format!("failed: {}", failed.join(", ")),
    ))
}

/// Whether the name of any test contains the filter: cargo itself finds
/// nothing wrong with running none.
fn any_test(shell: &Shell, args: &TestArgs) -> xshell::Result<bool> {
    let filter = args.filter.as_slice();
    let crates = cmd!(
        shell,
        "cargo test --quiet --workspace --exclude hob-e2e {filter...} -- --list"
    );
    if has_tests(&crates.quiet().read()?) {
        return Ok(true);
    }
    if args.fast {
        return Ok(false);
    }
    let others = cmd!(
        shell,
        "cargo test --quiet --package hob-e2e {filter...} -- --list"
    );
    if has_tests(&others.quiet().read()?) {
        return Ok(true);
    }
    let resolver = cmd!(
        shell,
        "cargo test --quiet --package hob-resolver --features resolved-tests --test resolved {filter...} -- --list"
    );
    if has_tests(&resolver.quiet().read()?) {
        return Ok(true);
    }
    let builder = cmd!(
        shell,
        "cargo test --quiet --package hob-builder --features engine-tests --test engine {filter...} -- --list"
    );
    Ok(has_tests(&builder.quiet().read()?))
}

/// Whether the lists of several test programs hold any test.
fn has_tests(lists: &str) -> bool {
    lists.lines().any(|line| line.ends_with(": test"))
}

/// hob's own repository: only there are its tests.
pub fn workspace() -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map(Path::to_owned);
    root.filter(|root| root.join("dev/agent/Cargo.toml").is_file())
        .ok_or_else(|| {
            Error::usage("hob's own sources are not where this program was built")
                .hint("run `cargo xtask test` in a clone of hob")
        })
}

fn format(shell: &Shell, _: &TestArgs) -> xshell::Result<()> {
    cmd!(shell, "cargo fmt --all --check").run()
}

fn lints(shell: &Shell, _: &TestArgs) -> xshell::Result<()> {
    cmd!(
        shell,
        "cargo clippy --workspace --all-targets --all-features --quiet -- --deny warnings"
    )
    .run()
}

fn crates(shell: &Shell, args: &TestArgs) -> xshell::Result<()> {
    let filter = args.filter.as_slice();
    cmd!(
        shell,
        "cargo test --workspace --exclude hob-e2e --no-fail-fast {filter...}"
    )
    .run()
}

fn stacks(shell: &Shell, _: &TestArgs) -> xshell::Result<()> {
    let goapi = {
        let _folder = shell.push_dir("stacks/polykube/goapi");
        let vet = cmd!(shell, "go vet ./...").run();
        vet.and_then(|()| cmd!(shell, "go test ./...").run())
    };
    let _folder = shell.push_dir("stacks/platformer/app-base");
    goapi.and(cmd!(shell, "python3 -B -m unittest startup_test").run())
}

fn builder(shell: &Shell, args: &TestArgs) -> xshell::Result<()> {
    let filter = args.filter.as_slice();
    build_engine(shell)?;
    cmd!(
        shell,
        "cargo {WITH_ENGINE...} cargo test --package hob-builder --features engine-tests --test engine {filter...}"
    )
    .run()
}

fn resolver(shell: &Shell, args: &TestArgs) -> xshell::Result<()> {
    let filter = args.filter.as_slice();
    cmd!(
        shell,
        "cargo test --package hob-resolver --features resolved-tests --test resolved {filter...}"
    )
    .run()
}

fn on_the_host(shell: &Shell, args: &TestArgs) -> xshell::Result<()> {
    let filter = args.filter.as_slice();
    cmd!(shell, "cargo build --package xtask").run()?;
    cmd!(
        shell,
        "cargo test --package hob-e2e --no-fail-fast {filter...} -- --skip docker_"
    )
    .env("HOB_E2E_ENGINE", "host")
    .run()
}

fn in_docker(shell: &Shell, args: &TestArgs) -> xshell::Result<()> {
    let filter = args.filter.as_slice();
    build_engine(shell)?;
    cmd!(shell, "cargo build --package xtask").run()?;
    // What the repository promises of itself is no matter of engines.
    let all = cmd!(
        shell,
        "cargo {WITH_ENGINE...} cargo test --package hob-e2e --test e2e --test documents --test browser --no-fail-fast {filter...} -- --skip host_ --skip {OWN_ENGINE}"
    )
    .env("HOB_E2E_ENGINE", "docker")
    .run();
    let chosen = args.filter.as_deref().unwrap_or(OWN_ENGINE);
    if !chosen.starts_with(OWN_ENGINE) {
        return all;
    }
    // An engine takes the default bridge of another one away when it begins.
    let own = cmd!(
        shell,
        "cargo {WITH_ENGINE...} cargo test --package hob-e2e --test e2e --no-fail-fast {chosen}"
    )
    .env("HOB_E2E_ENGINE", "docker")
    .run();
    all.and(own)
}

/// The scenarios that start engines of their own.
const OWN_ENGINE: &str = "docker_engine";

/// What stands between `cargo` and a command that needs a Docker engine: it
/// takes the one of the machine, or starts one that ends with the command.
const WITH_ENGINE: &[&str] = &[
    "run",
    "--quiet",
    "--package",
    "hob-e2e",
    "--bin",
    "hob-e2e-engine",
    "--",
];

/// Builds it apart, so that its mistakes are not taken for the command's.
fn build_engine(shell: &Shell) -> xshell::Result<()> {
    cmd!(shell, "cargo build --quiet --package hob-e2e --bins").run()
}

#[cfg(test)]
mod tests {
    use super::has_tests;

    #[test]
    fn lists_without_a_test_are_told_from_one_with() {
        let none = "\n0 tests, 0 benchmarks\n\n0 tests, 0 benchmarks\n";
        assert!(!has_tests(none));
        assert!(has_tests(&format!(
            "{none}lock::tests::it_waits: test\n\n1 test, 0 benchmarks\n"
        )));
    }
}
