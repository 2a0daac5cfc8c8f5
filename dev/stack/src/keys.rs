//! The keys of `stack.toml`: the one list that the parser and the JSON schema
//! are made from. Start with [`STACK`].

use crate::shape::{Key, Names, Shape, Text};

/// The version of the stack file that this crate reads.
pub(crate) const VERSION: i64 = 1;

pub(crate) const fn key(name: &'static str, about: &'static str, shape: Shape) -> Key {
    Key { name, about, shape }
}

pub(crate) const fn words(words: &'static [(&'static str, &'static str)]) -> Shape {
    Shape::Choice {
        integer: None,
        words,
        keys: &[],
    }
}

pub(crate) const fn integer(min: i64, max: i64) -> Shape {
    Shape::Choice {
        integer: Some((min, max)),
        words: &[],
        keys: &[],
    }
}

pub(crate) const fn list(item: &'static Shape) -> Shape {
    Shape::List { item, empty: true }
}

const fn map(names: Names, item: &'static Shape) -> Shape {
    Shape::Map { names, item }
}

const ANY: Shape = Shape::Text(Text::Any);
const FULL: Shape = Shape::Text(Text::Full);
const DURATION: Shape = Shape::Text(Text::Duration);
const ARGV: Shape = Shape::List {
    item: &Shape::Text(Text::Argument),
    empty: false,
};

/// `stack.toml`.
pub(crate) const STACK: Shape = Shape::Table(&[
    key(
        "version",
        "The version of this file's format.",
        integer(VERSION, VERSION),
    ),
    key(
        "name",
        "The stack's name: the same as its folder's, which it is taken from when absent.",
        Shape::Text(Text::Label),
    ),
    key(
        "ingress",
        "The stack's own door: hob brings its ingress and its resolver up with this stack. Services say what they answer there by `routes`.",
        INGRESS,
    ),
    key(
        "services",
        "The programs of this stack by name. A name is a DNS label: lower-case letters, digits and `-`, a letter first.",
        map(Names::Label, &SERVICE),
    ),
]);

const INGRESS: Shape = Shape::Table(&[key(
    "port",
    "A port on loopback where the ingress answers for this stack, whatever host is asked for.",
    integer(1, 65535),
)]);

/// A service.
pub(crate) const SERVICE: Shape = Shape::Table(&[
    key(
        "source",
        "The folder of the sources, relative to this file; `.` when absent.",
        FULL,
    ),
    key(
        "port",
        "The port inside a container. A service without it has no port. The process learns the port to listen on as `PORT`.",
        integer(1, 65535),
    ),
    key(
        "publish",
        "The port on this machine, or `auto` for a free one that hob picks.",
        Shape::Choice {
            integer: Some((1, 65535)),
            words: &[("auto", "A free port that hob picks.")],
            keys: &[],
        },
    ),
    key(
        "address",
        "Where `publish` listens; `127.0.0.1` when absent. Anything but loopback is open to the network.",
        Shape::Text(Text::Address),
    ),
    key(
        "protocol",
        "What passes through the port; `http` when absent.",
        words(&[
            ("http", "HTTP/1.1 and HTTP/2, request by request."),
            (
                "grpc",
                "gRPC, HTTP/2 without TLS: bytes to the agent, calls to the ingress, which has them by HTTPS.",
            ),
            ("tcp", "Bytes, connection by connection."),
        ]),
    ),
    key(
        "routes",
        "Beginnings of paths, in whole segments, that the ingress leads to this service: at the stack's own name, and at the port of `ingress`. The longest that fits a request wins; the path is passed on as it is.",
        list(&Shape::Text(Text::Prefix)),
    ),
    key(
        "needs",
        "Services of this stack that must be ready before this one starts. Each is told to it as NAME_HOST, NAME_PORT and NAME_URL.",
        list(&Shape::Text(Text::Label)),
    ),
    key(
        "wants",
        "Like `needs`, but this service starts without them, too.",
        list(&Shape::Text(Text::Label)),
    ),
    key("ready", READY_ABOUT, READY),
    key(
        "env",
        "Variables of the process.",
        map(Names::Variable, &ANY),
    ),
    key(
        "pass_env",
        "Variables taken over from the environment of the caller.",
        list(&Shape::Text(Text::Variable)),
    ),
    key(
        "secrets",
        "Variables whose values are read at each start and shown nowhere.",
        map(Names::Variable, &SECRET),
    ),
    key(
        "volumes",
        "Kept folders: a name and the absolute path inside a container. The process learns the path as VOLUME_NAME.",
        map(Names::Label, &Shape::Text(Text::Absolute)),
    ),
    key(
        "mounts",
        "Folders and files of this machine that the process reads, also in production form: a name, `from` relative to this file, and the absolute path `to` inside a container. The process learns the path as MOUNT_NAME.",
        map(Names::Label, &MOUNT),
    ),
    key(
        "network",
        "What a container shares; `stack` when absent.",
        words(&[
            ("stack", "A network with the other services of the stack."),
            (
                "host",
                "The network of this machine: it listens by itself, on `HOST` and `PORT` and nothing more, and no neighbour knows it by name.",
            ),
        ]),
    ),
    key(
        "image",
        "Where the image comes from in production form: from a Dockerfile, or a ready one by `name`.",
        IMAGE,
    ),
    key(
        "read_only",
        "Whether the root file system of the production container is read-only, `/tmp` and the volumes aside; `false` when absent.",
        Shape::Bool,
    ),
    key(
        "build",
        "The program that builds, with its arguments; no shell. `$OUT` is the folder for what it makes.",
        ARGV,
    ),
    key(
        "run",
        "The program that runs, with its arguments; no shell. `$OUT` is what `build` made, `$PORT` the port to listen on.",
        ARGV,
    ),
    key(
        "serve",
        "A folder of static files, relative to `source`, that hob serves instead of `build` and `run`.",
        FULL,
    ),
    key(
        "restart",
        "What follows when the process ends by itself; `always` when absent.",
        words(&[
            ("always", "It is started again, with backoff."),
            ("on-failure", "It is started again when it failed."),
            (
                "never",
                "It stays down: done when it ended with 0, otherwise failed.",
            ),
        ]),
    ),
    key("limits", LIMITS_ABOUT, LIMITS),
    key(
        "packages",
        "Program to Debian package, said when the program is missing. One that `build` and `run` do not name is called by a script of theirs.",
        map(Names::Program, &Shape::Text(Text::Package)),
    ),
    key(
        "dev",
        "What is different under `dev`. What is absent here is taken from the service.",
        DEV,
    ),
]);

