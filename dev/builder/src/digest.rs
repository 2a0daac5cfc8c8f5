//! Whether anything of an image changed: one digest of all that decides what
//! it holds, without asking an engine.

use std::fs::File;

use crate::context::{Context, What, bytes};
use crate::error::{BuildError, Kind};
use crate::recipe::Recipe;

/// What goes into an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inputs {
    /// 32 hex digits of BLAKE3 over the context, the Dockerfile, the target
    /// and the arguments; not over labels.
    pub digest: String,
    /// Files that are sent, links and folders not counted.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// Reads every file that would be sent. Times, owners and modes other than
/// the executable bit do not count: they are not sent either.
///
/// # Errors
/// What cannot be read, named.
pub fn inputs(recipe: &Recipe) -> Result<Inputs, BuildError> {
    let context = Context::of(recipe)?;
    let mut hash = Fields(blake3::Hasher::new());
    hash.field(b"hob image 1");
    hash.field(recipe.target.as_deref().unwrap_or_default().as_bytes());
    for (name, value) in recipe.arguments() {
        hash.field(b"argument");
        hash.field(name.as_bytes());
        hash.field(value.as_bytes());
    }
    hash.field(b"dockerfile");
    hash.field(bytes(&context.dockerfile));
    hash.field(context.brought.as_deref().unwrap_or_default());
    let mut files = 0;
    let mut size = 0;
    for entry in &context.entries {
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
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        fs::write(root.join("Dockerfile"), "FROM a").expect("written");
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

    #[test]
    fn files_and_their_bytes_are_counted() {
        let (_folder, recipe) = example();
        let inputs = inputs(&recipe).expect("read");
        assert_eq!((inputs.files, inputs.bytes), (3, 6 + 21 + 1));
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
        assert!(counts(
            |it| fs::write(&it.dockerfile, "FROM b").expect("written")
        ));
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
