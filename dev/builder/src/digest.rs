//! Whether anything of an image changed: one digest of all that decides what
//! it holds, without asking an engine; and where to look for changes.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use crate::context::{Context, What, bytes, rules};
use crate::dockerfile::Dockerfile;
use crate::error::{BuildError, Kind};
use crate::recipe::Recipe;

/// What goes into an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inputs {
    /// 32 hex digits of BLAKE3 over what the target and the stages that it
    /// needs say and take from the context, and the arguments; not over labels.
    pub digest: String,
    /// Files that are taken, links and folders not counted.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// Reads every file that can come into the image. Times, owners and modes other than
/// the executable bit do not count: they are not sent either.
///
/// # Errors
/// What cannot be read, named.
pub fn inputs(recipe: &Recipe) -> Result<Inputs, BuildError> {
    let (text, context) = read(recipe)?;
    let mut hash = Fields(blake3::Hasher::new());
    hash.field(b"hob image 2");
    hash.field(recipe.target.as_deref().unwrap_or_default().as_bytes());
    for (name, value) in recipe.arguments() {
        hash.field(b"argument");
        hash.field(name.as_bytes());
        hash.field(value.as_bytes());
    }
    hash.field(b"dockerfile");
    hash.field(text.as_bytes());
    if let (true, Some(content)) = (context.taken.is_everything(), &context.brought) {
        hash.field(content);
    }
    let mut files = 0;
    let mut size = 0;
    for entry in context.entries.iter().filter(|entry| entry.taken) {
        match &entry.what {
            What::Folder => {
                hash.field(b"folder");
                hash.field(bytes(&entry.path));
            }
            What::Link { target } => {
                hash.field(b"link");
                hash.field(bytes(&entry.path));
                hash.field(bytes(target));
            }
            What::File { executable, length } => {
                let path = context.root.join(&entry.path);
                let mut content = blake3::Hasher::new();
                File::open(&path)
                    .and_then(|file| content.update_reader(file).map(drop))
                    .map_err(|error| {
                        let message = format!("{} cannot be read: {error}", path.display());
                        BuildError::new(Kind::Recipe, &recipe.dockerfile, message)
                            .hint("leave it out by a line in `.dockerignore`, or make it readable")
                    })?;
                hash.field(if *executable { b"program" } else { b"file" });
                hash.field(bytes(&entry.path));
                hash.field(content.finalize().as_bytes());
                files += 1;
                size += length;
            }
        }
    }
    let digest = hash.0.finalize().to_hex()[..32].to_owned();
    Ok(Inputs {
        digest,
        files,
        bytes: size,
    })
}

/// The files and folders whose change changes the digest, absolute and
/// without links in what leads to the context: the Dockerfile, the sources
/// that it copies or mounts, and the `.dockerignore` if there is one. A folder
/// stands for all that is in it. A file that a source with `*` would match is
/// among them once it is there.
///
/// # Errors
/// As [`inputs`].
pub fn watched(recipe: &Recipe) -> Result<Vec<PathBuf>, BuildError> {
    let (_, context) = read(recipe)?;
    let real = |path: &Path| {
        std::fs::canonicalize(path).map_err(|error| {
            let message = format!("{} cannot be read: {error}", path.display());
            BuildError::new(Kind::Recipe, &recipe.dockerfile, message)
        })
    };
    let root = real(&context.root)?;
    let mut paths = BTreeSet::from([real(&recipe.dockerfile)?]);
    if context.taken.is_everything() {
        paths.insert(root);
    } else {
        let literal = context.taken.literal().map(PathBuf::from);
        let sources = literal.chain(context.matched);
        paths.extend(sources.map(|source| root.join(source)));
    }
    if let (true, Some(rules)) = (paths.len() > 1, rules(recipe)) {
        paths.insert(real(&rules)?);
    }
    let inner = |path: &PathBuf| path.ancestors().skip(1).any(|above| paths.contains(above));
    let outer = paths.iter().filter(|path| !inner(path)).cloned();
    Ok(outer.collect())
}

