//! `ingress ca`: the authority that signs for the ingress, and who trusts it.
//! What is decided is `hob-authority`'s.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use console::style;
use hob_authority::trust::{Asked, Noted, Plan, Stores, Trusted};
use hob_authority::{About, Folder};
use hob_changes::{Place, below, entry};
use hob_platform::Home;

use crate::cli::CaVerb;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::platform::{Platform, home, home_error, locked};
use crate::resolver::wanted;
use crate::verbs::changes::{carry_out, consent, kept, show_plan, show_undo};
use crate::verbs::doctor::facts::Certificates;

const WHAT: &str = "what this machine trusts";
const INSTALL: &str = "ingress ca install";
const UNINSTALL: &str = "ingress ca uninstall";
const ROOT: &str = "/";

pub async fn authority(context: &Context, verb: CaVerb) -> Result {
    match verb {
        CaVerb::Status => status(context),
        CaVerb::Install { yes } => install(context, yes).await,
        CaVerb::Uninstall { yes } => uninstall(context, yes).await,
    }
}

/// Makes one, unless there is one that may sign for all domains that are
/// wanted. One that somebody trusts stays until they have taken that back.
pub async fn make(context: &Context, platform: &Platform) -> Result {
    let home = &platform.home;
    let locked = locked(home).await?;
    let mut domains = home.domains(&platform.settings).map_err(home_error)?;
    domains.extend(wanted(context)?.iter().map(ToString::to_string));
    let about = about(home)?;
    if about.as_ref().is_some_and(|it| Home::does(it, &domains)) {
        return Ok(());
    }
    if let (Some(about), Some(_)) = (&about, noted(context)) {
        let (name, listed) = (&about.name, listed(&about.domains));
        let error = format!("{name}, which this machine trusts, signs for {listed} and no more");
        return Err(Error::failed(error).hint(format!(
            "`hob {UNINSTALL}`, then `hob ingress up --https` makes another one"
        )));
    }
    let made = home.make_authority(&locked, domains).map_err(home_error)?;
    drop(locked);
    let (name, domains) = (&made.name, listed(&made.domains));
    context.output.say(format!(
        "made the {name}, for {domains}; `hob {INSTALL}` has this machine trust it"
    ));
    Ok(())
}

/// What was noted of its being trusted, by this user; nothing where it cannot
/// be told.
pub fn noted(context: &Context) -> Option<Noted> {
    let folder = home(&context.environment).ok()?.authority();
    read(&folder).ok()?
}

/// The files that a note of it names, the note itself last.
pub fn noted_files(context: &Context) -> Vec<PathBuf> {
    let (Some(noted), Ok(home)) = (noted(context), home(&context.environment)) else {
        return Vec::new();
    };
    noted.paths().chain([home.authority().trusted()]).collect()
}

/// The authority and whether it is trusted, where there is one that can be
/// read.
pub fn found(context: &Context) -> Option<Certificates> {
    let home = home(&context.environment).ok()?;
    let about = about(&home).ok()??;
    let settings = home.settings().ok()?;
    let domains = home.domains(&settings).ok()?;
    Some(Certificates {
        does: Home::does(&about, &domains),
        until: day(about.until),
        about,
        domains,
        served: settings.https_port.is_some(),
        noted: noted(context),
        stores: stores(&context.environment),
    })
}

async fn install(context: &Context, yes: bool) -> Result {
    let home = home(&context.environment)?;
    let folder = home.authority();
    let about = about(&home)?.ok_or_else(none)?;
    let file = folder.certificate();
    let pem = std::fs::read_to_string(&file)?;
    let before = read(&folder)?;
    let trusted = Trusted {
        name: &about.name,
        pem: &pem,
        file: &file,
    };
    let plan = Plan::of(&stores(&context.environment), &trusted, before.as_ref());
    show_plan(context, &plan.changes)?;
    if plan.is_empty() {
        let error = Error::failed("hob can have nobody here trust it");
        return Err(error.hint(format!("`curl --cacert {}`", file.display())));
    }
    consent(context, WHAT, INSTALL, yes)?;
    let done = carry_out(context, &place(&folder), &plan.steps(), INSTALL).await;
    done.map_err(|error| error.hint(format!("`hob {UNINSTALL}` takes back what was done")))?;
    let mark = style("✓").for_stderr().green();
    let domains = listed(&about.domains);
    context.output.say(format!(
        "{mark} {} is trusted for {domains}, by programs that start from now on; `hob \
             {UNINSTALL}` takes it back",
        about.name
    ));
    Ok(())
}

