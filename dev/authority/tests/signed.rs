//! What the authority signs, by the program `openssl`, and its files.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests: they write files, start programs and fail loudly"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

use hob_authority::{Authority, Folder};

const DAY: Duration = Duration::from_hours(24);

fn set(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(ToString::to_string).collect()
}

/// A folder with an authority for two domains.
struct Ground {
    folder: tempfile::TempDir,
    files: Folder,
    authority: Authority,
}

impl Ground {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = Folder::new(folder.path().join("own"), folder.path().join("served"));
        let domains = set(&["test", "shop.internal"]);
        let authority = files.make(domains, SystemTime::now()).unwrap();
        Self {
            folder,
            files,
            authority,
        }
    }

    /// Serves one stack, and says in which file.
    fn serve(&self, names: &[&str], now: SystemTime) -> Option<PathBuf> {
        let stacks = BTreeMap::from([("shop".to_owned(), set(names))]);
        let files = self
            .files
            .serve(Some(&self.authority), &stacks, now)
            .unwrap();
        self.files.clear(&files).unwrap();
        Some(self.folder.path().join("served").join(files.get("shop")?))
    }
}

fn openssl(args: &[&str]) -> Output {
    let output = Command::new("openssl").args(args).output();
    output.expect("openssl is not installed; `apt-get install -y openssl` installs it")
}

fn said(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&text).into_owned()
}

/// Whether somebody who trusts the authority takes this certificate for a
/// host, and what is said of it.
fn verify(ground: &Ground, leaf: &Path, host: &str) -> (bool, String) {
    let authority = ground.files.certificate();
    let (authority, leaf) = (authority.to_str().unwrap(), leaf.to_str().unwrap());
    let args = [
        "verify",
        "-x509_strict",
        "-purpose",
        "sslserver",
        "-verify_hostname",
        host,
    ];
    let output = openssl(&[&args[..], &["-CAfile", authority, leaf]].concat());
    (output.status.success(), said(&output))
}

#[test]
fn what_it_signs_is_taken_for_its_names_and_no_other() {
    let ground = Ground::new();
    let leaf = ground
        .serve(&["shop.test", "*.shop.test"], SystemTime::now())
        .unwrap();
    for host in ["shop.test", "api.shop.test"] {
        let (good, words) = verify(&ground, &leaf, host);
        assert!(good, "{words}");
    }
    let (good, words) = verify(&ground, &leaf, "api.other.test");
    assert!(!good && words.contains("hostname mismatch"), "{words}");
}

#[test]
fn what_a_thief_of_its_key_signs_for_another_domain_is_refused() {
    let ground = Ground::new();
    let at = |name: &str| ground.folder.path().join(name).to_str().unwrap().to_owned();
    let key = at("own/ca.key");
    let authority = ground.files.certificate();
    for (name, good) in [
        ("DNS:a.test", true),
        ("DNS:a.org", false),
        ("IP:127.0.0.1", false),
    ] {
        let (leaf_key, request, leaf) = (at("key"), at("request"), at("leaf"));
        let curve = [
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
        ];
        let to = [
            "-subj",
            "/CN=x",
            "-addext",
            &format!("subjectAltName={name}"),
        ];
        let files = ["-keyout", &leaf_key, "-out", &request];
        openssl(&[&["req"], &curve[..], &to[..], &files[..]].concat());
        let by = [
            "-CA",
            authority.to_str().unwrap(),
            "-CAkey",
            &key,
            "-out",
            &leaf,
        ];
        let signed = ["x509", "-req", "-copy_extensions", "copy", "-in", &request];
        let output = openssl(&[&signed[..], &by[..]].concat());
        assert!(output.status.success(), "{}", said(&output));
        let args = [
            "verify",
            "-CAfile",
            authority.to_str().unwrap(),
            leaf.as_str(),
        ];
        let output = openssl(&args);
        assert_eq!(output.status.success(), good, "{name}: {}", said(&output));
        assert!(
            good || said(&output).contains("subtree violation"),
            "{}",
            said(&output)
        );
    }
}

