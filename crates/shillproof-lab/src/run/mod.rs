//! Runs the cells of a plan, each of them once.
//!
//! A cell's record is written as soon as the cell ends, so whatever stops a run, the next one does
//! only what is missing. Cells that failed are tried again (what failed may have been the machine);
//! cells that were skipped are not (what they are is why). A cell that fails or panics never stops
//! the others, and neither the number of jobs nor the order of cells shows in a record.

mod progress;

use std::any::Any;
use std::collections::BTreeMap;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use shillproof_core::{Cancelled, Ctx, Observer};
use thiserror::Error;

pub use progress::{RunObserver, observer};

use crate::metrics::Measure;
use crate::plan::{Plan, PlanError, PlannedCell, Shard};
use crate::store::{Key, Record, Seconds, Status, Store, StoreError, Versions};

/// Carries out one cell. Called from several threads at once.
pub trait Executor: Sync {
    /// Trains and measures. The answer depends on the cell and its data alone: all randomness comes
    /// from `ctx.seed`, the root of the cell's seed tree.
    ///
    /// # Errors
    /// Whatever goes wrong; it becomes the record.
    fn execute(&self, planned: &PlannedCell, ctx: &Ctx<'_>) -> Result<Outcome, ExecuteError>;

    /// No cell of this run will ask for this shared work (a key of [`crate::plan::Shares`]) any more.
    fn release(&self, shared: &Key) {
        let _ = shared;
    }
}

/// How a cell ended, if it did not fail.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Measured.
    Done {
        /// Labels of the targets.
        targets: Vec<String>,
        /// What came out; all finite.
        measures: Vec<Measure>,
        /// What a reader should know.
        notes: Vec<String>,
        /// Seconds that named parts took.
        seconds: Vec<(String, f64)>,
    },
    /// Cannot be, by its own description.
    Skipped {
        /// Why.
        reason: String,
    },
}

/// Why a cell did not end.
#[derive(Debug, Error)]
pub enum ExecuteError {
    /// Somebody asked to stop; no record is written.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// Something went wrong.
    #[error(transparent)]
    Failed(Box<dyn Error + Send + Sync>),
}

/// How to run.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// Cells at a time; 0 is one for each core. The cores are divided among them.
    pub jobs: usize,
    /// Only this part of the grid.
    pub shard: Option<Shard>,
    /// Only these cells; empty is all.
    pub only: Vec<Key>,
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunSummary {
    /// Cells that were settled before.
    pub kept: usize,
    /// Cells measured now.
    pub done: usize,
    /// Cells skipped now.
    pub skipped: usize,
    /// Cells that failed now.
    pub failed: usize,
    /// Cells left because somebody asked to stop.
    pub left: usize,
}

/// Why a run could not be made. Fragments that read well after "failed to run".
#[derive(Debug, Error)]
pub enum RunError {
    /// The selection of cells makes no sense.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Records cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system gives no threads.
    #[error("cannot start threads: {0}")]
    Threads(String),
}

impl RunError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Plan(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Threads(_) => Some("lower --jobs".into()),
        }
    }
}

/// Runs what `store` lacks of a plan. `cancel` stops it after the cells' next check; what has ended is kept.
///
/// # Errors
/// If the selection names no cell of the plan, or a record cannot be read or written.
pub fn run(
    plan: &Plan,
    executor: &dyn Executor,
    store: &Store,
    options: &RunOptions,
    observer: &dyn RunObserver,
    cancel: &AtomicBool,
) -> Result<RunSummary, RunError> {
    let selected = plan.select(options.shard, &options.only)?;
    store.put_spec(&plan.spec.to_toml())?;
    run_cells(&selected, executor, store, options.jobs, observer, cancel)
}

