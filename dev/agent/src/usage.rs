//! What the agent and all that it has started use, read from `/proc`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::time::{Duration, Instant};

use crate::descendants::below;

/// Between the two looks.
const SPAN: Duration = Duration::from_millis(100);

/// The share of one core and the memory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// Of one core, to a tenth.
    pub cpu_percent: f64,
    /// Resident memory of each process, what they share included.
    pub memory_bytes: u64,
}

/// Looks twice, on a thread of its own: with many threads to read about, that
/// takes a while.
///
/// # Errors
/// There is no such thread to be had.
pub async fn measure() -> io::Result<Usage> {
    let own = std::process::id();
    let look = move || {
        let processes = [own].into_iter().chain(below(own));
        (
            Instant::now(),
            processes.map(|pid| (pid, Look::at(pid))).collect(),
        )
    };
    let (began, before): (_, BTreeMap<u32, Look>) = tokio::task::spawn_blocking(look).await?;
    tokio::time::sleep(SPAN).await;
    let (ended, after): (_, BTreeMap<u32, Look>) = tokio::task::spawn_blocking(look).await?;
    Ok(between(&before, &after, ended - began))
}

/// One process at one moment; 0 where nothing can be read.
#[derive(Debug, Clone, Copy, Default)]
struct Look {
    /// All the time that its threads have run for.
    ran: Duration,
    memory: u64,
}

impl Look {
    fn at(pid: u32) -> Self {
        Self {
            ran: ran(pid),
            memory: resident(pid).unwrap_or(0),
        }
    }
}

/// A process that came in between has run in between only; one that went away
/// in between is left out.
fn between(before: &BTreeMap<u32, Look>, after: &BTreeMap<u32, Look>, span: Duration) -> Usage {
    let used = after.iter().map(|(pid, now)| {
        let then = before.get(pid).map_or(Duration::ZERO, |then| then.ran);
        // A thread that has ended takes its time with it.
        now.ran.saturating_sub(then)
    });
    let used: Duration = used.sum();
    let share = used.as_secs_f64() / span.as_secs_f64().max(0.001);
    Usage {
        cpu_percent: (share * 1000.0).round() / 10.0,
        memory_bytes: after.values().map(|now| now.memory).sum(),
    }
}

/// Nanoseconds of each thread (the first field of `/proc/PID/task/TID/schedstat`,
/// sched-stats of the kernel's documentation); clock ticks would be a tenth of
/// the span each.
fn ran(pid: u32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{pid}/task"));
    let threads = threads.into_iter().flatten().flatten();
    let nanoseconds = threads.filter_map(|thread| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanoseconds.sum())
}

/// `VmRSS` of `/proc/PID/status` (proc_pid_status(5)), in KiB there.
fn resident(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_in_between_counts_whole_and_what_went_does_not() {
        let look = |ms, memory| Look {
            ran: Duration::from_millis(ms),
            memory,
        };
        let before = BTreeMap::from([(1, look(100, 5)), (2, look(900, 7))]);
        let after = BTreeMap::from([(1, look(120, 6)), (3, look(30, 8))]);
        let usage = between(&before, &after, Duration::from_millis(100));
        let (cpu_percent, memory_bytes) = (50.0, 14);
        assert_eq!(
            usage,
            Usage {
                cpu_percent,
                memory_bytes
            }
        );
    }
}
