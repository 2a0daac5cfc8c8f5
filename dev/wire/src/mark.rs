//! How processes are known as hob's: variables of their environment, and one
//! limit for those that empty it.

/// Marks every process that hob starts: the environment variable that holds
/// the project's id. Children inherit it, so even a daemon that left its
/// process group is recognised as hob's.
pub const MARK_PROJECT: &str = "HOB_PROJECT";

/// Like [`MARK_PROJECT`], with `stack/service` as its value.
pub const MARK_SERVICE: &str = "HOB_SERVICE";

/// Like [`MARK_PROJECT`], with the project's folder as its value, so that
/// another project can name the owner of a port.
pub const MARK_ROOT: &str = "HOB_ROOT";

/// Like [`MARK_PROJECT`], with the run of a service that a process belongs to
/// as its value, in the agent's own numbers: `run-3`, `build-2`, `probe-3`.
pub const MARK_RUN: &str = "HOB_RUN";

/// Set where the process is in a container: it is the engine's of containers to
/// end, and no process of this machine's to whoever counts those.
pub const MARK_CONTAINED: &str = "HOB_CONTAINED";

/// The mark of what a service's agent starts that no environment holds: the
/// soft limit on file locks (`RLIMIT_LOCKS` of getrlimit(2)). Linux keeps and
/// inherits it over fork, exec and setsid, shows it in `/proc/PID/limits`, and
/// has made no other use of it since 2.4.25. So a process that empties its
/// environment and leaves its session is recognised still, without anybody
/// having looked at it before.
///
/// It is a digest: 36 bits of the project's id and 26 of the service, far from
/// any limit that a person sets.
#[must_use]
pub fn lock_mark(project: &str, service: &str) -> u64 {
    let (project, service) = (fnv(project) >> 28, fnv(service) >> 38);
    1 << 62 | project << 26 | service
}

/// FNV-1a: the same in every build, unlike the standard library's.
fn fnv(text: &str) -> u64 {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    // The last bytes have hardly reached the upper bits, which are taken.
    (hash ^ hash >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::lock_mark;

    #[test]
    fn the_limit_tells_projects_and_services_apart_and_is_none_that_a_person_sets() {
        let names: Vec<String> = (0..100).map(|at| format!("shop/web{at}")).collect();
        let marks = ["one-1a2b", "one-1a2c"].into_iter().flat_map(|project| {
            let names = names.iter();
            names.map(move |service| lock_mark(project, service))
        });
        let marks: BTreeSet<u64> = marks.collect();
        assert_eq!(marks.len(), 200);
        assert!(marks.iter().all(|mark| mark >> 62 == 1), "{marks:x?}");
    }

    #[test]
    fn a_service_has_the_same_limit_in_every_build_of_hob() {
        assert_eq!(lock_mark("shop-1a2b", "demo/web"), 0x4947_4e28_781c_f81e);
    }
}
