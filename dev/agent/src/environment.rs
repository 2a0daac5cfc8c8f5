//! What a program of the service gets to see: its arguments with `$OUT` and
//! `$PORT` filled in, its whole environment, its secrets.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use hob_wire::{
    MARK_CONTAINED, MARK_PROJECT, MARK_ROOT, MARK_SERVICE, Program, SecretSource, Spec,
};

use crate::process::Launch;
use crate::user::{self, User};

/// The largest file that is taken for a secret, in bytes.
const SECRET_LIMIT: u64 = 1 << 20;

/// A secret that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its file.
    #[error("secret {name}: cannot read {path}: {source}")]
    File {
        name: String,
        path: String,
        source: std::io::Error,
    },
    /// Its variable.
    #[error("secret {name}: the variable {variable} is not set where hob was started")]
    Variable {
        /// The secret.
        name: String,
        /// The variable.
        variable: String,
    },
}

/// The build of `spec` into the folder `out`.
pub fn build(spec: &Spec, program: &Program, out: &Path, mark: &str) -> Launch {
    let mut env = base(spec, program, out);
    env.insert("OUT".into(), out.display().to_string());
    launch(program, env, &Values { out, port: None }, mark)
}

/// The process of `spec` from the folder `out`, to listen on `addr`.
pub fn run(
    spec: &Spec,
    out: &Path,
    addr: Option<SocketAddr>,
    secrets: &BTreeMap<String, String>,
    mark: &str,
) -> Launch {
    process(spec, &spec.run, out, addr, secrets, mark)
}

/// A program that looks at the process: the same environment.
pub fn process(
    spec: &Spec,
    program: &Program,
    out: &Path,
    addr: Option<SocketAddr>,
    secrets: &BTreeMap<String, String>,
    mark: &str,
) -> Launch {
    let mut env = base(spec, program, out);
    env.insert("HOST".into(), spec.host.to_string());
    if let Some(addr) = addr {
        env.insert("PORT".into(), addr.port().to_string());
    }
    env.extend(secrets.clone());
    launch(
        program,
        env,
        &Values {
            out,
            port: addr.map(|addr| addr.port()),
        },
        mark,
    )
}

/// The values of all secrets.
///
/// # Errors
/// One of them cannot be read.
pub fn secrets(spec: &Spec) -> Result<BTreeMap<String, String>, Error> {
    let mut values = BTreeMap::new();
    for (name, source) in &spec.secrets {
        let value = match source {
            SecretSource::File(path) => {
                let text = read_file(path).map_err(|source| Error::File {
                    name: name.clone(),
                    path: path.display().to_string(),
                    source,
                })?;
                let line = text.strip_suffix('\n').unwrap_or(&text);
                line.strip_suffix('\r').unwrap_or(line).to_owned()
            }
            SecretSource::Env(variable) => {
                std::env::var(variable).map_err(|_| Error::Variable {
                    name: name.clone(),
                    variable: variable.clone(),
                })?
            }
        };
        values.insert(name.clone(), value);
    }
    Ok(values)
}

/// Who the programs of `spec` run as; none for the agent's own user.
///
/// # Errors
/// The user is unknown, or the agent may not become it.
pub fn user(spec: &Spec) -> Result<Option<User>, user::Error> {
    spec.user.as_deref().map(user::find).transpose()
}

/// Whether a variable is hob's own business.
pub fn is_hobs(name: &str) -> bool {
    name.starts_with("HOB_")
}

/// The agent's own environment as its programs may see it: without hob's
/// variables and without what is no text. When they run as somebody else, the
/// folder of the agent's own user is not theirs; one that an image names is.
fn inherited(spec: &Spec) -> BTreeMap<String, String> {
    let own = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let mut env: BTreeMap<String, String> = own.filter(|(name, _)| !is_hobs(name)).collect();
    if spec.user.is_some() && env.get("HOME") == user::own_home().as_ref() {
        env.remove("HOME");
    }
    env
}

