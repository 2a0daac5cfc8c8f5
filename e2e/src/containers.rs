//! [`Client`]: the tests' own eyes and hands for a Docker engine. It speaks
//! the engine's API (version 1.41) over its socket, one connection a request,
//! and shares no code with hob, so that it can prove hob wrong.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::http;

mod container;
mod images;
mod volumes;

pub use container::Container;

/// The repository name of the image that tests without an image run in.
pub(crate) const BASE: &str = "hob-e2e-base";

/// How long a request may take: an image is built in one.
const LIMIT: Duration = Duration::from_secs(280);

/// A Docker engine.
#[derive(Debug, Clone)]
pub struct Client {
    socket: PathBuf,
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

impl Client {
    /// The engine that `DOCKER_HOST` names, else the machine's. The tests
    /// reach one by a unix socket alone; any other never answers.
    #[must_use]
    pub fn new() -> Self {
        let host = std::env::var("DOCKER_HOST").unwrap_or_default();
        let socket = match host.strip_prefix("unix://") {
            Some(path) => path,
            None if host.is_empty() => "/var/run/docker.sock",
            None => &host,
        };
        Self::at(Path::new(socket))
    }

    /// The engine behind this socket.
    #[must_use]
    pub fn at(socket: &Path) -> Self {
        Self {
            socket: socket.to_owned(),
        }
    }

    /// Where it listens, as `DOCKER_HOST` takes it.
    #[must_use]
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// Whether it answers.
    #[must_use]
    pub fn answers(&self) -> bool {
        self.request("GET", "/_ping", &[])
            .is_ok_and(|(status, _)| status == 200)
    }

    /// The containers of a project, in the order of their names.
    #[must_use]
    pub fn containers_of(&self, project: &str) -> Vec<Container> {
        let path = format!("/containers/json?all=1&filters={}", labelled(project));
        let listed = self.get(&path);
        let mut found: Vec<Container> = listed
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|it| self.inspect(it["Id"].as_str()?))
            .collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }

    /// The container of a project's service, `stack/service`.
    ///
    /// # Panics
    /// There is none, or more than one.
    #[track_caller]
    #[must_use]
    pub fn container(&self, project: &str, service: &str) -> Container {
        let mut all = self.containers_of(project);
        all.retain(|it| it.service() == service);
        assert_eq!(all.len(), 1, "containers of {service}: {all:#?}");
        all.remove(0)
    }

    /// What a container is; none when it is gone.
    #[must_use]
    pub fn inspect(&self, container: &str) -> Option<Container> {
        let path = format!("/containers/{container}/json");
        let (status, body) = self.request("GET", &path, &[]).unwrap();
        let inspected: Value = (status == 200).then(|| serde_json::from_slice(&body).unwrap())?;
        let name = inspected["Name"].as_str()?.trim_start_matches('/');
        let pid = inspected["State"]["Pid"].as_u64()?;
        Some(Container {
            id: inspected["Id"].as_str()?.to_owned(),
            name: name.to_owned(),
            pid: u32::try_from(pid).ok().filter(|pid| *pid > 0),
            inspected,
        })
    }

    /// The names of a project's networks.
    #[must_use]
    pub fn networks_of(&self, project: &str) -> Vec<String> {
        let listed = self.get(&format!("/networks?filters={}", labelled(project)));
        names(&listed, "Name")
    }

    /// Stops a container: TERM, and KILL a second later.
    pub fn stop(&self, container: &str) {
        self.post(&format!("/containers/{container}/stop?t=1"));
    }

    /// Kills a container.
    pub fn kill(&self, container: &str) {
        self.post(&format!("/containers/{container}/kill"));
    }

    /// Restarts a container.
    pub fn restart(&self, container: &str) {
        self.post(&format!("/containers/{container}/restart?t=1"));
    }

    /// Freezes a container.
    pub fn pause(&self, container: &str) {
        self.post(&format!("/containers/{container}/pause"));
    }

    /// Lets a frozen container go on.
    pub fn unpause(&self, container: &str) {
        self.post(&format!("/containers/{container}/unpause"));
    }

    /// Gives a container another name.
    pub fn rename(&self, container: &str, name: &str) {
        self.post(&format!("/containers/{container}/rename?name={name}"));
    }

    /// Removes a container, running or not.
    pub fn remove(&self, container: &str) {
        self.must("DELETE", &format!("/containers/{container}?force=1"));
    }

    /// Takes a container off a network.
    pub fn disconnect(&self, network: &str, container: &str) {
        let body = json!({ "Container": container, "Force": true }).to_string();
        let path = format!("/networks/{network}/disconnect");
        self.done("POST", &path, body.as_bytes());
    }

    /// Removes a network, the containers in it disconnected first.
    pub fn remove_network(&self, network: &str) {
        let inspected = self.get(&format!("/networks/{network}"));
        let members = inspected["Containers"].as_object();
        for member in members.into_iter().flat_map(|it| it.keys()) {
            self.disconnect(network, member);
        }
        self.must("DELETE", &format!("/networks/{network}"));
    }

