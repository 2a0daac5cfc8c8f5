//! HTTPS by a certificate authority of hob's own, with a real nginx and `curl`;
//! trust is installed in a copy of this machine's store, in a namespace.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};

use hob_e2e::{Service, Store, World, http, stack, until};

/// curl's word for a certificate that nobody vouches for; see curl(1).
const UNTRUSTED: i32 = 60;
/// Its word for a port that nobody listens on.
const CLOSED: i32 = 7;

/// A project with a service, and an ingress that serves HTTPS, too.
struct Door {
    world: World,
    http: u16,
    https: u16,
}

impl Door {
    fn new() -> Self {
        let mut world = World::new();
        let (web, http, https) = (world.port(), world.port(), world.port());
        world.stack("demo", &stack(&[Service::new("web", web)]));
        world.page("demo/web", "web\n");
        let door = Self { world, http, https };
        let ports = [http.to_string(), https.to_string()];
        let up = [
            "ingress",
            "up",
            "--port",
            &ports[0],
            "--https-port",
            &ports[1],
        ];
        let up = door.world.hob(up).good();
        assert!(up.err.contains("made the hob local authority"), "{up:?}");
        let told = format!("hob/ingress answers by HTTPS on 127.0.0.1:{https}");
        assert!(up.err.contains(&told), "{up:?}");
        door.world.hob(["up"]).good();
        until("https", || door.answers("web.demo.test", "web"));
        door
    }

    fn authority(&self, file: &str) -> PathBuf {
        self.world.platform().join("authority").join(file)
    }

    /// `curl` for a host behind the door.
    fn curl(&self, host: &str, args: &[&str]) -> Command {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--max-time", "20", "--resolve"]);
        command
            .arg(format!("{host}:{}:127.0.0.1", self.https))
            .args(args);
        command.arg(format!("https://{host}:{}/", self.https));
        command
    }

    /// What is asked by somebody who is told of the authority.
    fn ask(&self, host: &str) -> Output {
        let file = self.authority("ca.pem");
        let known = ["--cacert", file.to_str().unwrap()];
        self.curl(host, &known).output().unwrap()
    }

    /// The same by HTTP/1.1. With HTTP/2 a worker of nginx that leaves says so
    /// (GOAWAY) on whatever connection it has just taken, too: browsers ask
    /// again then (RFC 9113, 6.8), and curl does not.
    fn ask_once(&self, host: &str) -> Output {
        let file = self.authority("ca.pem");
        let known = ["--http1.1", "--cacert", file.to_str().unwrap()];
        self.curl(host, &known).output().unwrap()
    }

