//! What only a container asks of a service: its image and its mounts.

use snapbox::str;

use crate::project::{check, project, with};

#[test]
fn no_mount_lies_where_the_kernel_or_hob_has_its_own() {
    check(
        &with(
            "volumes = { a = \"/proc\", b = \"/dev/./shm\", c = \"/hob/x\", fine = \"/devices\" }\ndev = { cache = [\"/sys/\", \"/system\"] }",
        ),
        str![[r#"
error: no volume can lie at `/proc`
 --> stacks/demo/stack.toml:4:17
  |
4 | volumes = { a = "/proc", b = "/dev/./shm", c = "/hob/x", fine = "/devices" }
  |                 ^^^^^^^ `/proc` is the kernel's in every container
  |
  = help: choose another path, such as one below `/var/lib`

error: no volume can lie at `/dev/shm`
 --> stacks/demo/stack.toml:4:30
  |
4 | volumes = { a = "/proc", b = "/dev/./shm", c = "/hob/x", fine = "/devices" }
  |                              ^^^^^^^^^^^^ `/dev` is the kernel's in every container
  |
  = help: choose another path, such as one below `/var/lib`

error: no volume can lie at `/hob/x`
 --> stacks/demo/stack.toml:4:48
  |
4 | volumes = { a = "/proc", b = "/dev/./shm", c = "/hob/x", fine = "/devices" }
  |                                                ^^^^^^^^ `/hob` is hob's own in every container
  |
  = help: choose another path, such as one below `/var/lib`

error: no cache can lie at `/sys`
 --> stacks/demo/stack.toml:5:18
  |
5 | dev = { cache = ["/sys/", "/system"] }
  |                  ^^^^^^^ `/sys` is the kernel's in every container
  |
  = help: choose another path, such as one below `/var/lib`

"#]],
    );
}

#[test]
fn no_two_mounts_lie_at_one_path() {
    check(
        &with("volumes = { a = \"/x\" }\ndev = { cache = [\"/x/\", \"/y\", \"/x/y\", \"/y/.\"] }"),
        str![[r#"
error: a volume and a cache at `/x`
 --> stacks/demo/stack.toml:5:18
  |
4 | volumes = { a = "/x" }
  |                 ---- the first one
5 | dev = { cache = ["/x/", "/y", "/x/y", "/y/."] }
  |                  ^^^^^

error: two caches at `/y`
 --> stacks/demo/stack.toml:5:39
  |
5 | dev = { cache = ["/x/", "/y", "/x/y", "/y/."] }
  |                         ----          ^^^^^^
  |                         |
  |                         the first one

"#]],
    );
}

#[test]
fn no_mount_hides_the_sources() {
    let fixture = project("");
    let stack = fixture.root().join("stacks/demo");
    let (source, above) = (stack.join("src"), stack.parent().unwrap().to_owned());
    let inside = source.join("node_modules");
    let text = with(&format!(
        "source = \"src\"\nvolumes = {{ a = {source:?}, b = {above:?} }}\ndev = {{ cache = [{inside:?}] }}"
    ));
    fixture.write("stacks/demo/stack.toml", text.as_bytes());
    // The width of what is underlined is the temporary folder's.
    let diagnostics = fixture.load().diagnostics;
    let told: Vec<String> = diagnostics.iter().map(|it| it.message.clone()).collect();
    snapbox::assert_data_eq!(
        fixture.anonymous(&told.join("\n")),
        str![[r#"
the volume at `ROOT/stacks/demo/src` would hide the sources
the volume at `ROOT/stacks` would hide the sources
"#]]
    );
}

#[test]
fn a_dockerfile_that_nothing_builds_is_noted() {
    let files = |keys: &str| {
        format!(
            "== stacks/demo/Dockerfile\n== stacks/demo/stack.toml\n{}",
            with(keys)
        )
    };
    check(
        &files(""),
        str![[r#"
note: nothing builds `stacks/demo/Dockerfile`
 --> stacks/demo/stack.toml:2:11
  |
2 | [services.a]
  |           ^
  |
  = help: add `image = {}` for its image in containers

"#]],
    );
    check(&files("image = {}"), str![[r#""#]]);
    check(&files("dev = { image = {} }"), str![[r#""#]]);
}

#[test]
fn a_ready_image_goes_without_a_recipe() {
    check(
        &with("image = { name = \"redis:7\", target = \"run\" }"),
        str![[r#"
error: `name` together with `target`
 --> stacks/demo/stack.toml:4:11
  |
4 | image = { name = "redis:7", target = "run" }
  |           ^^^^              ------ and this says how to build one
  |           |
  |           a ready image is never built
  |
  = help: keep one of them

"#]],
    );
    check(
        &with("image = { name = \"Redis:7\" }"),
        str![[r#"
error: `name`: `Redis` cannot be a part of an image's name: `a` to `z`, `0` to `9`, and between them `.`, `_` or `-`
 --> stacks/demo/stack.toml:4:18
  |
4 | image = { name = "Redis:7" }
  |                  ^^^^^^^^^
  |
  = help: write `"redis:7"`

"#]],
    );
}

#[track_caller]
fn images(keys: &str, expected: impl snapbox::IntoData) {
    let fixture = project(&format!(
        "== stacks/demo/Dockerfile\n== stacks/demo/stack.toml\n{}",
        with(keys)
    ));
    let service = fixture.service("a");
    let text = format!("{:?}\n{:?}\n", service.image, service.dev_form.image);
    snapbox::assert_data_eq!(fixture.anonymous(&text), expected);
}

#[test]
fn dev_takes_over_the_image_that_it_does_not_replace() {
    images(
        "image = { name = \"redis:7\" }",
        str![[r#"
Some(Named(ImageName("redis:7")))
Some(Named(ImageName("redis:7")))

"#]],
    );
    images(
        "image = { name = \"redis:7\" }\ndev = { image = { target = \"dev\" } }",
        str![[r#"
Some(Named(ImageName("redis:7")))
Some(Built(Recipe { dockerfile: "ROOT/stacks/demo/Dockerfile", context: "ROOT/stacks/demo", target: Some("dev"), args: {} }))

"#]],
    );
    images(
        "image = { target = \"run\" }\ndev = { image = { name = \"redis:7\" } }",
        str![[r#"
Some(Built(Recipe { dockerfile: "ROOT/stacks/demo/Dockerfile", context: "ROOT/stacks/demo", target: Some("run"), args: {} }))
Some(Named(ImageName("redis:7")))

"#]],
    );
}

#[test]
fn a_mount_says_what_is_mounted_and_where_and_is_there() {
    check(
        &with(
            "mounts = { a = { from = \"src\" }, b = { from = \"nowhere\", to = \"/srv/b\" }, c = { from = \"src\", to = \"/proc/c\" }, d = { from = \"src\", to = \"/srv/b/\" } }",
        ),
        str![[r#"
error: `a` has no `to`
 --> stacks/demo/stack.toml:4:12
  |
4 | mounts = { a = { from = "src" }, b = { from = "nowhere", to = "/srv/b" }, c = { from = "src",...
  |            ^
  |
  = help: a mount is `{ from = "config", to = "/srv/config" }`

error: `stacks/demo/nowhere` is not there
 --> stacks/demo/stack.toml:4:47
  |
4 | mounts = { a = { from = "src" }, b = { from = "nowhere", to = "/srv/b" }, c = { from = "src",...
  |                                               ^^^^^^^^^ it is to be mounted

error: no mount can lie at `/proc/c`
 --> stacks/demo/stack.toml:4:100
  |
4 | ...from = "src", to = "/proc/c" }, d = { from = "src", to = "/srv/b/" } }
  |                       ^^^^^^^^^ `/proc` is the kernel's in every container
  |
  = help: choose another path, such as one below `/var/lib`

error: two mounts at `/srv/b`
 --> stacks/demo/stack.toml:4:138
  |
4 | ... = "/srv/b" }, c = { from = "src", to = "/proc/c" }, d = { from = "src", to = "/srv/b/" } }
  |       -------- the first one                                                     ^^^^^^^^^

"#]],
    );
}
