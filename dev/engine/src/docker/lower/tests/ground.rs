//! The stack file that is lowered, what there is beside it, and a container in
//! words.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use hob_stack::{Project, ServiceId};
use hob_wire::Mode;

use crate::docker::facts::{Build, DockerFacts};
use crate::docker::lower::lower;
use crate::docker::program;
use crate::docker::spec::{ContainerSpec, DockerSpec, Source};
use crate::paths::Paths;
use crate::resource::DesiredSet;
use crate::setup::{Executable, Setup};
use crate::want::Want;

const STACK: &str = r#"
version = 1
name = "shop"

[services.api]
source = "api"
port = 80
publish = 20010
needs = ["db"]
ready = { http = "/healthz" }
env = { LOG = "info" }
pass_env = ["GOPROXY", "NOT_SET"]
secrets = { PASSWORD = { file = ".secrets/db" }, KEY = { file = "key" }, TOKEN = { env = "SHOP_TOKEN" } }
volumes = { data = "/var/lib/data" }
build = ["go", "build", "-o", "$OUT/api", "."]
run = ["$OUT/api"]
image = { target = "run" }
read_only = true

[services.api.dev]
image = { target = "dev" }
cache = ["/var/cache/go"]

[services.db]
source = "db"
port = 5432
protocol = "tcp"
image = { name = "docker.io/library/postgres:17" }

[services.pages]
source = "db"
port = 80
serve = "."

[services.gate]
source = "db"
port = 80
publish = 8080
needs = ["api"]
network = "host"
mounts = { routes = { from = "routes", to = "/srv/routes" } }
run = ["gate"]
"#;

pub(super) struct Ground {
    _folder: tempfile::TempDir,
    pub(super) setup: Setup,
    pub(super) project: Arc<Project>,
}

pub(super) fn ground() -> Ground {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let stack = root.join("stacks/shop");
    for made in ["api", "db", "routes", ".secrets"] {
        fs::create_dir_all(stack.join(made)).unwrap();
    }
    fs::write(stack.join("stack.toml"), STACK).unwrap();
    fs::write(stack.join("api/Dockerfile"), "FROM scratch\n").unwrap();
    fs::write(stack.join(".secrets/db"), "never-to-be-seen\n").unwrap();
    let loaded = Project::load(&root, &BTreeMap::new());
    let project = loaded.project.unwrap();
    assert!(project.stacks.len() == 1, "{:?}", loaded.diagnostics);
    let variables = [
        ("HOME", "/home/x"),
        ("GOPROXY", "off"),
        ("EDITOR", "vi"),
        ("SHOP_TOKEN", "never-to-be-seen"),
    ];
    let setup = Setup {
        project: "0123456789ab".to_owned(),
        root,
        paths: Paths {
            state: PathBuf::from("/state"),
            runtime: PathBuf::from("/run"),
        },
        executable: Executable {
            program: std::env::current_exe().unwrap(),
            args: Vec::new(),
            sources: None,
        },
        environment: variables
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        uid: 1000,
    };
    Ground {
        _folder: folder,
        setup,
        project: Arc::new(project),
    }
}

pub(super) fn id(name: &str) -> ServiceId {
    format!("shop/{name}").parse().unwrap()
}

impl Ground {
    pub(super) fn facts(&self) -> DockerFacts {
        let stack = self.setup.root.join("stacks/shop");
        let build = Build {
            digest: "00112233445566778899aabbccddeeff".to_owned(),
            froms: vec!["debian:trixie-slim".to_owned()],
        };
        DockerFacts {
            ports: BTreeMap::from([
                (id("api"), 20010),
                (id("db"), 22001),
                (id("pages"), 22002),
                (id("gate"), 8080),
            ]),
            builds: BTreeMap::from([(id("api"), Ok(build))]),
            user: (1000, 100),
            own: (1000, 100),
            program: Some(program::find(&self.setup.paths, &self.setup.executable)),
            there: BTreeSet::from([stack.join(".secrets"), stack.join("key")]),
            ..DockerFacts::default()
        }
    }

    pub(super) fn lowered(
        &self,
        names: &[&str],
        mode: Mode,
        facts: &DockerFacts,
    ) -> DesiredSet<DockerSpec> {
        let services = names.iter().map(|name| id(name)).collect();
        lower(&self.setup, &self.want(services, mode), facts)
    }

    pub(super) fn want(&self, services: BTreeSet<ServiceId>, mode: Mode) -> Want {
        Want::up(Arc::clone(&self.project), services, mode)
    }

    /// The container of a service, with what differs from run to run replaced.
    pub(super) fn container(&self, name: &str, mode: Mode, facts: &DockerFacts) -> String {
        let set = self.lowered(&["api", "db", "pages", "gate"], mode, facts);
        assert_eq!(set.obstacles, []);
        let made = set.resources.into_iter().find_map(|it| match it.spec {
            DockerSpec::Container(made) if it.id.service.as_deref() == Some(name) => Some(made),
            _ => None,
        });
        let root = self.setup.root.to_str().unwrap().to_owned();
        shown(&made.unwrap()).replace(&root, "[ROOT]")
    }
}

/// One line a thing.
fn shown(made: &ContainerSpec) -> String {
    let mut text = format!("image {}\n", made.image);
    for mounted in &made.mounts {
        let source = match &mounted.source {
            Source::Here(path) => path.display().to_string(),
            Source::Volume(name) => format!("volume {name}"),
        };
        let how = if mounted.read_only { " (read)" } else { "" };
        writeln!(text, "{source} at {}{how}", mounted.target.display()).unwrap();
    }
    for (path, options) in &made.memory {
        writeln!(text, "memory at {path}: {options}").unwrap();
    }
    match (made.publish, made.listen) {
        (Some((addr, inner)), _) => writeln!(text, "port {inner} at {addr}").unwrap(),
        (None, Some(addr)) => writeln!(text, "listens itself at {addr}").unwrap(),
        (None, None) => {}
    }
    let read_only = if made.read_only {
        ", nothing to write"
    } else {
        ""
    };
    writeln!(text, "files for {:?}{read_only}", made.own).unwrap();
    let spec = &made.spec;
    writeln!(text, "binds {:?} as {:?}", spec.binds().unwrap(), spec.user).unwrap();
    writeln!(
        text,
        "runs {:?} in {}",
        spec.run.argv,
        spec.run.cwd.display()
    )
    .unwrap();
    for (name, value) in &spec.env {
        writeln!(text, "{name}={value}").unwrap();
    }
    for (name, source) in &spec.secrets {
        writeln!(text, "secret {name} from {source:?}").unwrap();
    }
    text
}
