//! How the registry is, beyond that its process runs: whether it is hob's own
//! that answers, and whether it can read and write what it keeps.

use std::time::Duration;

use hob_platform::REGISTRY;
use hob_registry::Client;

use super::{client, shown};
use crate::error::Error;
use crate::platform::{Found, Inside, Platform, inside};
use crate::render::bytes;

/// How long it may take to say how much room it has.
const LOOKING: Duration = Duration::from_secs(10);

/// With less room than this nothing is pushed: an image of a few files has
/// more.
const LEAST_KIB: u64 = 1024;

/// Runs in the registry's place: the KiB of its disk and of what is free, what
/// it cannot open, and, on standard error, why it cannot write.
const LOOK: &str = r#"
df -Pk "$VOLUME_DATA" | { read -r _; read -r _ total _ free _; echo "$total $free"; }
find "$VOLUME_DATA" ! -readable -print -quit 2>/dev/null || true
probe=$(mktemp "$VOLUME_DATA/.hob-XXXXXX") || exit 1
head -c 65536 /dev/zero >"$probe"
wrote=$?
rm -f "$probe"
exit "$wrote"
"#;

/// What is to be typed where its data is of no use any more.
pub const ANEW: &str = "`hob registry down --volumes`, then `hob registry push` fills it anew";

/// Why nothing can be asked of it.
pub enum Trouble {
    /// It is not up.
    Gone(Error),
    /// A connection broke or nothing came: it may be on its way down, or up.
    Unclear(Error),
    /// It is up and does not do, or is none of hob's.
    Ill(Error),
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Gone(error) | Trouble::Unclear(error) | Trouble::Ill(error) => error,
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Ill(error)
    }
}

/// The registry, if it is hob's own and answers: what a stranger has on its
/// port is left alone.
pub async fn own(platform: &Platform) -> std::result::Result<Client, Trouble> {
    let client = client(platform)?;
    let (found, answered) = tokio::join!(platform.find(REGISTRY), client.ping());
    match (found?, answered) {
        (Found::Up(_) | Found::Left(_) | Found::Fails | Found::Unknown, Ok(())) => Ok(client),
        (_, Err(error @ hob_registry::Error::Unreachable { .. })) => {
            Err(Trouble::Gone(shown(&error)))
        }
        (
            _,
            Err(error @ (hob_registry::Error::Broken { .. } | hob_registry::Error::Slow { .. })),
        ) => Err(Trouble::Unclear(shown(&error))),
        (Found::Down, _) => Err(Trouble::Ill(strange(platform))),
        (_, Err(error)) => Err(Trouble::Ill(shown(&error))),
    }
}

fn strange(platform: &Platform) -> Error {
    let port = platform.settings.registry_port;
    let message = format!("hob's registry is not up, and somebody else has its port {port}");
    let who = format!("`ss -ltnp 'sport = :{port}'` shows who");
    Error::failed(message)
        .hint("`hob registry up --port PORT` takes another one, from then on")
        .hint(who)
}

/// What a registry that answers can keep.
pub struct Look {
    /// The KiB that are free on its disk.
    pub free_kib: u64,
    /// What keeps it from its work, if it can be told.
    pub ailment: Option<Error>,
}

/// What keeps a registry that answers from its work, if it can be told.
pub async fn ailment(platform: &Platform) -> Option<Error> {
    look(platform).await?.ailment
}

/// Looks at its disk; nothing where it does not say.
pub async fn look(platform: &Platform) -> Option<Look> {
    let surroundings = platform.context.surroundings().ok()?;
    let place = Inside {
        program: &surroundings.executable.program,
        project: platform.home.root(),
        engine: platform.engine_of(REGISTRY).await.ok()?,
        service: REGISTRY,
        limit: LOOKING,
    };
    let looked = inside(&place, LOOK).await.ok()?;
    let said = String::from_utf8_lossy(&looked.stdout).into_owned();
    let words = String::from_utf8_lossy(&looked.stderr).into_owned();
    judged(&said, looked.status.success(), &words)
}

/// From what [`LOOK`] said.
fn judged(said: &str, wrote: bool, words: &str) -> Option<Look> {
    let mut lines = said.lines();
    let room = lines.next().and_then(|it| it.split_once(' '))?;
    let (total, free_kib) = (room.0.parse::<u64>().ok()?, room.1.parse::<u64>().ok()?);
    let ailment = if free_kib < LEAST_KIB {
        let (free, total) = (bytes(free_kib * 1024), bytes(total * 1024));
        let error = Error::failed(format!(
            "the registry's disk is full: {free} of {total} are free"
        ));
        let old = "`hob registry gc --keep 1` frees what old images and broken pushes hold";
        let all = "`hob registry down --volumes` frees all of it";
        Some(error.hint(old).hint(all))
    } else if let Some(path) = lines.next() {
        let error = Error::failed(format!("the registry may not read {path} of its data"));
        Some(error.hint(ANEW))
    } else if !wrote {
        let last = words.lines().last().unwrap_or("it does not say why");
        let error = Error::failed(format!("the registry cannot write its data: {last}"));
        Some(error.hint(ANEW))
    } else {
        None
    };
    Some(Look { free_kib, ailment })
}

/// An error of what it was asked for, and what lies beneath it.
pub async fn explained(platform: &Platform, error: &hob_registry::Error) -> Error {
    let mut shown = shown(error);
    if let hob_registry::Error::Refused { .. } | hob_registry::Error::Garbage { .. } = error {
        match ailment(platform).await {
            Some(ailment) => {
                shown.details.push(ailment.message);
                shown.hints = ailment.hints;
            }
            None => shown.hints.extend([logs(platform), ANEW.to_owned()]),
        }
    }
    shown
}

/// Where its own words are.
pub fn logs(platform: &Platform) -> String {
    let project = hob_engine::typed(platform.home.root());
    format!("`hob logs {REGISTRY} --project {project}` has its own words")
}

#[cfg(test)]
mod tests {
    use snapbox::{IntoData, assert_data_eq, str};

    use super::*;

    fn check(said: &str, wrote: bool, words: &str, expected: impl IntoData) {
        let told = judged(said, wrote, words).and_then(|it| it.ailment);
        let told = told.map(|it| it.render());
        let told = told.unwrap_or_default();
        assert_data_eq!(console::strip_ansi_codes(&told).into_owned(), expected);
    }

    #[test]
    fn a_full_disk_is_told_from_one_that_cannot_be_read_or_written() {
        check("20480 4096\n", true, "", str![]);
        check(
            "20480 0\n",
            false,
            "mktemp: No space left on device\n",
            str![[r#"
error: the registry's disk is full: 0 KiB of 20 MiB are free
hint: `hob registry gc --keep 1` frees what old images and broken pushes hold
hint: `hob registry down --volumes` frees all of it

"#]],
        );
        check(
            "20480 4096\n/var/lib/registry/docker\n",
            true,
            "",
            str![[r#"
error: the registry may not read /var/lib/registry/docker of its data
hint: `hob registry down --volumes`, then `hob registry push` fills it anew

"#]],
        );
        check(
            "20480 4096\n",
            false,
            "mktemp: failed to create file via template '/x/.hob-XXXXXX': Permission denied\n",
            str![[r#"
error: the registry cannot write its data: mktemp: failed to create file via template '/x/.hob-XXXXXX': Permission denied
hint: `hob registry down --volumes`, then `hob registry push` fills it anew

"#]],
        );
    }
}
