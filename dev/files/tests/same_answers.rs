//! One table of requests, asked of both servers.

#![expect(
    clippy::disallowed_methods,
    reason = "tests make files and start servers"
)]
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "same_answers/servers.rs"]
mod servers;

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use hob_files::{Addresses, Options};
use servers::{Answer, Running};

/// A folder of files whose own name is as awkward as a path can be.
struct Site {
    _folder: tempfile::TempDir,
    root: PathBuf,
    state: PathBuf,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().join("a \"b\" 'c' $d ${e} {f}; # \\g\nh é");
        let root = base.join("public");
        let outside = base.join("outside");
        fs::create_dir_all(root.join("sub dir")).unwrap();
        fs::create_dir_all(root.join("empty")).unwrap();
        fs::create_dir_all(root.join(".git")).unwrap();
        fs::create_dir_all(root.join(".well-known")).unwrap();
        fs::create_dir_all(root.join(".hob")).unwrap();
        fs::create_dir_all(&outside).unwrap();
        for (name, content) in [
            ("index.html", "<h1>hi</h1>"),
            ("app.js", "let a = 1;"),
            ("digits", "0123456789"),
            ("nothing.txt", ""),
            ("a b$é.css", "p {}"),
            ("sub dir/index.html", "<h1>sub</h1>"),
            ("sub dir/.hidden", "secret"),
            (".env", "SECRET=1"),
            (".git/config", "secret"),
            (".well-known/security.txt", "mail"),
            (".hob/env.json", "never served"),
            (".hob/other.json", "never served"),
        ] {
            fs::write(root.join(name), content).unwrap();
        }
        fs::write(outside.join("shared.json"), "{}").unwrap();
        symlink(outside.join("shared.json"), root.join("shared.json")).unwrap();
        symlink(&outside, root.join("linked")).unwrap();
        symlink(root.join("gone"), root.join("broken")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        rustix::fs::mkfifoat(
            rustix::fs::CWD,
            root.join("pipe"),
            rustix::fs::Mode::from_raw_mode(0o600),
        )
        .unwrap();
        Self {
            _folder: folder,
            root,
            state: base.join("state"),
        }
    }

    fn options(&self) -> Options {
        let vars = [
            ("GOAPI_HOST", "127.0.0.1"),
            ("GOAPI_PORT", "20010"),
            ("GOAPI_URL", "http://127.0.0.1:20010"),
            ("GOAPI_PUBLIC_URL", "/go$api/"),
            ("PASSWORD_URL", "http://secret@127.0.0.1"),
        ];
        Options {
            root: self.root.clone(),
            listen: "127.0.0.1:0".parse().unwrap(),
            addresses: Addresses::from_vars(vars.map(|(name, value)| (name.into(), value.into()))),
        }
    }

    /// Both servers on this folder.
    fn servers(&self) -> [Running; 2] {
        [
            Running::built_in(&self.options()),
            Running::nginx(&self.options(), &self.state),
        ]
    }
}

/// The request, and the status, headers and body of its answer.
fn show(answer: &Answer) -> String {
    let mut text = answer.status.to_string();
    for name in [
        "content-type",
        "content-length",
        "content-range",
        "location",
        "allow",
        "cache-control",
        "etag",
        "last-modified",
    ] {
        if let Some(value) = answer.headers.get(name) {
            text.push_str(&format!(" | {name}: {value}"));
        }
    }
    if !answer.body.is_empty() {
        text.push_str(&format!(" | {:?}", answer.body));
    }
    text
}