/// Runs those of `cells` that `store` lacks, `jobs` at a time (0: one for each core).
///
/// # Errors
/// If a record cannot be read or written.
pub fn run_cells(
    cells: &[&PlannedCell],
    executor: &dyn Executor,
    store: &Store,
    jobs: usize,
    observer: &dyn RunObserver,
    cancel: &AtomicBool,
) -> Result<RunSummary, RunError> {
    let mut missing = Vec::new();
    for &planned in cells {
        let record = store.get(&planned.key, &mut |warning| observer.note(&warning))?;
        if !record.is_some_and(|record| record.is_settled()) {
            missing.push(planned);
        }
    }
    let kept = cells.len() - missing.len();
    observer.started(missing.len(), kept);
    let work = Work {
        executor,
        store,
        observer,
        cancel,
        missing: &missing,
        shared: Shared::of(&missing),
        next: AtomicUsize::new(0),
        state: Mutex::default(),
    };
    work.carry_out(jobs)?;
    observer.finished();
    let state = work.state.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(error) = state.error {
        return Err(error);
    }
    let ended = state.summary;
    Ok(RunSummary { kept, left: missing.len() - ended.done - ended.skipped - ended.failed, ..ended })
}

struct Work<'a> {
    executor: &'a dyn Executor,
    store: &'a Store,
    observer: &'a dyn RunObserver,
    cancel: &'a AtomicBool,
    missing: &'a [&'a PlannedCell],
    shared: Shared,
    next: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    summary: RunSummary,
    error: Option<RunError>,
}

impl Work<'_> {
    fn carry_out(&self, jobs: usize) -> Result<(), RunError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let jobs = if jobs == 0 { cores } else { jobs }.min(self.missing.len());
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
        while let Some(planned) = self.missing.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            if self.cancel.load(Ordering::Relaxed) || self.state().error.is_some() {
                return;
            }
            if let Some(record) = self.record(planned, pool) {
                self.keep(&record);
            }
            for key in self.shared.last_uses(planned) {
                self.executor.release(key);
            }
        }
    }

    /// The record of a cell; none if it was stopped.
    fn record(&self, planned: &PlannedCell, pool: &rayon::ThreadPool) -> Option<Record> {
        let watch = Notes(self.observer);
        let ctx = Ctx { seed: planned.cell.root(), observer: &watch, cancel: self.cancel };
        let start = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| pool.install(|| self.executor.execute(planned, &ctx))));
        let mut seconds = Seconds { total: start.elapsed().as_secs_f64(), parts: Vec::new() };
        let status = match result {
            Err(panic) => Status::Failed { error: format!("panicked: {}", panic_message(panic.as_ref())) },
            Ok(Err(ExecuteError::Cancelled(_))) => return None,
            Ok(Err(ExecuteError::Failed(error))) => Status::Failed { error: with_causes(error.as_ref()) },
            Ok(Ok(Outcome::Skipped { reason })) => Status::Skipped { reason },
            Ok(Ok(Outcome::Done { targets, measures, notes, seconds: parts })) => {
                seconds.parts = parts;
                match measures.iter().find(|m| !m.value.is_finite()) {
                    Some(m) => Status::Failed { error: format!("measure {} is {}", m.metric, m.value) },
                    None => Status::Done { targets, measures, notes },
                }
            }
        };
        Some(Record {
            key: planned.key.clone(),
            cell: planned.cell.clone(),
            data: planned.data.clone(),
            versions: Versions::current(),
            status,
            seconds,
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

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// How many cells are still to use each piece of shared work.
struct Shared(BTreeMap<Key, AtomicUsize>);

impl Shared {
    fn of(cells: &[&PlannedCell]) -> Self {
        let mut uses: BTreeMap<Key, AtomicUsize> = BTreeMap::new();
        for key in cells.iter().flat_map(|planned| Self::keys(planned)) {
            *uses.entry(key.clone()).or_default().get_mut() += 1;
        }
        Self(uses)
    }

    fn keys(planned: &PlannedCell) -> impl Iterator<Item = &Key> {
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
fn with_causes(error: &(dyn Error + 'static)) -> String {
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

#[cfg(test)]
mod tests;