const DEV: Shape = Shape::Table(&[
    key(
        "build",
        "Like the service's `build`; `[]` for none.",
        Shape::List {
            item: &Shape::Text(Text::Argument),
            empty: true,
        },
    ),
    key("run", "Like the service's `run`.", ARGV),
    key("serve", "Like the service's `serve`.", FULL),
    key(
        "env",
        "Variables over those of the service.",
        map(Names::Variable, &ANY),
    ),
    key("ready", READY_ABOUT, READY),
    key("limits", LIMITS_ABOUT, LIMITS),
    key(
        "image",
        "Where the image for `dev` comes from; what is absent is taken from the service's `image`.",
        IMAGE,
    ),
    key(
        "swap",
        "How the new process takes over; `exclusive` for a service with volumes, else `overlap` when absent.",
        words(&[
            (
                "overlap",
                "The new one is ready before the old one is told to go.",
            ),
            (
                "exclusive",
                "The old one ends first; requests are held between.",
            ),
        ]),
    ),
    key(
        "live_reload",
        "Whether browsers reload after a save; `true` for `http` when absent.",
        Shape::Bool,
    ),
    key(
        "cache",
        "Absolute paths inside the container that are kept between builds, in a volume each.",
        list(&Shape::Text(Text::Absolute)),
    ),
    key(
        "watch",
        "More files and folders whose change counts, relative to `source`.",
        list(&FULL),
    ),
    key(
        "ignore",
        "Gitignore-style patterns of what is not watched.",
        list(&Shape::Text(Text::Pattern)),
    ),
    key(
        "on_change",
        "What a change asks for, by path; the first match wins.",
        list(&ON_CHANGE),
    ),
]);

/// One rule of `on_change`.
pub(crate) const ON_CHANGE: Shape = Shape::Table(&[
    key(
        "paths",
        "Gitignore-style patterns relative to `source`; one that begins with `../` is for what `watch` adds outside of it.",
        Shape::List {
            item: &Shape::Text(Text::Pattern),
            empty: false,
        },
    ),
    key(
        "action",
        "What to do; `rebuild` when absent.",
        words(&[
            ("rebuild", "A build, then a new process."),
            ("restart", "A new process from what is built."),
            ("signal", "HUP to the process, then browsers reload."),
            ("none", "Browsers reload."),
        ]),
    ),
]);

const READY_ABOUT: &str =
    "When a started process counts as ready; `tcp` for a service with a port, else `started`.";

const READY: Shape = Shape::Choice {
    integer: None,
    words: &[
        ("tcp", "Its port accepts a connection."),
        (
            "started",
            "It has run for 0.1 s, or is a job (no port, `restart` not `always`) and ended with 0.",
        ),
    ],
    keys: &[
        key(
            "http",
            "It answers a GET of this path with 200 to 399.",
            Shape::Text(Text::Route),
        ),
        key("command", "This program exits with 0.", ARGV),
    ],
};

const SECRET: Shape = Shape::Choice {
    integer: None,
    words: &[],
    keys: &[
        key(
            "file",
            "The text of this file, relative to this one, without a trailing line break.",
            FULL,
        ),
        key(
            "env",
            "The value of this variable of the caller's environment.",
            Shape::Text(Text::Variable),
        ),
    ],
};

/// What is mounted from this machine.
pub(crate) const MOUNT: Shape = Shape::Table(&[
    key("from", "The folder or file, relative to this file.", FULL),
    key(
        "to",
        "Its absolute path inside a container.",
        Shape::Text(Text::Absolute),
    ),
]);

/// Where an image comes from.
pub(crate) const IMAGE: Shape = Shape::Table(&[
    key(
        "name",
        "A ready image, pulled when it is not there and never built; goes without the other keys.",
        Shape::Text(Text::Image),
    ),
    key(
        "dockerfile",
        "Relative to `source`; `Dockerfile` when absent.",
        FULL,
    ),
    key("target", "The stage; the last one when absent.", FULL),
    key(
        "context",
        "The folder that the build sees, relative to `source`; `.` when absent.",
        FULL,
    ),
    key("args", "Build arguments.", map(Names::Argument, &ANY)),
]);

const LIMITS_ABOUT: &str = "The end of each wait, as in `30s`.";

const LIMITS: Shape = Shape::Table(&[
    key(
        "ready",
        "Until a started process is ready; `30s`.",
        DURATION,
    ),
    key(
        "hold",
        "For which a request is held before it is answered 503; `30s`.",
        DURATION,
    ),
    key(
        "drain",
        "For which the old process may finish its requests; `10s`.",
        DURATION,
    ),
    key(
        "grace",
        "Between TERM and KILL; `5s`. A second Ctrl-C, and a third old process, end it early.",
        DURATION,
    ),
    key("build", "Of one build; none when absent.", DURATION),
]);
