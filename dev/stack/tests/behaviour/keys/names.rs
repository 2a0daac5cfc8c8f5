//! Names of stacks, services and volumes.

use snapbox::str;

use crate::project::check;

#[test]
fn a_name_is_the_folders() {
    check(
        "version = 1\nname = \"other\"\n[services.a]\nrun = [\"x\"]",
        str![[r#"
error: the stack `other` lies in a folder called `demo`
 --> stacks/demo/stack.toml:2:8
  |
2 | name = "other"
  |        ^^^^^^^
  |
  = help: write `name = "demo"` or rename the folder to `other`

"#]],
    );
    check(
        "version = 1\nname = \"De_mo\"\n[services.a]\nrun = [\"x\"]",
        str![[r#"
error: `name`: a name holds only `a` to `z`, `0` to `9` and `-`, not `D`
 --> stacks/demo/stack.toml:2:8
  |
2 | name = "De_mo"
  |        ^^^^^^^
  |
  = help: write `de-mo`

"#]],
    );
}

#[test]
fn a_folder_that_dns_would_not_take_names_no_stack() {
    check(
        "== stacks/My Stack/stack.toml\nversion = 1\n[services.a]\nrun = [\"x\"]",
        str![[r#"
error: the folder `My Stack` cannot name a stack: a name holds only `a` to `z`, `0` to `9` and `-`, not `M`
 --> stacks/My Stack/stack.toml
  = help: rename the folder to `my-stack`

"#]],
    );
}

#[test]
fn service_and_volume_names_are_dns_labels() {
    let long = "a".repeat(64);
    check(
        &format!(
            "version = 1\n[services.Go_Api]\nrun = [\"x\"]\n[services.1a]\nrun = [\"x\"]\n[services.a-]\nrun = [\"x\"]\n[services.\"\"]\nrun = [\"x\"]\n[services.\"grün\"]\nrun = [\"x\"]\n[services.{long}]\nrun = [\"x\"]\n[services.{short}]\nrun = [\"x\"]\nvolumes = {{ Data = \"/x\" }}",
            short = "b".repeat(63),
        ),
        str![[r#"
error: a name holds only `a` to `z`, `0` to `9` and `-`, not `G`
 --> stacks/demo/stack.toml:2:11
  |
2 | [services.Go_Api]
  |           ^^^^^^
  |
  = help: write `go-api`

error: a name begins with a letter from `a` to `z`, not with `1`
 --> stacks/demo/stack.toml:4:11
  |
4 | [services.1a]
  |           ^^
  |
  = help: write `a`

error: a name cannot end with `-`
 --> stacks/demo/stack.toml:6:11
  |
6 | [services.a-]
  |           ^^
  |
  = help: write `a`

error: a name cannot be empty
 --> stacks/demo/stack.toml:8:11
  |
8 | [services.""]
  |           ^^

error: a name holds only `a` to `z`, `0` to `9` and `-`, not `ü`
  --> stacks/demo/stack.toml:10:11
   |
10 | [services."grün"]
   |           ^^^^^^
   |
   = help: write `gr-n`

error: a name has at most 63 characters, this one has 64
  --> stacks/demo/stack.toml:12:11
   |
12 | [services.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]
   |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: write `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`

error: a name holds only `a` to `z`, `0` to `9` and `-`, not `D`
  --> stacks/demo/stack.toml:16:13
   |
16 | volumes = { Data = "/x" }
   |             ^^^^
   |
   = help: write `data`

"#]],
    );
}
