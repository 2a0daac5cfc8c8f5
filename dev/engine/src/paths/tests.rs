#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use super::{Homes, PathsError, write_closed};

fn homes(variables: &[(&str, &str)]) -> Result<Homes, PathsError> {
    let pairs = variables.iter();
    let environment = pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Homes::of(&BTreeMap::from_iter(environment), 4711)
}

fn uid() -> u32 {
    rustix::process::getuid().as_raw()
}

#[test]
fn the_environment_says_where_things_are() {
    let there = tempfile::tempdir().unwrap();
    let there = there.path().to_str().unwrap();
    let both = [("HOME", "/home/x"), ("XDG_RUNTIME_DIR", there)];
    let homes_of = homes(&both).unwrap();
    assert_eq!(homes_of.state, Path::new("/home/x/.local/state/hob"));
    assert_eq!(homes_of.runtime, Path::new(there).join("hob"));
    let own = [("HOME", "/home/x"), ("XDG_STATE_HOME", "/var/x")];
    assert_eq!(homes(&own).unwrap().state, Path::new("/var/x/hob"));
}

#[test]
fn a_runtime_folder_that_is_not_there_or_too_long_is_replaced() {
    let gone = [("HOME", "/home/x"), ("XDG_RUNTIME_DIR", "/nowhere/at/all")];
    assert_eq!(homes(&gone).unwrap().runtime, Path::new("/tmp/hob-4711"));
    let folder = tempfile::tempdir().unwrap();
    let long = folder.path().join("x".repeat(90));
    fs::create_dir(&long).unwrap();
    let long = [("HOME", "/x"), ("XDG_RUNTIME_DIR", long.to_str().unwrap())];
    assert_eq!(homes(&long).unwrap().runtime, Path::new("/tmp/hob-4711"));
}

#[test]
fn without_a_home_there_is_no_place() {
    for none in [&[][..], &[("HOME", "")], &[("HOME", "relative")]] {
        let error = homes(none).unwrap_err().to_string();
        assert_eq!(
            error,
            "neither `XDG_STATE_HOME` nor `HOME` is set to an absolute path"
        );
    }
}

#[test]
fn sockets_are_readable_where_they_fit_and_always_fit() {
    let paths = homes(&[("HOME", "/home/x")])
        .unwrap()
        .project("0123456789ab");
    assert_eq!(
        paths.socket("polykube", "goapi"),
        Path::new("/tmp/hob-4711/0123456789ab/polykube.goapi.sock")
    );
    let long = "x".repeat(63);
    let socket = paths.socket(&long, &long);
    assert!(socket.as_os_str().len() < 108, "{}", socket.display());
    assert_ne!(socket, paths.socket(&long, "goapi"));
}

#[test]
fn folders_are_closed_and_note_their_project() {
    let folder = tempfile::tempdir().unwrap();
    let homes = Homes {
        state: folder.path().join("state/hob"),
        runtime: folder.path().join("run/hob"),
    };
    let paths = homes.project("0123456789ab");
    fs::create_dir_all(&paths.runtime).unwrap();
    fs::set_permissions(&paths.runtime, fs::Permissions::from_mode(0o777)).unwrap();
    for _ in 0..2 {
        paths.make(Path::new("/home/x/shop"), uid()).unwrap();
    }
    for folder in [&paths.state, &paths.runtime, &homes.runtime] {
        assert_eq!(fs::metadata(folder).unwrap().mode() & 0o777, 0o700);
    }
    assert_eq!(paths.noted_root(), Some(PathBuf::from("/home/x/shop")));
    assert_eq!(homes.projects(), ["0123456789ab"]);
}

#[test]
fn a_folder_of_somebody_else_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let homes = Homes {
        state: folder.path().join("state"),
        runtime: folder.path().join("run"),
    };
    // To anybody but its owner, this folder is somebody else's.
    let error = homes.project("p").make(Path::new("/x"), uid() + 1);
    assert!(matches!(error, Err(PathsError::NotOurs { .. })));
    // A link could lead to anywhere.
    let paths = homes.project("q");
    fs::create_dir_all(folder.path().join("elsewhere")).unwrap();
    fs::create_dir_all(&homes.runtime).unwrap();
    symlink(folder.path().join("elsewhere"), &paths.runtime).unwrap();
    let error = paths.make(Path::new("/x"), uid());
    assert!(matches!(error, Err(PathsError::NotOurs { .. })));
}

#[test]
fn a_closed_file_takes_the_place_of_a_link_and_is_never_written_through_it() {
    let folder = tempfile::tempdir().unwrap();
    let (file, other) = (folder.path().join("secret"), folder.path().join("other"));
    fs::write(&other, "others' words").unwrap();
    symlink(&other, &file).unwrap();
    write_closed(&file, b"mine").unwrap();
    assert_eq!(fs::read_to_string(&other).unwrap(), "others' words");
    let meta = fs::symlink_metadata(&file).unwrap();
    assert!(meta.is_file() && meta.mode() & 0o777 == 0o600, "{meta:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    write_closed(&file, b"newer").unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), "newer");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}
