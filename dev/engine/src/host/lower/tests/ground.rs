//! The stack file that is lowered, and what there is beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use hob_stack::{Project, ServiceId};
use hob_wire::Mode;

use crate::host::lower::lower;
use crate::host::{HostFacts, HostSpec};
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
wants = ["cache"]
ready = { http = "/healthz" }
env = { LOG = "info" }
pass_env = ["GOPROXY", "NOT_SET"]
secrets = { PASSWORD = { file = ".secrets/db" }, TOKEN = { env = "SHOP_TOKEN" } }
volumes = { my-data = "/var/lib/data" }
build = ["go", "build", "-o", "$OUT/api", "."]
run = ["$OUT/api"]

[services.api.dev]
env = { LOG = "debug" }
swap = "exclusive"

[services.db]
source = "api"
port = 5432
protocol = "tcp"
ready = { command = ["pg_isready"] }
run = ["postgres"]

[services.cache]
source = "api"
port = 6379
publish = "auto"
protocol = "grpc"
address = "0.0.0.0"
run = ["redis-server"]

[services.pages]
source = "api"
port = 80
publish = 65000
serve = "public"

[services.image]
source = "api"
image = { dockerfile = "Dockerfile" }
"#;

pub(super) struct Ground {
    folder: tempfile::TempDir,
    pub(super) setup: Setup,
    project: Arc<Project>,
}

pub(super) fn ground() -> Ground {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let stack = root.join("stacks/shop");
    fs::create_dir_all(stack.join("api/public")).unwrap();
    fs::create_dir_all(stack.join(".secrets")).unwrap();
    fs::write(stack.join("stack.toml"), STACK).unwrap();
    fs::write(stack.join("api/Dockerfile"), "FROM scratch\n").unwrap();
    fs::write(stack.join(".secrets/db"), "never-to-be-seen\n").unwrap();
    let loaded = Project::load(&root, &BTreeMap::new());
    let project = loaded.project.unwrap();
    assert!(project.stacks.len() == 1, "{:?}", loaded.diagnostics);
    let variables = [
        ("PATH", "/usr/bin"),
        ("HOME", "/home/x"),
        ("GOPROXY", "off"),
        ("EDITOR", "vi"),
        ("SHOP_TOKEN", "never-to-be-seen"),
    ];
    let pairs = variables.iter();
    let setup = Setup {
        project: "0123456789ab".to_owned(),
        root,
        paths: Paths {
            state: PathBuf::from("/state"),
            runtime: PathBuf::from("/run"),
        },
        executable: Executable {
            program: PathBuf::from("/bin/hob"),
            args: vec!["--arg".to_owned()],
            sources: None,
        },
        environment: pairs
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect(),
        uid: 1000,
    };
    Ground {
        folder,
        setup,
        project: Arc::new(project),
    }
}

pub(super) fn id(name: &str) -> ServiceId {
    format!("shop/{name}").parse().unwrap()
}

pub(super) fn facts() -> HostFacts {
    HostFacts {
        ports: BTreeMap::from([
            (id("api"), 20010),
            (id("db"), 22001),
            (id("cache"), 22002),
            (id("pages"), 65000),
        ]),
        ..HostFacts::default()
    }
}

impl Ground {
    pub(super) fn lowered(
        &self,
        names: &[&str],
        mode: Mode,
        facts: &HostFacts,
    ) -> DesiredSet<HostSpec> {
        let services: BTreeSet<ServiceId> = names.iter().map(|name| id(name)).collect();
        let want = Want::up(Arc::clone(&self.project), services, mode);
        lower(&self.setup, &want, facts)
    }

    /// The spec of one service's agent as JSON, with the project's folder
    /// written `ROOT`.
    pub(super) fn spec(&self, name: &str, mode: Mode, facts: &HostFacts) -> String {
        let set = self.lowered(&["api", "cache", "db", "pages"], mode, facts);
        let found = set.resources.iter().find_map(|wanted| match &wanted.spec {
            HostSpec::Agent(agent) if agent.spec.name() == name => Some(&agent.spec),
            _ => None,
        });
        let json = serde_json::to_string_pretty(found.unwrap()).unwrap();
        let root = self.folder.path().canonicalize().unwrap();
        json.replace(root.to_str().unwrap(), "ROOT") + "\n"
    }
}
