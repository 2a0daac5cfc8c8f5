//! The actions on this machine, one at a time, each safe to do again.
//!
//! Decides nothing about what is wanted: it makes, tells and ends what the
//! action names.

#![expect(clippy::disallowed_methods, reason = "this is where the engine acts")]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use hob_wire::{MARK_PROJECT, MARK_ROOT, MARK_SERVICE, Request};
use tokio::time::Instant;

use super::{
    AGENT, AGENT_ERRORS, AgentSpec, FOLDER, HostEngine, HostFacts, HostSpec, ORPHANS, REMAINS,
    VOLUME, environment,
};
use crate::agent::answer::{Answer, ask};
use crate::agent::socket::client;
use crate::agent::told::Told;
use crate::machine::processes::{self, Process};
use crate::paths::{make_closed, remove_below};
use crate::resource::{Observed, ResourceId, Verb};
use crate::want::Want;
use crate::world::{Action, Failure, World};

/// How long a new agent may take to answer.
const SPAWN: Duration = Duration::from_secs(10);

/// How long a process without an agent may take to end by itself.
const GRACE: Duration = Duration::from_secs(5);

/// What an action leaves of its limit, so that it can say what went wrong.
const MARGIN: Duration = Duration::from_millis(500);

/// How often a new agent is asked whether it is there.
const ASK: Duration = Duration::from_millis(5);

impl World for HostEngine {
    type Spec = HostSpec;
    type Facts = HostFacts;
    type Question = Want;

    async fn observe(&self, want: &Want) -> Result<Observed<HostFacts>, Failure> {
        self.look(want).await
    }

    async fn perform(&self, action: Action<HostSpec>) -> Result<(), Failure> {
        let limit = action.limit.saturating_sub(MARGIN);
        match (action.verb, &action.spec) {
            (Verb::Remove, _) => self.remove(&action.resource, limit).await,
            (Verb::Create, Some(HostSpec::Folder(path))) => {
                make_closed(path, self.setup.uid).map_err(|error| failed(&error))
            }
            (Verb::Create, Some(HostSpec::Agent(agent))) => self.spawn(agent).await,
            (Verb::Configure, Some(HostSpec::Agent(agent))) => {
                // From now on it starts processes.
                self.note(agent).await?;
                told(agent, &last_words(agent)).configure(limit).await
            }
            (Verb::Start, Some(HostSpec::Agent(agent))) => {
                told(agent, &last_words(agent)).start(limit).await
            }
            (Verb::Await, Some(HostSpec::Agent(agent))) => {
                told(agent, &last_words(agent)).ready(limit).await
            }
            (verb, _) => Err(Failure::operation(format!(
                "`{}` has no meaning for {}",
                verb.as_str(),
                action.resource
            ))),
        }
    }
}

impl HostEngine {
    /// Runs the agent until it answers; one that answers already is it.
    async fn spawn(&self, agent: &AgentSpec) -> Result<(), Failure> {
        let spec = &agent.spec;
        if let Answer::Status(status) = ask(&client(&agent.socket)).await
            && (&status.project, &status.service) == (&spec.project, &spec.service)
        {
            return Ok(());
        }
        self.setup
            .paths
            .make(&self.setup.root, self.setup.uid)
            .map_err(|error| failed(&error))?;
        unlink(&agent.socket)?;
        let errors = spec.state.join(AGENT_ERRORS);
        let mut child = self.command(agent, &errors)?.spawn().map_err(|error| {
            let program = self.setup.executable.program.display();
            Failure::operation(format!("cannot start {program}: {error}"))
        })?;
        let process = child.id().and_then(processes::process);
        let end = Instant::now() + SPAWN;
        let why = loop {
            match ask(&client(&agent.socket)).await {
                Answer::Status(_) => {
                    // Reaps it should it end while this program goes on.
                    tokio::spawn(async move { child.wait().await });
                    return Ok(());
                }
                Answer::Version(version) => {
                    break format!("it speaks version {version} of the protocol");
                }
                Answer::Useless(_) | Answer::Nobody => {}
            }
            if let Ok(Some(status)) = child.try_wait() {
                break format!("it ended at once ({status})");
            }
            if Instant::now() >= end {
                break format!("it did not answer within {} s", SPAWN.as_secs());
            }
            tokio::time::sleep(ASK).await;
        };
        if let Some(process) = process {
            let alive =
                || Vec::from_iter(processes::process(process.pid).filter(|p| *p == process));
            processes::end(alive, Duration::ZERO, GRACE).await;
        }
        let _ = child.wait().await;
        let failure = Failure::operation(format!("the agent does not run: {why}"));
        Err(failure.output(last_lines(&errors)))
    }

