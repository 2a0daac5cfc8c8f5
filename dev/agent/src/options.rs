//! [`Options`]: what an agent is told on its command line.

use std::ffi::OsString;
use std::path::PathBuf;

/// What an agent is told on its command line; everything else comes with the
/// first [`Request::Configure`](hob_wire::Request).
#[derive(Debug, Clone)]
pub struct Options {
    /// The project's id.
    pub project: String,
    /// `stack/service`.
    pub service: String,
    /// Where it listens for requests.
    pub socket: PathBuf,
    /// The folder that it may fill.
    pub state: PathBuf,
    /// Where the outputs of builds go, `<build>/` each; `out/` of the state
    /// folder when absent.
    pub out: Option<PathBuf>,
    /// Who gets the socket, the log and whatever else it writes into the state
    /// folder. With it, only peers of other PID namespaces may command.
    pub own: Option<Owner>,
    /// Whether what it was told outlives it: see [`crate::kept`].
    pub keep: bool,
    /// Where it listens for requests over TCP as well.
    pub tcp: Option<Tcp>,
}

/// A user and a group by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
}

/// A port of all addresses whose clients show a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tcp {
    /// The port.
    pub port: u16,
    /// The file that holds the token.
    pub token_file: PathBuf,
}

impl Options {
    /// How [`Options::parse`] wants to be called.
    pub const USAGE: &str = "--project ID --service STACK/SERVICE --socket PATH --state DIR \
         [--out DIR] [--own UID:GID] [--keep] [--tcp PORT --token-file FILE]";

    /// Reads [`Options::USAGE`], and `--root DIR`; none when something is
    /// missing or unknown. It is hob that types this, never a person; the
    /// folder is for people who read `ps`.
    #[must_use]
    pub fn parse(args: impl IntoIterator<Item = OsString>) -> Option<Self> {
        let (mut project, mut service, mut socket, mut state) = (None, None, None, None);
        let (mut out, mut own, mut keep, mut port, mut token_file) =
            (None, None, false, None, None);
        let mut args = args.into_iter();
        while let Some(name) = args.next() {
            if name == "--keep" {
                keep = true;
                continue;
            }
            let value = args.next()?;
            match name.to_str()? {
                "--project" => project = Some(value.into_string().ok()?),
                "--service" => service = Some(value.into_string().ok()?),
                "--socket" => socket = Some(value.into()),
                "--state" => state = Some(value.into()),
                "--out" => out = Some(value.into()),
                "--own" => own = Some(Owner::parse(value.to_str()?)?),
                "--tcp" => port = Some(value.to_str()?.parse().ok()?),
                "--token-file" => token_file = Some(value.into()),
                "--root" => {}
                _ => return None,
            }
        }
        let tcp = match (port, token_file) {
            (Some(port), Some(token_file)) => Some(Tcp { port, token_file }),
            (None, None) => None,
            _ => return None,
        };
        Some(Self {
            project: project?,
            service: service?,
            socket: socket?,
            state: state?,
            out,
            own,
            keep,
            tcp,
        })
    }

    /// Where the outputs of builds go.
    #[must_use]
    pub fn out(&self) -> PathBuf {
        self.out.clone().unwrap_or_else(|| self.state.join("out"))
    }
}

impl Owner {
    fn parse(text: &str) -> Option<Self> {
        let (uid, gid) = text.split_once(':')?;
        Some(Self {
            uid: uid.parse().ok()?,
            gid: gid.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const LEAST: &str = "--project p --root /r --service s/web --socket /s --state /st";

    fn parse(more: &str) -> Option<Options> {
        let words = LEAST.split(' ').chain(more.split_whitespace());
        Options::parse(words.map(OsString::from))
    }

    #[test]
    fn the_state_folder_holds_the_outputs_unless_another_place_is_named() {
        assert_eq!(parse("").unwrap().out(), PathBuf::from("/st/out"));
        assert_eq!(parse("--out /o").unwrap().out(), PathBuf::from("/o"));
    }

    #[test]
    fn everything_can_be_said_at_once() {
        let options = parse("--keep --own 1000:1001 --tcp 7 --token-file /t").unwrap();
        assert!(options.keep && !parse("").unwrap().keep);
        let (uid, gid) = (1000, 1001);
        assert_eq!(options.own, Some(Owner { uid, gid }));
        let (port, token_file) = (7, PathBuf::from("/t"));
        assert_eq!(options.tcp, Some(Tcp { port, token_file }));
    }

    #[test]
    fn a_port_without_a_token_and_half_an_owner_are_refused() {
        for more in [
            "--tcp 7",
            "--token-file /t",
            "--own 1000",
            "--own a:b",
            "--tcp 70000",
            "--x y",
        ] {
            assert!(parse(more).is_none(), "{more}");
        }
    }
}
