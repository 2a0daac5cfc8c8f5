//! `hob.toml`: its keys, and a checked tree of them to a [`Config`]. Start with
//! [`PROJECT`] and [`lower`].

use crate::diagnostic::Diagnostic;
use crate::fields::Fields;
use crate::keys::{integer, key, list, words};
use crate::model::{AgentProgram, AgentsOver, Config, EngineChoice};
use crate::shape::{Shape, Text};
use crate::tree::Node;

/// `hob.toml`.
pub(crate) const PROJECT: Shape = Shape::Table(&[
    key(
        "engine",
        "Where services run; `auto` when absent.",
        words(&[
            ("auto", "The best engine that is there."),
            ("host", "Supervised processes on this machine."),
            ("docker", "Containers of a Docker engine."),
        ]),
    ),
    key(
        "port_offset",
        "Added to each fixed `publish` port, so that two checkouts run side by side; 0 when absent.",
        integer(0, 65534),
    ),
    key(
        "pass_env",
        "Variables that every service takes over from the environment of the caller.",
        list(&Shape::Text(Text::Variable)),
    ),
    key(
        "base",
        "The image that `ARG BASE` of each Dockerfile gets; `debian:trixie-slim` when absent.",
        Shape::Text(Text::Image),
    ),
    key(
        "mirrors",
        "URLs of Debian mirrors that the base is made from where it cannot be pulled; Debian's own when absent.",
        list(&Shape::Text(Text::Url)),
    ),
    key(
        "domains",
        "Domains below which every stack and service has a name: `SERVICE.STACK.DOMAIN`; `test` when absent.",
        Shape::List {
            item: &Shape::Text(Text::Domain),
            empty: false,
        },
    ),
    key(
        "docker",
        "Where the Docker engine is: `unix:///PATH`, `/PATH` or `tcp://HOST:PORT`. When absent: `DOCKER_HOST`, the current context of Docker, or its standard socket.",
        Shape::Text(Text::Docker),
    ),
    key(
        "agents_over",
        "How agents in containers are spoken to; what works when absent.",
        words(&[
            ("socket", "A Unix socket in a mounted folder."),
            ("tcp", "A loopback port and a token."),
        ]),
    ),
    key(
        "agent",
        "Where the agent in a container comes from; `own` when the engine's platform is this machine's, else `built` when absent.",
        words(&[
            ("own", "The program of this hob, mounted."),
            ("built", "Built in a container for the engine's platform."),
        ]),
    ),
]);

const ENGINE: &[(&str, EngineChoice)] = &[
    ("auto", EngineChoice::Auto),
    ("host", EngineChoice::Host),
    ("docker", EngineChoice::Docker),
];
const AGENTS_OVER: &[(&str, AgentsOver)] =
    &[("socket", AgentsOver::Socket), ("tcp", AgentsOver::Tcp)];
const AGENT: &[(&str, AgentProgram)] =
    &[("own", AgentProgram::Own), ("built", AgentProgram::Built)];

/// The settings. A value that was told to be wrong is its default: the caller
/// drops the project then.
pub(crate) fn lower(fields: Fields<'_>) -> Config {
    let offset = fields.integer("port_offset").unwrap_or(0);
    Config {
        engine: fields.word("engine", ENGINE).unwrap_or_default(),
        port_offset: u16::try_from(offset).unwrap_or(0),
        pass_env: fields.texts("pass_env"),
        base: fields
            .text("base")
            .and_then(|text| text.parse().ok())
            .unwrap_or_default(),
        mirrors: fields.texts("mirrors"),
        domains: match fields.texts("domains") {
            said if said.is_empty() => Config::default().domains,
            said => said.into_iter().collect(),
        },
        docker: fields.text("docker").and_then(|text| text.parse().ok()),
        agents_over: fields.word("agents_over", AGENTS_OVER),
        agent: fields.word("agent", AGENT),
    }
}

/// Domains of one label that nobody has names below on the Internet: RFC 6761,
/// ICANN's `internal`, and those that RFC 6762 (appendix G) knows of private
/// networks.
const PRIVATE: [&str; 9] = [
    "corp", "example", "home", "internal", "intranet", "invalid", "lan", "private", "test",
];

/// Warnings of domains below which others have names, which would lead to this
/// machine.
pub(crate) fn hides(fields: Fields<'_>) -> Vec<Diagnostic> {
    let warning = |node: &Node| {
        let text = node.text()?;
        let (first, last) = (text.split('.').next()?, text.rsplit('.').next()?);
        let words = match last {
            "localhost" => format!(
                "`{text}` leads programs to this machine before hob is asked: names below it are the system's"
            ),
            "local" => format!(
                "`{text}` is asked of the network by multicast: names below it are other machines'"
            ),
            _ if first == text && !PRIVATE.contains(&text) => format!(
                "`{text}` may be a top-level domain of the Internet: all of it would lead to this machine"
            ),
            _ => return None,
        };
        let hint = "write `test`, or a domain below one that is yours, as in `dev.example.com`";
        Some(Diagnostic::warning(words, node.place.clone()).hint(hint))
    };
    fields.items("domains").iter().filter_map(warning).collect()
}