    fn command(
        &self,
        agent: &AgentSpec,
        errors: &Path,
    ) -> Result<tokio::process::Command, Failure> {
        let (setup, spec) = (&self.setup, &agent.spec);
        let open =
            |path: &Path| fs::File::create(path).and_then(|file| Ok((file.try_clone()?, file)));
        let (out, err) = open(errors).map_err(|error| {
            Failure::operation(format!("cannot write {}: {error}", errors.display()))
        })?;
        let mut command = tokio::process::Command::new(&setup.executable.program);
        command
            .args(&setup.executable.args)
            .args(["agent", "--project", &spec.project, "--root"])
            .arg(&spec.root)
            .args(["--service", &spec.service, "--socket"])
            .arg(&agent.socket)
            .arg("--state")
            .arg(&spec.state)
            .current_dir(&setup.root)
            .env_clear()
            .envs(environment::passed(&setup.environment))
            .env(MARK_PROJECT, &spec.project)
            .env(MARK_SERVICE, &spec.service)
            .env(MARK_ROOT, &spec.root)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err);
        // Not made the leader of a group: it could not lead a session then.
        for name in &agent.secret_variables {
            if let Some(value) = setup.environment.get(name) {
                command.env(name, value);
            }
        }
        Ok(command)
    }

    async fn remove(&self, id: &ResourceId, limit: Duration) -> Result<(), Failure> {
        let service = id.service.as_deref().unwrap_or_default();
        let paths = &self.setup.paths;
        if id.kind == FOLDER {
            let folder = paths.service(&id.stack, service);
            paths.keep_log(&folder, &id.stack, service, self.setup.uid);
            self.remove_folder(&folder)
        } else if id.kind == VOLUME {
            self.remove_folder(&paths.volume(&id.stack, service, &id.name))
        } else if id.kind == AGENT {
            let socket = self.socket(&self.records()?, &id.stack, service);
            let gently = limit.saturating_sub(2 * GRACE);
            // One that does not even tell its status hears nothing else.
            if let Answer::Status(_) | Answer::Version(_) = ask(&client(&socket)).await {
                // Whatever it says, its processes are ended next.
                let _ = client(&socket).tell(&Request::Shutdown, gently).await;
            }
            self.end_marked(&id.owner().to_string(), None).await?;
            unlink(&socket)
        } else if id.kind == REMAINS {
            // An agent that was about to begin when it was looked for has
            // begun by now and is one of them.
            let socket = self.socket(&self.records()?, &id.stack, service);
            self.end_marked(&id.owner().to_string(), None).await?;
            unlink(&socket)
        } else if id.kind == ORPHANS {
            let socket = self.socket(&self.records()?, &id.stack, service);
            match ask(&client(&socket)).await {
                Answer::Status(status) => {
                    let service = id.owner().to_string();
                    self.end_marked(&service, Some(status.agent_pid)).await
                }
                _ => Err(Failure::operation("its agent went meanwhile")),
            }
        } else {
            let kind = id.kind.as_str();
            Err(Failure::operation(format!("this engine has no {kind}")))
        }
    }

    fn remove_folder(&self, path: &Path) -> Result<(), Failure> {
        remove_below(&self.setup.paths.state, path).map_err(|error| {
            Failure::operation(format!("cannot remove {}: {error}", path.display()))
        })
    }

    /// Ends the processes of a service: all of them, or those that are older
    /// than its agent.
    async fn end_marked(&self, service: &str, agent: Option<u32>) -> Result<(), Failure> {
        let find = || -> Vec<Process> {
            let mut marked = self.processes();
            marked.retain(|found| found.marks.service == service);
            match agent {
                Some(agent) => Self::older_than(agent, &marked),
                None => marked.into_iter().map(|found| found.process).collect(),
            }
        };
        let left = processes::end(find, GRACE, 2 * GRACE).await;
        if left.is_empty() {
            return Ok(());
        }
        let left = left.iter().map(|p| p.pid.to_string()).collect::<Vec<_>>();
        Err(Failure::operation(format!(
            "cannot end process {}: not even KILL does",
            left.join(", ")
        )))
    }
}

fn told<'a>(agent: &'a AgentSpec, last_words: &'a (dyn Fn() -> Vec<String> + Sync)) -> Told<'a> {
    Told {
        client: client(&agent.socket),
        spec: &agent.spec,
        digest: &agent.digest,
        last_words,
    }
}

/// What an agent says outside of its log, once that is asked for.
fn last_words(agent: &AgentSpec) -> impl Fn() -> Vec<String> + Sync {
    let errors = agent.spec.state.join(AGENT_ERRORS);
    move || last_lines(&errors)
}

fn failed(error: &dyn std::error::Error) -> Failure {
    Failure::operation(error.to_string())
}

/// The end of what an agent wrote outside of its log.
fn last_lines(path: &Path) -> Vec<String> {
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(20);
    lines[from..]
        .iter()
        .map(|line| (*line).to_owned())
        .collect()
}

fn unlink(socket: &PathBuf) -> Result<(), Failure> {
    match fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Failure::operation(format!(
            "cannot remove {}: {error}",
            socket.display()
        ))),
        _ => Ok(()),
    }
}
