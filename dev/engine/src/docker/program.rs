//! [`Layout`]: hob's own program as containers see it: a folder with it, its
//! loader and its libraries, so that it runs in any image of this platform.
//!
//! Owns the folder `programs` of the project's state: one folder a version of
//! the program, never written to again once it is there, since containers run
//! from it. Start with [`find`], which changes nothing, and [`lay_out`].

#![expect(
    clippy::disallowed_methods,
    reason = "the program's copies are made and taken away here; its loader is asked what it needs"
)]

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::agents::Built;
use super::facts::Unbuildable;
use super::lower::PROGRAM_AT;
use crate::paths::Paths;
use crate::setup::Executable;

/// The program's name in its folder.
const PROGRAM: &str = "hob";
/// The loader's name in its folder.
const LOADER: &str = "ld.so";
/// The folder of the libraries.
const LIBRARIES: &str = "lib";

/// A program laid out for containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Names this version of it.
    pub key: String,
    /// The folder on this machine.
    pub folder: PathBuf,
    /// How it is called in a container, without its verb.
    pub argv: Vec<String>,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a program comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// It is this one.
    Own {
        /// The program that is copied.
        source: PathBuf,
        /// The loader that runs it; none for a static program.
        loader: Option<PathBuf>,
    },
    /// An engine builds it.
    Built(Box<Built>),
}

impl Layout {
    /// One that an engine builds: a static program.
    pub(super) fn built(paths: &Paths, key: String, built: Built) -> Self {
        Self {
            folder: paths.programs().join(&key),
            key,
            argv: called(false),
            origin: Origin::Built(Box::new(built)),
        }
    }
}

/// How the program in a folder is called in containers; `None` when there is
/// none of this version.
pub(super) fn called_in(paths: &Paths, key: &str) -> Option<Vec<String>> {
    let folder = paths.programs().join(key);
    let there = folder.join(PROGRAM).is_file();
    there.then(|| called(folder.join(LOADER).is_file()))
}

fn called(with_loader: bool) -> Vec<String> {
    let at = |name: &str| format!("{PROGRAM_AT}/{name}");
    if !with_loader {
        return vec![at(PROGRAM)];
    }
    vec![
        at(LOADER),
        "--library-path".to_owned(),
        at(LIBRARIES),
        at(PROGRAM),
    ]
}

/// Where the program would stand and how it would be called.
///
/// # Errors
/// It cannot be read, or is called with arguments of its own.
pub(super) fn find(paths: &Paths, executable: &Executable) -> Result<Layout, Unbuildable> {
    let source = &executable.program;
    let wrong = |why: String| Unbuildable {
        is_recipe: false,
        reason: format!("{} cannot run in a container: {why}", source.display()),
        hints: vec!["`agent = \"built\"` in hob.toml builds one that can".to_owned()],
    };
    let meta = fs::metadata(source).map_err(|error| wrong(error.to_string()))?;
    let loader = interpreter(source).map_err(|error| wrong(error.to_string()))?;
    let version = format!(
        "{} {} {}.{} {}",
        source.display(),
        meta.len(),
        meta.mtime(),
        meta.mtime_nsec(),
        meta.ino(),
    );
    let key = blake3::hash(version.as_bytes()).to_hex()[..16].to_owned();
    Ok(Layout {
        folder: paths.programs().join(&key),
        key,
        argv: called(loader.is_some()),
        origin: Origin::Own {
            source: source.clone(),
            loader,
        },
    })
}

/// Lays the program out, unless it stands there already. One that an engine
/// builds was laid out by a step of its own.
///
/// # Errors
/// It cannot be copied.
pub(super) async fn lay_out(layout: &Layout) -> io::Result<()> {
    if layout.folder.is_dir() {
        return Ok(());
    }
    let Origin::Own { source, loader } = &layout.origin else {
        return Err(io::Error::other("it was not built"));
    };
    let libraries = match loader {
        Some(loader) => libraries(loader, source).await?,
        None => Vec::new(),
    };
    half_made(layout, |half| {
        make_open(&half.join(LIBRARIES))?;
        copy(source, &half.join(PROGRAM))?;
        if let Some(loader) = loader {
            copy(loader, &half.join(LOADER))?;
        }
        for library in libraries {
            if let Some(name) = library.file_name() {
                copy(&library, &half.join(LIBRARIES).join(name))?;
            }
        }
        Ok(())
    })
}

/// Lays a static program out that consists of these bytes.
///
/// # Errors
/// It cannot be written.
pub(super) fn lay_out_bytes(layout: &Layout, bytes: &[u8]) -> io::Result<()> {
    half_made(layout, |half| {
        let path = half.join(PROGRAM);
        fs::write(&path, bytes)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
    })
}

