//! Runs the cells of a plan, each of them once.
//!
//! A cell's record is written as soon as the cell ends, so whatever stops a run, the next one does
//! only what is missing. Cells that failed are tried again (what failed may have been the machine);
//! cells that were skipped are not (what they are is why). A cell that fails or panics never stops
//! the others, and neither the number of jobs nor the order of cells shows in a record.

mod progress;
mod queue;
mod work;

use std::error::Error;
use std::sync::atomic::AtomicBool;

use shillproof_core::{Cancelled, Ctx};
use thiserror::Error;

pub use progress::{RunObserver, observer};

use crate::metrics::Measure;
use crate::plan::{Plan, PlanError, PlannedCell, Shard};
use crate::store::{Curves, Key, Seconds, Store, StoreError};

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
        /// How the attack went while it learned, by name.
        curves: Curves,
        /// How long its parts took; the total is set by whoever runs the cell.
        seconds: Seconds,
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
    store.put_spec(&plan.text)?;
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
    let ended = work::carry_out(&missing, executor, store, jobs, observer, cancel)?;
    observer.finished();
    Ok(RunSummary { kept, left: missing.len() - ended.done - ended.skipped - ended.failed, ..ended })
}

#[cfg(test)]
mod tests;
