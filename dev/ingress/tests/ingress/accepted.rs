//! nginx takes whatever routes there are, and nothing else becomes one.

use std::num::{NonZeroU8, NonZeroU32};
use std::path::Path;
use std::process::Command;

use hob_ingress::{
    Account, AccountName, Address, Certificate, FilePath, Host, Ingress, Label, Listener, Log,
    PathPrefix, Protocol, Route, Serves, Settings, Site, Transport, Upstream, Version, Weight,
    nginx_conf,
};
use proptest::prelude::*;
use proptest::sample::Index;
use tempfile::TempDir;

use crate::{nginx, samples, tls};

/// A folder whose name is as difficult as they come, with two certificates.
struct Ground {
    folder: TempDir,
    pairs: [Certificate; 2],
}

impl Ground {
    fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("a \"b\" 'c' \\n {d}; #é ")
            .tempdir()
            .unwrap();
        let pairs = ["one", "two"].map(|name| {
            let path = folder.path().join(name);
            std::fs::create_dir(&path).unwrap();
            tls::pair(&path, &["*.hob.test"])
        });
        Self { folder, pairs }
    }

    fn path(&self, name: &str) -> FilePath {
        FilePath::new(self.folder.path().join(name)).unwrap()
    }

    /// Whether nginx takes a text, and what it says.
    fn is_accepted(&self, text: &str) -> (bool, String) {
        let conf = self.folder.path().join("nginx.conf");
        std::fs::write(&conf, text).unwrap();
        let output = Command::new(nginx::program())
            .args(["-e", "stderr", "-t", "-c"])
            .arg(&conf)
            .env_clear()
            .output()
            .unwrap();
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), words)
    }
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Debug> + std::fmt::Debug>(
    pattern: &str,
) -> impl Strategy<Value = T> {
    proptest::string::string_regex(pattern)
        .unwrap()
        .prop_filter_map("no value of the type", |text| text.parse().ok())
}

fn label() -> impl Strategy<Value = Label> {
    parsed("[a-z]([a-z0-9-]{0,10}[a-z0-9])?")
}

fn host() -> impl Strategy<Value = Host> {
    prop_oneof![
        9 => parsed("([*]\\.)?([a-zA-Z0-9-]{1,12}\\.){0,3}[a-z]{1,8}"),
        1 => parsed("([*]\\.)?([a-z0-9]{61}\\.){3}[a-z]{60}"),
    ]
}

fn path() -> impl Strategy<Value = PathPrefix> {
    prop_oneof![
        1 => parsed("/"),
        4 => parsed("(/[A-Za-z0-9._~-]{1,4}){1,3}/?"),
        1 => parsed("/[A-Za-z0-9._~-]{200,254}"),
    ]
}

fn upstream() -> impl Strategy<Value = Upstream> {
    let addr = prop_oneof![
        any::<std::net::SocketAddrV4>().prop_map(std::net::SocketAddr::from),
        any::<([u8; 16], u16)>().prop_map(std::net::SocketAddr::from),
        (0_u16..20).prop_map(|port| std::net::SocketAddr::from(([127, 0, 0, 1], 3000 + port))),
    ];
    let addr = addr.prop_filter_map("no address", |addr| Address::try_from(addr).ok());
    (
        addr,
        1_u16..=1000,
        parsed("[A-Za-z0-9][A-Za-z0-9._-]{0,63}"),
    )
        .prop_map(|(addr, weight, version)| Upstream {
            addr,
            weight: Weight::try_from(weight).unwrap(),
            version,
        })
}

fn route() -> impl Strategy<Value = Route> {
    let protocol = prop_oneof![Just(Protocol::Http), Just(Protocol::Grpc)];
    let upstreams = proptest::collection::vec(upstream(), 0..5);
    (path(), label(), protocol, upstreams).prop_map(|(path, service, protocol, upstreams)| Route {
        path,
        service,
        protocol,
        upstreams,
    })
}

fn site(ground: &Ground) -> impl Strategy<Value = Site> {
    let pairs = ground.pairs.clone();
    let certificate = proptest::option::of(any::<bool>());
    let certificate = certificate.prop_map(move |two| two.map(|it| pairs[usize::from(it)].clone()));
    let hosts = proptest::collection::vec(host(), 0..4);
    let routes = proptest::collection::vec(route(), 0..5);
    (label(), hosts, routes, certificate).prop_map(|(name, hosts, routes, certificate)| Site {
        name,
        hosts,
        routes,
        certificate,
    })
}

