//! What our halves of the benches share: clocks, the form of the data, memory.

use std::error::Error;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use shillproof_core::{Interactions, Observer, Triples};

/// Time on the clock, and time of all threads on a processor (which other programs do not disturb).
#[derive(Clone, Copy)]
pub(crate) struct Now {
    wall: Instant,
    cpu: f64,
}

impl Now {
    pub(crate) fn read() -> Self {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        Self { wall: Instant::now(), cpu: cpu.tv_sec as f64 + cpu.tv_nsec as f64 * 1e-9 }
    }

    pub(crate) fn since(self, start: Self) -> (Duration, f64) {
        (self.wall - start.wall, self.cpu - start.cpu)
    }
}

/// Remembers when each step ended.
#[derive(Default)]
pub(crate) struct Stamps(Mutex<Vec<(u64, Now)>>);

impl Observer for Stamps {
    fn progress(&self, _: &str, done: u64, _: u64) {
        if let Ok(mut stamps) = self.0.lock() {
            stamps.push((done, Now::read()));
        }
    }
}

impl Stamps {
    /// Mean time of a step, the first one (with its preparations) left out.
    pub(crate) fn per_step(self) -> Result<(f64, f64), Box<dyn Error>> {
        let stamps = self.0.into_inner()?;
        let (Some((first, start)), Some((last, end))) = (stamps.first(), stamps.last()) else {
            return Err("no step was reported".into());
        };
        let steps = (last - first) as f64;
        let (wall, cpu) = end.since(*start);
        Ok((wall.as_secs_f64() / steps, cpu / steps))
    }
}

/// Interactions in the form that the Python side writes.
pub(crate) fn read(path: &str) -> Result<Interactions, Box<dyn Error>> {
    let bytes = std::fs::read(path)?;
    let (head, rest) = bytes.split_at(24);
    let number =
        |at: usize| u64::from_le_bytes(head[8 * at..8 * at + 8].try_into().unwrap_or_default()) as usize;
    let (users, items, n) = (number(0), number(1), number(2));
    let ids: Vec<u32> = rest.as_chunks::<4>().0.iter().map(|&b| u32::from_le_bytes(b)).collect();
    let triples = Triples { users: ids[..n].to_vec(), items: ids[n..].to_vec(), ratings: None, times: None };
    Ok(Interactions::from_triples(users, items, triples, None)?)
}

/// The most memory that this process has held.
pub(crate) fn peak_mb() -> Result<f64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).ok_or("no VmHWM in /proc/self/status")?;
    Ok(line.split_whitespace().nth(1).ok_or("VmHWM without a number")?.parse::<f64>()? / 1024.0)
}