/// What the needed stages say and what they take.
fn read(recipe: &Recipe) -> Result<(String, Context), BuildError> {
    let dockerfile = Dockerfile::read(&recipe.dockerfile)?;
    let args = recipe.arguments();
    let needed = dockerfile.needed(recipe.target.as_deref(), &args)?;
    let takes = dockerfile.takes(&needed, &args);
    Ok((dockerfile.text_of(&needed), Context::of(recipe, takes)?))
}

/// Each field with its length in front, so that none runs into the next.
struct Fields(blake3::Hasher);

impl Fields {
    fn field(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make contexts")]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use tempfile::TempDir;

    use super::*;

    fn example() -> (TempDir, Recipe) {
        copying("FROM a AS dev\nCOPY . /x")
    }

    fn copying(dockerfile: &str) -> (TempDir, Recipe) {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        fs::write(root.join("Dockerfile"), dockerfile).expect("written");
        fs::write(root.join(".dockerignore"), "out\n*.log\nDockerfile\n").expect("written");
        fs::create_dir(root.join("src")).expect("made");
        fs::write(root.join("src/main"), "x").expect("written");
        let recipe = Recipe {
            dockerfile: root.join("Dockerfile"),
            context: root.to_owned(),
            target: None,
            args: BTreeMap::new(),
            base: "b".into(),
            labels: BTreeMap::new(),
        };
        (folder, recipe)
    }

    /// Whether a change of the folder or the recipe changes the digest.
    fn counts(change: impl FnOnce(&mut Recipe)) -> bool {
        let (_folder, mut recipe) = example();
        let before = inputs(&recipe).expect("read").digest;
        change(&mut recipe);
        before != inputs(&recipe).expect("read again").digest
    }

    /// Whether a new text in a file changes the digest of an image from this
    /// Dockerfile.
    fn counts_in(dockerfile: &str, file: &str) -> bool {
        let (folder, recipe) = copying(dockerfile);
        let before = inputs(&recipe).expect("read").digest;
        fs::write(folder.path().join(file), "other").expect("written");
        before != inputs(&recipe).expect("read again").digest
    }

    #[test]
    fn only_what_is_copied_counts() {
        assert!(!counts_in("FROM a\nRUN x", "src/main"));
        assert!(!counts_in("FROM a\nCOPY go.* /x", "src/main"));
        assert!(counts_in("FROM a\nCOPY go.* /x", "go.mod"));
        assert!(counts_in("FROM a\nCOPY src /x", "src/main"));
        assert!(counts_in("FROM a\nCOPY src /x", "src/new"));
        assert!(!counts_in("FROM a\nCOPY src /x", "new"));
        assert!(counts_in("FROM a\nRUN --mount=target=/x y", "new"));
    }

    #[test]
    fn only_stages_that_the_target_needs_count() {
        let counts = |before: &str, after: &str| {
            let (_folder, recipe) = copying(before);
            let digest = inputs(&recipe).expect("read").digest;
            fs::write(&recipe.dockerfile, after).expect("written");
            digest != inputs(&recipe).expect("read again").digest
        };
        let text = |other: &str, own: &str| {
            format!("ARG V=1\nFROM a AS other\n{other}\nFROM b\nCOPY src /\n{own}")
        };
        let before = text("RUN x", "RUN y");
        assert!(!counts(&before, &text("RUN z\n\nCOPY gone /", "RUN y")));
        assert!(counts(&before, &text("RUN x", "RUN z")));
        assert!(counts(&before, &before.replace("V=1", "V=2")));
        let uses = "COPY --from=other /x /x";
        assert!(counts(&text("RUN x", uses), &text("RUN z", uses)));
    }

    #[test]
    fn what_is_watched_is_what_counts() {
        let watched = |dockerfile: &str| {
            let (folder, recipe) = copying(dockerfile);
            let root = fs::canonicalize(folder.path()).expect("a folder");
            fs::write(root.join("go.mod"), "").expect("written");
            let paths = watched(&recipe).expect("read");
            let names = paths.iter().map(|path| {
                let name = path.strip_prefix(&root).expect("below").display();
                format!("{name}")
            });
            names.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(watched("FROM a\nRUN x"), "Dockerfile");
        assert_eq!(
            watched("FROM a\nCOPY go.* src gone src/main /x"),
            ".dockerignore Dockerfile go.mod gone src"
        );
        assert_eq!(watched("FROM a\nCOPY . /x"), "");
    }

    #[test]
    fn files_and_their_bytes_are_counted() {
        let (_folder, recipe) = example();
        let inputs = inputs(&recipe).expect("read");
        assert_eq!((inputs.files, inputs.bytes), (3, 23 + 21 + 1));
        assert_eq!(inputs.digest.len(), 32);
    }

    #[test]
    fn what_the_image_is_made_from_counts() {
        assert!(counts(
            |it| fs::write(it.context.join("src/main"), "y").expect("written")
        ));
        assert!(counts(
            |it| fs::write(it.context.join("src/new"), "").expect("written")
        ));
        assert!(counts(|it| fs::rename(
            it.context.join("src/main"),
            it.context.join("main")
        )
        .expect("moved")));
        assert!(counts(
            |it| fs::create_dir(it.context.join("empty")).expect("made")
        ));
        assert!(counts(
            |it| symlink("main", it.context.join("src/link")).expect("linked")
        ));
        assert!(counts(|it| fs::write(
            &it.dockerfile,
            "FROM b AS dev\nCOPY . /x"
        )
        .expect("written")));
        assert!(counts(|it| fs::set_permissions(
            it.context.join("src/main"),
            fs::Permissions::from_mode(0o755)
        )
        .expect("set")));
        assert!(counts(|it| it.target = Some("dev".into())));
        assert!(counts(|it| it.base = "c".into()));
        assert!(counts(|it| drop(it.args.insert("A".into(), String::new()))));
    }

    #[test]
    fn what_the_image_does_not_hold_does_not_count() {
        assert!(!counts(|_| ()));
        assert!(!counts(|it| drop(it.labels.insert("a".into(), "b".into()))));
        assert!(!counts(
            |it| fs::write(it.context.join("x.log"), "").expect("written")
        ));
        assert!(!counts(|it| fs::create_dir_all(
            it.context.join("out/deep")
        )
        .expect("made")));
        assert!(!counts(|it| fs::set_permissions(
            it.context.join("src/main"),
            fs::Permissions::from_mode(0o600)
        )
        .expect("set")));
        assert!(!counts(|it| {
            let file = fs::File::options()
                .write(true)
                .open(it.context.join("src/main"))
                .expect("open");
            file.set_modified(std::time::UNIX_EPOCH).expect("set");
        }));
    }

    #[test]
    fn a_dockerfile_outside_of_the_context_counts() {
        let outside = |it: &mut Recipe| it.context = it.context.join("src");
        let (_folder, mut recipe) = example();
        outside(&mut recipe);
        let before = inputs(&recipe).expect("read");
        fs::write(&recipe.dockerfile, "FROM b").expect("written");
        assert_ne!(before.digest, inputs(&recipe).expect("read again").digest);
    }

    #[test]
    fn two_names_are_not_one_long_one() {
        let digest = |pairs: [(&str, &str); 2]| {
            let (_folder, mut recipe) = example();
            recipe.args = pairs
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into();
            inputs(&recipe).expect("read").digest
        };
        assert_ne!(
            digest([("a", "bc"), ("d", "")]),
            digest([("ab", "c"), ("d", "")])
        );
    }

    #[test]
    fn a_missing_context_is_told_with_its_path() {
        let (_folder, mut recipe) = example();
        recipe.context = recipe.context.join("gone");
        let error = inputs(&recipe).expect_err("refused");
        assert!(
            error.message.starts_with("the build context ")
                && error.message.contains("/gone cannot be read"),
            "{error}"
        );
    }
}
