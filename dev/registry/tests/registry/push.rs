//! Images put into a registry, as an engine pushes them: blobs first, then
//! the manifest that names them.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::server::Server;

const LIMIT: Duration = Duration::from_secs(60);

pub(crate) const OCI: Form = Form {
    manifest: "application/vnd.oci.image.manifest.v1+json",
    list: "application/vnd.oci.image.index.v1+json",
    config: "application/vnd.oci.image.config.v1+json",
    layer: "application/vnd.oci.image.layer.v1.tar+gzip",
};

pub(crate) const DOCKER: Form = Form {
    manifest: "application/vnd.docker.distribution.manifest.v2+json",
    list: "application/vnd.docker.distribution.manifest.list.v2+json",
    config: "application/vnd.docker.container.image.v1+json",
    layer: "application/vnd.docker.image.rootfs.diff.tar.gzip",
};

/// The media types of one of the two worlds.
#[derive(Clone, Copy)]
pub(crate) struct Form {
    pub(crate) manifest: &'static str,
    pub(crate) list: &'static str,
    config: &'static str,
    layer: &'static str,
}

/// A manifest that was pushed.
#[derive(Clone)]
pub(crate) struct Pushed {
    pub(crate) digest: String,
    /// Bytes of the manifest itself, as an index says them.
    length: usize,
    media_type: &'static str,
}

impl Server {
    /// An image whose config says when it was made, with these layers.
    pub(crate) fn push(
        &self,
        repository: &str,
        reference: &str,
        form: Form,
        created: &str,
        layers: &[&str],
    ) -> Pushed {
        let config = format!(r#"{{"created":"{created}","os":"linux","architecture":"amd64"}}"#);
        let layers: Vec<String> = layers
            .iter()
            .map(|layer| self.descriptor(repository, form.layer, layer))
            .collect();
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","config":{},"layers":[{}]}}"#,
            form.manifest,
            self.descriptor(repository, form.config, &config),
            layers.join(","),
        );
        self.put(repository, reference, form.manifest, &manifest)
    }

    /// An index of manifests that are there.
    pub(crate) fn push_index(
        &self,
        repository: &str,
        tag: &str,
        form: Form,
        parts: &[&Pushed],
    ) -> Pushed {
        let parts: Vec<String> = parts
            .iter()
            .map(|part| {
                format!(
                    r#"{{"mediaType":"{}","digest":"{}","size":{},"platform":{{"os":"linux","architecture":"amd64"}}}}"#,
                    part.media_type, part.digest, part.length
                )
            })
            .collect();
        let index = format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[{}]}}"#,
            form.list,
            parts.join(","),
        );
        self.put(repository, tag, form.list, &index)
    }

    /// One image under many tags, its manifest put once for each.
    pub(crate) fn push_tags(&self, repository: &str, tags: &[&str]) {
        let config = self.descriptor(repository, OCI.config, r#"{"created":null}"#);
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","config":{config},"layers":[]}}"#,
            OCI.manifest
        );
        for tag in tags {
            self.put(repository, tag, OCI.manifest, &manifest);
        }
    }

    /// A manifest as it is. Where there is no tag for it, it goes by its
    /// digest.
    pub(crate) fn put(
        &self,
        repository: &str,
        reference: &str,
        media_type: &'static str,
        manifest: &str,
    ) -> Pushed {
        let digest = sha256(manifest);
        let reference = if reference.is_empty() {
            &digest
        } else {
            reference
        };
        let head = format!(
            "PUT /v2/{repository}/manifests/{reference} HTTP/1.1\r\nContent-Type: {media_type}\r\n"
        );
        let answer = self.send(&head, manifest);
        assert_eq!(answer.status, 201, "{}", answer.text);
        assert_eq!(answer.headers["docker-content-digest"], digest);
        Pushed {
            digest,
            length: manifest.len(),
            media_type,
        }
    }

    /// Uploads a blob, and says it as a manifest does.
    pub(crate) fn descriptor(&self, repository: &str, media_type: &str, blob: &str) -> String {
        let begun = self.send(
            &format!("POST /v2/{repository}/blobs/uploads/ HTTP/1.1\r\n"),
            "",
        );
        assert_eq!(begun.status, 202, "{}", begun.text);
        let digest = sha256(blob);
        let at = &begun.headers["location"];
        let joint = if at.contains('?') { '&' } else { '?' };
        let ended = self.send(
            &format!(
                "PUT {at}{joint}digest={digest} HTTP/1.1\r\nContent-Type: application/octet-stream\r\n"
            ),
            blob,
        );
        assert_eq!(ended.status, 201, "{}", ended.text);
        format!(
            r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{}}}"#,
            blob.len()
        )
    }

    fn send(&self, head: &str, body: &str) -> Answer {
        let head = head.replacen(&format!(" http://{}", self.addr()), " ", 1);
        let mut stream = TcpStream::connect(self.addr()).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        write!(
            stream,
            "{head}Host: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.addr(),
            body.len()
        )
        .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        Answer {
            status: status.parse().unwrap(),
            headers: lines
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect(),
            text,
        }
    }
}

struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    text: String,
}

fn sha256(text: &str) -> String {
    let mut child = Command::new("sha256sum")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let sum = String::from_utf8(output.stdout).unwrap();
    format!("sha256:{}", sum.split(' ').next().unwrap())
}
