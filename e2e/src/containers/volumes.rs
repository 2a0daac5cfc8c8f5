//! The volumes of an engine.

use serde_json::json;

use super::{Client, labelled, names};

impl Client {
    /// The names of a project's volumes.
    #[must_use]
    pub fn volumes_of(&self, project: &str) -> Vec<String> {
        let listed = self.get(&format!("/volumes?filters={}", labelled(project)));
        names(&listed["Volumes"], "Name")
    }

    /// Makes a volume of nobody's with this name.
    pub fn make_volume(&self, name: &str) {
        let body = json!({ "Name": name }).to_string();
        self.done("POST", "/volumes/create", body.as_bytes());
    }

    /// Puts an empty one of so many megabytes, in memory, in the place of a
    /// volume that no container has: whose it is, it says as before.
    pub fn make_small(&self, name: &str, megabytes: u32) {
        let before = self.get(&format!("/volumes/{name}"));
        self.remove_volume(name);
        let body = json!({
            "Name": name,
            "Labels": before["Labels"],
            "DriverOpts": {
                "type": "tmpfs",
                "device": "tmpfs",
                "o": format!("size={megabytes}m,mode=1777"),
            },
        });
        self.done("POST", "/volumes/create", body.to_string().as_bytes());
    }

    /// Removes a volume; it has to be there.
    pub fn remove_volume(&self, name: &str) {
        self.must("DELETE", &format!("/volumes/{name}"));
    }
}
