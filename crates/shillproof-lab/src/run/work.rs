//! The cells that a run lacks, carried out by its jobs.

use std::any::Any;
use std::collections::BTreeMap;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use shillproof_core::{Checkpoint, Ctx, Observer};

use super::queue::Queue;
use super::{ExecuteError, Executor, Outcome, RunError, RunObserver, RunSummary};
use crate::plan::PlannedCell;
use crate::store::{Key, Record, Seconds, Status, Store, Versions};

/// Runs all of `missing`, and counts how they ended.
pub(super) fn carry_out(
    missing: &[&PlannedCell],
    executor: &dyn Executor,
    store: &Store,
    jobs: usize,
    observer: &dyn RunObserver,
    cancel: &AtomicBool,
) -> Result<RunSummary, RunError> {
    let (shared, queue, state) = (Shared::of(missing), Queue::new(missing), Mutex::default());
    let work = Work { executor, store, observer, cancel, shared, queue, state };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    work.start(if jobs == 0 { cores } else { jobs }.min(missing.len()), cores)?;
    let state = work.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    state.error.map_or(Ok(state.summary), Err)
}

struct Work<'a> {
    executor: &'a dyn Executor,
    store: &'a Store,
    observer: &'a dyn RunObserver,
    cancel: &'a AtomicBool,
    shared: Shared,
    queue: Queue<'a>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    summary: RunSummary,
    error: Option<RunError>,
}

impl Work<'_> {
    fn start(&self, jobs: usize, cores: usize) -> Result<(), RunError> {
        // Each job has threads of its own for the arithmetic inside a cell: jobs do not wait for each other's.
        let pools = (0..jobs)
            .map(|_| rayon::ThreadPoolBuilder::new().num_threads((cores / jobs).max(1)).build())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| RunError::Threads(e.to_string()))?;
        std::thread::scope(|scope| {
            for pool in &pools {
                scope.spawn(move || self.job(pool));
            }
        });
        Ok(())
    }

    fn job(&self, pool: &rayon::ThreadPool) {
        while !self.cancel.load(Ordering::Relaxed) && self.state().error.is_none() {
            let Some(planned) = self.queue.take() else { return };
            if let Some(record) = self.record(planned, pool) {
                self.keep(&record);
            }
            self.queue.done(planned);
            for key in self.shared.last_uses(planned) {
                self.executor.release(key);
                if planned.shares.crafted.as_ref() == Some(key) && !self.cancel.load(Ordering::Relaxed) {
                    self.store.unfinished(key).remove();
                }
            }
        }
    }

    /// The record of a cell; none if it was stopped.
    fn record(&self, planned: &PlannedCell, pool: &rayon::ThreadPool) -> Option<Record> {
        let watch = Notes(self.observer);
        let unfinished = planned.shares.crafted.as_ref().map(|key| self.store.unfinished(key));
        let ctx = Ctx {
            seed: planned.cell.root(),
            observer: &watch,
            cancel: self.cancel,
            checkpoint: unfinished.as_ref().map(|place| place as &dyn Checkpoint),
        };
        let start = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| pool.install(|| self.executor.execute(planned, &ctx))));
        let total = start.elapsed().as_secs_f64();
        let mut seconds = Seconds::default();
        let status = match result {
            Err(panic) => Status::Failed { error: format!("panicked: {}", panic_message(panic.as_ref())) },
            Ok(Err(ExecuteError::Cancelled(_))) => return None,
            Ok(Err(ExecuteError::Failed(error))) => Status::Failed { error: with_causes(error.as_ref()) },
            Ok(Ok(Outcome::Skipped { reason })) => Status::Skipped { reason },
            Ok(Ok(Outcome::Done { targets, measures, notes, curves, seconds: parts })) => {
                seconds = parts;
                match measures.iter().find(|m| !m.value.is_finite()) {
                    Some(m) => Status::Failed { error: format!("measure {} is {}", m.metric, m.value) },
                    None => Status::Done { targets, measures, notes, curves },
                }
            }
        };
        Some(Record {
            key: planned.key.clone(),
            cell: planned.cell.clone(),
            data: planned.data.clone(),
            versions: Versions::current(),
            status,
            seconds: Seconds { total, ..seconds },
        })
    }

    fn keep(&self, record: &Record) {
        let written = self.store.put(record);
        let mut state = self.state();
        if let Err(error) = written {
            state.error.get_or_insert(error.into());
            return;
        }
        let counted = match record.status {
            Status::Done { .. } => &mut state.summary.done,
            Status::Skipped { .. } => &mut state.summary.skipped,
            Status::Failed { .. } => &mut state.summary.failed,
        };
        *counted += 1;
        drop(state);
        self.observer.ended(record);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many cells are still to use each piece of shared work.
pub(super) struct Shared(BTreeMap<Key, AtomicUsize>);

impl Shared {
    fn of(cells: &[&PlannedCell]) -> Self {
        let mut uses: BTreeMap<Key, AtomicUsize> = BTreeMap::new();
        for key in cells.iter().flat_map(|planned| Self::keys(planned)) {
            *uses.entry(key.clone()).or_default().get_mut() += 1;
        }
        Self(uses)
    }

    pub(super) fn keys(planned: &PlannedCell) -> impl Iterator<Item = &Key> {
        let shares = &planned.shares;
        [&shares.data, &shares.clean_fit].into_iter().chain(&shares.crafted)
    }

    /// Counts one use of each piece that this cell shares; those that were used for the last time come back.
    fn last_uses<'p>(&self, planned: &'p PlannedCell) -> impl Iterator<Item = &'p Key> {
        Self::keys(planned).filter(|key| self.0[*key].fetch_sub(1, Ordering::AcqRel) == 1)
    }
}

/// Inside a cell only notes count: the progress that people watch is that of the cells.
struct Notes<'a>(&'a dyn RunObserver);

impl Observer for Notes<'_> {
    fn note(&self, text: &str) {
        self.0.note(text);
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

/// An error and its causes in one line; a cause that its effect already tells is not told twice.
pub(super) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}
