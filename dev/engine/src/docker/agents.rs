//! The agent's program built by the engine, for where hob's own cannot run:
//! an engine of another platform, or `agent = "built"`.
//!
//! It is built from hob's own sources in an image that holds nothing else
//! (`dev/agent/Dockerfile`), taken out of it once, and mounted into containers
//! like hob's own. Start with [`find`], which changes nothing, and
//! [`DockerEngine::take_out`].

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, DownloadFromContainerOptionsBuilder,
    ListContainersOptionsBuilder,
};
use futures_util::StreamExt as _;
use hob_stack::Project;

use super::facts::Unbuildable;
use super::found::Found;
use super::program::{self, Layout};
use super::spec::ProgramSpec;
use super::{AGENT_PROGRAM, DockerEngine, labels};
use crate::resource::ResourceId;
use crate::setup::Setup;
use crate::world::Failure;

/// The recipe in hob's own sources.
const DOCKERFILE: &str = "dev/agent/Dockerfile";
/// The program in the image that is built.
const IN_IMAGE: &str = "/hob";
/// Where certificates stand that the administrator of a machine trusts beside
/// the usual ones: Debian's and Fedora's places.
const CERTIFICATES: [&str; 2] = [
    "/usr/local/share/ca-certificates",
    "/etc/pki/ca-trust/source/anchors",
];
/// What of cargo's configuration says how registries are reached; the rest is
/// about this machine's compilers.
const REACHES: [&str; 2] = ["source", "registries"];

/// What a program is built from, and whether it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The recipe, without labels.
    pub recipe: hob_builder::Recipe,
    /// The images that it begins from.
    pub froms: Vec<String>,
    /// Whether it stands in its folder already.
    pub there: bool,
}

/// The platform of an engine, in Rust's words: `linux x86_64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Platform(String, String);

impl Platform {
    /// This program's own.
    pub(super) fn own() -> Self {
        Self(
            std::env::consts::OS.to_owned(),
            std::env::consts::ARCH.to_owned(),
        )
    }

    /// As engines name it: `linux`, `amd64`.
    fn of(os: Option<String>, arch: Option<String>) -> Self {
        let arch = arch.unwrap_or_default();
        let arch = match arch.as_str() {
            "amd64" => "x86_64".to_owned(),
            "arm64" => "aarch64".to_owned(),
            _ => arch,
        };
        Self(os.unwrap_or_default(), arch)
    }
}

/// Where the program would stand, and what it is built from. Reads hob's
/// sources.
///
/// # Errors
/// They are not there, or cannot be read.
pub(super) fn find(
    setup: &Setup,
    project: &Project,
    platform: &Platform,
) -> Result<Layout, Unbuildable> {
    let cannot = |why: String, hints: Vec<String>| Unbuildable {
        is_recipe: false,
        reason: format!(
            "no agent for {} {} can be built: {why}",
            platform.0, platform.1
        ),
        hints,
    };
    let sources = setup.executable.sources.as_deref();
    let sources = sources.filter(|it| it.join(DOCKERFILE).is_file());
    let Some(sources) = sources else {
        let hint = "start hob from its own sources: `cargo xtask` in a checkout";
        return Err(cannot(
            "hob's sources are not there".to_owned(),
            vec![hint.to_owned()],
        ));
    };
    let recipe = hob_builder::Recipe {
        dockerfile: sources.join(DOCKERFILE),
        context: sources.to_owned(),
        target: None,
        args: BTreeMap::from([
            ("CARGO_CONFIG".to_owned(), cargo_config(&setup.environment)),
            ("CERTIFICATES".to_owned(), certificates()),
        ]),
        base: project.config.base.to_string(),
        labels: BTreeMap::new(),
    };
    let failed = |error: hob_builder::BuildError| cannot(error.message, error.hints);
    let digest = hob_builder::inputs(&recipe).map_err(failed)?.digest;
    let froms = hob_builder::froms(&recipe).map_err(failed)?;
    let version = format!("{digest} {} {}", platform.0, platform.1);
    let key = blake3::hash(version.as_bytes()).to_hex()[..16].to_owned();
    let there = setup.paths.programs().join(&key).is_dir();
    let built = Built {
        recipe,
        froms,
        there,
    };
    Ok(Layout::built(&setup.paths, key, built))
}

