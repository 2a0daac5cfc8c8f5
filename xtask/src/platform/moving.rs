//! [`Moving`]: a service of the platform that is brought up with other settings
//! than before. What cannot be had changes nothing: the settings are those of
//! before, and what was up is up.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};

use hob_engine::machine::ports::Listeners;
use hob_platform::{DNS, Locked, REGISTRY, Settings};

use super::beside::Found;
use super::datagrams::InTheWay;
use super::locked::turn;
use super::taken::{Has, but_of_left, holder};
use super::{Platform, announce_all, home};
use crate::context::Context;
use crate::error::{Code, Error, Result};

/// The option that says where a service of the platform listens.
const PORT: &str = "--port";

/// The settings of before, for as long as nobody else changes them or brings
/// anything up.
pub struct Moving<'a> {
    context: &'a Context,
    service: &'static str,
    /// The platform as it was.
    pub before: Platform,
    /// Where the service listened; none unless it was up.
    was: Option<SocketAddr>,
    /// Whether it had no agent.
    is_down: bool,
    _turn: Locked,
}

impl<'a> Moving<'a> {
    /// Waits for whoever does the same, then looks.
    ///
    /// # Errors
    /// The platform cannot be written, or another hob takes too long.
    pub async fn begin(context: &'a Context, service: &'static str) -> Result<Self> {
        let turn = turn(&home(&context.environment)?).await?;
        let before = Platform::written(context, |_| {}).await?;
        let (was, is_down) = match before.find(service).await? {
            Found::Up(beside) => (beside.listen, false),
            Found::Down | Found::Left(_) => (None, true),
            Found::Fails | Found::Unknown => (None, false),
        };
        Ok(Self {
            context,
            service,
            before,
            was,
            is_down,
            _turn: turn,
        })
    }

    /// That nobody else listens on a port of loopback; whether nobody does at
    /// all.
    ///
    /// # Errors
    /// Somebody does: who it is, as far as that can be told.
    pub fn is_free(&self, port: u16) -> Result<bool> {
        self.is_free_for(PORT, port)
    }

    /// The same of a port that another option asks for.
    ///
    /// # Errors
    /// Somebody listens on it: who it is, as far as that can be told.
    pub fn is_free_for(&self, option: &str, port: u16) -> Result<bool> {
        let (service, platform) = (self.service, &self.before);
        let engine = platform.context.load(&[])?.engine(&platform.context)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let addresses = but_of_left(&engine, service, BTreeSet::from([address]));
        let listeners = Listeners::read();
        for address in addresses.iter().filter(|it| self.was != Some(**it)) {
            if let Has::Another(who, hint) = holder(&listeners, engine.uid(), self.was, *address) {
                let words = format!("{address} is taken: {who} has it");
                return Err(self.taken(option, &words, hint));
            }
        }
        Ok(listeners.against(address).next().is_none())
    }

    /// That nobody else has any other address that the resolver takes with this
    /// port. Its own are not looked at: what is up has them.
    ///
    /// # Errors
    /// Somebody does: who it is, as far as that can be told.
    pub fn answers_alone(&self, port: u16) -> Result {
        let platform = &self.before;
        // Its settings may have been lost under it.
        let has_it = self.was.is_some_and(|was| was.port() == port);
        if has_it || port == platform.settings.dns_port && !self.is_down {
            return Ok(());
        }
        let engine = platform.context.load(&[])?.engine(&platform.context)?;
        match InTheWay::find(&engine, port) {
            Some(it) => Err(self.taken(PORT, &it.words(), it.hint)),
            None => Ok(()),
        }
    }

    fn taken(&self, option: &str, words: &str, hint: Option<String>) -> Error {
        let service = self.service;
        let mut error = Error::failed(format!("{words}; {service} and its settings are as before"));
        error.hints = hint.into_iter().collect();
        error.hint(another(service, option))
    }

