//! Logins as Docker's command line keeps them, with helpers that are scripts.

#![expect(clippy::disallowed_methods, reason = "tests make files")]
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use hob_registry::credentials;
use hob_registry::credentials::{Credentials, CredentialsError, Helpers};
use tempfile::TempDir;

/// A folder of Docker's, and one of programs.
struct Home {
    folder: TempDir,
    helpers: Helpers,
}

impl Home {
    fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("config.json"), config).unwrap();
        let bin = folder.path().join("bin");
        fs::create_dir(&bin).unwrap();
        let helpers = Helpers {
            path: Some(format!("{}:/usr/bin:/bin", bin.display()).into()),
            ..Helpers::default()
        };
        Self { folder, helpers }
    }

    /// With a helper `docker-credential-x`.
    fn with_helper(script: &str) -> Self {
        let home = Self::new(r#"{"credHelpers": {"a:1": "x"}}"#);
        let path = home.folder.path().join("bin/docker-credential-x");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        home
    }

    async fn login(&self, registry: &str) -> Result<Option<Credentials>, CredentialsError> {
        let folder = self.folder.path();
        loop {
            // A script that another test's fork still has open for writing.
            match self.helpers.credentials(folder, registry).await {
                Err(CredentialsError::NoHelper { source, .. })
                    if source.kind() == std::io::ErrorKind::ExecutableFileBusy => {}
                login => return login,
            }
        }
    }

    /// The login as the engine gets it, or what is wrong, with `HOME` for the
    /// folder.
    async fn check(&self, registry: &str, expected: &str) {
        let found = match self.login(registry).await {
            Ok(None) => "nobody".to_owned(),
            Ok(Some(login)) => {
                let header = URL_SAFE.decode(login.to_header()).unwrap();
                String::from_utf8(header).unwrap()
            }
            Err(error) => error
                .to_string()
                .replace(self.folder.path().to_str().unwrap(), "HOME"),
        };
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn a_folder_without_a_file_has_no_login() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(credentials(folder.path(), "a:1").await.unwrap(), None);
    let absent = folder.path().join("absent");
    assert_eq!(credentials(&absent, "a:1").await.unwrap(), None);
}

#[tokio::test]
async fn a_login_of_the_file_is_what_the_engine_gets() {
    let auth = base64::engine::general_purpose::STANDARD.encode("user:hunter2?>~");
    let home = Home::new(&format!(
        r#"{{"auths": {{"a:1": {{"auth": "{auth}"}}, "b:1": {{}}}}}}"#
    ));
    home.check(
        "a:1",
        r#"{"password":"hunter2?>~","serveraddress":"a:1","username":"user"}"#,
    )
    .await;
    home.check("b:1", "nobody").await;
    home.check("c:1", "nobody").await;
    let login = credentials(home.folder.path(), "a:1")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(login.username(), Some("user"));
    assert_eq!(
        format!("{login:?}"),
        r#"Credentials { username: "user", server: "a:1", .. }"#
    );
    // The alphabet of URLs: the other one has `/` and `+`.
    assert!(!login.to_header().contains(['/', '+']));
}

#[tokio::test]
async fn a_helper_is_asked_for_the_registry() {
    let home = Home::with_helper(
        r#"read -r server
        echo "{\"ServerURL\":\"$server\",\"Username\":\"$1 $server\",\"Secret\":\"hunter2\"}""#,
    );
    home.check(
        "a:1",
        r#"{"password":"hunter2","serveraddress":"a:1","username":"get a:1"}"#,
    )
    .await;
    home.check("b:1", "nobody").await;
}

#[tokio::test]
async fn a_helper_s_token_is_an_identity_token() {
    let home = Home::with_helper(r#"echo '{"Username":"<token>","Secret":"t"}'"#);
    home.check("a:1", r#"{"identitytoken":"t","serveraddress":"a:1"}"#)
        .await;
    let login = home.login("a:1").await.unwrap().unwrap();
    assert_eq!(login.username(), None);
}

#[tokio::test]
async fn a_helper_that_knows_nobody_is_no_error() {
    let home = Home::with_helper("echo credentials not found in native keychain; exit 1");
    home.check("a:1", "nobody").await;
}

#[tokio::test]
async fn a_helper_that_fails_is_told_with_its_words_and_without_secrets() {
    let of = |reason: &str| format!("`docker-credential-x` gives no login for a:1: {reason}");
    for (script, reason) in [
        (
            "echo the keyring is locked; exit 1",
            "the keyring is locked",
        ),
        ("echo no keyring >&2; exit 2", "no keyring"),
        ("exit 3", "exit status: 3"),
        ("echo hunter2", "it answers without `Username` and `Secret`"),
        (
            r#"echo '{"Username":7,"Secret":"hunter2"}'"#,
            "it answers without `Username` and `Secret`",
        ),
    ] {
        let home = Home::with_helper(script);
        home.check("a:1", &of(reason)).await;
        let error = home.login("a:1").await.unwrap_err();
        assert!(!format!("{error:?} {error}").contains("hunter2"));
        assert_eq!(error.hints(), ["`docker login a:1` logs in again"]);
    }
}

#[tokio::test]
async fn a_helper_that_hangs_is_ended_with_what_it_started() {
    let mut home = Home::with_helper("sleep 600 & echo $! $$ > \"$0.pids\"; wait");
    home.helpers.limit = Duration::from_millis(300);
    home.check(
        "a:1",
        "`docker-credential-x` gives no login for a:1: it took longer than 300ms",
    )
    .await;
    let pids = home.folder.path().join("bin/docker-credential-x.pids");
    let pids = fs::read_to_string(pids).unwrap_or_default();
    for pid in pids.split_whitespace() {
        let deadline = std::time::Instant::now() + Duration::from_secs(60);
        while is_running(pid) {
            assert!(std::time::Instant::now() < deadline, "{pid} still runs");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// Whether it is there and no mere entry that nobody has asked for yet.
fn is_running(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map(|(_, after)| after);
    state.is_some_and(|state| !state.starts_with('Z'))
}

#[tokio::test]
async fn a_helper_that_is_not_there_is_named_with_the_file() {
    let home = Home::new(r#"{"credsStore": "desktop"}"#);
    home.check(
        "a:1",
        "HOME/config.json has the login for a:1 kept by `docker-credential-desktop`, which cannot be run",
    )
    .await;
    let error = home.login("a:1").await.unwrap_err();
    assert!(
        error.hints()[0].starts_with("install `docker-credential-desktop`, or take it out of ")
    );
}

#[tokio::test]
async fn a_file_that_is_none_of_docker_s_is_named() {
    let home = Home::new("{\n\"auths\": {\"a:1\": \"hunter2\"}}");
    home.check(
        "a:1",
        "HOME/config.json is no configuration of Docker's: line 2, column 26 is not as Docker writes it",
    )
    .await;
    let home = Home::new("");
    fs::remove_file(home.folder.path().join("config.json")).unwrap();
    fs::create_dir(home.folder.path().join("config.json")).unwrap();
    home.check("a:1", "cannot read HOME/config.json").await;
}
