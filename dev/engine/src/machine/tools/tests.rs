#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use super::{PACKAGES, is_looked_up, missing, of_scripts, package, path_with_system};

fn check(programs: &[&str], packages: &[(&str, &str)], root: bool, expected: &str) {
    let programs: BTreeSet<String> = programs.iter().map(|p| (*p).to_owned()).collect();
    let packages = packages.iter();
    let packages =
        packages.map(|(program, package)| ((*program).to_owned(), (*package).to_owned()));
    let missing = missing(&programs, &packages.collect(), root);
    let text = format!("{}\n{}", missing.reason, missing.hints.join("\n"));
    assert_eq!(text, expected);
}

#[test]
fn what_is_missing_comes_with_the_command_that_brings_it() {
    check(
        &["mcs", "mono"],
        &[],
        false,
        "mcs and mono are not installed\n`sudo apt-get install mono-mcs mono-runtime`",
    );
    check(
        &["go"],
        &[],
        true,
        "go is not installed\n`apt-get install golang-go`",
    );
}

#[test]
fn the_service_knows_better_and_unknown_programs_are_said() {
    check(
        &["mono", "zig"],
        &[("mono", "mono-complete")],
        false,
        "mono and zig are not installed\n\
         `sudo apt-get install mono-complete`\n\
         put `zig` on the `PATH`, or name what brings it: `packages = { zig = \"…\" }`",
    );
}

#[test]
fn what_scripts_call_is_what_packages_name_and_nothing_else_calls() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("stacks/s");
    std::fs::create_dir_all(&folder).unwrap();
    let text = "version = 1\n[services.a]\nrun = [\"sh\", \"start.sh\"]\nbuild = [\"javac\"]\n\
                packages = { javac = \"jdk\", java = \"jre\", curl = \"curl\" }\n\
                [services.a.dev]\nrun = [\"java\"]\nbuild = []\n";
    std::fs::write(folder.join("stack.toml"), text).unwrap();
    let loaded = hob_stack::Project::load(root.path(), &BTreeMap::new());
    let project = loaded.project.unwrap();
    let service = project.services().next().unwrap();
    assert_eq!(of_scripts(service).collect::<Vec<_>>(), ["curl"]);
}

#[test]
fn the_table_is_in_order_and_every_entry_is_found() {
    assert!(PACKAGES.is_sorted_by(|a, b| a.0 < b.0));
    for (program, name) in PACKAGES {
        assert_eq!(package(program, &BTreeMap::new()).as_deref(), Some(*name));
    }
}

#[test]
fn paths_and_what_the_build_makes_are_not_looked_up() {
    assert!(is_looked_up("go"));
    for not in ["$OUT/goapi", "./run.sh", "bin/x", "/bin/sh", "$OUT"] {
        assert!(!is_looked_up(not), "{not}");
    }
}

#[test]
fn system_programs_are_looked_for_where_debian_keeps_them() {
    let path = |text: &str| path_with_system(Some(&text.to_owned()));
    assert_eq!(
        path("/usr/bin").as_deref(),
        Some("/usr/bin:/usr/local/sbin:/usr/sbin:/sbin")
    );
    assert_eq!(path("/sbin:/usr/sbin:/usr/local/sbin:/bin"), None);
}
