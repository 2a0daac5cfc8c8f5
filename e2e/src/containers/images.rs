//! The images of an engine, and an engine cleared of all but its images.

use std::collections::BTreeMap;

use super::{Client, labelled, names};

impl Client {
    /// The ids of a project's images.
    #[must_use]
    pub fn images_of(&self, project: &str) -> Vec<String> {
        let path = format!("/images/json?filters={}", labelled(project));
        names(&self.get(&path), "Id")
    }

    /// Whether there is an image of this name.
    #[must_use]
    pub fn has_image(&self, name: &str) -> bool {
        let path = format!("/images/{name}/json");
        self.request("GET", &path, &[]).unwrap().0 == 200
    }

    /// The labels of an image.
    #[must_use]
    pub fn labels_of(&self, image: &str) -> BTreeMap<String, String> {
        let image = self.get(&format!("/images/{image}/json"));
        serde_json::from_value(image["Config"]["Labels"].clone()).unwrap_or_default()
    }

    /// The layers of an image, the lowest first.
    #[must_use]
    pub fn layers_of(&self, image: &str) -> Vec<String> {
        let image = self.get(&format!("/images/{image}/json"));
        serde_json::from_value(image["RootFS"]["Layers"].clone()).unwrap_or_default()
    }

    /// Removes an image and its names, whoever uses it.
    pub fn remove_image(&self, image: &str) {
        self.must("DELETE", &format!("/images/{image}?force=1"));
    }

    /// Gives an image one more name, `NAME:TAG`.
    ///
    /// # Panics
    /// The name has no tag.
    pub fn tag(&self, image: &str, name: &str) {
        let (repository, tag) = name.rsplit_once(':').unwrap();
        self.post(&format!("/images/{image}/tag?repo={repository}&tag={tag}"));
    }

    /// The names of images that begin like this.
    #[must_use]
    pub fn images_named(&self, start: &str) -> Vec<String> {
        let images = self.get("/images/json");
        let images = images.as_array().into_iter().flatten();
        let tags = images.flat_map(|image| image["RepoTags"].as_array().into_iter().flatten());
        let tags = tags.filter_map(|tag| tag.as_str().map(str::to_owned));
        tags.filter(|tag| tag.starts_with(start)).collect()
    }

    /// Pulls an image.
    ///
    /// # Panics
    /// It cannot be had.
    pub fn pull(&self, name: &str) {
        let path = format!("/images/create?fromImage={name}");
        let said = self.must("POST", &path);
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(
            !said.contains("\"error\""),
            "{name} cannot be pulled: {said}"
        );
    }

    /// Builds an image from a Dockerfile without a context.
    ///
    /// # Panics
    /// It does not build.
    pub fn build(&self, name: &str, dockerfile: &str) {
        let path = format!("/build?t={name}&forcerm=1");
        let context = archive("Dockerfile", dockerfile.as_bytes());
        let said = self.sent("POST", &path, "application/x-tar", &context);
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(!said.contains("\"error\""), "{name} does not build: {said}");
    }

    /// Hands an image of this engine to another one.
    pub fn copy_image(&self, name: &str, to: &Self) {
        let archive = self.must("GET", &format!("/images/{name}/get"));
        to.sent(
            "POST",
            "/images/load?quiet=1",
            "application/x-tar",
            &archive,
        );
    }

    /// Removes all containers of an engine that is the tests' own, running or
    /// not, without asking them to go.
    pub(crate) fn remove_containers(&self) {
        let Ok((200, listed)) = self.request("GET", "/containers/json?all=1", &[]) else {
            return;
        };
        let listed = serde_json::from_slice(&listed).unwrap_or_default();
        for id in names(&listed, "Id") {
            drop(self.request("DELETE", &format!("/containers/{id}?force=1&v=1"), &[]));
        }
    }

    /// Removes all that the engine has but the images whose names begin with
    /// one of these: for an engine that is the tests' own.
    pub(crate) fn clear(&self, keep: &[&str]) {
        let remove = |path: String| drop(self.request("DELETE", &path, &[]));
        self.remove_containers();
        for name in names(&self.get("/networks"), "Name") {
            if !["bridge", "host", "none"].contains(&name.as_str()) {
                remove(format!("/networks/{name}"));
            }
        }
        for name in names(&self.get("/volumes")["Volumes"], "Name") {
            remove(format!("/volumes/{name}?force=1"));
        }
        for image in self.get("/images/json").as_array().into_iter().flatten() {
            let mut tags = image["RepoTags"].as_array().into_iter().flatten();
            let kept = tags.any(|tag| {
                let tag = tag.as_str().unwrap_or_default();
                keep.iter().any(|name| tag.starts_with(name))
            });
            if let (false, Some(id)) = (kept, image["Id"].as_str()) {
                remove(format!("/images/{id}?force=1"));
            }
        }
        drop(self.request("POST", "/build/prune?all=1", &[]));
    }
}

/// A tar archive (POSIX ustar) of one file.
fn archive(name: &str, content: &[u8]) -> Vec<u8> {
    let mut head = [0_u8; 512];
    let mut put = |at: usize, text: &str| {
        head[at..at + text.len()].copy_from_slice(text.as_bytes());
    };
    put(0, name);
    put(100, "0000644\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{:011o}\0", content.len()));
    put(136, "00000000000\0");
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\u{0}00");
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut whole = head.to_vec();
    whole.extend_from_slice(content);
    whole.resize(whole.len().next_multiple_of(512) + 1024, 0);
    whole
}
