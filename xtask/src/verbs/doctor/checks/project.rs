//! What is said of the project: its files, its services, their ports, and what
//! was left of any. Pure.

use hob_engine::typed;

use super::Check;
use crate::verbs::doctor::facts::{Docker, Found, Held, Leftovers, Port, Stacks};
use crate::verbs::doctor::words::{counted, listed};

pub(super) fn stacks(project: Option<&Stacks>) -> Check {
    let Some(project) = project else {
        let detail = "no folder `stacks` here or above: only this machine was checked";
        return Check::warning("project", detail)
            .words("go to a project, or name it: `--project DIR`");
    };
    let root = project.root.display();
    let errors = counted(project.errors, "error", "errors");
    let warnings = counted(project.warnings, "warning", "warnings");
    match (project.errors, project.warnings) {
        (0, 0) => {
            let services = counted(project.services.len(), "service", "services");
            Check::ok("stack files", format!("{services} of {root}, no mistake"))
        }
        (0, _) => Check::warning("stack files", warnings).command("hob check"),
        (_, 0) => Check::warning("stack files", errors).command("hob check"),
        _ => Check::warning("stack files", format!("{errors}, {warnings}")).command("hob check"),
    }
}

pub(super) fn of_services(project: &Stacks, docker: Option<&Docker>) -> Vec<Check> {
    let mut checks = Vec::new();
    if !project.file_services.is_empty() {
        let services = listed(&project.file_services);
        checks.push(Check::ok(
            "nginx",
            match &project.nginx {
                Some(version) => format!("{version}; it serves the files of {services}"),
                None => {
                    format!("not installed, not needed: hob itself serves the files of {services}")
                }
            },
        ));
    }
    for (variable, services) in &project.unset {
        let verb = if services.len() == 1 { "takes" } else { "take" };
        let detail = format!("not set; {} {verb} a secret from it", listed(services));
        checks.push(Check::missing(variable, detail).command(format!("export {variable}=…")));
    }
    let containers = docker.is_some_and(|it| matches!(it.found, Found::Answers { .. }));
    let stranded = project.image_only.iter().filter(|_| !containers);
    for service in stranded {
        let detail = "only its image can run it, and there are no containers on this engine";
        checks.push(
            Check::warning(service, detail)
                .words("give it `build` and `run`, or `serve`, to run it without"),
        );
    }
    checks
}

pub(super) fn port(port: &Port) -> Check {
    let number = port.address.rsplit(':').next().unwrap_or_default();
    let name = format!("port {number}");
    match &port.held {
        Held::Free => Check::ok(name, format!("free, for {}", port.service)),
        Held::Ours(service) if *service == port.service => {
            Check::ok(name, format!("{service} has it"))
        }
        Held::Ours(service) => {
            let detail = format!("{} is to have it, and {service} does", port.service);
            Check::warning(name, detail).command(format!("hob down {service}"))
        }
        Held::Foreign(who, hint) => {
            let detail = format!("{} is to have it, and {who} does", port.service);
            let check = Check::warning(name, detail);
            match hint {
                Some(hint) => check.words(hint),
                None => check,
            }
        }
    }
}

pub(super) fn leftovers(left: &Leftovers) -> Check {
    let root = left.root.display();
    let processes = counted(left.processes, "process", "processes");
    if left.there {
        return Check::warning(
            "leftovers",
            format!("{processes} of {root} without an agent"),
        )
        .command(format!("hob down --project {}", typed(&left.root)));
    }
    let gone = format!("{root} is gone");
    let files = left.others + left.volumes;
    let detail = match (left.processes, files) {
        (0, _) if left.others == 0 => format!(
            "{gone}; it left {} of kept data",
            counted(left.volumes, "volume", "volumes")
        ),
        (0, _) => format!("{gone}; it left {}", counted(files, "file", "files")),
        (_, 0) => format!("{gone}; it left {processes}"),
        _ => format!(
            "{gone}; it left {processes} and {}",
            counted(files, "file", "files")
        ),
    };
    let check = Check::warning("leftovers", detail);
    if left.processes == 0 && left.others == 0 {
        return check.command(format!("rm -r {}", left.state.display()));
    }
    if left.root.as_os_str().is_empty() {
        return check.words("`hob down --all` ends it, and all other projects of yours");
    }
    check.command(format!("hob down --project {}", typed(&left.root)))
}