    /// Writes the settings, changed, and brings the service up.
    ///
    /// # Errors
    /// It does not come up.
    pub async fn up(self, change: impl FnOnce(&mut Settings)) -> Result<Platform> {
        let (platform, moved) = self.written(change).await?;
        let up = platform.up(self.service).await;
        let up = up.map_err(|error| self.explained(error, &platform));
        moved.end(self, up).await?;
        Ok(platform)
    }

    /// Writes the settings, changed. What was done with them, or not, is told
    /// to [`Moved::end`].
    ///
    /// # Errors
    /// They cannot be written.
    pub async fn written(&self, change: impl FnOnce(&mut Settings)) -> Result<(Platform, Moved)> {
        let platform = Platform::written(self.context, change).await?;
        let moved = Moved {
            settings: platform.settings.clone(),
        };
        Ok((platform, moved))
    }

    /// Why the resolver did not come up, where somebody has its port since it was
    /// looked at.
    fn explained(&self, error: Error, platform: &Platform) -> Error {
        let has_failed = self.service == DNS && error.code == Code::Service;
        let engine = platform.context.load(&[]);
        let engine = engine.and_then(|it| it.engine(&platform.context));
        let Some(it) = engine
            .ok()
            .filter(|_| has_failed)
            .and_then(|engine| InTheWay::of_failed(&engine, platform.settings.dns_port))
        else {
            return error;
        };
        let mut told = Error::new(error.code, it.words());
        told.hints = it.hint.into_iter().collect();
        also(error, Err(told.hint(another(DNS, PORT))))
    }

    /// Whether it is where it was, or was nowhere.
    async fn is_where_it_was(&self) -> bool {
        let Some(was) = self.was else { return true };
        match self.before.find(self.service).await {
            Ok(Found::Up(now)) => now.listen == Some(was),
            _ => false,
        }
    }
}

/// What the settings were changed to.
#[must_use]
pub struct Moved {
    settings: Settings,
}

impl Moved {
    /// Ends the move: where it was not done, the settings are those of before
    /// again, and what was up with them.
    ///
    /// # Errors
    /// It was not done, as `done` has it.
    pub async fn end(self, moving: Moving<'_>, done: Result) -> Result {
        let Err(error) = done else { return Ok(()) };
        let old = &moving.before.settings;
        if *old == self.settings {
            return Err(error);
        }
        let service = moving.service;
        let back = Platform::written(moving.context, |now| put_back(now, &self.settings, old));
        let back = match back.await {
            Ok(back) => back,
            Err(other) => return Err(also(error, Err(other))),
        };
        // Who interrupted it wants nothing more to begin.
        if error.code == Code::Interrupted || moving.is_where_it_was().await {
            return Err(match service {
                REGISTRY => error,
                _ => also(error, announce_all(moving.context).await.map(drop)),
            });
        }
        let said = format!("{service} and its settings are put back as they were before");
        moving.context.output.say(said);
        let up = back.up(service).await;
        let told = match (&up, service) {
            (Err(_), _) | (_, REGISTRY) => Ok(()),
            _ => announce_all(moving.context).await.map(drop),
        };
        Err(also(error, up.and(told)))
    }
}

fn another(service: &str, option: &str) -> String {
    format!("`hob {service} up {option} PORT` takes another one")
}

/// An error, and what else there is to say.
fn also(error: Error, other: Result) -> Error {
    match other {
        Err(other) if error.message.is_empty() => Error {
            code: error.code,
            ..other
        },
        Err(other) => error.with(other),
        Ok(()) => error,
    }
}

/// Takes a change of settings back, but for what somebody else has changed
/// since.
fn put_back(now: &mut Settings, changed: &Settings, old: &Settings) {
    fn one<T: PartialEq + Clone>(now: &mut T, changed: &T, old: &T) {
        if now == changed {
            now.clone_from(old);
        }
    }
    one(
        &mut now.registry_port,
        &changed.registry_port,
        &old.registry_port,
    );
    one(&mut now.dns_port, &changed.dns_port, &old.dns_port);
    one(&mut now.domains, &changed.domains, &old.domains);
    one(&mut now.http_port, &changed.http_port, &old.http_port);
    one(&mut now.https_port, &changed.https_port, &old.https_port);
}
