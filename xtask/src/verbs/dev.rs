//! `dev`: services with their sources, rebuilt on each save.

use std::path::PathBuf;
use std::sync::Arc;

use hob_engine::Engine;
use hob_session::{End, Key, Setup};
use hob_stack::ServiceId;
use tokio::sync::mpsc;

use crate::cli::DevArgs;
use crate::context::{Context, Loading};
use crate::error::{Code, Error, Result};
use crate::ground::{DevGround, DevSetup};
use crate::stage::Stage;
use crate::versions;

mod detach;
mod leave;
mod screen;

use leave::Leaving;
use screen::Screen;

pub async fn dev(context: &Context, args: DevArgs) -> Result {
    let loading = context.load(&args.names.names)?;
    let services = loading.closure(&args.names.names, args.only)?;
    loading.fits(&services, args.ports.port_offset)?;
    let engine = loading.engine(context)?;
    versions::end(context, &engine, &services).await?;
    if args.detach {
        return detach::detach(context, &args, &engine, &services, &loading.project).await;
    }
    let stage = Stage::new(context.output);
    greet(&stage, &engine, &services);
    session(context, &loading, engine, services, stage, args).await
}

fn greet(stage: &Stage, engine: &Engine, services: &[ServiceId]) {
    let names: Vec<String> = services.iter().map(ToString::to_string).collect();
    let (engine, reason) = (engine.name(), engine.reason());
    let names = names.join(", ");
    stage.say_folded(format!("{names} on the {engine} engine, because {reason}"));
}

async fn session(
    context: &Context,
    loading: &Loading,
    engine: Engine,
    services: Vec<ServiceId>,
    stage: Stage,
    args: DevArgs,
) -> Result {
    let socket = socket(&engine)?;
    let keep = args.keep;
    let (keys_in, mut keys) = mpsc::unbounded_channel();
    let leaving = Leaving::watch(keys_in.clone());
    let mut screen = Screen::new(context.clone(), stage.clone(), &services);
    let typed = screen.read_keys(keys_in);
    let ground = Arc::new(DevGround::new(DevSetup {
        engine,
        stage: stage.clone(),
        project: loading.project.clone(),
        files: loading.loaded.files.clone(),
        services,
        names: args.names.names,
        only: args.only,
        port_offset: args.ports.port_offset.unwrap_or(0),
        context: context.clone(),
    }));
    let (shown_in, shown) = mpsc::unbounded_channel();
    let showing = tokio::spawn(screen.show(shown));
    let setup = Setup { socket, keep };
    let end = hob_session::run(ground.clone(), setup, &mut keys, shown_in).await;
    // Everything that was told is shown before the last word.
    let _ = showing.await;
    drop(typed);
    if keep && matches!(end, Ok(End::Left)) {
        stage.say("the services stay up; `hob down` ends them");
    }
    match end.map_err(anyhow::Error::from)? {
        End::Left if leaving.by_signal() => Err(Error::said(Code::Interrupted)),
        End::Left => Ok(()),
        End::TakenDown => {
            stage.say("every service was taken down from elsewhere; the session is over");
            Ok(())
        }
        End::Blocked => Err(Error::said(ground.outcome().unwrap_or(Code::Failed))),
        End::Taken { pid } => Err(Error::failed(format!(
            "{} has these services",
            hob_engine::session_name(pid)
        ))
        .hint("follow it: `hob logs -f`")
        .hint("end it: `hob down`")),
    }
}

/// The session's own socket; its folder is made and closed to others.
fn socket(engine: &Engine) -> Result<PathBuf> {
    engine.make_folders().map_err(anyhow::Error::from)?;
    Ok(engine.paths().session_socket(std::process::id()))
}

/// What a key of the terminal asks for.
fn key(typed: char) -> Option<Key> {
    use hob_session::Command;
    Some(match typed {
        'r' => Key::Command(Command::Restart(None)),
        'b' => Key::Command(Command::Rebuild(None)),
        'p' => Key::Command(Command::Pause),
        'q' => Key::Leave,
        _ => return None,
    })
}