fn half_made(layout: &Layout, fill: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    // Made whole beside its place, then moved there: whoever is killed on the
    // way leaves nothing that looks like a program.
    let half = layout
        .folder
        .with_extension(format!("half-{}", std::process::id()));
    let _ = fs::remove_dir_all(&half);
    make_open(&half)?;
    fill(&half)?;
    match fs::rename(&half, &layout.folder) {
        // Another hob was quicker.
        Err(_) if layout.folder.is_dir() => fs::remove_dir_all(&half),
        other => other,
    }
}

/// Takes away the programs of other versions that no container runs from.
pub(super) fn take_away_unused(paths: &Paths, used: impl Fn(&str) -> bool) {
    let home = paths.programs();
    for name in crate::paths::entries(&home) {
        if !used(&name) {
            let _ = fs::remove_dir_all(home.join(name));
        }
    }
    let _ = fs::remove_dir(home);
}

/// A folder that every user of a container may look into.
fn make_open(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).create(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to)?;
    fs::set_permissions(to, fs::Permissions::from_mode(0o755))
}

/// The libraries that a program needs, as its loader finds them (see ld.so(8),
/// `--list`): `libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x…)`.
async fn libraries(loader: &Path, program: &Path) -> io::Result<Vec<PathBuf>> {
    let mut command = tokio::process::Command::new(loader);
    command.arg("--list").arg(program).env_clear();
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(io::Error::other(words));
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(listed(&text))
}

fn listed(text: &str) -> Vec<PathBuf> {
    let paths = text.lines().filter_map(|line| {
        let (_, found) = line.split_once("=> ")?;
        let path = PathBuf::from(found.split_whitespace().next()?);
        path.is_absolute().then_some(path)
    });
    paths.collect()
}

/// The loader that an ELF program of 64 bits names (`PT_INTERP`, see elf(5));
/// none for a static one.
fn interpreter(program: &Path) -> io::Result<Option<PathBuf>> {
    use std::os::unix::fs::FileExt as _;
    let bad = || io::Error::other("it is no ELF program of 64 bits");
    let file = fs::File::open(program)?;
    let mut head = [0; 64];
    file.read_exact_at(&mut head, 0)?;
    let little = head[5] == 1;
    if &head[..4] != b"\x7fELF" || head[4] != 2 || !little {
        return Err(bad());
    }
    let number = |bytes: &[u8]| {
        let bytes = bytes.iter().rev();
        bytes.fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte))
    };
    let (table, size, count) = (
        number(&head[32..40]),
        number(&head[54..56]),
        number(&head[56..58]),
    );
    for entry in 0..count {
        let mut header = [0; 56];
        file.read_exact_at(&mut header, table + entry * size)?;
        if number(&header[..4]) != 3 {
            continue;
        }
        let length = usize::try_from(number(&header[32..40])).map_err(|_| bad())?;
        let mut path = vec![0; length.min(4096)];
        file.read_exact_at(&mut path, number(&header[8..16]))?;
        let path = String::from_utf8(path).map_err(|_| bad())?;
        return Ok(Some(PathBuf::from(path.trim_end_matches('\0'))));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn libraries_are_those_with_a_place() {
        let text = "\tlinux-vdso.so.1 (0x00007ffd)\n\tlibgcc_s.so.1 => /lib/x/libgcc_s.so.1 (0x01)\n\tlibc.so.6 => /lib/x/libc.so.6 (0x02)\n\t/lib64/ld-linux-x86-64.so.2 (0x03)\n\tlibgone.so => not found\n";
        let paths = ["/lib/x/libgcc_s.so.1", "/lib/x/libc.so.6"].map(PathBuf::from);
        assert_eq!(listed(text), paths);
    }

    #[test]
    fn a_program_names_its_loader_and_a_script_is_none() {
        let own = std::env::current_exe().unwrap();
        let loader = interpreter(&own).unwrap().unwrap();
        assert!(loader.is_file(), "{}", loader.display());
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("script");
        fs::write(&script, format!("#!/bin/sh\n{}", "x".repeat(64))).unwrap();
        assert!(interpreter(&script).is_err());
    }

    #[tokio::test]
    async fn a_laid_out_program_runs_from_its_folder_alone() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths {
            state: folder.path().join("state"),
            runtime: folder.path().join("run"),
        };
        let executable = Executable {
            program: std::env::current_exe().unwrap(),
            args: Vec::new(),
            sources: None,
        };
        let layout = find(&paths, &executable).unwrap();
        lay_out(&layout).await.unwrap();
        lay_out(&layout).await.unwrap();
        let at = |name: &str| layout.folder.join(name);
        let output = std::process::Command::new(at(LOADER))
            .arg("--library-path")
            .arg(at(LIBRARIES))
            .arg(at(PROGRAM))
            .arg("--list")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        take_away_unused(&paths, |key| key == layout.key);
        assert!(layout.folder.is_dir());
        take_away_unused(&paths, |_| false);
        assert!(!paths.programs().exists());
    }
}
