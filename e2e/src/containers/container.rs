//! [`Container`]: what the engine tells of one.

use serde_json::Value;

/// A container, running or not.
#[derive(Debug, Clone)]
pub struct Container {
    /// Its id, 64 hexadecimal digits.
    pub id: String,
    /// Its name, without the slash in front.
    pub name: String,
    /// Its first process as this machine numbers it, while it runs.
    pub pid: Option<u32>,
    /// All that `inspect` tells.
    pub inspected: Value,
}

impl Container {
    /// `stack/service`.
    #[must_use]
    pub fn service(&self) -> String {
        let label = |name: &str| self.label(name).unwrap_or_default();
        format!("{}/{}", label("hob.stack"), label("hob.service"))
    }

    /// The value of a label.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        self.inspected["Config"]["Labels"][name].as_str()
    }

    /// The id of the image that it was made from: `sha256:…`.
    #[must_use]
    pub fn image(&self) -> &str {
        self.inspected["Image"].as_str().unwrap_or_default()
    }

    /// `running`, `paused`, `exited`, ….
    #[must_use]
    pub fn state(&self) -> &str {
        self.inspected["State"]["Status"]
            .as_str()
            .unwrap_or_default()
    }

    /// The addresses of the host that its ports are published on.
    #[must_use]
    pub fn published(&self) -> Vec<(String, u16)> {
        let ports = self.inspected["NetworkSettings"]["Ports"].as_object();
        let bindings = ports.into_iter().flat_map(|it| it.values());
        let bindings = bindings.filter_map(Value::as_array).flatten();
        bindings
            .filter_map(|it| {
                let port = it["HostPort"].as_str()?.parse().ok()?;
                Some((it["HostIp"].as_str()?.to_owned(), port))
            })
            .collect()
    }

    /// The networks that it is connected to.
    #[must_use]
    pub fn networks(&self) -> Vec<String> {
        let networks = self.inspected["NetworkSettings"]["Networks"].as_object();
        networks
            .into_iter()
            .flat_map(|it| it.keys().cloned())
            .collect()
    }
}
