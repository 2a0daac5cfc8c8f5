//! Looks at what surrounds the services: registry and ingress, where they were
//! ever asked for, and at services that listen beyond loopback.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use hob_engine::machine::ports::{Listeners, holders};
use hob_engine::machine::processes;
use hob_platform::{INGRESS, REGISTRY, Read, shadowed};
use hob_stack::Service;
use hob_wire::{MARK_ROOT, MARK_SERVICE};

use super::facts::{Exposed, Own, OwnFound};
use crate::context::Context;
use crate::platform::{Found, Platform, leads_elsewhere};
use crate::verbs::registry::health::{self, Trouble};

/// How long a port of this machine may take to be connected to.
const CONNECT: Duration = Duration::from_secs(2);

/// What was found; nothing while nobody asked for any of it.
#[derive(Default)]
pub struct Around {
    pub own: Vec<Own>,
    pub shadowed: Vec<String>,
}

/// What cannot be read of it is not shown.
pub async fn around(context: &Context) -> Around {
    let Ok(Some(platform)) = Platform::there(context) else {
        return Around::default();
    };
    let mut around = Around {
        own: vec![Own {
            name: REGISTRY,
            port: platform.settings.registry_port,
            found: registry(&platform).await,
        }],
        shadowed: Vec::new(),
    };
    if let Some(port) = platform.settings.http_port {
        around.own.push(Own {
            name: INGRESS,
            port,
            found: ingress(&platform, port).await,
        });
        let announced = platform.home.announced().unwrap_or_default();
        around.shadowed = shadowed(&announced).iter().map(leads_elsewhere).collect();
    }
    around
}

async fn registry(platform: &Platform) -> OwnFound {
    let down = matches!(platform.find(REGISTRY).await, Ok(Found::Down));
    if down {
        let holder = holder(platform.settings.registry_port);
        return OwnFound::Down { holder };
    }
    let error = match health::own(platform).await {
        Ok(_) => match health::look(platform).await {
            Some(health::Look {
                ailment: Some(error),
                ..
            }) => error,
            look => {
                let free = look.map(|it| it.free_kib.saturating_mul(1024));
                return OwnFound::Answers { free };
            }
        },
        Err(Trouble::Gone(error) | Trouble::Unclear(error) | Trouble::Ill(error)) => error,
    };
    let hint = error.hints.into_iter().next();
    OwnFound::Ill {
        why: error.message,
        hint: hint.unwrap_or_else(|| "`hob registry up`".to_owned()),
    }
}

async fn ingress(platform: &Platform, port: u16) -> OwnFound {
    let ill = |why: &str| OwnFound::Ill {
        why: why.to_owned(),
        hint: "`hob ingress up`, then `hob ingress status`".to_owned(),
    };
    match platform.find(INGRESS).await {
        Ok(Found::Down) => OwnFound::Down {
            holder: holder(port),
        },
        Ok(Found::Up(_)) => {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            if TcpStream::connect_timeout(&address, CONNECT).is_err() {
                return ill(&format!("up, and nobody answers on port {port}"));
            }
            match platform.home.has_begun(Read::Routes) {
                true => OwnFound::Answers { free: None },
                false => ill("up, and it has not read its newest routes"),
            }
        }
        Ok(Found::Left(_)) => ill("its agent is gone, and it goes on as it was"),
        Ok(Found::Fails | Found::Unknown) | Err(_) => ill("on its way, or broken"),
    }
}

/// Who has a port of loopback, in words.
fn holder(port: u16) -> Option<String> {
    let all = Listeners::read();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let inode = all.against(address).next()?.inode;
    let holders = holders(&[inode]);
    let pid = holders.get(&inode).and_then(|pids| pids.first());
    let who = pid.and_then(|pid| Some(format!("{} (process {pid})", processes::name(*pid)?)));
    Some(who.unwrap_or_else(|| "somebody".to_owned()))
}

/// Those of these services that listen beyond loopback though their table says
/// nothing of it, as far as the caller may look. Containers with a network of
/// their own are not seen here, and reached by nobody else.
pub fn exposed(root: &Path, services: &[&Service]) -> Vec<Exposed> {
    let all = Listeners::read();
    let wide: Vec<_> = all
        .iter()
        .filter(|it| !it.addr.ip().is_loopback())
        .collect();
    let inodes: Vec<u64> = wide.iter().map(|it| it.inode).collect();
    let holders = holders(&inodes);
    let mut found = Vec::new();
    for listener in wide {
        let pids = holders.get(&listener.inode).into_iter().flatten();
        for pid in pids {
            let variable = |name| processes::variable(*pid, name);
            if variable(MARK_ROOT).is_none_or(|it| Path::new(&it) != root) {
                continue;
            }
            let name = variable(MARK_SERVICE).unwrap_or_default();
            let service = services.iter().find(|it| it.id.to_string() == name);
            if service.is_some_and(|it| it.address.is_loopback()) {
                found.push(Exposed {
                    service: name,
                    program: processes::name(*pid).unwrap_or_else(|| "it".to_owned()),
                    address: listener.addr.to_string(),
                });
            }
        }
    }
    found.sort();
    found.dedup();
    found
}
