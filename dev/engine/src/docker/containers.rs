//! The actions on containers: run, told, ended.
//!
//! Containers are found by their labels and named to the engine by its own ids:
//! names can be changed by anybody.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::{ContainerUpdateBody, RestartPolicy, RestartPolicyNameEnum};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, ListContainersOptionsBuilder, LogsOptionsBuilder,
    RemoveContainerOptionsBuilder, StartContainerOptions, StopContainerOptionsBuilder,
};
use futures_util::StreamExt as _;
use hob_wire::{Mode, Request};
use tokio::time::Instant;

use super::client::{is_unknown, status};
use super::program::Layout;
use super::spec::ContainerSpec;
use super::{DockerEngine, IMAGE, body, labels, network, program, services};
use crate::agent::answer::{Answer, ask};
use crate::agent::told::Told;
use crate::resource::ResourceId;
use crate::world::Failure;

/// How long a new agent may take to answer.
const SPAWN: Duration = Duration::from_secs(90);

/// How often a new agent is asked whether it is there.
const ASK: Duration = Duration::from_millis(5);

/// How often the engine is asked meanwhile whether it ended: it has more to do
/// than an agent.
const LOOK: Duration = Duration::from_millis(100);

/// How much of the time to end is kept for the engine, once the agent had its
/// part.
const ENGINE: Duration = Duration::from_secs(10);

impl DockerEngine {
    /// Makes and starts a container, until its agent answers; one whose agent
    /// answers already is it.
    pub(super) async fn run(&self, it: &ContainerSpec, limit: Duration) -> Result<(), Failure> {
        let api = self.client.api().await?;
        let service = it.id.service.as_deref().unwrap_or_default();
        let agent = self.agent_in(&it.id.stack, service);
        let there = self.containers_of(&it.id).await?;
        if let (Answer::Status(status), false) = (ask(&agent).await, there.is_empty())
            && (&status.project, &status.service) == (&it.spec.project, &it.spec.service)
        {
            return Ok(());
        }
        for id in there {
            // Half made by a hob that was killed.
            self.delete(&id).await?;
        }
        self.lay_out(&it.program).await?;
        services::set_token(&it.id.stack, service, it.over_tcp, &self.setup.paths)?;
        // Whether it is reached over a port is known from here on.
        let agent = self.agent_in(&it.id.stack, service);
        self.write_secrets(it)?;
        let stack = network(&it.id.stack);
        let networks = self.networks_of(&stack).await?;
        let Some(first) = networks.first() else {
            return Err(Failure::operation(format!("the {stack} is gone")));
        };
        let body = || body::of(&self.setup, it, first);
        let name = labels::name(&self.setup, &it.id);
        let options = CreateContainerOptionsBuilder::new().name(&name).build();
        let made = api.create_container(Some(options), body()).await;
        let made = match made {
            Err(error) if status(&error) == Some(409) => {
                // Somebody else's has the name, which is only for people.
                let made = api.create_container(None, body()).await;
                made.map_err(|error| self.client.failure(&format!("make the {}", it.id), error))?
            }
            made => {
                made.map_err(|error| self.client.failure(&format!("make the {}", it.id), error))?
            }
        };
        if let Err(error) = api
            .start_container(&made.id, None::<StartContainerOptions>)
            .await
        {
            let taken = self.taken(it).await;
            self.delete(&made.id).await?;
            return Err(taken.unwrap_or_else(|| self.not_started(it, error)));
        }
        let begun = Instant::now();
        let end = begun + SPAWN.min(limit);
        let mut look = begun + LOOK;
        let why = loop {
            match ask(&agent).await {
                Answer::Status(_) => return Ok(()),
                Answer::Version(version) => {
                    break format!("it speaks version {version} of the protocol");
                }
                Answer::Useless(_) | Answer::Nobody => {}
            }
            if Instant::now() >= end {
                break format!("it did not answer within {} s", SPAWN.min(limit).as_secs());
            }
            if Instant::now() >= look {
                look = Instant::now() + LOOK;
                let state = api.inspect_container(&made.id, None).await.ok();
                let state = state.and_then(|it| it.state);
                if state.is_some_and(|it| it.restarting == Some(true) || it.running == Some(false))
                {
                    break "it ended at once".to_owned();
                }
            }
            tokio::time::sleep(ASK).await;
        };
        let failure = Failure::operation(format!("the agent does not run: {why}"));
        let failure = failure.output(self.last_words(&made.id).await);
        self.delete(&made.id).await?;
        Err(failure)
    }