    fn answers(&self, host: &str, body: &str) -> bool {
        let output = self.ask(host);
        output.status.success() && text(&output.stdout).trim() == body
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn https_is_served_once_it_was_asked_for_to_whoever_knows_the_authority() {
    let door = Door::new();
    let output = door.curl("web.demo.test", &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(UNTRUSTED), "{output:?}");
    assert_eq!(
        http::get_from(door.http, "web.demo.test", "/")
            .unwrap()
            .body,
        "web"
    );
    let nobody = door.ask("nobody.demo.test");
    assert_eq!(text(&nobody.stdout).trim(), "nothing serves demo now");
    assert!(!door.ask("web.demo.example").status.success());
    let status = door.world.hob(["ingress", "status"]).good();
    let url = format!("https://web.demo.test:{}/\n", door.https);
    assert!(status.out.contains(&url), "{status:?}");
    // It is remembered, and so is that it is not wanted any more.
    door.world.hob(["ingress", "down"]).good();
    let up = door.world.hob(["ingress", "up"]).good();
    assert!(!up.err.contains("made the"), "{up:?}");
    until("https", || door.answers("web.demo.test", "web"));
    let up = door.world.hob(["ingress", "up", "--no-https"]).good();
    assert!(!up.err.contains("up already"), "{up:?}");
    let told = "hob/ingress answers by HTTPS no more";
    assert!(up.err.contains(told), "{up:?}");
    assert!(!up.out.contains("https"), "{up:?}");
    until("a closed port", || {
        door.ask("web.demo.test").status.code() == Some(CLOSED)
    });
    assert_eq!(
        http::get_from(door.http, "web.demo.test", "/")
            .unwrap()
            .body,
        "web"
    );
}

#[test]
fn what_changed_of_https_is_said_and_stacks_with_routes_are_listed_by_it() {
    let mut world = World::new();
    let (http, https, dns) = (world.port(), world.port(), world.port());
    world.platform_on(http, dns);
    let web = Service::auto("web").with("routes = [\"/greeting\"]");
    world.stack("demo", &stack(&[web]));
    world.page("demo/web", "web\n");
    world.hob(["up"]).good();
    world.hob(["ingress", "up"]).good();
    let port = https.to_string();
    let up = world.hob(["ingress", "up", "--https-port", &port]).good();
    assert!(!up.err.contains("up already"), "{up:?}");
    let told = format!("hob/ingress answers by HTTPS on 127.0.0.1:{https} from now on");
    assert!(up.err.contains(&told), "{up:?}");
    for url in [
        format!("https://demo.test:{https}/greeting\n"),
        format!("https://web.demo.test:{https}/\n"),
    ] {
        assert!(up.out.contains(&url), "{url}: {up:?}");
    }
    let again = world.hob(["ingress", "up", "--https"]).good();
    assert!(again.err.contains("up already"), "{again:?}");
    assert!(!again.err.contains("from now on"), "{again:?}");
    let both = world
        .hob(["ingress", "up", "--https", "--no-https"])
        .code(2);
    assert!(both.err.contains("cannot be used with"), "{both:?}");
}

#[test]
fn a_new_stack_gets_a_certificate_and_no_request_of_another_one_fails() {
    let mut door = Door::new();
    let blog = door.world.port();
    door.world
        .stack("blog", &stack(&[Service::new("web", blog)]));
    door.world.page("blog/web", "blog\n");
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut answers = 0;
            while !over.load(Ordering::Relaxed) {
                let output = door.ask_once("web.demo.test");
                assert_eq!(text(&output.stdout), "web", "{output:?}");
                answers += 1;
            }
            answers
        });
        for _ in 0..3 {
            door.world.hob(["up", "blog"]).good();
            until("https", || door.answers("web.blog.test", "blog"));
            door.world.hob(["down", "blog"]).good();
            until("no host", || !door.ask("web.blog.test").status.success());
        }
        over.store(true, Ordering::Relaxed);
        assert!(asking.join().unwrap() > 10);
    });
}

#[test]
fn an_authority_signs_for_its_domains_and_another_domain_takes_another_one() {
    let door = Door::new();
    let about = || std::fs::read_to_string(door.authority("about.json")).unwrap();
    let first = about();
    door.world.hob(["ingress", "up", "--https"]).good();
    assert_eq!(about(), first);
    let file = door.world.engine().project_file().unwrap_or_default();
    let file = format!("{file}domains = [\"test\", \"shop.internal\"]\n");
    door.world.write("hob.toml", &file);
    door.world.hob(["up"]).good();
    assert_eq!(about(), first);
    until("https", || door.answers("web.demo.test", "web"));
    let up = door.world.hob(["ingress", "up"]).good();
    assert!(up.err.contains("for shop.internal, test;"), "{up:?}");
    assert_ne!(about(), first);
    for host in ["web.demo.test", "web.demo.shop.internal"] {
        until(host, || door.answers(host, "web"));
    }
}

