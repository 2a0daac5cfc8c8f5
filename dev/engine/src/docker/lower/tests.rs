//! A real stack file in, resources and containers out.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use hob_stack::Project;
use hob_wire::Mode;
use snapbox::{IntoData as _, assert_data_eq, str};

use super::lower;
use crate::agent::fixed;
use crate::docker::facts::Unbuildable;
use crate::docker::spec::DockerSpec;
use crate::docker::{IMAGE, image_files};
use crate::plan;
use crate::resource::{Level, Observed, ObservedResource, ResourceId};

mod ground;

use ground::{ground, id};

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
fn in_the_network_of_this_machine_it_listens_itself_and_what_is_mounted_is_only_read() {
    let ground = ground();
    assert_data_eq!(
        ground.container("gate", Mode::Run, &ground.facts()),
        str![[r#"
image debian:trixie-slim
/state/containers/shop/gate at /hob/state
[ROOT]/stacks/shop/db at [ROOT]/stacks/shop/db (read)
[ROOT]/stacks/shop/routes at /srv/routes (read)
listens itself at 127.0.0.1:8080
files for (1000, 100)
binds 127.0.0.1:8080 as Some("1000:100")
runs ["gate"] in [ROOT]/stacks/shop/db
API_HOST=127.0.0.1
API_PORT=20010
API_PUBLIC_URL=http://127.0.0.1:20010
API_URL=http://127.0.0.1:20010
MOUNT_ROUTES=/srv/routes

"#]]
        .raw()
    );
    // An engine on another machine has another network, and a rootless one, too.
    let mut facts = ground.facts();
    facts.over_tcp = true;
    let set = ground.lowered(&["gate"], Mode::Run, &facts);
    assert_eq!(set.obstacles.len(), 1);
    facts = ground.facts();
    facts.rootless = true;
    let set = ground.lowered(&["gate"], Mode::Run, &facts);
    assert_data_eq!(
        set.obstacles[0].reason.as_str(),
        str!["it shares the engine's network, which is not this machine's"]
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
fn another_automatic_port_of_a_service_is_told_anew_and_that_of_its_next_version_is_not() {
    let mut ground = ground();
    let api = (super::container("shop", "api"), "PAGES_PUBLIC_URL");
    let asked = |ground: &ground::Ground, pages: &str, port: u16| {
        let mut facts = ground.facts();
        facts.ports.insert(id(pages), port);
        let set = ground.lowered(&["api"], Mode::Dev, &facts);
        let found = set.resources.into_iter().find(|it| it.id == api.0).unwrap();
        let DockerSpec::Container(made) = found.spec else {
            panic!("{} is no container", found.id)
        };
        let told = fixed::traits_in(made.digest.as_str()).remove(api.1);
        (found.config, found.identity.get(api.1).cloned(), told)
    };
    let change = |ground: &mut ground::Ground, change: fn(&mut Project)| {
        change(std::sync::Arc::get_mut(&mut ground.project).unwrap());
    };
    let url = |port| Some(format!("http://127.0.0.1:{port}"));
    let (nobody, ..) = asked(&ground, "pages", 22002);
    change(&mut ground, |project| {
        let stack = project.stacks.values_mut().next().unwrap();
        let api = stack.services.values_mut().find(|it| it.id == id("api"));
        api.unwrap().wants.push(id("pages"));
    });
    let (config, lasting, told) = asked(&ground, "pages", 22002);
    assert_ne!(config, nobody);
    assert_eq!((lasting, told), (url(22002), url(22002)));
    let other = (config.clone(), url(22003), url(22003));
    assert_eq!(asked(&ground, "pages", 22003), other);
    change(&mut ground, |project| {
        let version = "pages-2".parse().unwrap();
        project.put_in_place(&id("pages"), &version).unwrap();
    });
    let version = (config, None, url(22003));
    assert_eq!(asked(&ground, "pages-2", 22003), version);
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
