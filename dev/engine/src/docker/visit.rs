//! [`Visit`]: a command of a person's inside of a service's container, through
//! the engine's exec.
//!
//! The command sees what the service's process sees: hob's own program, which
//! is mounted there, becomes its user, takes its environment and folder, and
//! then the command's place (`visit`). Start with [`DockerEngine::visit`].

use std::pin::Pin;

use bollard::container::LogOutput;
use bollard::exec::{StartExecOptions, StartExecResults};
use bollard::models::ExecConfig;
use bollard::query_parameters::ResizeExecOptionsBuilder;
use futures_util::{Stream, StreamExt as _};
use hob_stack::ServiceId;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncWrite;

use super::lower::STATE_AT;
use super::{DockerEngine, container, labels, program};
use crate::world::Failure;

/// The size of a terminal, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terminal {
    /// Its width.
    pub columns: u16,
    /// Its height.
    pub rows: u16,
}

/// Where a command is told something.
pub type Input = Pin<Box<dyn AsyncWrite + Send>>;

/// A command that runs inside of a container.
pub struct Visit<'a> {
    engine: &'a DockerEngine,
    exec: String,
    /// What it is told; none once somebody took it.
    pub input: Option<Input>,
    output: Pin<Box<dyn Stream<Item = Result<LogOutput, bollard::errors::Error>> + Send>>,
}

/// Something that a command said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// On its standard output, or at all in a terminal.
    Out(Vec<u8>),
    /// On its standard error.
    Err(Vec<u8>),
}

impl DockerEngine {
    /// Runs a command beside the process `pid` of a service, with its user,
    /// environment and folder, or without one as its agent was told that it is
    /// to be; in a terminal of this size and sort (`TERM`) if
    /// there is one.
    ///
    /// # Errors
    /// The container is not there, or the engine runs nothing in it.
    pub async fn visit(
        &self,
        service: &ServiceId,
        pid: Option<u32>,
        argv: &[String],
        terminal: Option<(Terminal, String)>,
    ) -> Result<Visit<'_>, Failure> {
        let id = container(service.stack.as_str(), service.service.as_str());
        let (id, own) = self.running(&id).await?;
        let api = self.client.api().await?;
        let mut cmd = own;
        cmd.push("visit".to_owned());
        cmd.extend(["--spec".to_owned(), STATE_AT.to_owned()]);
        cmd.extend(
            pid.into_iter()
                .flat_map(|pid| ["--pid".to_owned(), pid.to_string()]),
        );
        cmd.extend(["--".to_owned()]);
        cmd.extend(argv.iter().cloned());
        let config = ExecConfig {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            tty: Some(terminal.is_some()),
            env: terminal
                .as_ref()
                .map(|(_, term)| vec![format!("TERM={term}")]),
            cmd: Some(cmd),
            ..ExecConfig::default()
        };
        let failed = |error| {
            self.client
                .failure(&format!("run a command in {service}"), error)
        };
        let exec = api.create_exec(&id, config).await.map_err(failed)?.id;
        let options = StartExecOptions {
            tty: terminal.is_some(),
            ..StartExecOptions::default()
        };
        let started = api.start_exec(&exec, Some(options)).await.map_err(failed)?;
        let StartExecResults::Attached { output, input } = started else {
            return Err(Failure::operation("the Docker engine ran it without us"));
        };
        let visit = Visit {
            engine: self,
            exec,
            input: Some(input),
            output,
        };
        if let Some((size, _)) = terminal {
            visit.resize(size).await;
        }
        Ok(visit)
    }

    /// The container of a service, by the engine's own name, and how hob's
    /// program is called in it.
    async fn running(&self, id: &crate::ResourceId) -> Result<(String, Vec<String>), Failure> {
        let found = self.survey().await?;
        let candidate = found.containers.iter().find(|it| {
            let labels = it.labels.clone().unwrap_or_default();
            self.is_ours(&labels)
                && labels::resource(&labels, &[super::CONTAINER]).as_ref() == Some(id)
        });
        let Some(summary) = candidate else {
            return Err(Failure::operation(format!(
                "{} has no container",
                id.owner()
            )));
        };
        let labels = summary.labels.as_ref();
        let key = labels.and_then(|it| it.get(labels::PROGRAM));
        let argv = key.and_then(|key| program::called_in(&self.setup.paths, key));
        let Some(argv) = argv else {
            let message = format!("the program that {} runs from is gone", id.owner());
            return Err(Failure::operation(message).hint("`hob up` brings it back"));
        };
        Ok((summary.id.clone().unwrap_or_default(), argv))
    }
}

impl Visit<'_> {
    /// What it says next; none once it ended.
    ///
    /// # Errors
    /// The engine went away.
    pub async fn next(&mut self) -> Option<Result<Said, Failure>> {
        let output = self.output.next().await?;
        Some(match output {
            Ok(LogOutput::StdErr { message }) => Ok(Said::Err(message.to_vec())),
            Ok(output) => Ok(Said::Out(output.into_bytes().to_vec())),
            Err(error) => Err(self.engine.client.failure("go on with the command", error)),
        })
    }

    /// Its exit code, once it ended.
    ///
    /// # Errors
    /// The engine does not know it.
    pub async fn code(&self) -> Result<i32, Failure> {
        let client = &self.engine.client;
        let exec = client.api().await?.inspect_exec(&self.exec).await;
        let exec = exec.map_err(|error| client.failure("tell how the command ended", error))?;
        Ok(exec
            .exit_code
            .and_then(|code| i32::try_from(code).ok())
            .unwrap_or(1))
    }

    /// Tells it to end, as far as this user may: its process is one of this
    /// machine. Whether it was told.
    pub async fn end(&self) -> bool {
        let Ok(api) = self.engine.client.api().await else {
            return false;
        };
        let exec = api.inspect_exec(&self.exec).await.ok();
        let pid = exec.and_then(|exec| i32::try_from(exec.pid?).ok());
        let pid = pid.filter(|pid| *pid > 0).and_then(Pid::from_raw);
        pid.is_some_and(|pid| kill_process(pid, Signal::TERM).is_ok())
    }

    /// Tells it the size of its terminal.
    pub async fn resize(&self, size: Terminal) {
        let options = ResizeExecOptionsBuilder::new()
            .w(i32::from(size.columns))
            .h(i32::from(size.rows))
            .build();
        if let Ok(api) = self.engine.client.api().await {
            // A wrong size is only ugly.
            let _ = api.resize_exec(&self.exec, options).await;
        }
    }
}
