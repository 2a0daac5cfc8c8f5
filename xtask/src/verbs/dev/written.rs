//! Whether a service's processes have written files, as the system counts.
//!
//! `write_bytes` of `/proc/PID/io` are the bytes that a process made dirty in
//! files that are kept on a disk; what goes to pipes, sockets and memory file
//! systems is not among them. Those of children that ended count as their
//! parent's. See proc_pid_io(5).

/// How many of the processes that one started are looked at.
const PROCESSES: usize = 64;

/// Whether this process, or one that it started, has. What is not known
/// counts as no.
pub fn by(process: u32) -> bool {
    let mut open = vec![process];
    let mut looked = 0;
    while let Some(pid) = open.pop() {
        looked += 1;
        if bytes(pid) > 0 {
            return true;
        }
        if looked < PROCESSES {
            open.extend(children(pid));
        }
    }
    false
}

fn bytes(pid: u32) -> u64 {
    let io = std::fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
    let count = io
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes: "));
    count.and_then(|count| count.parse().ok()).unwrap_or(0)
}

/// Those that any of its threads started.
fn children(pid: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task"));
    let mut found = Vec::new();
    for thread in threads.into_iter().flatten().flatten() {
        let list = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        found.extend(
            list.split_whitespace()
                .filter_map(|it| it.parse::<u32>().ok()),
        );
    }
    found
}