fn parts(ground: &Ground) -> impl Strategy<Value = (Vec<Listener>, Vec<Site>)> {
    let pairs = ground.pairs.clone();
    let transport = prop_oneof![
        Just(None),
        Just(Some(None)),
        (0_usize..3).prop_map(|which| Some(Some(which))),
    ];
    let listener = (0_u16..12, transport, any::<Option<Index>>());
    let listeners = proptest::collection::vec(listener, 0..6);
    let sites = proptest::collection::vec(site(ground), 0..5);
    (listeners, sites).prop_map(move |(listeners, sites)| {
        let listeners = listeners
            .into_iter()
            .map(|(port, transport, site)| Listener {
                addr: std::net::SocketAddr::from((samples::own_ip(), 10_000 + port))
                    .try_into()
                    .unwrap(),
                transport: match transport {
                    None => Transport::Http,
                    Some(None) => Transport::Http2,
                    Some(Some(which)) => match pairs.get(which) {
                        Some(pair) => Transport::Tls(pair.clone()),
                        None => Transport::TlsBySite,
                    },
                },
                serves: match site {
                    Some(site) if !sites.is_empty() => Serves::Site(site.get(&sites).name.clone()),
                    _ => Serves::Hosts,
                },
            })
            .collect();
        without_conflicts(listeners, sites)
    })
}

/// Leaves out what stands in the way, as long as something does.
fn without_conflicts(
    mut listeners: Vec<Listener>,
    mut sites: Vec<Site>,
) -> (Vec<Listener>, Vec<Site>) {
    use hob_ingress::Conflict;
    while let Err(conflicts) = Ingress::new(listeners.clone(), sites.clone()) {
        let routes = |sites: &mut Vec<Site>, change: &mut dyn FnMut(&mut Route)| {
            for site in sites {
                site.routes.iter_mut().for_each(&mut *change);
            }
        };
        match conflicts.as_slice()[0].clone() {
            Conflict::Listener(addr) => drop_all_but_one(&mut listeners, |it| it.addr == addr),
            Conflict::UnknownSite { addr, .. } | Conflict::NoCertificate { addr, .. } => {
                listeners.retain(|it| it.addr != addr)
            }
            Conflict::Site(name) => drop_all_but_one(&mut sites, |it| it.name == name),
            Conflict::Unreachable(name) => sites.retain(|it| it.name != name),
            Conflict::Host { host, .. } => {
                for site in &mut sites {
                    site.hosts.retain(|it| *it != host);
                }
            }
            Conflict::Path { site, path, .. } => {
                for site in sites.iter_mut().filter(|it| it.name == site) {
                    drop_all_but_one(&mut site.routes, |it| it.path == path);
                }
            }
            Conflict::Upstream { addr, .. } => routes(&mut sites, &mut |route| {
                drop_all_but_one(&mut route.upstreams, |it| it.addr == addr);
            }),
            Conflict::Version { addr, versions } => routes(&mut sites, &mut |route| {
                for upstream in &mut route.upstreams {
                    if upstream.addr == addr {
                        upstream.version = versions[0].clone();
                    }
                }
            }),
        }
    }
    (listeners, sites)
}

fn drop_all_but_one<T>(items: &mut Vec<T>, is_one: impl Fn(&T) -> bool) {
    let mut seen = false;
    items.retain(|item| !is_one(item) || !std::mem::replace(&mut seen, true));
}

fn settings(ground: &Ground) -> impl Strategy<Value = Settings> {
    let (pid, temporary) = (ground.path("nginx.pid"), ground.path(""));
    let log = |name: &str| {
        prop_oneof![
            Just(Log::Stdout),
            Just(Log::Stderr),
            Just(Log::File(ground.path(name))),
        ]
    };
    // An account that every Linux has; nginx asks whether there is one.
    let account = any::<bool>().prop_map(|is_named| {
        is_named.then(|| Account {
            user: "root".parse().unwrap(),
            group: "root".parse().unwrap(),
        })
    });
    (
        log("access.log"),
        log("error.log"),
        account,
        any::<Option<NonZeroU8>>(),
        any::<NonZeroU32>(),
    )
        .prop_map(
            move |(access_log, error_log, account, workers, drain_seconds)| Settings {
                pid: pid.clone(),
                temporary: temporary.clone(),
                access_log,
                error_log,
                account,
                workers,
                drain_seconds,
            },
        )
}