#[test]
fn both_give_the_same_answers() {
    const HI: &str = "200 | content-type: text/html; charset=utf-8 | content-length: 11 | cache-control: no-store | \"<h1>hi</h1>\"";
    const JS: &str = "text/javascript; charset=utf-8";
    let digits = |status: u16, length: usize, range: &str, body: &str| {
        format!(
            "{status} | content-type: application/octet-stream | content-length: {length}{range} | cache-control: no-store | {body:?}"
        )
    };
    let whole = digits(200, 10, "", "0123456789");
    let part = |from: usize, to: usize| {
        let body: String = (from..=to).map(|digit| digit.to_string()).collect();
        let range = format!(" | content-range: bytes {from}-{to}/10");
        digits(206, body.len(), &range, &body)
    };
    let missing = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>404 not found</title><p>404: there is no such file.</p></html>\n";
    let missing = format!(
        "404 | content-type: text/html; charset=utf-8 | content-length: {} | cache-control: no-store | {missing:?}",
        missing.len()
    );
    let wrong_method = "405 | content-type: text/plain; charset=utf-8 | content-length: 18 | allow: GET, HEAD | cache-control: no-store | \"only GET and HEAD\\n\"";

    let table: Vec<(&str, String)> = vec![
        // Files and folders.
        ("GET /", HI.into()),
        ("GET /?q=1", HI.into()),
        ("GET /index.html", HI.into()),
        ("GET //index.html", HI.into()),
        ("GET /app.js", format!("200 | content-type: {JS} | content-length: 10 | cache-control: no-store | \"let a = 1;\"")),
        ("HEAD /app.js", format!("200 | content-type: {JS} | content-length: 10 | cache-control: no-store")),
        ("GET /nothing.txt", "200 | content-type: text/plain; charset=utf-8 | content-length: 0 | cache-control: no-store".into()),
        ("GET /a%20b$%C3%A9.css", "200 | content-type: text/css; charset=utf-8 | content-length: 4 | cache-control: no-store | \"p {}\"".into()),
        ("GET /sub%20dir/", "200 | content-type: text/html; charset=utf-8 | content-length: 12 | cache-control: no-store | \"<h1>sub</h1>\"".into()),
        ("GET /sub%20dir", "301 | location: /sub%20dir/ | cache-control: no-store".into()),
        ("GET //sub%20dir?a=%20&b", "301 | location: /sub%20dir/?a=%20&b | cache-control: no-store".into()),
        ("GET /sub%20dir/../app.js?x", format!("200 | content-type: {JS} | content-length: 10 | cache-control: no-store | \"let a = 1;\"")),
        // What is not there.
        ("GET /gone", missing.clone()),
        ("GET /empty/", missing.clone()),
        ("GET /app.js/", missing.clone()),
        ("GET /app.js/x", missing.clone()),
        ("GET /broken", missing.clone()),
        ("GET /loop", missing.clone()),
        ("GET /pipe", missing.clone()),
        ("HEAD /gone", missing.rsplit_once(" | ").unwrap().0.to_owned()),
        // What is hidden.
        ("GET /.env", missing.clone()),
        ("GET /%2eenv", missing.clone()),
        ("GET /.git/config", missing.clone()),
        ("GET /.git", missing.clone()),
        ("GET /sub%20dir/.hidden", missing.clone()),
        ("GET /sub%20dir%2f%2ehidden", missing.clone()),
        ("GET /.hob/other.json", missing.clone()),
        ("GET /.well-known/security.txt", "200 | content-type: text/plain; charset=utf-8 | content-length: 4 | cache-control: no-store | \"mail\"".into()),
        // Links, also to outside, are the developer's own.
        ("GET /shared.json", "200 | content-type: application/json | content-length: 2 | cache-control: no-store | \"{}\"".into()),
        ("GET /linked/shared.json", "200 | content-type: application/json | content-length: 2 | cache-control: no-store | \"{}\"".into()),
        // Out of the root.
        ("GET /../outside/shared.json", "400".into()),
        ("GET /%2e%2e/outside/shared.json", "400".into()),
        ("GET /sub%20dir/..%2f..%2foutside/shared.json", "400".into()),
        ("GET /%zz", "400".into()),
        ("GET /a%00", "400".into()),
        // The addresses of other services.
        ("GET /.hob/env.json", "200 | content-type: application/json | content-length: 25 | cache-control: no-store | \"{\\\"GOAPI_URL\\\":\\\"/go$api/\\\"}\\n\"".into()),
        ("GET /%2ehob/env.json", "200 | content-type: application/json | content-length: 25 | cache-control: no-store | \"{\\\"GOAPI_URL\\\":\\\"/go$api/\\\"}\\n\"".into()),
        ("HEAD /.hob/env.json", "200 | content-type: application/json | content-length: 25 | cache-control: no-store".into()),
        ("GET /.hob/env.json\nRange: bytes=0-1", "200 | content-type: application/json | content-length: 25 | cache-control: no-store | \"{\\\"GOAPI_URL\\\":\\\"/go$api/\\\"}\\n\"".into()),
        // Ranges.
        ("GET /digits", whole.clone()),
        ("GET /digits\nRange: bytes=2-4", part(2, 4)),
        ("GET /digits\nRange: bytes=7-", part(7, 9)),
        ("GET /digits\nRange: bytes=-3", part(7, 9)),
        ("GET /digits\nRange: bytes=-30", part(0, 9)),
        ("GET /digits\nRange: bytes=8-99", part(8, 9)),
        ("GET /digits\nRange: bytes=0-1,4-5", whole.clone()),
        ("GET /digits\nRange: lines=0-1", whole.clone()),
        ("GET /digits\nRange: bytes=2-4\nIf-Range: \"x\"", whole.clone()),
        ("GET /digits\nRange: bytes=2-4\nIf-Range: Sat, 21 Nov 2026 00:00:00 GMT", whole.clone()),
        ("GET /digits\nRange: bytes=10-", "416 | content-range: bytes */10".into()),
        ("GET /digits\nRange: bytes=4-2", "416 | content-range: bytes */10".into()),
        ("GET /digits\nRange: bytes=-0", "416 | content-range: bytes */10".into()),
        ("GET /digits\nRange: bytes=abc", "416 | content-range: bytes */10".into()),
        ("GET /nothing.txt\nRange: bytes=0-", "200 | content-type: text/plain; charset=utf-8 | content-length: 0 | cache-control: no-store".into()),
        ("HEAD /digits\nRange: bytes=2-4", part(2, 4).rsplit_once(" | ").unwrap().0.to_owned()),
        // Nothing is cached, so no condition is met.
        ("GET /\nIf-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT", HI.into()),
        ("GET /\nIf-None-Match: \"x\"", HI.into()),
        ("GET /\nAccept-Encoding: gzip, br", HI.into()),
        // Methods.
        ("POST /", wrong_method.into()),
        ("PUT /app.js", wrong_method.into()),
        ("DELETE /gone", wrong_method.into()),
        ("OPTIONS /.env", wrong_method.into()),
        ("POST /.hob/env.json", wrong_method.into()),
    ];

    let site = Site::new();
    let mut wrong = String::new();
    for server in site.servers() {
        for (request, expected) in &table {
            let mut answer = server.ask(request);
            // What a server writes below these is its own: not a page of the site.
            match answer.status {
                400 => {
                    answer.headers.clear();
                    answer.body.clear();
                }
                301 | 416 => {
                    answer.headers.remove("content-type");
                    answer.headers.remove("content-length");
                    answer.body.clear();
                    if answer.status == 416 {
                        answer.headers.remove("cache-control");
                    }
                }
                _ => {}
            }
            let actual = show(&answer);
            if actual != *expected {
                wrong.push_str(&format!(
                    "{}: {request}\n  expected {expected}\n  got      {actual}\n",
                    server.name()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn two_saves_of_one_length_within_a_second_are_both_seen() {
    let site = Site::new();
    for server in site.servers() {
        let page = site.root.join("page.html");
        let mut validators = String::new();
        for body in ["one", "two", "six"] {
            save_at_the_same_second(&page, body);
            let answer = server.ask(&format!("GET /page.html{validators}"));
            assert_eq!(
                (answer.status, answer.body.as_str()),
                (200, body),
                "{} after{validators}",
                server.name()
            );
            validators.clear();
            for (header, condition) in [
                ("etag", "If-None-Match"),
                ("last-modified", "If-Modified-Since"),
            ] {
                if let Some(value) = answer.headers.get(header) {
                    validators.push_str(&format!("\n{condition}: {value}"));
                }
            }
        }
    }
}

/// Writes a file whose time differs from the last one's by less than a second.
fn save_at_the_same_second(path: &Path, body: &str) {
    fs::write(path, body).unwrap();
    let second = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_800_000_000);
    let nanos = std::time::Duration::from_nanos(u64::from(body.as_bytes()[0]));
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(second + nanos).unwrap();
}

#[test]
fn a_root_that_was_made_anew_is_served() {
    let site = Site::new();
    for server in site.servers() {
        fs::rename(&site.root, site.root.with_extension("old")).unwrap();
        assert_eq!(server.ask("GET /").status, 404, "{}", server.name());
        fs::create_dir(&site.root).unwrap();
        fs::write(site.root.join("index.html"), "new").unwrap();
        assert_eq!(server.ask("GET /").body, "new", "{}", server.name());
        fs::remove_dir_all(&site.root).unwrap();
        fs::rename(site.root.with_extension("old"), &site.root).unwrap();
    }
}

#[test]
fn a_large_file_arrives_whole() {
    let site = Site::new();
    let large = "0123456789abcdef".repeat(1 << 18);
    fs::write(site.root.join("large.txt"), &large).unwrap();
    for server in site.servers() {
        let answer = server.ask("GET /large.txt");
        assert_eq!(answer.status, 200);
        assert!(answer.body == large, "{} changed it", server.name());
    }
}

#[test]
fn the_end_that_was_asked_for_comes_and_frees_the_port() {
    let site = Site::new();
    for server in site.servers() {
        let (name, addr) = (server.name(), server.addr());
        // A client that stays connected does not hold it up.
        let idle = std::net::TcpStream::connect(addr).unwrap();
        assert_eq!(server.ask("GET /").status, 200);
        server.end();
        assert!(
            std::net::TcpStream::connect(addr).is_err(),
            "{name} still listens"
        );
        drop(idle);
    }
}

#[test]
fn the_built_in_server_finishes_its_answers_before_it_ends() {
    let site = Site::new();
    let large = vec![b'x'; 16 << 20];
    fs::write(site.root.join("large.bin"), &large).unwrap();
    let server = Running::built_in(&site.options());
    let addr = server.addr();
    let mut stream = std::net::TcpStream::connect(addr).unwrap();
    stream
        .write_all(b"GET /large.bin HTTP/1.1\r\nHost: test\r\n\r\n")
        .unwrap();
    let mut first = [0; 1];
    stream.read_exact(&mut first).unwrap();
    // More than fits between the two is still to be sent when the end comes.
    let end = std::thread::spawn(move || server.end());
    servers::wait_until_closed(addr);
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert!(
        rest.ends_with(&large),
        "it was cut after {} bytes",
        rest.len()
    );
    end.join().unwrap();
}

#[test]
fn each_request_is_one_line_of_the_log_and_a_readiness_probe_is_none() {
    let site = Site::new();
    for server in site.servers() {
        server.ask("GET /app.js?x=%20");
        server.ask("GET /\nUser-Agent: hob-ready");
        server.ask("HEAD /gone");
        let name = server.name();
        let lines: Vec<String> = server
            .end()
            .lines()
            .filter(|line| *line != servers::PROBE_LINE)
            .map(str::to_owned)
            .collect();
        assert_eq!(lines, ["GET /app.js?x=%20 200", "HEAD /gone 404"], "{name}");
    }
}
