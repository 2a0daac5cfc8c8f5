//! Base images that no registry has: made on this machine, once for all that
//! stand on them.

use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use hob_e2e::containers::Client;
use hob_e2e::{Terminal, World, until};

/// What asks the engine to pull an image.
const PULL: &[u8] = b"POST /images/create?fromImage=";

/// What an engine without a way to its registry says.
const CUT_OFF: &str = "{\"message\":\"dial tcp: i/o timeout\"}";

/// The machine's engine as it is where it reaches no registry.
fn cut_off(engine: &Client, socket: &Path) -> Client {
    let behind = PathBuf::from(engine.host().strip_prefix("unix://").unwrap());
    let listener = UnixListener::bind(socket).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let behind = behind.clone();
            std::thread::spawn(move || pass_on(stream, &behind));
        }
    });
    Client::at(socket)
}

/// One connection to the engine; a pull has one of its own.
fn pass_on(mut stream: UnixStream, behind: &Path) -> io::Result<()> {
    let mut head = vec![0; 64 << 10];
    let read = stream.read(&mut head)?;
    if head[..read].starts_with(PULL) {
        let length = CUT_OFF.len();
        return write!(
            stream,
            "HTTP/1.1 500 Internal Server Error\r\nContent-Length: {length}\r\n\r\n{CUT_OFF}"
        );
    }
    let mut engine = UnixStream::connect(behind)?;
    engine.write_all(&head[..read])?;
    let (mut asks, mut hears) = (stream.try_clone()?, engine.try_clone()?);
    std::thread::spawn(move || {
        let _ = io::copy(&mut asks, &mut hears);
        hears.shutdown(Shutdown::Both)
    });
    io::copy(&mut engine, &mut stream)?;
    stream.shutdown(Shutdown::Both)
}

/// A base of this test's own, taken away when it is dropped.
struct Base {
    engine: Client,
    name: String,
}

impl Base {
    /// Suites have small letters alone.
    fn new(world: &World) -> Self {
        let digits = world.project();
        let letters = digits.bytes().map(|it| char::from(b'a' + it % 26));
        Self {
            engine: world.client().clone(),
            name: format!("debian:hob{}", letters.collect::<String>()),
        }
    }
}

impl Drop for Base {
    fn drop(&mut self) {
        if self.engine.has_image(&self.name) {
            self.engine.remove_image(&self.name);
        }
    }
}

/// Stands for `mmdebstrap`: notes that it was called, and makes something
/// else each time once it may. It ends with the test's folder, too.
fn stand_in(world: &mut World) -> (PathBuf, PathBuf) {
    let folder = world.outside().join("bin");
    let (calls, may) = (folder.join("calls"), folder.join("may"));
    std::fs::create_dir(&folder).unwrap();
    let program = folder.join("mmdebstrap");
    let script = format!(
        "#!/bin/sh\necho called >> {calls}\n\
         until [ -e {may} ]; do [ -e {calls} ] || exit 1; sleep 0.02; done\n\
         made={folder}/made.$$\nmkdir $made\nhead -c 64 /dev/urandom > $made/base\n\
         exec tar -C $made -cf - base\n",
        calls = calls.display(),
        may = may.display(),
        folder = folder.display(),
    );
    std::fs::write(&program, script).unwrap();
    let runs = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&program, runs).unwrap();
    let path = std::env::var("PATH").unwrap();
    world.set("PATH", &format!("{}:{path}", folder.display()));
    (calls, may)
}

/// Whether a hob waits for what another one makes: it tries the file of it.
fn waits(pid: u32) -> bool {
    let open = std::fs::read_dir(format!("/proc/{pid}/fd"));
    let mut open = open.into_iter().flatten().flatten();
    open.any(|it| {
        let file = std::fs::read_link(it.path()).unwrap_or_default();
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("base-")
    })
}

#[test]
fn a_base_that_no_registry_has_is_made_once_for_all_services_and_hobs() {
    let mut world = World::new();
    let base = Base::new(&world);
    let (calls, may) = stand_in(&mut world);
    let socket = world.outside().join("engine.sock");
    let engine = cut_off(world.client(), &socket);
    world.move_to(engine);
    let service = |name: &str| {
        let text = format!("FROM {}\nCOPY page.txt /\n", base.name);
        world.write(&format!("stacks/demo/{name}/Dockerfile"), &text);
        world.write(&format!("stacks/demo/{name}/page.txt"), name);
        format!("\n[services.{name}]\nsource = \"{name}\"\nimage = {{}}\n")
    };
    let services: String = ["one", "two", "three"].map(service).concat();
    world.stack("demo", &format!("version = 1\n{services}"));
    let (beside, leaving) = (world.checkout("q"), world.checkout("l"));

    let mut first = world.background(["build"]);
    until("it is being made", || calls.exists());
    let once = || assert_eq!(std::fs::read_to_string(&calls).unwrap(), "called\n");
    let mut second = beside.background(&["build"]);
    until("another hob waits", || {
        once();
        waits(second.pid())
    });
    let mut third = Terminal::start(&world.command_in(leaving.root(), ["build"]));
    third.wait("waits for another hob");
    third.press("\x03");
    assert_eq!(third.end(), 130, "{}", third.shown());
    std::fs::write(&may, "").unwrap();
    assert_eq!(first.end(), 0, "{}", first.err());
    assert_eq!(second.end(), 0, "{}", second.err());

    once();
    let layer = world.client().layers_of(&base.name);
    assert_eq!(layer.len(), 1);
    for root in [world.root(), beside.root()] {
        let images = world.client().images_of(&hob_e2e::engine::project_id(root));
        assert_eq!(images.len(), 3);
        for image in images {
            assert_eq!(world.client().layers_of(&image)[0], layer[0]);
        }
    }
    drop((beside, leaving));
    world.assert_nothing_kept();
}