/// Turns a list, and what is in it, around.
fn turn((mut listeners, mut sites): (Vec<Listener>, Vec<Site>), by: Index) -> Ingress {
    fn rotate<T>(items: &mut [T], by: Index) {
        if !items.is_empty() {
            items.reverse();
            items.rotate_left(by.index(items.len()));
        }
    }
    rotate(&mut listeners, by);
    rotate(&mut sites, by);
    for site in &mut sites {
        rotate(&mut site.hosts, by);
        rotate(&mut site.routes, by);
        for route in &mut site.routes {
            rotate(&mut route.upstreams, by);
        }
    }
    Ingress::new(listeners, sites).unwrap()
}

/// So many cases, of which none is kept in a file.
fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

#[test]
fn nginx_takes_all_routes_in_whatever_order() {
    let ground = Ground::new();
    let (parts, settings) = (parts(&ground), settings(&ground));
    proptest!(cases(256), |(parts in parts, settings in settings, by: Index)| {
        let ingress = Ingress::new(parts.0.clone(), parts.1.clone()).unwrap();
        let text = nginx_conf(&ingress, &settings);
        prop_assert_eq!(&text, &nginx_conf(&turn(parts, by), &settings));
        let (is_accepted, words) = ground.is_accepted(&text);
        prop_assert!(is_accepted, "{}\n{}", words, text);
    });
}

#[test]
fn nginx_takes_many_of_everything() {
    let ground = Ground::new();
    let upstreams: String = (1..=2000)
        .map(|number| format!(" 10.0.{}.{}:80=v{number}", number / 200, number % 200))
        .collect();
    let mut routes = format!("listen {}\n", samples::free());
    for number in 0..300 {
        routes += &format!("site s{number} s{number}.test *.s{number}.test\n");
        routes += "/ a http\n /a b http 127.0.0.1:3000=v1\n /c d grpc 127.0.0.1:3000=v1\n";
    }
    routes += &format!("site many many.test\n / a http {upstreams}");
    let ingress = samples::ingress(&routes, None).unwrap();
    let text = nginx_conf(&ingress, &samples::settings(ground.folder.path()));
    let (is_accepted, words) = ground.is_accepted(&text);
    assert!(is_accepted, "{words}");
    // Nor does it say that anything is too small.
    assert!(!words.contains("[warn]"), "{words}");
}

/// Whether a text became nothing, or something of harmless characters.
fn is_safe<T: ToString, E>(parsed: Result<T, E>, others: &str) -> bool {
    let is_harmless = |c: char| c.is_ascii_alphanumeric() || others.contains(c);
    parsed.map_or(true, |it| it.to_string().chars().all(is_harmless))
}

/// Words with whatever could mean something to nginx, and some that are good.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-z/.*]{0,3}[{};\"'\\\\$ #%\n\r\t\0-]{0,2}[a-z0-9.:/-]{0,5}",
        "/?[a-z0-9._~-]{0,6}",
        "[0-9.:\\[\\]%a-f]{0,12}:[0-9]{1,5}",
    ]
}

proptest! {
    #![proptest_config(cases(4096))]

    #[test]
    fn what_means_something_to_nginx_becomes_nothing(text in hostile()) {
        prop_assert!(is_safe(text.parse::<Host>(), "-.*"));
        prop_assert!(is_safe(text.parse::<PathPrefix>(), "/-._~"));
        prop_assert!(is_safe(text.parse::<Label>(), "-"));
        prop_assert!(is_safe(text.parse::<Version>(), "-._"));
        prop_assert!(is_safe(text.parse::<AccountName>(), "-_"));
        prop_assert!(is_safe(text.parse::<Address>(), ".:[]"));
        let path = FilePath::new(Path::new("/").join(&text));
        let is_meant = |c: char| c.is_control() || c == '$';
        prop_assert!(!path.is_ok_and(|it| it.to_string().contains(is_meant)));
    }
}
