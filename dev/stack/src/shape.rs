//! The language of the key lists: which shape a value has.
//!
//! The lists themselves are [`keys`](crate::keys). Both the parser
//! ([`check`](crate::check)) and the JSON schema ([`schema`](crate::schema))
//! walk the same shapes, so the two cannot disagree.

use crate::docker_endpoint::DockerEndpoint;
use crate::duration::duration;
use crate::image_name::ImageName;
use crate::names::{LABEL_LIMIT, StackName, check_variable};

/// One key of a table.
pub(crate) struct Key {
    /// How it is written.
    pub name: &'static str,
    /// What it means, for editors.
    pub about: &'static str,
    /// What stands under it.
    pub shape: Shape,
}

/// What a value looks like.
pub(crate) enum Shape {
    /// `true` or `false`.
    Bool,
    /// A string.
    Text(Text),
    /// An array.
    List {
        /// Each of its values.
        item: &'static Shape,
        /// Whether it may be empty.
        empty: bool,
    },
    /// A table whose keys are the user's.
    Map {
        /// What the keys look like.
        names: Names,
        /// Each of its values.
        item: &'static Shape,
    },
    /// A table whose keys are ours.
    Table(&'static [Key]),
    /// One of several forms.
    Choice {
        /// An integer of this range.
        integer: Option<(i64, i64)>,
        /// One of these words, each with its meaning.
        words: &'static [(&'static str, &'static str)],
        /// A table with exactly one of these keys.
        keys: &'static [Key],
    },
}

/// What a string looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Text {
    /// Anything.
    Any,
    /// Anything but nothing.
    Full,
    /// An argument of a program: `$OUT`, `$PORT` and `$$` are the agent's.
    Argument,
    /// The name of a stack, service or volume.
    Label,
    /// The name of an environment variable that hob does not set itself.
    Variable,
    /// A length of time.
    Duration,
    /// An IP address.
    Address,
    /// An absolute path.
    Absolute,
    /// The path of a URL.
    Route,
    /// The beginning of URLs' paths, in whole segments.
    Prefix,
    /// A gitignore-style pattern.
    Pattern,
    /// The name of a Debian package.
    Package,
    /// The name of an image.
    Image,
    /// An `http` or `https` URL.
    Url,
    /// A domain below which services have names.
    Domain,
    /// The address of a Docker engine.
    Docker,
}

/// What a user's key looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    /// A DNS label.
    Label,
    /// An environment variable that hob does not set itself.
    Variable,
    /// A build argument: like a variable, without reserved names.
    Argument,
    /// A program without its folder.
    Program,
}

/// Why a text is not what it should be: the words, and what to type instead.
pub(crate) type Wrong = (String, Option<String>);

impl Shape {
    /// Whether a second file's table goes into the first one's.
    pub fn merges(&self) -> bool {
        matches!(self, Self::Map { .. } | Self::Table(_))
    }

    /// The shape under a key.
    pub fn below(&self, key: &str) -> Option<&'static Shape> {
        match *self {
            Self::Map { item, .. } => Some(item),
            Self::Table(keys) | Self::Choice { keys, .. } => {
                keys.iter().find(|k| k.name == key).map(|k| &k.shape)
            }
            _ => None,
        }
    }

    /// The accepted forms in words: `an integer from 1 to 65535 or "auto"`.
    pub fn words(&self) -> String {
        let mut forms = Vec::new();
        match *self {
            Self::Bool => forms.push("`true` or `false`".to_owned()),
            Self::Text(_) => forms.push("a string".to_owned()),
            Self::List { .. } => forms.push("an array".to_owned()),
            Self::Map { .. } | Self::Table(_) => forms.push("a table".to_owned()),
            Self::Choice {
                integer,
                words,
                keys,
            } => {
                match integer {
                    Some((min, max)) if min == max => forms.push(min.to_string()),
                    Some((min, max)) => forms.push(format!("an integer from {min} to {max}")),
                    None => {}
                }
                forms.extend(words.iter().map(|(word, _)| format!("`\"{word}\"`")));
                forms.extend(keys.iter().map(|key| format!("`{{ {} = … }}`", key.name)));
            }
        }
        match forms.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
            None => String::new(),
        }
    }
}

