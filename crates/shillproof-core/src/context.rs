//! What every long computation receives: a seed, somewhere to report to, and a way to stop.

use std::sync::atomic::{AtomicBool, Ordering};

use thiserror::Error;

use crate::seed::Seed;

/// Receives what a long computation has to tell. Both methods may be called from any thread.
pub trait Observer: Send + Sync {
    /// `done` of `total` steps of `task` are behind.
    fn progress(&self, task: &str, done: u64, total: u64) {
        let _ = (task, done, total);
    }

    /// Something that the person at the terminal should know.
    fn note(&self, text: &str) {
        let _ = text;
    }

    /// How a quantity went while something learned: its values in equal steps, a few hundred at most. For diagnosis; nothing is decided by it.
    fn curve(&self, name: &str, values: &[f32]) {
        let _ = (name, values);
    }
}

/// An observer that says nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {}

/// Where an attack that works for hours leaves what it has, to go on from there after an interruption.
pub trait Checkpoint: Send + Sync {
    /// What was saved last; none before the first time.
    fn load(&self) -> Option<Vec<u8>>;

    /// Replaces it, wholly or not at all. A place that cannot be written to keeps nothing, and the computation goes on.
    fn save(&self, state: &[u8]);
}

/// The computation was stopped from outside; what it had is lost, what was stored is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("stopped before the end")]
pub struct Cancelled;

static NEVER: AtomicBool = AtomicBool::new(false);

/// Seed, observer, cancellation and checkpoint of one computation.
#[derive(Clone, Copy)]
pub struct Ctx<'a> {
    /// Where all randomness of this computation comes from.
    pub seed: Seed,
    /// Where progress goes.
    pub observer: &'a dyn Observer,
    /// Set from outside to stop.
    pub cancel: &'a AtomicBool,
    /// Where an attack leaves what it has; none where nothing outlives the process.
    pub checkpoint: Option<&'a dyn Checkpoint>,
}

impl Ctx<'static> {
    /// A context that nobody watches and nobody stops.
    pub fn new(seed: Seed) -> Self {
        Self { seed, observer: &Silent, cancel: &NEVER, checkpoint: None }
    }
}

impl Ctx<'_> {
    /// The same context at another node of the seed tree.
    #[must_use]
    pub fn at(self, seed: Seed) -> Self {
        Self { seed, ..self }
    }

    /// Returns at once unless somebody asked to stop. Call it once an iteration.
    ///
    /// # Errors
    /// [`Cancelled`] after a request to stop.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.cancel.load(Ordering::Relaxed) { Err(Cancelled) } else { Ok(()) }
    }
}