fn base(spec: &Spec, program: &Program, out: &Path) -> BTreeMap<String, String> {
    let mut env = match spec.inherit {
        true => inherited(spec),
        false => BTreeMap::new(),
    };
    env.extend(spec.env.clone());
    env.extend(program.env.clone());
    env.insert("OUT".into(), out.display().to_string());
    env.insert(MARK_PROJECT.into(), spec.project.clone());
    env.insert(MARK_SERVICE.into(), spec.service.clone());
    env.insert(MARK_ROOT.into(), spec.root.display().to_string());
    if spec.inherit {
        // What an image says of itself is inherited in containers alone.
        env.insert(MARK_CONTAINED.into(), "1".into());
    }
    env
}

struct Values<'a> {
    out: &'a Path,
    port: Option<u16>,
}

fn launch(
    program: &Program,
    env: BTreeMap<String, String>,
    values: &Values<'_>,
    mark: &str,
) -> Launch {
    Launch {
        argv: program
            .argv
            .iter()
            .map(|word| expand(word, values))
            .collect(),
        cwd: program.cwd.clone(),
        env: env.into_iter().collect(),
        mark: mark.to_owned(),
        user: None,
    }
}

/// A command as a person could type it, nothing filled in: `$OUT` says more
/// than a long path.
pub fn shown(program: &Program) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./$-".contains(c);
    let quoted = |word: &String| {
        if !word.is_empty() && word.chars().all(plain) {
            return word.clone();
        }
        format!("'{}'", word.replace('\'', "'\\''"))
    };
    program
        .argv
        .iter()
        .map(quoted)
        .collect::<Vec<_>>()
        .join(" ")
}

/// A regular file of a sane size: a pipe would hold up everything that this
/// thread does.
fn read_file(path: &Path) -> std::io::Result<String> {
    let about = fs::metadata(path)?;
    if !about.is_file() {
        return Err(std::io::Error::other("it is no regular file"));
    }
    if about.len() > SECRET_LIMIT {
        return Err(std::io::Error::other("it is larger than 1 MiB"));
    }
    fs::read_to_string(path)
}

/// Fills in `$OUT` and `$PORT`; `$$` is a dollar, any other dollar stays.
fn expand(word: &str, values: &Values<'_>) -> String {
    let mut result = String::with_capacity(word.len());
    let mut rest = word;
    while let Some(at) = rest.find('$') {
        result.push_str(&rest[..at]);
        rest = &rest[at..];
        let name_ends = |name: &str| {
            rest.strip_prefix(name)
                .filter(|after| !after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
        };
        if let Some(after) = rest.strip_prefix("$$") {
            result.push('$');
            rest = after;
        } else if let Some(after) = name_ends("$OUT") {
            result.push_str(&values.out.display().to_string());
            rest = after;
        } else if let (Some(after), Some(port)) = (name_ends("$PORT"), values.port) {
            result.push_str(&port.to_string());
            rest = after;
        } else {
            result.push('$');
            rest = &rest[1..];
        }
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[track_caller]
    fn check(word: &str, expected: &str) {
        let values = Values {
            out: Path::new("/o"),
            port: Some(61_000),
        };
        assert_eq!(expand(word, &values), expected);
    }

    #[test]
    fn a_secret_is_read_from_a_file_and_from_nothing_that_could_block() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        assert_eq!(
            read_file(&pipe).unwrap_err().to_string(),
            "it is no regular file"
        );
        assert_eq!(
            read_file(folder.path()).unwrap_err().to_string(),
            "it is no regular file"
        );
        let file = folder.path().join("file");
        fs::write(&file, "s3cret").unwrap();
        assert_eq!(read_file(&file).unwrap(), "s3cret");
    }

    #[test]
    fn a_command_is_shown_as_a_person_could_type_it() {
        let words = ["go", "build", "-ldflags=-s -w", "-o", "$OUT/it's", ""];
        let program = Program {
            argv: words.map(str::to_owned).into(),
            cwd: "/".into(),
            env: BTreeMap::new(),
        };
        assert_eq!(
            shown(&program),
            r"go build '-ldflags=-s -w' -o '$OUT/it'\''s' ''"
        );
    }

    #[test]
    fn out_and_port_are_filled_in_and_nothing_else() {
        check("$OUT/goapi", "/o/goapi");
        check("-listen=:$PORT", "-listen=:61000");
        check("$OUT:$PORT", "/o:61000");
        check("$$OUT", "$OUT");
        check("$OUTPUT $PORTS $HOME", "$OUTPUT $PORTS $HOME");
        check("cost: 5$", "cost: 5$");
        check("plain", "plain");
    }
}