pub async fn uninstall(context: &Context, yes: bool) -> Result {
    let folder = home(&context.environment)?.authority();
    let Some(noted) = read(&folder)? else {
        context
            .output
            .say("nothing of what this machine trusts was changed");
        return Ok(());
    };
    let there = |path: &Path| entry(&below(Path::new(ROOT), path));
    let undo = noted.undo(there);
    let undo = undo.map_err(|changed| kept(context, &changed, UNINSTALL))?;
    show_undo(context, &undo)?;
    consent(context, WHAT, UNINSTALL, yes)?;
    let done = carry_out(context, &place(&folder), &undo.steps(), UNINSTALL).await;
    done.map_err(|error| error.hint(format!("`hob {UNINSTALL}` once more does the rest")))?;
    let mark = style("✓").for_stderr().green();
    let words = format!("{mark} {} is trusted by nobody here", noted.name);
    context.output.say(words);
    Ok(())
}

fn status(context: &Context) -> Result {
    let home = home(&context.environment)?;
    let about = about(&home)?.ok_or_else(none)?;
    let folder = home.authority();
    let until = day(about.until);
    let domains = listed(&about.domains);
    context
        .output
        .data(folder.certificate().display().to_string())?;
    let words = format!("{} signs for {domains} until {until}", about.name);
    context.output.say(words);
    context.output.say(match read(&folder)? {
        Some(noted) => format!("trusted by {}", noted.stores.join(", ")),
        None => format!("trusted by nobody (`hob {INSTALL}`)"),
    });
    Ok(())
}

fn about(home: &Home) -> Result<Option<About>> {
    let about = home.authority().about();
    about.map_err(|error| home_error(error.into()))
}

fn none() -> Error {
    let error = Error::failed("this user has no certificate authority");
    error
        .hint("`hob ingress up --https` makes one")
        .hint("with sudo, `--preserve-env=HOME,XDG_DATA_HOME` keeps the user's")
}

fn read(folder: &Folder) -> Result<Option<Noted>> {
    let path = folder.trusted();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(Error::failed(format!(
                "cannot read {}: {error}",
                path.display()
            )));
        }
    };
    let noted = Noted::parse(&text);
    let failed = |why| Error::failed(format!("{} is not what hob wrote: {why}", path.display()));
    noted.map(Some).map_err(failed)
}

fn place(folder: &Folder) -> Place {
    Place {
        root: Path::new(ROOT).to_owned(),
        note: folder.trusted(),
    }
}

/// Who keeps lists of authorities here.
fn stores(environment: &BTreeMap<String, String>) -> Stores {
    let path = environment.get("PATH");
    let home = environment.get("HOME").map(PathBuf::from);
    let data = environment.get("XDG_DATA_HOME").map(PathBuf::from);
    let usual = home.as_ref().map(|it| it.join(".local/share"));
    let asked = Asked {
        mac: cfg!(target_os = "macos"),
        data: data.filter(|it| it.is_absolute()).or(usual),
        home,
        user: rustix::process::geteuid().as_raw(),
        certutil: which::which_in("certutil", path, ROOT).is_ok(),
    };
    Stores::read(Path::new(ROOT), &asked)
}

fn listed(domains: &std::collections::BTreeSet<String>) -> String {
    domains.iter().cloned().collect::<Vec<_>>().join(", ")
}

/// The day of a time in seconds since 1970.
fn day(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok();
    let time = time.and_then(|it| jiff::Timestamp::from_second(it).ok());
    time.map_or_else(String::new, |it| it.strftime("%Y-%m-%d").to_string())
}
