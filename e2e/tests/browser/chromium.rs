//! [`Browser`]: Debian's Chromium, driven over the WebDriver protocol.

use std::path::{Path, PathBuf};
use std::process::Command;

use fantoccini::{Client, ClientBuilder, Locator};
use hob_e2e::{Session, processes, until};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A browser of its own: one window, nothing remembered. Its end ends all of
/// its processes.
pub struct Browser {
    runtime: Runtime,
    client: Client,
    driver: Session,
    folder: TempDir,
}

impl Browser {
    /// Starts driver and browser.
    ///
    /// # Panics
    /// One of them is not installed, or does not start.
    pub fn start() -> Self {
        Self::start_with(None)
    }

    /// The same, with the data that programs keep for its user in a folder.
    ///
    /// # Panics
    /// As `start`.
    pub fn start_with(data: Option<&Path>) -> Self {
        let (chromium, chromedriver) = (program("chromium"), program("chromedriver"));
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(chromedriver);
        // Whatever the browser writes besides its profile goes with it.
        command
            .arg("--port=0")
            .env("HOME", folder.path())
            .env("TMPDIR", folder.path());
        if let Some(data) = data {
            command.env("XDG_DATA_HOME", data);
        }
        let driver = Session::start(command);
        let line = driver.wait("started successfully on port");
        let port = line.trim_end_matches('.').rsplit(' ').next().unwrap();
        let profile = folder.path().join("profile");
        let flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            // As a resolver would have it that knows hob's names.
            "--host-resolver-rules=MAP *.test 127.0.0.1",
            "--window-size=1000,640",
            &format!("--user-data-dir={}", profile.display()),
        ];
        let options = json!({ "binary": chromium, "args": flags });
        // The driver would take whatever certificate there is.
        let capabilities = json!({ "goog:chromeOptions": options, "acceptInsecureCerts": false });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let connecting = async {
            ClientBuilder::new(HttpConnector::new())
                .capabilities(capabilities.as_object().unwrap().clone())
                .connect(&format!("http://127.0.0.1:{port}"))
                .await
        };
        let client = runtime.block_on(connecting).unwrap();
        Self {
            runtime,
            client,
            driver,
            folder,
        }
    }

    /// Opens a page of a loopback port.
    pub fn open(&self, port: u16, path: &str) {
        self.go(&format!("http://127.0.0.1:{port}{path}"));
    }

    /// Opens a page by its address.
    pub fn go(&self, url: &str) {
        self.runtime.block_on(self.client.goto(url)).unwrap();
    }

    /// The text of the first element that a selector finds; none while there
    /// is none, or while the page changes.
    pub fn text(&self, selector: &str) -> Option<String> {
        self.runtime.block_on(async {
            self.client
                .find(Locator::Css(selector))
                .await
                .ok()?
                .text()
                .await
                .ok()
        })
    }

    /// Waits until an element's text contains this.
    #[track_caller]
    pub fn wait(&self, selector: &str, text: &str) {
        until(&format!("{text:?} in {selector}"), || {
            self.text(selector).is_some_and(|it| it.contains(text))
        });
    }

    /// What a script returns; none while the page changes.
    pub fn script(&self, script: &str) -> Option<serde_json::Value> {
        self.runtime
            .block_on(self.client.execute(script, Vec::new()))
            .ok()
    }

    /// Keeps a picture of the page where `HOB_SHOTS` says, if it says so.
    pub fn picture(&self, name: &str) {
        if let Some(folder) = std::env::var_os("HOB_SHOTS") {
            let png = self.runtime.block_on(self.client.screenshot()).unwrap();
            std::fs::write(PathBuf::from(folder).join(format!("{name}.png")), png).unwrap();
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends the browser; what does not end is ended here.
        let _ = self.runtime.block_on(self.client.clone().close());
        self.driver.kill();
        let ours = self.folder.path().display().to_string();
        for pid in processes::all().filter(|pid| processes::command(*pid).contains(&ours)) {
            processes::kill(pid);
        }
    }
}

/// A program that has to be there.
fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|it| it.join(name))
        .find(|it| it.is_file());
    found.unwrap_or_else(|| {
        panic!("{name} is not installed: `apt-get install chromium chromium-driver`")
    })
}