/// How the caller's cargo reaches its registries, without anything secret.
fn cargo_config(environment: &BTreeMap<String, String>) -> String {
    let home = environment.get("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(environment.get("HOME")?).join(".cargo")));
    let files = home.into_iter().flat_map(|home| {
        // The old name wins where both are (see cargo's reference).
        [home.join("config"), home.join("config.toml")]
    });
    let mut texts = files.filter_map(|file| fs::read_to_string(file).ok());
    texts.next().map_or_else(String::new, |it| reaching(&it))
}

fn reaching(text: &str) -> String {
    let Ok(mut table) = text.parse::<toml::Table>() else {
        return String::new();
    };
    table.retain(|name, _| REACHES.contains(&name));
    without_users(&mut table);
    if let Some(registries) = table.get_mut("registries").and_then(|it| it.as_table_mut()) {
        for (_, registry) in registries.iter_mut() {
            if let Some(registry) = registry.as_table_mut() {
                registry.retain(|name, _| name == "index");
            }
        }
    }
    toml::to_string(&table).unwrap_or_default()
}

/// Takes what may be a password out of every URL.
fn without_users(table: &mut toml::Table) {
    for (_, value) in table.iter_mut() {
        match value {
            toml::Value::String(text) => {
                if let Some((scheme, rest)) = text.split_once("://")
                    && let end = rest.find('/').unwrap_or(rest.len())
                    && let Some(at) = rest[..end].rfind('@')
                {
                    *text = format!("{scheme}://{}", &rest[at + 1..]);
                }
            }
            toml::Value::Table(inner) => without_users(inner),
            _ => {}
        }
    }
}

fn certificates() -> String {
    let mut files: Vec<PathBuf> = CERTIFICATES
        .iter()
        .flat_map(|folder| {
            let names = crate::paths::entries(Path::new(folder)).into_iter();
            names.map(move |name| Path::new(folder).join(name))
        })
        .collect();
    files.sort();
    let texts = files.iter().filter_map(|it| fs::read_to_string(it).ok());
    texts
        .filter(|text| text.contains("-----BEGIN CERTIFICATE-----"))
        .collect()
}

impl DockerEngine {
    /// The platform that its containers are of.
    pub(super) async fn platform(&self) -> Result<Platform, Failure> {
        let version = self.client.version().await?.clone();
        Ok(Platform::of(version.os, version.arch))
    }

    /// Lays the program of an image out, unless it stands there already.
    pub(super) async fn take_out(&self, it: &ProgramSpec) -> Result<(), Failure> {
        // The stacks of a project have one program.
        let _one = self.laying_out.lock().await;
        if it.program.folder.is_dir() {
            return Ok(());
        }
        self.delete_takers(&it.id).await?;
        let api = self.client.api().await?;
        let failed = |doing: &str| {
            let doing = format!("{doing} the {}", it.id);
            move |error| self.client.failure(&doing, error)
        };
        // Never started: files are taken out of a container, not an image.
        let body = ContainerCreateBody {
            image: Some(it.image.clone()),
            cmd: Some(vec![IN_IMAGE.to_owned()]),
            labels: Some(labels::of(&self.setup, &it.id)),
            ..ContainerCreateBody::default()
        };
        let options = CreateContainerOptionsBuilder::new().build();
        let made = api.create_container(Some(options), body).await;
        let made = made.map_err(failed("make a container with"))?;
        let options = DownloadFromContainerOptionsBuilder::new()
            .path(IN_IMAGE)
            .build();
        let mut pieces = api.download_from_container(&made.id, Some(options));
        let mut archive = Vec::new();
        let taken = loop {
            match pieces.next().await {
                Some(Ok(piece)) => archive.extend_from_slice(&piece),
                Some(Err(error)) => break Err(failed("take out")(error)),
                None => break Ok(()),
            }
        };
        drop(pieces);
        self.delete(&made.id).await?;
        taken?;
        let laid = unpacked(&archive).and_then(|bytes| program::lay_out_bytes(&it.program, &bytes));
        laid.map_err(|error| {
            let folder = it.program.folder.display();
            Failure::operation(format!("cannot lay the agent out in {folder}: {error}"))
        })
    }

    /// The containers that programs were taken out of by a hob that was
    /// killed, as resources.
    pub(super) fn takers(&self, found: &Found) -> Vec<ResourceId> {
        let labels = found.containers.iter().filter_map(|it| it.labels.as_ref());
        let ours = labels.filter(|labels| self.is_ours(labels));
        ours.filter_map(|it| labels::resource(it, &[AGENT_PROGRAM]))
            .collect()
    }

    /// Removes those of one program.
    pub(super) async fn delete_takers(&self, id: &ResourceId) -> Result<(), Failure> {
        let own = [
            format!("{}={}", labels::PROJECT, self.setup.project),
            format!("{}={}", labels::KIND, id.kind.as_str()),
            format!("{}={}", labels::STACK, id.stack),
        ];
        let filters = HashMap::from([("label", own.to_vec())]);
        let options = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&filters)
            .build();
        let found = self
            .client
            .api()
            .await?
            .list_containers(Some(options))
            .await;
        let found = found.map_err(|error| self.client.failure("list its containers", error))?;
        for container in found.into_iter().filter_map(|it| it.id) {
            self.delete(&container).await?;
        }
        Ok(())
    }
}

/// The one file of an archive.
fn unpacked(archive: &[u8]) -> io::Result<Vec<u8>> {
    let mut archive = tar::Archive::new(archive);
    for entry in archive.entries()? {
        let mut entry = entry?;
        if entry.header().entry_type().is_file() {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            return Ok(bytes);
        }
    }
    Err(io::Error::other("the image holds no program"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn engines_name_platforms_as_go_does() {
        let of = |os: &str, arch: &str| Platform::of(Some(os.to_owned()), Some(arch.to_owned()));
        let is = |os: &str, arch: &str| Platform(os.to_owned(), arch.to_owned());
        assert_eq!(of("linux", "amd64"), is("linux", "x86_64"));
        assert_eq!(of("linux", "arm64"), is("linux", "aarch64"));
        assert_eq!(of("linux", "riscv64"), is("linux", "riscv64"));
    }

    #[test]
    fn only_what_says_how_registries_are_reached_goes_along_and_no_token() {
        let text = "\
[build]
rustc-wrapper = \"x\"
[source.crates-io]
replace-with = \"mirror\"
[source.mirror]
registry = \"sparse+https://mirror.test/\"
[registries.own]
index = \"sparse+https://own.test/\"
token = \"secret\"
";
        let expected = "\
[registries.own]
index = \"sparse+https://own.test/\"

[source.crates-io]
replace-with = \"mirror\"

[source.mirror]
registry = \"sparse+https://mirror.test/\"
";
        assert_eq!(reaching(text), expected);
        assert_eq!(reaching("no toml ["), "");
    }

    #[test]
    fn the_program_is_the_one_file_of_its_archive() {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(3);
        header.set_mode(0o755);
        builder
            .append_data(&mut header, "hob", &b"ELF"[..])
            .unwrap();
        assert_eq!(unpacked(&builder.into_inner().unwrap()).unwrap(), b"ELF");
        assert!(unpacked(&[0; 1024]).is_err());
    }
}
