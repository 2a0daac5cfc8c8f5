//! The file that uses every key, and what becomes of it.

#![expect(clippy::disallowed_methods, reason = "tests make files")]

use snapbox::str;

use crate::project::{Fixture, project, told, with};

/// Every key of the stack file, each with another value than its default.
pub const FULL: &str = include_str!("full.toml");

/// A project with this text as the stack `polykube`, beside all that
/// [`FULL`] names.
pub fn polykube(text: &str) -> Fixture {
    let fixture = project(
        "== stacks/polykube/goapi/build/Dockerfile\n== stacks/polykube/goapi/build/Dockerfile.dev\n== stacks/polykube/vnextapi/\n== stacks/polykube/lib/\n== stacks/polykube/site/public/\n== stacks/polykube/site/drafts/\n== stacks/polykube/.secrets/db\nword",
    );
    std::fs::remove_dir_all(fixture.root().join("stacks/demo")).unwrap();
    fixture.write("stacks/polykube/stack.toml", text.as_bytes());
    fixture
}

#[test]
fn every_key_reaches_the_model() {
    let fixture = polykube(FULL);
    let loaded = fixture.load();
    snapbox::assert_data_eq!(
        told(&loaded),
        str![[r#"
warning: no browser sees this service
  --> stacks/polykube/stack.toml:39:1
   |
39 | live_reload = true
   | ^^^^^^^^^^^ there is nothing to reload

"#]]
    );
    let project = loaded.project.unwrap();
    let model = serde_json::to_string_pretty(&project.stacks).unwrap();
    let model = fixture.anonymous(&model);
    snapbox::assert_data_eq!(model, snapbox::file!["full.json"]);
}

/// Every table of a document with the path to it.
fn tables<'a>(path: &str, value: &'a toml::Value, into: &mut Vec<(String, &'a toml::Table)>) {
    match value {
        toml::Value::Table(table) => {
            into.push((path.to_owned(), table));
            for (key, value) in table {
                tables(&format!("{path}/{key}"), value, into);
            }
        }
        toml::Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                tables(&format!("{path}/{index}"), value, into);
            }
        }
        _ => {}
    }
}

/// The document without the value at a path.
fn without(document: &toml::Value, path: &str) -> String {
    let mut document = document.clone();
    let (parent, key) = path.rsplit_once('/').unwrap();
    let mut at = &mut document;
    for part in parent.split('/').skip(1) {
        at = match at {
            toml::Value::Array(items) => &mut items[part.parse::<usize>().unwrap()],
            other => other.get_mut(part).unwrap(),
        };
    }
    at.as_table_mut().unwrap().remove(key).unwrap();
    toml::to_string(&document).unwrap()
}

#[test]
fn no_key_is_read_by_the_check_and_forgotten_by_the_model() {
    let document: toml::Value = toml::from_str(FULL).unwrap();
    let whole = polykube(FULL);
    let expected = whole.valid().stacks;
    let mut all = Vec::new();
    tables("", &document, &mut all);
    let mut tried = 0;
    for (path, table) in all {
        for key in table.keys() {
            let path = format!("{path}/{key}");
            // Its folder says the same.
            if path == "/name" {
                continue;
            }
            whole.write(
                "stacks/polykube/stack.toml",
                without(&document, &path).as_bytes(),
            );
            let loaded = whole.load();
            let stacks = loaded.project.as_ref().map(|p| &p.stacks);
            assert!(
                loaded.has_errors() || stacks != Some(&expected),
                "nothing changes without {path}"
            );
            tried += 1;
        }
    }
    assert!(tried > 80, "{tried}");
}

