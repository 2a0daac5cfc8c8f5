//! What the repository promises of itself.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests drive programs and files"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use hob_e2e::World;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// Licences that a program under MIT or Apache 2.0 may be built with.
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Whether a licence expression (SPDX, without nested parentheses inside an
/// AND) can be met by allowed licences.
fn is_allowed(expression: &str) -> bool {
    let whole = expression.replace('/', " OR ");
    if LICENCES.contains(&whole.trim()) {
        return true;
    }
    let plain = whole.replace(['(', ')'], " ");
    let all_of = |part: &str| {
        part.split(" AND ")
            .all(|one| LICENCES.contains(&one.trim()))
    };
    if whole.contains('(') {
        // `(A OR B) AND C`: each conjunct by itself.
        return whole
            .split(" AND ")
            .all(|part| part.replace(['(', ')'], " ").split(" OR ").any(all_of));
    }
    plain.split(" OR ").any(all_of)
}

#[test]
fn licence_expressions_are_read_right() {
    for good in [
        "MIT",
        "MIT/Apache-2.0",
        "MIT OR GPL-3.0",
        "(MIT OR GPL-3.0) AND Unicode-3.0",
    ] {
        assert!(is_allowed(good), "{good}");
    }
    for bad in ["GPL-3.0", "MIT AND GPL-3.0", "(MIT OR ISC) AND GPL-3.0", ""] {
        assert!(!is_allowed(bad), "{bad}");
    }
}

#[test]
fn every_dependency_has_a_licence_that_goes_with_ours() {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(repository())
        .args(["metadata", "--format-version", "1", "--locked"])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 50, "only {} packages", packages.len());
    let wrong: Vec<String> = packages
        .iter()
        .filter(|package| !package["license"].as_str().is_some_and(is_allowed))
        .map(|package| format!("{} {}", package["name"], package["license"]))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_package_comes_from_the_registry_and_stands_in_the_lock_file_with_its_digest() {
    let lock = fs::read_to_string(repository().join("Cargo.lock")).unwrap();
    for package in lock.split("[[package]]").skip(1) {
        let source = package.lines().find(|line| line.starts_with("source = "));
        let Some(source) = source else { continue };
        assert!(source.contains("registry+"), "{package}");
        assert!(package.contains("checksum = "), "{package}");
    }
}

#[test]
fn the_schema_that_editors_read_is_the_one_that_hob_prints() {
    let printed = World::new().hob(["schema"]).good().out;
    let stored = fs::read_to_string(repository().join("stacks/stack.schema.json")).unwrap();
    assert_eq!(
        stored, printed,
        "`cargo xtask schema > stacks/stack.schema.json` brings it up to date"
    );
}

#[test]
fn the_stacks_of_the_repository_have_no_mistakes() {
    let output = World::new()
        .command(["--project", repository().to_str().unwrap(), "check"])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.ends_with(", no mistakes\n") && said.lines().count() == 1,
        "{said}"
    );
}

#[test]
fn files_have_a_length_that_can_be_read() {
    let files = Command::new("git")
        .current_dir(repository())
        .args(["ls-files", "*.rs", "*.go", "*.cs", "*.js"])
        .output()
        .unwrap();
    let long: BTreeSet<String> = String::from_utf8(files.stdout)
        .unwrap()
        .lines()
        .filter_map(|name| {
            let text = fs::read_to_string(repository().join(name)).ok()?;
            let lines = text.lines().count();
            // Stories and tables of tests grow with their expected output.
            (lines > 500 && !name.contains("tests")).then(|| format!("{name}: {lines} lines"))
        })
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}