    fn not_started(&self, it: &ContainerSpec, error: bollard::errors::Error) -> Failure {
        let failure = self.client.failure(&format!("start the {}", it.id), error);
        match failure.message.contains("is ambiguous") {
            true => {
                failure.hint("`docker network ls` lists both: remove the one that hob did not make")
            }
            false => failure,
        }
    }

    /// Lays hob's program out, one at a time: the others find it there.
    async fn lay_out(&self, program: &Layout) -> Result<(), Failure> {
        let _alone = self.laying_out.lock().await;
        program::lay_out(program).await.map_err(|error| {
            let folder = program.folder.display();
            Failure::operation(format!("cannot lay hob's program out in {folder}: {error}"))
        })
    }

    /// Tells the agent what it is to run; what only the image says is looked up
    /// now that it is there.
    pub(super) async fn configure(
        &self,
        it: &ContainerSpec,
        limit: Duration,
    ) -> Result<(), Failure> {
        let mut told = it.clone();
        if it.as_the_image_says {
            self.as_the_image_says(&mut told).await?;
        }
        self.told(&told, &|| Vec::new()).configure(limit).await
    }

    /// Fills in what the image says: the command, its folder, its user.
    async fn as_the_image_says(&self, it: &mut ContainerSpec) -> Result<(), Failure> {
        let api = self.client.api().await?;
        let image = api.inspect_image(&it.image).await.map_err(|error| {
            self.client
                .failure(&format!("look at the image {}", it.image), error)
        })?;
        let config = image.config.unwrap_or_default();
        let mut argv = config.entrypoint.unwrap_or_default();
        argv.extend(config.cmd.unwrap_or_default());
        if argv.is_empty() {
            let message = format!("the image {} says no command to run", it.image);
            // What is built for production alone says what is run.
            let built = it.needs.iter().any(|need| need.kind == IMAGE);
            let hint = match (built, it.spec.mode) {
                (true, Mode::Run) => "end its Dockerfile's stage with a `CMD`",
                _ => "give it a `CMD`, or the service a `run`",
            };
            return Err(Failure::service(message).hint(hint));
        }
        it.spec.run.argv = argv;
        let folder = config.working_dir.filter(|it| !it.is_empty());
        it.spec.run.cwd = folder.map_or_else(|| "/".into(), Into::into);
        it.spec.user = config.user.filter(|it| !it.is_empty());
        Ok(())
    }

