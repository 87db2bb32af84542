//! Which cell comes next: one that need not wait for what another job is making.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::plan::PlannedCell;
use crate::store::Key;

/// Cells that are still to be taken. They go out in their order, except that a cell is passed over while
/// its fake users or its clean fit are in the making elsewhere and others could run: crafting may take as
/// long as a hundred cells.
pub(super) struct Queue<'a>(Mutex<State<'a>>);

struct State<'a> {
    waiting: VecDeque<&'a PlannedCell>,
    making: BTreeSet<&'a Key>,
    made: BTreeSet<&'a Key>,
}

impl<'a> Queue<'a> {
    pub(super) fn new(cells: &[&'a PlannedCell]) -> Self {
        let waiting = cells.iter().copied().collect();
        Self(Mutex::new(State { waiting, making: BTreeSet::new(), made: BTreeSet::new() }))
    }

    /// The next cell; whoever takes it says [`Queue::done`] afterwards, however it ended.
    pub(super) fn take(&self) -> Option<&'a PlannedCell> {
        let mut state = self.lock();
        let free = |key: &Key| !state.making.contains(key);
        let crafted = |cell: &PlannedCell| cell.shares.crafted.as_ref().is_none_or(free);
        let cells = &state.waiting;
        let place = (cells.iter().position(|cell| crafted(cell) && free(&cell.shares.clean_fit)))
            .or_else(|| cells.iter().position(|cell| crafted(cell)))
            .unwrap_or(0);
        let cell = state.waiting.remove(place)?;
        for key in slow(cell) {
            if !state.made.contains(key) {
                state.making.insert(key);
            }
        }
        Some(cell)
    }

    /// What `cell` shares is there for the others now.
    pub(super) fn done(&self, cell: &'a PlannedCell) {
        let mut state = self.lock();
        for key in slow(cell) {
            state.making.remove(key);
            state.made.insert(key);
        }
    }

    /// A job that panicked left no half-made change behind.
    fn lock(&self) -> MutexGuard<'_, State<'a>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a cell shares that takes long to make.
fn slow(cell: &PlannedCell) -> impl Iterator<Item = &Key> {
    [&cell.shares.clean_fit].into_iter().chain(&cell.shares.crafted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::grid;

    #[test]
    fn cells_that_would_wait_are_passed_over_while_others_can_run() {
        let plan = grid();
        let cells: Vec<&PlannedCell> = plan.cells.iter().filter(|planned| !planned.cell.is_clean()).collect();
        let queue = Queue::new(&cells);
        let first = queue.take().unwrap();
        assert_eq!(first.key, cells[0].key);
        let second = queue.take().unwrap();
        assert_ne!(second.shares.crafted, first.shares.crafted);
        assert_ne!(second.shares.clean_fit, first.shares.clean_fit);
        queue.done(first);
        let third = queue.take().unwrap();
        assert_eq!(third.key, cells[1].key, "what the first cell made is there, so its neighbour is next");
        assert_eq!(third.shares.crafted, first.shares.crafted);
    }

    #[test]
    fn every_cell_goes_out_once_even_if_all_must_wait() {
        let plan = grid();
        let cells: Vec<&PlannedCell> = plan.cells.iter().collect();
        let queue = Queue::new(&cells);
        let mut taken: Vec<&Key> = std::iter::from_fn(|| queue.take()).map(|planned| &planned.key).collect();
        taken.sort();
        let mut all: Vec<&Key> = cells.iter().map(|planned| &planned.key).collect();
        all.sort();
        assert_eq!(taken, all);
    }
}