impl Text {
    /// A regular expression that says the same as [`check`](Self::check) as
    /// far as one can.
    pub fn regex(self) -> Option<&'static str> {
        match self {
            Self::Any | Self::Full | Self::Argument | Self::Variable => None,
            Self::Pattern | Self::Address | Self::Image | Self::Docker => None,
            Self::Url => Some("^https?://"),
            Self::Domain => {
                Some("^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$")
            }
            Self::Label => Some(Names::Label.regex()),
            Self::Duration => Some("^ *[0-9]+ *(ms|s|m|h)( *[0-9]+ *(ms|s|m|h))* *$"),
            Self::Absolute | Self::Route => Some("^/"),
            Self::Prefix => Some("^/([A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*/?)?$"),
            Self::Package => Some("^[a-z0-9][a-z0-9+.-]+$"),
        }
    }

    /// What is wrong with a text, all variables filled in.
    pub fn check(self, text: &str) -> Result<(), Wrong> {
        if text.contains('\0') {
            return Err(("it holds a NUL character".into(), None));
        }
        match self {
            Self::Any | Self::Argument => Ok(()),
            Self::Full if text.is_empty() => Err(("it cannot be empty".into(), None)),
            Self::Full => Ok(()),
            Self::Label if text.contains('/') => Err((
                format!("`{text}` holds a `/`"),
                Some("write the service's name alone: only services of one stack wait for each other".into()),
            )),
            Self::Label => Names::Label.check(text),
            Self::Variable => Names::Variable.check(text),
            Self::Duration => duration(text).map(drop),
            Self::Address => match text.parse::<std::net::IpAddr>() {
                Ok(_) => Ok(()),
                Err(_) => Err((
                    format!("`{text}` is not an IP address"),
                    Some("write `\"127.0.0.1\"` or `\"::1\"`; names are not looked up".into()),
                )),
            },
            Self::Absolute => absolute(text),
            Self::Route => route(text),
            Self::Prefix => crate::routes::check(text),
            Self::Pattern => ignore::gitignore::GitignoreBuilder::new("/")
                .add_line(None, text)
                .map_err(|error| (format!("`{text}` is not a pattern: {error}"), None))
                .and_then(|_| Self::Full.check(text)),
            Self::Image => image(text),
            Self::Url => url(text),
            Self::Domain => domain(text),
            Self::Docker => text
                .parse::<DockerEndpoint>()
                .map(drop)
                .map_err(|error| (error.to_string(), Some(error.hint()))),
            Self::Package => {
                let inside = |b: u8| {
                    b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'+' | b'.' | b'-')
                };
                let start = text
                    .bytes()
                    .next()
                    .is_some_and(|b| b.is_ascii_alphanumeric());
                if start && text.len() > 1 && text.bytes().all(inside) {
                    Ok(())
                } else {
                    Err((
                        format!("`{text}` is not the name of a Debian package"),
                        None,
                    ))
                }
            }
        }
    }
}

impl Names {
    /// Like [`Text::regex`].
    pub fn regex(self) -> &'static str {
        match self {
            Self::Label => "^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$",
            Self::Variable | Self::Argument => "^[A-Za-z_.-][A-Za-z0-9_.-]*$",
            Self::Program => "^[^\\s/]+$",
        }
    }

    /// A regular expression of the names that are taken.
    pub fn taken(self) -> Option<&'static str> {
        (self == Self::Variable).then_some("^(PORT|HOST|OUT|HOB_.*)$")
    }

    /// What is wrong with a name.
    pub fn check(self, text: &str) -> Result<(), Wrong> {
        let words = |error: crate::names::NameError| error.to_string();
        match self {
            Self::Label => text.parse::<StackName>().map(drop).map_err(|error| {
                let near = crate::names::as_label(text).map(|near| format!("write `{near}`"));
                (words(error), near)
            }),
            Self::Argument => check_variable(text).map_err(|error| (words(error), None)),
            Self::Variable => {
                check_variable(text).map_err(|error| (words(error), None))?;
                if is_reserved(text) {
                    return Err((format!("`{text}` is set by hob itself"), None));
                }
                Ok(())
            }
            Self::Program => {
                let wrong = |c: char| c == '/' || c.is_whitespace() || c.is_control();
                if text.is_empty() || text.contains(wrong) {
                    let hint = "write the program's bare name, as in `mcs`".to_owned();
                    return Err((format!("`{text}` is not a program's name"), Some(hint)));
                }
                Ok(())
            }
        }
    }
}