    pub(super) fn told<'a>(
        &self,
        it: &'a ContainerSpec,
        last_words: &'a (dyn Fn() -> Vec<String> + Sync),
    ) -> Told<'a> {
        let service = it.id.service.as_deref().unwrap_or_default();
        Told {
            client: self.agent_in(&it.id.stack, service),
            spec: &it.spec,
            digest: &it.digest,
            last_words,
        }
    }

    /// Writes the secrets from variables where the agent finds them. What the
    /// caller does not have stays as it is.
    fn write_secrets(&self, it: &ContainerSpec) -> Result<(), Failure> {
        if it.secret_variables.is_empty() {
            return Ok(());
        }
        let folder = self.secret_folder(&it.id);
        let failed = |error: &dyn std::fmt::Display| {
            Failure::operation(format!("cannot write into {}: {error}", folder.display()))
        };
        crate::paths::make_closed(&folder, self.setup.uid).map_err(|error| failed(&error))?;
        for (file, variable) in &it.secret_variables {
            let Some(value) = self.setup.environment.get(variable) else {
                continue;
            };
            crate::paths::write_closed(&folder.join(file), value.as_bytes())
                .map_err(|error| failed(&error))?;
        }
        Ok(())
    }

    /// What lists of the engine are narrowed down by to one resource of the
    /// project.
    pub(super) fn filter_of(&self, id: &ResourceId) -> HashMap<&'static str, Vec<String>> {
        let state = self.setup.paths.state.to_string_lossy();
        let mut own = vec![
            (labels::PROJECT, self.setup.project.as_str()),
            (labels::STATE, &*state),
            (labels::KIND, id.kind.as_str()),
            (labels::STACK, id.stack.as_str()),
        ];
        own.extend(id.service.as_deref().map(|it| (labels::SERVICE, it)));
        own.push((labels::NAME, &id.name));
        own.retain(|(_, value)| !value.is_empty());
        let own = own.iter().map(|(name, value)| format!("{name}={value}"));
        HashMap::from([("label", own.collect())])
    }

    /// The containers of a service, by the engine's own names.
    pub(super) async fn containers_of(&self, id: &ResourceId) -> Result<Vec<String>, Failure> {
        let api = self.client.api().await?;
        let filters = self.filter_of(id);
        let options = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&filters)
            .build();
        let found = api.list_containers(Some(options)).await;
        let found = found.map_err(|error| self.client.failure("list its containers", error))?;
        Ok(found
            .into_iter()
            .filter_map(|container| container.id)
            .collect())
    }

    /// Ends a service and its container: the agent first, gently, then the
    /// engine what is left.
    pub(super) async fn end(&self, id: &ResourceId, limit: Duration) -> Result<(), Failure> {
        let api = self.client.api().await?;
        let service = id.service.as_deref().unwrap_or_default();
        let agent = self.agent_in(&id.stack, service);
        let there = self.containers_of(id).await?;
        for container in &there {
            // The engine would start it again once its agent ended. If it
            // cannot be told, it is told to stop below.
            let never = ContainerUpdateBody {
                restart_policy: Some(RestartPolicy {
                    name: Some(RestartPolicyNameEnum::NO),
                    maximum_retry_count: None,
                }),
                ..ContainerUpdateBody::default()
            };
            let _ = api.update_container(container, never).await;
        }
        let gently = limit.saturating_sub(ENGINE);
        let answers = !there.is_empty()
            && matches!(ask(&agent).await, Answer::Status(_) | Answer::Version(_));
        // Whatever it says otherwise, its container goes next.
        let ended = answers && agent.tell(&Request::Shutdown, gently).await.is_ok();
        for container in there {
            if !ended {
                let options = StopContainerOptionsBuilder::new().t(1).build();
                let _ = api.stop_container(&container, Some(options)).await;
            }
            self.delete(&container).await?;
        }
        Ok(())
    }

    /// Removes a container, whatever it is at.
    pub(super) async fn delete(&self, id: &str) -> Result<(), Failure> {
        let options = RemoveContainerOptionsBuilder::new()
            .force(true)
            .v(true)
            .build();
        let removed = self
            .client
            .api()
            .await?
            .remove_container(id, Some(options))
            .await;
        match removed {
            Err(error) if is_unknown(&error) => Ok(()),
            // Its removal is under way already.
            Err(error) if status(&error) == Some(409) => self.gone(id).await,
            Err(error) => Err(self.client.failure("remove a container", error)),
            Ok(()) => Ok(()),
        }
    }

    /// Waits until a container that is being removed is gone.
    async fn gone(&self, id: &str) -> Result<(), Failure> {
        let api = self.client.api().await?;
        let end = Instant::now() + SPAWN;
        while api.inspect_container(id, None).await.is_ok() {
            if Instant::now() >= end {
                return Err(Failure::operation("its container does not go away"));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// The end of what a container said outside of its log.
    async fn last_words(&self, id: &str) -> Vec<String> {
        let Ok(api) = self.client.api().await else {
            return Vec::new();
        };
        let options = LogsOptionsBuilder::new()
            .stdout(true)
            .stderr(true)
            .tail("20")
            .build();
        let logs = api.logs(id, Some(options));
        let lines = logs.filter_map(|line| async move { line.ok() });
        let text = lines.map(|line| line.to_string()).collect::<String>().await;
        text.lines().map(str::to_owned).collect()
    }
}