    /// Makes a network of nobody's with this name; its id.
    ///
    /// # Panics
    /// It cannot be made.
    #[must_use]
    pub fn make_network(&self, name: &str) -> String {
        let body = json!({ "Name": name }).to_string();
        let made = self.done("POST", "/networks/create", body.as_bytes());
        let made: Value = serde_json::from_slice(&made).unwrap();
        made["Id"].as_str().unwrap().to_owned()
    }

    /// Starts a container with these labels; its id.
    ///
    /// # Panics
    /// It cannot be started.
    #[must_use]
    pub fn run(
        &self,
        name: &str,
        image: &str,
        labels: &[(&str, &str)],
        command: &[&str],
    ) -> String {
        let labels: BTreeMap<&str, &str> = labels.iter().copied().collect();
        let body = json!({
            "Image": image,
            "Labels": labels,
            "Cmd": command,
            "HostConfig": { "RestartPolicy": { "Name": "unless-stopped" } },
        });
        let body = body.to_string();
        let path = format!("/containers/create?name={name}");
        let made = self.done("POST", &path, body.as_bytes());
        let made: Value = serde_json::from_slice(&made).unwrap();
        let id = made["Id"].as_str().unwrap().to_owned();
        self.post(&format!("/containers/{id}/start"));
        id
    }

    /// Runs a command in a container; its output, both streams.
    ///
    /// # Panics
    /// It cannot be started.
    #[track_caller]
    #[must_use]
    pub fn exec(&self, container: &str, command: &[&str]) -> String {
        let body =
            json!({ "AttachStdout": true, "AttachStderr": true, "Tty": true, "Cmd": command });
        let path = format!("/containers/{container}/exec");
        let made = self.done("POST", &path, body.to_string().as_bytes());
        let made: Value = serde_json::from_slice(&made).unwrap();
        let body = json!({ "Detach": false, "Tty": true }).to_string();
        let path = format!("/exec/{}/start", made["Id"].as_str().unwrap());
        let said = self.done("POST", &path, body.as_bytes());
        String::from_utf8_lossy(&said).replace("\r\n", "\n")
    }

    /// What is there of a project; what a plain `down` keeps, volumes and
    /// images, if that is asked for.
    #[must_use]
    pub fn left(&self, project: &str, kept: bool) -> Vec<String> {
        let mut left = Vec::new();
        let containers = self.containers_of(project).into_iter().map(|it| it.name);
        left.extend(containers.map(|it| format!("container {it}")));
        left.extend(
            self.networks_of(project)
                .iter()
                .map(|it| format!("network {it}")),
        );
        if kept {
            left.extend(
                self.images_of(project)
                    .iter()
                    .map(|it| format!("image {it}")),
            );
            left.extend(
                self.volumes_of(project)
                    .iter()
                    .map(|it| format!("volume {it}")),
            );
        }
        left
    }

    /// Removes all that is there of a project; what goes by itself meanwhile
    /// is no mistake.
    pub fn remove_all(&self, project: &str) {
        let remove = |path: String| drop(self.request("DELETE", &path, &[]));
        for container in self.containers_of(project) {
            remove(format!("/containers/{}?force=1&v=1", container.id));
        }
        for network in self.networks_of(project) {
            remove(format!("/networks/{network}"));
        }
        for volume in self.volumes_of(project) {
            remove(format!("/volumes/{volume}?force=1"));
        }
        for image in self.images_of(project) {
            remove(format!("/images/{image}?force=1"));
        }
    }

    #[track_caller]
    fn get(&self, path: &str) -> Value {
        serde_json::from_slice(&self.must("GET", path)).unwrap()
    }

    #[track_caller]
    fn post(&self, path: &str) {
        self.must("POST", path);
    }

    #[track_caller]
    fn must(&self, method: &str, path: &str) -> Vec<u8> {
        self.done(method, path, &[])
    }

    #[track_caller]
    fn done(&self, method: &str, path: &str, body: &[u8]) -> Vec<u8> {
        self.sent(method, path, "application/json", body)
    }

    #[track_caller]
    fn sent(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> Vec<u8> {
        let (status, answer) = self
            .ask(method, path, kind, body)
            .unwrap_or_else(|error| panic!("{method} {path} of {}: {error}", self.host()));
        let words = String::from_utf8_lossy(&answer);
        assert!(status < 400, "{method} {path}: {status} {words}");
        answer
    }

    fn request(&self, method: &str, path: &str, body: &[u8]) -> io::Result<(u16, Vec<u8>)> {
        self.ask(method, path, "application/json", body)
    }

    fn ask(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> io::Result<(u16, Vec<u8>)> {
        let mut stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(LIMIT))?;
        let length = body.len();
        write!(
            stream,
            "{method} /v1.41{path} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\
             Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
        )?;
        stream.write_all(body)?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        let whole = http::parse(&bytes).map(|it| (it.status, it.body));
        whole.ok_or_else(|| {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("no whole answer: {text}"),
            )
        })
    }
}

/// The filter for what carries a project's label, for a query.
fn labelled(project: &str) -> String {
    format!("%7B%22label%22%3A%5B%22hob.project%3D{project}%22%5D%7D")
}

/// The values of one key of each object of a list.
fn names(list: &Value, key: &str) -> Vec<String> {
    let list = list.as_array().into_iter().flatten();
    list.filter_map(|it| Some(it[key].as_str()?.to_owned()))
        .collect()
}