#[test]
fn a_key_is_read_by_its_user_and_shown_to_nobody() {
    let door = Door::new();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&door.authority("")), 0o700);
    assert_eq!(mode(&door.authority("ca.key")), 0o600);
    let served = door.world.platform().join("stacks/hob/certificates");
    assert_eq!(mode(&served), 0o700);
    let files: Vec<_> = std::fs::read_dir(served)
        .unwrap()
        .map(|it| it.unwrap().path())
        .collect();
    assert!(
        !files.is_empty() && files.iter().all(|it| mode(it) == 0o600),
        "{files:?}"
    );
    let platform = door.world.platform();
    let platform = platform.to_str().unwrap();
    let shown = [
        door.world.hob(["ingress", "ca", "status"]).good(),
        door.world.hob(["ingress", "ca", "install", "--json"]),
        door.world.hob(["doctor", "--json"]),
        door.world
            .hob(["--project", platform, "status", "--json"])
            .good(),
        door.world
            .hob(["--project", platform, "plan", "--json"])
            .good(),
        door.world
            .hob(["--project", platform, "logs", "ingress"])
            .good(),
    ];
    for run in shown {
        assert!(
            !run.out.contains("PRIVATE") && !run.err.contains("PRIVATE"),
            "{run:?}"
        );
    }
}

#[test]
fn nothing_is_made_unasked_and_what_is_not_there_is_said() {
    let mut world = World::new();
    let port = world.port().to_string();
    let install = world.hob(["ingress", "ca", "install", "--yes"]).code(1);
    assert!(
        install.err.contains("`hob ingress up --https`"),
        "{install:?}"
    );
    world.hob(["ingress", "up", "--port", &port]).good();
    assert!(!world.platform().join("authority").join("ca.key").exists());
    let both = ["ingress", "up", "--https-port", &port];
    let both = world.hob(both).code(2);
    assert!(
        both.err.contains("cannot be for HTTP and HTTPS"),
        "{both:?}"
    );
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let refused = world.hob(["ingress", "up", "--https-port", &port]).code(1);
    assert!(
        refused.err.contains(&format!("127.0.0.1:{port} is taken")),
        "{refused:?}"
    );
}

#[test]
fn trust_is_installed_when_asked_and_taken_back_to_the_byte() {
    let door = Door::new();
    let world = &door.world;
    let store = Store::new(world);
    let before = store.bytes();
    let ask = || store.run(world, &door.curl("web.demo.test", &[]));
    let listed = || {
        let listed = Store::listed(world);
        listed.contains("hob local authority")
    };
    assert_eq!(ask().status.code(), Some(UNTRUSTED));

    let asked = store.hob(world, &["ingress", "ca", "install"]);
    assert_eq!(asked.status.code(), Some(2), "{asked:?}");
    let shown = text(&asked.stdout);
    for part in [
        "/usr/local/share/ca-certificates/hob.crt",
        "+ -----BEGIN CERTIFICATE-----",
        "`update-ca-certificates`",
        "certutil -d sql:",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert_eq!((store.since(&before), listed()), (vec![], false));

    for _ in 0..2 {
        let installed = store.hob(world, &["ingress", "ca", "install", "--yes"]);
        assert!(installed.status.success(), "{installed:?}");
        let answer = ask();
        assert_eq!(text(&answer.stdout), "web", "{answer:?}");
        assert!(listed());
    }
    let status = world.hob(["ingress", "ca", "status"]).good();
    assert!(
        status.err.contains("trusted by the system's store"),
        "{status:?}"
    );

    // A trusted authority is not replaced behind its user's back.
    let file = world.engine().project_file().unwrap_or_default();
    world.write("hob.toml", &format!("{file}domains = [\"lan\"]\n"));
    let other = world.hob(["ingress", "up", "--https"]).code(1);
    assert!(
        other.err.contains("signs for test and no more"),
        "{other:?}"
    );

    let removed = store.hob(world, &["ingress", "ca", "uninstall", "--yes"]);
    assert!(removed.status.success(), "{removed:?}");
    assert_eq!((store.since(&before), listed()), (vec![], false));
    assert_eq!(ask().status.code(), Some(UNTRUSTED));

    let again = store.hob(world, &["ingress", "ca", "install", "--yes"]);
    assert!(again.status.success(), "{again:?}");
    assert_ne!(store.since(&before), Vec::<PathBuf>::new());
    let left = store.hob(world, &["down", "--all", "--prove", "--yes"]);
    assert!(left.status.success(), "{left:?}");
    assert_eq!((store.since(&before), listed()), (vec![], false));
}