#[test]
fn a_certificate_holds_as_long_as_systems_take_one_and_is_for_servers() {
    let ground = Ground::new();
    let leaf = ground.serve(&["shop.test"], SystemTime::now()).unwrap();
    let leaf = leaf.to_str().unwrap();
    let ends = |days: u64| {
        let seconds = (days * 24 * 3600).to_string();
        let output = openssl(&["x509", "-in", leaf, "-noout", "-checkend", &seconds]);
        !output.status.success()
    };
    assert!(!ends(819) && ends(821));
    let text = said(&openssl(&["x509", "-in", leaf, "-noout", "-text"]));
    for part in ["P-256", "TLS Web Server Authentication", "DNS:shop.test"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let ca = ground.files.certificate();
    let text = said(&openssl(&[
        "x509",
        "-in",
        ca.to_str().unwrap(),
        "-noout",
        "-text",
    ]));
    for part in [
        "P-256",
        "CA:TRUE, pathlen:0",
        "DNS:shop.internal",
        "Permitted",
        "Excluded",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_certificate_is_kept_until_it_ends_soon_or_has_other_names() {
    let mut ground = Ground::new();
    let now = SystemTime::now();
    let first = ground.serve(&["shop.test"], now);
    assert_eq!(ground.serve(&["shop.test"], now + 700 * DAY), first);
    // An authority that was read again is the same one.
    ground.authority = ground.files.authority().unwrap().unwrap();
    assert_eq!(ground.serve(&["shop.test"], now), first);
    let late = ground.serve(&["shop.test"], now + 800 * DAY);
    assert_ne!(late, first);
    let (good, words) = verify(&ground, &late.clone().unwrap(), "shop.test");
    // It is valid from a day before that on.
    assert!(!good && words.contains("not yet valid"), "{words}");
    let other = ground.serve(&["shop.test", "shop.shop.internal"], now);
    assert_ne!(other, late);
    let (good, words) = verify(&ground, &other.unwrap(), "shop.shop.internal");
    assert!(good, "{words}");
    ground.authority = ground.files.make(set(&["test"]), now).unwrap();
    let (good, words) = verify(
        &ground,
        &ground.serve(&["shop.test"], now).unwrap(),
        "shop.test",
    );
    assert!(good, "{words}");
    let files = std::fs::read_dir(ground.folder.path().join("served")).unwrap();
    assert_eq!(files.count(), 1);
}

#[test]
fn names_of_other_domains_are_left_out_and_nobody_without_a_name_has_a_certificate() {
    let ground = Ground::new();
    let leaf = ground
        .serve(&["shop.test", "shop.example"], SystemTime::now())
        .unwrap();
    let (good, words) = verify(&ground, &leaf, "shop.test");
    assert!(good, "{words}");
    assert_eq!(
        ground.serve(&["shop.example", "shop.nottest"], SystemTime::now()),
        None
    );
    let names = set(&["shop.example"]);
    let error = ground.authority.issue("shop", &names, SystemTime::now());
    let error = error.unwrap_err().to_string();
    assert!(
        error.starts_with("shop.example is in none of the domains of hob local"),
        "{error}"
    );
}

#[test]
fn nobody_else_reads_a_key_and_nothing_shows_one() {
    let ground = Ground::new();
    let leaf = ground.serve(&["shop.test"], SystemTime::now()).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let own = ground.folder.path().join("own");
    assert_eq!((mode(&own), mode(&own.join("ca.key"))), (0o700, 0o600));
    assert_eq!((mode(leaf.parent().unwrap()), mode(&leaf)), (0o700, 0o600));
    let issued = ground
        .authority
        .issue("shop", &set(&["shop.test"]), SystemTime::now());
    let shown = format!("{:?} {issued:?}", ground.authority);
    assert!(
        !shown.contains("PRIVATE") && shown.contains("hob local authority"),
        "{shown}"
    );
    std::fs::write(own.join("ca.key"), "secret").unwrap();
    let error = format!("{:?}", ground.files.authority().unwrap_err());
    assert!(
        error.contains("ca.key") && !error.contains("secret"),
        "{error}"
    );
}
