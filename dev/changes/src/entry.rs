//! [`Entry`]: what stands at a path, to the byte. Data and nothing else; who
//! reads and writes it is `place`.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entry {
    /// Nothing.
    Absent,
    /// A file.
    File(File),
    /// A symbolic link, wherever it leads to.
    Link(PathBuf),
    /// Anything else: a folder, a socket, a file that cannot be read.
    Other(String),
}

/// A file: its bytes, its mode and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// What is in it.
    pub bytes: Bytes,
    /// The permissions, twelve bits.
    pub mode: u32,
    /// The owner's and the group's number; none is whoever writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<(u32, u32)>,
}

impl Entry {
    /// A file of the system's, that everybody may read.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::File(File {
            bytes: Bytes(text.into().into_bytes()),
            mode: 0o644,
            owner: None,
        })
    }

    /// Whether both are the same to whoever reads them. Whose a file is does
    /// not matter to that.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(a), Self::File(b)) => a.bytes == b.bytes && a.mode == b.mode,
            _ => self == other,
        }
    }

    /// For people: its lines, or what it is.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Absent => String::new(),
            Self::File(file) => String::from_utf8_lossy(&file.bytes.0).into_owned(),
            Self::Link(target) => format!("-> {}\n", target.display()),
            Self::Other(what) => format!("({what})\n"),
        }
    }
}

/// Bytes that stand in a note as text where they are text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Bytes(pub Vec<u8>);

/// How they stand there.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Written {
    Text(String),
    Base64(String),
}

impl From<Bytes> for Written {
    fn from(bytes: Bytes) -> Self {
        match String::from_utf8(bytes.0) {
            Ok(text) => Self::Text(text),
            Err(error) => Self::Base64(STANDARD.encode(error.as_bytes())),
        }
    }
}

impl TryFrom<Written> for Bytes {
    type Error = base64::DecodeError;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        Ok(Self(match written {
            Written::Text(text) => text.into_bytes(),
            Written::Base64(text) => STANDARD.decode(text)?,
        }))
    }
}
