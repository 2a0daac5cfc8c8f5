//! A real stack file in, resources and specs out.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

mod ground;

use std::collections::{BTreeMap, BTreeSet};

use hob_wire::Mode;
use snapbox::{IntoData as _, assert_data_eq, str};

use self::ground::{facts, ground, id};
use super::lower;
use crate::host::HostFacts;
use crate::plan;
use crate::resource::{Observed, Scope};
use crate::want::Want;

#[test]
fn a_dev_spec_holds_all_that_the_service_may_know() {
    assert_data_eq!(
        ground().spec("api", Mode::Dev, &facts()),
        str![[r#"
{
  "project": "0123456789ab",
  "root": "ROOT",
  "service": "shop/api",
  "mode": "dev",
  "listen": {
    "addr": "127.0.0.1:20010",
    "protocol": "http"
  },
  "host": "127.0.0.1",
  "build": {
    "argv": [
      "go",
      "build",
      "-o",
      "$OUT/api",
      "."
    ],
    "cwd": "ROOT/stacks/shop/api",
    "env": {}
  },
  "run": {
    "argv": [
      "$OUT/api"
    ],
    "cwd": "ROOT/stacks/shop/api",
    "env": {}
  },
  "env": {
    "CACHE_HOST": "127.0.0.1",
    "CACHE_PORT": "22002",
    "CACHE_URL": "http://127.0.0.1:22002",
    "DB_HOST": "127.0.0.1",
    "DB_PORT": "22001",
    "DB_URL": "tcp://127.0.0.1:22001",
    "GOPROXY": "off",
    "HOME": "/home/x",
    "LOG": "debug",
    "PATH": "/usr/bin",
    "VOLUME_MY_DATA": "/state/volumes/shop/api/my-data"
  },
  "secrets": {
    "PASSWORD": {
      "file": "ROOT/stacks/shop/.secrets/db"
    },
    "TOKEN": {
      "env": "SHOP_TOKEN"
    }
  },
  "ready": {
    "http": "/healthz"
  },
  "swap": "exclusive",
  "restart": "always",
  "live_reload": true,
  "limits": {
    "ready": 30000,
    "hold": 30000,
    "drain": 10000,
    "grace": 5000,
    "build": null,
    "log_bytes": 8388608
  },
  "state": "/state/services/shop/api"
}

"#]]
        .raw()
    );
}

#[test]
fn a_run_spec_owns_its_port_and_has_no_front() {
    assert_data_eq!(
        ground().spec("cache", Mode::Run, &facts()),
        str![[r#"
{
  "project": "0123456789ab",
  "root": "ROOT",
  "service": "shop/cache",
  "mode": "run",
  "listen": {
    "addr": "0.0.0.0:22002",
    "protocol": "grpc"
  },
  "host": "0.0.0.0",
  "build": null,
  "run": {
    "argv": [
      "redis-server"
    ],
    "cwd": "ROOT/stacks/shop/api",
    "env": {}
  },
  "env": {
    "HOME": "/home/x",
    "PATH": "/usr/bin"
  },
  "secrets": {},
  "ready": "tcp",
  "swap": "exclusive",
  "restart": "always",
  "live_reload": false,
  "limits": {
    "ready": 30000,
    "hold": 30000,
    "drain": 10000,
    "grace": 5000,
    "build": null,
    "log_bytes": 8388608
  },
  "state": "/state/services/shop/cache"
}

"#]]
        .raw()
    );
}

#[test]
fn files_are_served_by_nginx_where_it_is() {
    let ground = ground();
    let argv = |facts: &HostFacts| {
        let spec = ground.spec("pages", Mode::Dev, facts);
        let spec: hob_wire::Spec = serde_json::from_str(&spec).unwrap();
        let set = ground.lowered(&["pages"], Mode::Dev, facts);
        let label = set.resources.iter().find_map(|wanted| wanted.label.clone());
        format!("{}\n{}\n", spec.run.argv.join(" "), label.unwrap())
    };
    assert_data_eq!(
        argv(&facts()),
        str![[r#"
/bin/hob --arg serve-files --root ROOT/stacks/shop/api/public --with built-in
static files by the built-in server: nginx is not installed

"#]]
        .raw()
    );
    let nginx = HostFacts {
        nginx: Some("1.26.3".to_owned()),
        ..facts()
    };
    assert_data_eq!(
        argv(&nginx),
        str![[r#"
/bin/hob --arg serve-files --root ROOT/stacks/shop/api/public --with nginx
static files by nginx 1.26.3

"#]]
        .raw()
    );
}

#[test]
fn the_plan_of_a_service_makes_its_folders_first_and_waits_for_its_needs() {
    let set = ground().lowered(&["api", "db", "cache"], Mode::Dev, &facts());
    let text = plan(&set, &Observed::<()>::default()).to_text();
    assert_data_eq!(
        text,
        str![[r#"
create folder shop/api          because it is not there
create volume shop/api/my-data  because it is not there
create agent shop/api           because it is not there
configure agent shop/api        because it is new
create folder shop/cache        because it is not there
create agent shop/cache         because it is not there
configure agent shop/cache      because it is new
start agent shop/cache          because it is to run
await agent shop/cache          because others may rely on it only then
create folder shop/db           because it is not there
create agent shop/db            because it is not there
configure agent shop/db         because it is new
start agent shop/db             because it is to run
await agent shop/db             because others may rely on it only then
start agent shop/api            because it is to run
await agent shop/api            because others may rely on it only then

"#]]
        .raw()
    );
}

#[test]
fn what_cannot_run_here_is_said_and_the_rest_comes_up() {
    let facts = HostFacts {
        missing: BTreeMap::from([(id("db"), BTreeSet::from(["postgres".to_owned()]))]),
        unset: BTreeMap::from([(id("api"), BTreeSet::from(["SHOP_TOKEN".to_owned()]))]),
        ports: BTreeMap::from([(id("cache"), 22002)]),
        ..HostFacts::default()
    };
    let names = ["api", "cache", "db", "image", "pages"];
    let set = ground().lowered(&names, Mode::Dev, &facts);
    let plan = plan(&set, &Observed::<()>::default());
    let obstacles: Vec<String> = plan.obstacles.iter().map(ToString::to_string).collect();
    assert_data_eq!(
        obstacles.join("\n") + "\n",
        str![[r#"
shop/api: its secrets come from SHOP_TOKEN, not set here
  hint: `export SHOP_TOKEN=…`
shop/db: postgres is not installed
  hint: put `postgres` on the `PATH`, or name what brings it: `packages = { postgres = "…" }`
shop/image: only its image says how it is run, and the host engine runs programs
  hint: `--engine docker`, or say how it is run without a container: `run = ["…"]`
shop/pages: its port with the offset is past 65535
  hint: a smaller `--port-offset`, or `publish = "auto"`

"#]]
        .raw()
    );
    assert!(
        plan.steps
            .iter()
            .all(|step| step.resource.path() == "shop/cache")
    );
    assert_eq!(plan.steps.len(), 5);
}

#[test]
fn no_secret_is_in_anything_that_is_planned_or_told() {
    let set = ground().lowered(&["api", "cache", "db"], Mode::Dev, &facts());
    let plan = plan(&set, &Observed::<()>::default());
    assert!(!format!("{set:?} {plan:?}").contains("never-to-be-seen"));
}

#[test]
fn in_mode_run_other_sources_are_another_configuration() {
    let ground = ground();
    let config = |sources: &str| {
        let facts = HostFacts {
            sources: BTreeMap::from([(id("cache"), Ok(sources.to_owned()))]),
            ..facts()
        };
        let set = ground.lowered(&["cache"], Mode::Run, &facts);
        set.resources.last().unwrap().config.clone()
    };
    assert_eq!(config("a"), config("a"));
    assert_ne!(config("a"), config("b"));
}

#[test]
fn another_hold_limit_is_another_identity_and_its_digest_tells_it() {
    let ground = ground();
    let set = ground.lowered(&["cache"], Mode::Dev, &facts());
    let agent = set.resources.last().unwrap();
    let digest = agent.config.as_ref().unwrap();
    let told = crate::agent::fixed::traits_in(digest.as_str());
    assert_eq!(told["hold limit"], "30000 ms");
    for (name, value) in told {
        assert_eq!(agent.identity.get(&name), Some(&value));
    }
    assert!(crate::agent::fixed::traits_in("no-digest-of-ours").is_empty());
}

#[test]
fn only_what_is_asked_for_is_waited_for() {
    let set = ground().lowered(&["api"], Mode::Dev, &facts());
    let agent = set.resources.last().unwrap();
    assert!(
        agent
            .needs
            .iter()
            .all(|need| need.on.path().starts_with("shop/api"))
    );
}

#[test]
fn down_asks_for_nothing() {
    let want = Want::down(Scope::Project);
    let set = lower(&ground().setup, &want, &facts());
    assert!(set.resources.is_empty() && set.force);
}
