//! [`Subject`]: a service that is edited, with its source as a text in which
//! one word changes with every save.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

use crate::Bench;

/// Stands in a text for the word that changes.
const MARK: &str = "@MARK@";

/// A service and its sources.
pub struct Subject {
    /// The file that is edited, relative to the source folder.
    pub file: &'static str,
    /// Its text, with [`MARK`].
    pub text: String,
    /// The other files: name and text.
    pub others: Vec<(String, String)>,
    /// The build, if it has one.
    pub build: Option<Vec<String>>,
    /// The process.
    pub run: Vec<String>,
    /// The path that answers once it is ready.
    pub ready: &'static str,
}

impl Subject {
    /// polykube's goapi, with the command of its stack file.
    pub fn go() -> Result<Self> {
        let stack = Path::new(env!("CARGO_MANIFEST_DIR")).join("../stacks/polykube");
        let read =
            |path: &Path| std::fs::read_to_string(path).with_context(|| path.display().to_string());
        let toml: toml::Table = read(&stack.join("stack.toml"))?.parse()?;
        let goapi = &toml["services"]["goapi"];
        let dev = goapi.get("dev").and_then(|dev| dev.get("build"));
        let build = dev.unwrap_or(&goapi["build"]).clone().try_into()?;
        let run = goapi["run"].clone().try_into()?;
        let (mut text, mut others) = (String::new(), Vec::new());
        for entry in std::fs::read_dir(stack.join("goapi"))? {
            let path = entry?.path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if name == "main.go" {
                text = read(&path)?.replace("hello from goapi", MARK);
            } else if name == "go.mod" || (name.ends_with(".go") && !name.ends_with("_test.go")) {
                others.push((name, read(&path)?));
            }
        }
        anyhow::ensure!(
            text.contains(MARK),
            "polykube's goapi has no greeting to change"
        );
        Ok(Self {
            file: "main.go",
            text,
            others,
            build: Some(build),
            run,
            ready: "/healthz",
        })
    }

    /// Python's own HTTP server.
    pub fn python() -> Self {
        let text = r#"from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import os

GREETING = "@MARK@"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        body = GREETING.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"#;
        Self::script("server.py", text, "python3")
    }

    /// Node's own HTTP server.
    pub fn node() -> Self {
        let text = r#"const http = require("node:http");
const greeting = "@MARK@";
const server = http.createServer((_, answer) => answer.end(greeting));
server.listen(Number(process.env.PORT), process.env.HOST);
"#;
        Self::script("server.js", text, "node")
    }

    fn script(file: &'static str, text: &str, interpreter: &str) -> Self {
        Self {
            file,
            text: text.to_owned(),
            others: Vec::new(),
            build: None,
            run: vec![interpreter.to_owned(), file.to_owned()],
            ready: "/",
        }
    }

    /// The package's own small service, "built" by `cp`.
    pub fn copied(bench: &Bench) -> Self {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self {
            file: "answer.txt",
            text: MARK.to_owned(),
            others: Vec::new(),
            build: Some(words(&["cp", "answer.txt", "$OUT/answer.txt"])),
            run: words(&[&bench.service.display().to_string(), "$OUT/answer.txt"]),
            ready: "/",
        }
    }

    /// Its section of a stack file; `more` are further lines of `dev`.
    pub fn section(&self, name: &str, more: &str) -> Result<String> {
        let list = |words: &Vec<String>| serde_json::to_string(words);
        let build = match &self.build {
            Some(build) => format!("build = {}\n", list(build)?),
            None => String::new(),
        };
        Ok(format!(
            "[services.{name}]\nsource = \"{name}\"\nport = 80\npublish = \"auto\"\n\
             ready = {{ http = \"{}\" }}\n{build}run = {}\n[services.{name}.dev]\n{more}\n\n",
            self.ready,
            list(&self.run)?
        ))
    }

    /// Writes all its files.
    pub fn place(&self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder)?;
        for (name, text) in &self.others {
            std::fs::write(folder.join(name), text)?;
        }
        Edit::new(self, folder).save()?;
        Ok(())
    }
}

/// A save that is prepared, so that only the writing is measured.
pub struct Edit {
    path: PathBuf,
    text: String,
    /// What answers of the new code hold.
    pub mark: String,
}

impl Edit {
    /// The next save of the file in this folder; no two are alike, in this
    /// run or in any other.
    pub fn new(subject: &Subject, folder: &Path) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mark = format!("save {number} of {}", now());
        let text = subject.text.replace(MARK, &mark);
        Self {
            path: folder.join(subject.file),
            text,
            mark,
        }
    }

    /// Writes the file, in place.
    pub fn save(&self) -> Result<()> {
        std::fs::write(&self.path, &self.text).with_context(|| self.path.display().to_string())
    }
}

/// Microseconds since the Unix epoch, as events count them.
pub fn now() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