/// Variables that the agent gives to each process.
fn is_reserved(name: &str) -> bool {
    matches!(name, "PORT" | "HOST" | "OUT") || name.starts_with("HOB_")
}

fn absolute(text: &str) -> Result<(), Wrong> {
    let hint = || Some(format!("write `\"/{}\"`", text.trim_start_matches("./")));
    if !text.starts_with('/') {
        return Err((format!("`{text}` is not an absolute path"), hint()));
    }
    if text.split('/').any(|part| part == "..") {
        return Err((format!("`{text}` holds `..`"), None));
    }
    if text.bytes().all(|b| b == b'/') {
        return Err((
            "this is the whole file system of the container".into(),
            None,
        ));
    }
    Ok(())
}

fn route(text: &str) -> Result<(), Wrong> {
    if !text.starts_with('/') {
        return Err((
            format!("`{text}` does not begin with `/`"),
            Some(format!("write `\"/{text}\"`; host and port are known")),
        ));
    }
    match text.chars().find(|c| !c.is_ascii_graphic() || *c == '#') {
        Some(wrong) => Err((
            format!("{wrong:?} cannot stand in the path of a request"),
            Some("write it as `%` and two hexadecimal digits for each byte".into()),
        )),
        None => Ok(()),
    }
}

fn image(text: &str) -> Result<(), Wrong> {
    let hint = || {
        let lower = text.to_lowercase();
        let near = text.strip_prefix("https://").unwrap_or(&lower);
        let fits = near != text && near.parse::<ImageName>().is_ok();
        fits.then(|| format!("write `\"{near}\"`"))
    };
    text.parse::<ImageName>()
        .map(drop)
        .map_err(|error| (error.to_string(), hint()))
}

/// An `http` or `https` URL that can stand in a list of sources of apt.
fn url(text: &str) -> Result<(), Wrong> {
    let rest = ["http://", "https://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    let host = rest.and_then(|rest| rest.split(['/', '?']).next());
    let graphic = text.chars().all(|c| c.is_ascii_graphic() && c != '"');
    if graphic && host.is_some_and(|host| !host.is_empty()) {
        return Ok(());
    }
    Err((
        format!("`{text}` is not the URL of a mirror"),
        Some("write it as `\"https://HOST/debian\"`".into()),
    ))
}

/// The longest name of DNS (RFC 1035, section 2.3.4) but for the longest names
/// of a service and of a stack, with their dots.
const DOMAIN_LIMIT: usize = 253 - 2 * (LABEL_LIMIT + 1);

/// A name of RFC 1123's letters, in lower case. Every question below it is
/// answered here, whoever has it out there.
fn domain(text: &str) -> Result<(), Wrong> {
    let label = |label: &str| {
        let inside = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let ends = label.starts_with('-') || label.ends_with('-');
        !label.is_empty() && label.len() <= LABEL_LIMIT && !ends && label.bytes().all(inside)
    };
    if text.len() > DOMAIN_LIMIT {
        let length = text.len();
        return Err((
            format!(
                "a domain has at most {DOMAIN_LIMIT} characters, this one has {length}: with a \
                 service and a stack before it, no name in it is longer than DNS takes"
            ),
            None,
        ));
    }
    let last = text.rsplit('.').next().unwrap_or_default();
    if !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit()) {
        return Err((
            format!("`{text}` is not a domain: a name that ends in a number is an address"),
            None,
        ));
    }
    if text.split('.').all(label) {
        return Ok(());
    }
    let near = text.trim_matches('.').to_lowercase();
    let fits = near != text && domain(&near).is_ok();
    Err((
        format!("`{text}` is not a domain"),
        fits.then(|| format!("write `\"{near}\"`")),
    ))
}
