//! A real stack file in, resources and containers out.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use hob_stack::{Project, ServiceId};
use hob_wire::Mode;
use snapbox::{IntoData as _, assert_data_eq, str};

use super::lower;
use crate::docker::facts::{Build, DockerFacts, Unbuildable};
use crate::docker::program;
use crate::docker::spec::{ContainerSpec, DockerSpec, Source};
use crate::docker::{IMAGE, image_files};
use crate::paths::Paths;
use crate::plan;
use crate::resource::{DesiredSet, Level, Observed, ObservedResource, ResourceId};
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
"#;

struct Ground {
    _folder: tempfile::TempDir,
    setup: Setup,
    project: Arc<Project>,
}

fn ground() -> Ground {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let stack = root.join("stacks/shop");
    for made in ["api", "db", ".secrets"] {
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

fn id(name: &str) -> ServiceId {
    format!("shop/{name}").parse().unwrap()
}

impl Ground {
    fn facts(&self) -> DockerFacts {
        let stack = self.setup.root.join("stacks/shop");
        let build = Build {
            digest: "00112233445566778899aabbccddeeff".to_owned(),
            froms: vec!["debian:trixie-slim".to_owned()],
        };
        DockerFacts {
            ports: BTreeMap::from([(id("api"), 20010), (id("db"), 22001), (id("pages"), 22002)]),
            builds: BTreeMap::from([(id("api"), Ok(build))]),
            user: (1000, 100),
            own: (1000, 100),
            program: Some(program::find(&self.setup.paths, &self.setup.executable)),
            there: BTreeSet::from([stack.join(".secrets"), stack.join("key")]),
            ..DockerFacts::default()
        }
    }

    fn lowered(&self, names: &[&str], mode: Mode, facts: &DockerFacts) -> DesiredSet<DockerSpec> {
        let services = names.iter().map(|name| id(name)).collect();
        lower(&self.setup, &self.want(services, mode), facts)
    }

    fn want(&self, services: BTreeSet<ServiceId>, mode: Mode) -> Want {
        Want::up(Arc::clone(&self.project), services, mode)
    }

    /// The container of a service, with what differs from run to run replaced.
    fn container(&self, name: &str, mode: Mode, facts: &DockerFacts) -> String {
        let set = self.lowered(&["api", "db", "pages"], mode, facts);
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
    if let Some((addr, inner)) = made.publish {
        writeln!(text, "port {inner} at {addr}").unwrap();
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

#[test]
fn in_dev_a_container_sees_its_sources_where_they_are_and_its_secrets_where_only_root_looks() {
    let ground = ground();
    assert_data_eq!(
        ground.container("api", Mode::Dev, &ground.facts()),
        str![[r#"
image hob-0123456789ab/shop.api:dev-0011223344556677
/state/containers/shop/api at /hob/state
[ROOT]/stacks/shop/api at [ROOT]/stacks/shop/api
volume hob-0123456789ab.shop.api.data at /var/lib/data
volume hob-0123456789ab.shop.api.cc4deab410d3 at /var/cache/go
[ROOT]/stacks/shop/.secrets at /hob/secrets/0 (read)
[ROOT]/stacks/shop/key at /hob/secrets/1 (read)
memory at /hob/secrets: mode=0700,size=64k
port 80 at 127.0.0.1:20010
files for (1000, 100)
binds 0.0.0.0:80 as Some("1000:100")
runs ["$OUT/api"] in [ROOT]/stacks/shop/api
DB_HOST=db
DB_PORT=5432
DB_URL=tcp://db:5432
GOPROXY=off
LOG=info
VOLUME_DATA=/var/lib/data
secret KEY from File("/hob/secrets/1")
secret PASSWORD from File("/hob/secrets/0/db")
secret TOKEN from File("/hob/state/secret/SHOP_TOKEN")

"#]]
        .raw()
    );
}

#[test]
fn in_production_a_container_runs_what_its_image_says_and_sees_no_sources() {
    let ground = ground();
    assert_data_eq!(
        ground.container("api", Mode::Run, &ground.facts()),
        str![[r#"
image hob-0123456789ab/shop.api:run-0011223344556677
/state/containers/shop/api at /hob/state
volume hob-0123456789ab.shop.api.data at /var/lib/data
[ROOT]/stacks/shop/.secrets at /hob/secrets/0 (read)
[ROOT]/stacks/shop/key at /hob/secrets/1 (read)
memory at /hob/out: mode=0755,exec
memory at /hob/secrets: mode=0700,size=64k
memory at /run: mode=1777
memory at /tmp: mode=1777
port 80 at 127.0.0.1:20010
files for (1000, 100), nothing to write
binds 0.0.0.0:80 as None
runs [] in /
DB_HOST=db
DB_PORT=5432
DB_URL=tcp://db:5432
GOPROXY=off
LOG=info
VOLUME_DATA=/var/lib/data
secret KEY from File("/hob/secrets/1")
secret PASSWORD from File("/hob/secrets/0/db")
secret TOKEN from File("/hob/state/secret/SHOP_TOKEN")

"#]]
        .raw()
    );
}

#[test]
fn a_service_without_an_image_runs_in_the_base_with_its_sources_to_read() {
    let ground = ground();
    let text = ground.container("pages", Mode::Run, &ground.facts());
    let without_program: Vec<&str> = text.lines().filter(|it| !it.starts_with("runs ")).collect();
    assert_data_eq!(
        without_program.join("\n"),
        str![[r#"
image debian:trixie-slim
/state/containers/shop/pages at /hob/state
[ROOT]/stacks/shop/db at [ROOT]/stacks/shop/db (read)
port 80 at 127.0.0.1:22002
files for (1000, 100)
binds 0.0.0.0:80 as Some("1000:100")
"#]]
        .raw()
    );
    assert!(text.contains(r#""serve-files", "--root", "#), "{text}");
}

#[test]
fn an_image_is_there_before_what_runs_from_an_older_one_goes() {
    let ground = ground();
    let mut facts = ground.facts();
    let older = ResourceId::of_service("shop", "api", IMAGE).named("dev-0ld");
    facts.images = BTreeSet::from([older.clone()]);
    let set = ground.lowered(&["api"], Mode::Dev, &facts);
    let mut found = Observed::<()>::default();
    let mut running = ObservedResource::at(Level::Ready);
    running.identity = BTreeMap::from([("image".to_owned(), "older".to_owned())]);
    running.needs = BTreeSet::from([older.clone()]);
    let mut image = ObservedResource::at(Level::Created);
    image.durable = true;
    found.resources = BTreeMap::from([(super::container("shop", "api"), running), (older, image)]);
    assert_data_eq!(plan(&set, &found).to_text(), str![[r#"
create network shop                            because it is not there
create base image shop/api/debian:trixie-slim  because it is not there
create image shop/api/dev-0011223344556677     because it is not there
remove container shop/api                      because its image is older and has to be hob-0123456789ab/shop.api:dev-0011223344556677
create cache shop/api//var/cache/go            because it is not there
create container folder shop/api               because it is not there
create container volume shop/api/data          because it is not there
create container shop/api                      because it is made anew
configure container shop/api                   because it is new
start container shop/api                       because it is to run
await container shop/api                       because others may rely on it only then
remove image shop/api/dev-0ld                  because another one takes its place

"#]].raw());
}

#[test]
fn what_is_to_be_built_alone_touches_nothing_else() {
    let ground = ground();
    let mut want = ground.want(BTreeSet::from([id("api"), id("db")]), Mode::Run);
    want.built = true;
    let set = lower(&ground.setup, &want, &ground.facts());
    let mut found = Observed::<()>::default();
    let running = ObservedResource::at(Level::Ready);
    found.resources = BTreeMap::from([(super::container("shop", "api"), running)]);
    assert_data_eq!(
        plan(&set, &found).to_text(),
        str![[r#"
create base image shop/api/debian:trixie-slim            because it is not there
create image shop/api/run-0011223344556677               because it is not there
create base image shop/db/docker.io/library/postgres:17  because it is not there

"#]]
        .raw()
    );
}

#[test]
fn what_cannot_run_here_is_said_with_what_to_type() {
    let ground = ground();
    let mut facts = ground.facts();
    let wrong = Unbuildable {
        is_recipe: true,
        reason: "unknown instruction RUNN on line 4".to_owned(),
        hints: vec!["`RUN`".to_owned()],
    };
    facts.builds = BTreeMap::from([(id("api"), Err(wrong))]);
    facts.ports.remove(&id("pages"));
    let set = ground.lowered(&["api", "db", "pages"], Mode::Run, &facts);
    let obstacles: Vec<String> = set.obstacles.iter().map(ToString::to_string).collect();
    assert_data_eq!(
        obstacles.join("\n") + "\n",
        str![[r#"
shop/api: unknown instruction RUNN on line 4
  hint: `RUN`
shop/pages: its port with the offset is past 65535
  hint: a smaller `--port-offset`, or `publish = "auto"`

"#]]
    );
}

#[test]
fn what_an_image_takes_is_followed_unless_it_is_all_of_the_sources() {
    let ground = ground();
    let check = |dockerfile: &str, expected: &[&str]| {
        let api = ground.setup.root.join("stacks/shop/api");
        fs::write(api.join("Dockerfile"), dockerfile).unwrap();
        fs::write(api.join("go.mod"), "module x\n").unwrap();
        let service = ground.project.service(&id("api")).unwrap();
        let files = image_files(&ground.project, service, Mode::Dev);
        let names = files.iter().map(|it| it.strip_prefix(&api).unwrap());
        let names: Vec<String> = names.map(|it| it.display().to_string()).collect();
        assert_eq!(names, expected, "{dockerfile}");
    };
    check("FROM a AS dev\nRUN x\n", &["Dockerfile"]);
    check("FROM a AS dev\nCOPY go.mod /\n", &["Dockerfile", "go.mod"]);
    check(
        "FROM a AS dev\nFROM dev AS run\nCOPY . /\n",
        &["Dockerfile"],
    );
    check("FROM a AS dev\nCOPY . /\n", &[]);
    check("FROMM a AS dev\n", &["Dockerfile"]);
}
