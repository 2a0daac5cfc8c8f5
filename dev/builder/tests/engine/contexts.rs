//! What arrives in the engine.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Command;

use crate::bench::{BASE, Bench, LIST, lines, listed};

#[tokio::test]
async fn names_modes_and_links_arrive_as_they_are() {
    let long = format!("{}/{}", "folder".repeat(15), "file".repeat(30));
    let bench = Bench::new(LIST, &[("größe/ñ 名", "x"), (&long, "y"), ("run.sh", "")]).await;
    fs::set_permissions(
        bench.root().join("run.sh"),
        fs::Permissions::from_mode(0o700),
    )
    .expect("set");
    symlink("../up/and away", bench.root().join("link")).expect("linked");
    symlink("x".repeat(150), bench.root().join("long-link")).expect("linked");
    let socket =
        std::os::unix::net::UnixListener::bind(bench.root().join("socket")).expect("bound");
    let (built, told) = bench.build(&bench.recipe()).await;
    built.expect("built");
    drop(socket);
    let mut expected = vec![
        "Dockerfile 644".to_owned(),
        format!("{long} 644"),
        "größe/ñ 名 644".to_owned(),
        "link 777 ../up/and away".to_owned(),
        format!("long-link 777 {}", "x".repeat(150)),
        "run.sh 755".to_owned(),
    ];
    let mut listed = listed(&lines(&told));
    expected.sort();
    listed.sort();
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn a_dockerfile_may_stand_outside_of_its_context() {
    let bench = Bench::new(LIST, &[("inner/a", "")]).await;
    let mut recipe = bench.recipe();
    recipe.context = bench.root().join("inner");
    let (built, told) = bench.build(&recipe).await;
    built.expect("built");
    let listed = listed(&lines(&told));
    assert_eq!(listed.len(), 2, "{listed:?}");
    assert!(
        listed[0].starts_with(".dockerfile.") && listed[1] == "a 644",
        "{listed:?}"
    );
}

/// What the real `docker` sends is what is sent here.
#[tokio::test]
async fn dockerignore_leaves_out_what_docker_leaves_out() {
    let files = [
        "a.md",
        "README.md",
        "b.log",
        "x/b.log",
        "x/y/b.log",
        "x/y/keep.log",
        "target/a",
        "target/deep/b",
        "src/target/c",
        "src/main.go",
        "src/main_test.go",
        "src/sub/more_test.go",
        "temp1/a",
        "tempa/b",
        "docs/a",
        "docs/keep/b",
        "docs/keep/not/c",
        "#hash",
        "sp ace",
        "node_modules/m/index.js",
        "class/a1",
        "class/b1",
        "esc*ape",
        "escape",
    ];
    let cases = [
        "*.md\n!README.md\n",
        "# comment\n\n  target/  \n**/*.log\n!x/y/keep.log\n",
        "/target\n./docs//keep/../keep\nsrc/**/*_test.go\n",
        "temp?\nclass/[a-b]1\nesc\\*ape\n",
        "docs\n!docs/keep\ndocs/keep/not\n",
        "**\n!src\n!Dockerfile\n",
        "*\n!x/y\nx/y/b.log\n",
        "*\n",
        "**/node_modules\n*/a\n",
        "src/target/**\nx/**/b.log\n!x/b.log\n",
    ];
    for case in cases {
        let mut all: Vec<_> = files.iter().map(|path| (*path, "")).collect();
        all.push((".dockerignore", case));
        let dockerfile = format!("{LIST}# {case:?}\n");
        let bench = Bench::new(&dockerfile, &all).await;
        let recipe = bench.recipe();
        let (built, told) = bench.build(&recipe).await;
        built.expect("built");
        let ours = listed(&lines(&told));

        let tag = format!("{}-docker", bench.tag);
        let output = Command::new("docker")
            .args([
                "build",
                "--no-cache",
                "--force-rm",
                "--build-arg",
                &format!("BASE={BASE}"),
                "-t",
                &tag,
                ".",
            ])
            .current_dir(bench.root())
            .env("DOCKER_BUILDKIT", "0")
            .output()
            .expect("this test compares with the `docker` program: install it");
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        bench.remove_later(&tag);
        let theirs = listed(&text.lines().collect::<Vec<_>>());
        // The engine's classic builder takes both away when they are ignored.
        let but = |list: Vec<String>| -> Vec<String> {
            list.into_iter()
                .filter(|line| {
                    !line.starts_with("Dockerfile ") && !line.starts_with(".dockerignore ")
                })
                .collect()
        };
        assert_eq!(but(ours), but(theirs), "{case}");
    }
}

#[tokio::test]
async fn a_context_of_many_megabytes_arrives_whole() {
    let bench = Bench::new("ARG BASE\nFROM $BASE\nARG RUN_ID\nRUN --mount=type=bind,target=/ctx stat -c '%s' /ctx/big\n", &[]).await;
    let big = fs::File::create(bench.root().join("big")).expect("made");
    big.set_len(200 << 20).expect("sized");
    let (built, told) = bench.build(&bench.recipe()).await;
    built.expect("built");
    assert_eq!(lines(&told), [(200 << 20).to_string()]);
}
