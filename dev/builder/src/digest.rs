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