#[test]
fn defaults() {
    let fixture = project(&with("port = 1"));
    let model = serde_json::to_string_pretty(&fixture.service("a")).unwrap();
    snapbox::assert_data_eq!(
        fixture.anonymous(&model),
        str![[r#"
{
  "id": "demo/a",
  "source": "ROOT/stacks/demo",
  "port": 1,
  "publish": null,
  "address": "127.0.0.1",
  "protocol": "http",
  "routes": [],
  "needs": [],
  "wants": [],
  "ready": "tcp",
  "env": {},
  "pass_env": [],
  "secrets": {},
  "volumes": {},
  "mounts": {},
  "network": "stack",
  "image": null,
  "read_only": false,
  "restart": "always",
  "limits": {
    "ready": 30000,
    "hold": 30000,
    "drain": 10000,
    "grace": 5000,
    "build": null,
    "log_bytes": 8388608
  },
  "packages": {},
  "run_form": {
    "program": {
      "build": null,
      "run": [
        "x"
      ]
    }
  },
  "dev_form": {
    "form": {
      "program": {
        "build": null,
        "run": [
          "x"
        ]
      }
    },
    "ready": "tcp",
    "env": {},
    "image": null,
    "limits": {
      "ready": 30000,
      "hold": 30000,
      "drain": 10000,
      "grace": 5000,
      "build": null,
      "log_bytes": 8388608
    },
    "swap": "overlap",
    "live_reload": true,
    "cache": [],
    "watch": [],
    "ignore": [],
    "on_change": []
  }
}
"#]]
    );
}

#[track_caller]
fn forms(keys: &str, expected: impl snapbox::IntoData) {
    let fixture = project(&format!("version = 1\n[services.a]\n{keys}"));
    let service = fixture.service("a");
    let text = format!("{:?}\n{:?}\n", service.run_form, service.dev_form.form);
    snapbox::assert_data_eq!(fixture.anonymous(&text), expected);
}

#[test]
fn dev_takes_over_the_form_that_it_does_not_set() {
    forms(
        "build = [\"b\"]\nrun = [\"r\"]",
        str![[r#"
Program { build: Some(["b"]), run: ["r"] }
Program { build: Some(["b"]), run: ["r"] }

"#]],
    );
    forms(
        "build = [\"b\"]\nrun = [\"r\"]\ndev = { run = [\"d\"] }",
        str![[r#"
Program { build: Some(["b"]), run: ["r"] }
Program { build: Some(["b"]), run: ["d"] }

"#]],
    );
    forms(
        "build = [\"b\"]\nrun = [\"r\"]\ndev = { build = [\"d\"] }",
        str![[r#"
Program { build: Some(["b"]), run: ["r"] }
Program { build: Some(["d"]), run: ["r"] }

"#]],
    );
    forms(
        "build = [\"b\"]\nrun = [\"r\"]\ndev = { build = [] }",
        str![[r#"
Program { build: Some(["b"]), run: ["r"] }
Program { build: None, run: ["r"] }

"#]],
    );
    forms(
        "build = [\"b\"]\nrun = [\"r\"]\ndev = { serve = \"src\" }",
        str![[r#"
Program { build: Some(["b"]), run: ["r"] }
Files { root: "ROOT/stacks/demo/src" }

"#]],
    );
    forms(
        "serve = \"src\"",
        str![[r#"
Files { root: "ROOT/stacks/demo/src" }
Files { root: "ROOT/stacks/demo/src" }

"#]],
    );
    forms(
        "serve = \"src\"\ndev = { run = [\"d\"] }",
        str![[r#"
Files { root: "ROOT/stacks/demo/src" }
Program { build: None, run: ["d"] }

"#]],
    );
    forms(
        "serve = \"src\"\ndev = { build = [] }",
        str![[r#"
Files { root: "ROOT/stacks/demo/src" }
Files { root: "ROOT/stacks/demo/src" }

"#]],
    );
}

#[test]
fn a_service_with_an_image_alone_is_for_containers() {
    let fixture = project(
        "== stacks/demo/stack.toml\nversion = 1\n[services.a]\nimage = { args = { A = \"1\", B = \"1\" } }\n[services.a.dev]\nrun = [\"d\"]\nimage = { target = \"dev\", args = { B = \"2\" } }\n== stacks/demo/Dockerfile\n",
    );
    let service = fixture.service("a");
    let text = format!(
        "{:?}\n{:?}\n{:#?}",
        service.run_form,
        service.dev_form.form,
        service.dev_form.image.unwrap()
    );
    snapbox::assert_data_eq!(
        fixture.anonymous(&text),
        str![[r#"
ImageOnly
Program { build: None, run: ["d"] }
Built(
    Recipe {
        dockerfile: "ROOT/stacks/demo/Dockerfile",
        context: "ROOT/stacks/demo",
        target: Some(
            "dev",
        ),
        args: {
            "A": "1",
            "B": "2",
        },
    },
)
"#]]
    );
}

#[test]
fn dev_tables_go_over_those_of_the_service_key_by_key() {
    let fixture = project(
        "version = 1\n[services.a]\nrun = [\"x\"]\nport = 1\nready = { http = \"/\" }\nenv = { A = \"1\", B = \"1\" }\nlimits = { ready = \"1s\", hold = \"1s\" }\n[services.a.dev]\nready = \"started\"\nenv = { B = \"2\" }\nlimits = { hold = \"2s\" }",
    );
    let service = fixture.service("a");
    let dev = &service.dev_form;
    snapbox::assert_data_eq!(
        format!(
            "{:?} {:?}\n{:?} {:?}\n{:?} {:?} {:?}",
            service.ready,
            service.env,
            dev.ready,
            dev.env,
            service.limits.hold,
            dev.limits.ready,
            dev.limits.hold
        ),
        str![[r#"
Http("/") {"A": "1", "B": "1"}
Started {"A": "1", "B": "2"}
Duration(1000) Duration(1000) Duration(2000)
"#]]
    );
}

#[test]
fn a_service_with_volumes_swaps_exclusively_unless_it_says_otherwise() {
    use hob_wire::Swap;
    let swap = |keys: &str| project(&with(keys)).service("a").dev_form.swap;
    assert_eq!(swap(""), Swap::Overlap);
    assert_eq!(swap("volumes = { d = \"/d\" }"), Swap::Exclusive);
    assert_eq!(
        swap("volumes = { d = \"/d\" }\ndev = { swap = \"overlap\" }"),
        Swap::Overlap
    );
    assert_eq!(swap("dev = { swap = \"exclusive\" }"), Swap::Exclusive);
}

#[test]
fn browsers_reload_where_there_are_any() {
    let reload = |keys: &str| project(&with(keys)).service("a").dev_form.live_reload;
    assert!(reload("port = 1"));
    assert!(!reload("port = 1\ndev = { live_reload = false }"));
    assert!(!reload("port = 1\nprotocol = \"tcp\""));
    assert!(!reload(""));
}

#[test]
fn a_variable_may_stand_for_a_number_or_a_word() {
    let fixture = project(&with(
        "port = \"${NO:-80}\"\npublish = \"${NO:-auto}\"\nprotocol = \"${NO:-tcp}\"\ndev = { live_reload = \"${NO:-false}\" }",
    ));
    let service = fixture.service("a");
    assert_eq!(service.port.unwrap().get(), 80);
    assert_eq!(service.protocol, hob_wire::Protocol::Tcp);
}

#[test]
fn dollars_of_arguments_are_left_for_the_agent() {
    let fixture = project(
        "== stacks/demo/.env\nPRICE=5$OUT\n== stacks/demo/stack.toml\nversion = 1\n[services.a]\nrun = [\"$OUT/x\", \"$$\", \"$${TAG}\", \"${PRICE}\", \"$PORT\", \"$HOME\"]\nenv = { A = \"${PRICE} $${TAG}\" }",
    );
    let service = fixture.service("a");
    snapbox::assert_data_eq!(
        format!("{:?}\n{:?}", service.run_form, service.env),
        str![[r#"
Program { build: None, run: ["$OUT/x", "$$", "$${TAG}", "5$$OUT", "$PORT", "$HOME"] }
{"A": "5$OUT ${TAG}"}
"#]]
    );
}

#[test]
fn a_path_is_followed_through_links_before_it_goes_up() {
    let fixture = project(&with("source = \"link/../other\""));
    fixture.write("far/other/", b"");
    fixture.write("far/near/", b"");
    std::os::unix::fs::symlink("../../far/near", fixture.root().join("stacks/demo/link")).unwrap();
    assert_eq!(
        fixture.service("a").source,
        fixture.root().join("far/other")
    );
}
