//! The text of a stack file whose services are this package's test service.

use std::fmt::Write as _;

use crate::engine::Engine;

/// One service of a test's stack.
///
/// Its source folder holds `page.txt`, which says what the test service
/// answers and how it behaves (see the program). Its build is a copy of that
/// file that fails like a compiler when the file says `BROKEN`.
#[derive(Debug, Clone)]
pub struct Service {
    name: String,
    lines: String,
    dev: String,
}

/// The build: text in, words of a compiler out.
const BUILD: &str = r#"["sh", "-c", "if grep -q BROKEN page.txt; then echo 'page.txt:1: syntax error near BROKEN' >&2; exit 1; fi; cp page.txt \"$0\"", "$OUT/page.txt"]"#;

impl Service {
    /// A service that listens on this port of loopback.
    #[must_use]
    pub fn new(name: &str, port: u16) -> Self {
        Self::on(name, &port.to_string())
    }

    /// A service that listens where hob likes.
    #[must_use]
    pub fn auto(name: &str) -> Self {
        Self::on(name, "\"auto\"")
    }

    fn on(name: &str, publish: &str) -> Self {
        let program = Engine::of_this_run().service_program();
        let program = program.display();
        let lines = format!(
            "source = \"{name}\"\nport = 80\npublish = {publish}\n\
             ready = {{ http = \"/healthz\" }}\nbuild = {BUILD}\n\
             run = [\"{program}\", \"$OUT/page.txt\"]\n"
        );
        Self {
            name: name.to_owned(),
            lines,
            dev: String::new(),
        }
    }

    /// More lines of its table.
    #[must_use]
    pub fn with(mut self, line: &str) -> Self {
        self.lines += line;
        self.lines.push('\n');
        self
    }

    /// The same with a line replaced: the one of the same key.
    #[must_use]
    pub fn instead(mut self, line: &str) -> Self {
        let key = line.split('=').next().unwrap_or(line);
        self.lines = self.lines.lines().filter(|it| !it.starts_with(key)).fold(
            String::new(),
            |mut lines, it| {
                let _ = writeln!(lines, "{it}");
                lines
            },
        );
        self.with(line)
    }

    /// More lines of its `dev` table.
    #[must_use]
    pub fn dev(mut self, line: &str) -> Self {
        self.dev += line;
        self.dev.push('\n');
        self
    }
}

/// A stack file of these services.
#[must_use]
pub fn stack(services: &[Service]) -> String {
    let mut text = "version = 1\n".to_owned();
    for Service { name, lines, dev } in services {
        let _ = write!(text, "\n[services.{name}]\n{lines}");
        if !dev.is_empty() {
            let _ = write!(text, "\n[services.{name}.dev]\n{dev}");
        }
    }
    text
}
