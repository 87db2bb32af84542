//! A table of vectors, of which a batch uses few.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::coast::AdamSteps;
use crate::adam::Motion;
use crate::matrix::Matrix;
use crate::panels::{Lane, Panels, WIDTH};
use crate::prefetch::prefetch;

/// Cells of a row come in groups of this many; padding stays zero.
const GROUP: usize = 8;
/// Rows asked for ahead of their use.
const AHEAD: usize = 6;
/// The slot of a row that the batch at hand does not use.
const NONE: u32 = u32::MAX;

/// Vectors by id, each made of one or more blocks (say, one block for each part of the network), with Adam's moments beside them.
///
/// A batch first touches its rows, which brings them up to date and gives each distinct row a slot of the gradient; then it gathers blocks
/// and scatters slopes. The row's values and both of its moments lie side by side in memory.
#[derive(Clone, Debug)]
pub struct Embedding {
    /// Columns of each block, and where it starts in a row.
    blocks: Vec<(usize, usize)>,
    /// Padded cells of a row; `cells` has three times as many for each.
    width: usize,
    cells: Vec<f32>,
    states: Vec<State>,
    /// Rows that the batch uses, by slot.
    touched: Vec<u32>,
    /// One row of `width` a slot.
    gradient: Vec<f32>,
}

/// The values of a table, row by row.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    cells: &'a [f32],
    width: usize,
}

impl<'a> Rows<'a> {
    /// One row: the padded blocks, one behind the other.
    #[inline(always)]
    pub fn of(self, row: u32) -> &'a [f32] {
        &self.cells[row as usize * self.width * 3..][..self.width]
    }
}

/// The gradient of a batch, slot by slot.
pub struct Slopes<'a> {
    gradient: &'a mut [f32],
    width: usize,
}

impl Slopes<'_> {
    /// The gradient of one slot, to add to: the padded blocks, one behind the other.
    #[inline(always)]
    pub fn of(&mut self, slot: u32) -> &mut [f32] {
        &mut self.gradient[slot as usize * self.width..][..self.width]
    }
}

/// Up to which step a row has moved, and its slot in the batch at hand.
#[derive(Clone, Copy, Debug)]
struct State {
    done: u32,
    slot: u32,
}

impl Embedding {
    /// A table that starts from these blocks.
    ///
    /// # Shapes
    /// `blocks`: matrices with the same number of rows, one row an id.
    pub fn new(blocks: &[&Matrix]) -> Self {
        let rows = blocks.first().map_or(0, |block| block.rows());
        let (mut places, mut width) = (Vec::with_capacity(blocks.len()), 0);
        for block in blocks {
            assert_eq!(block.rows(), rows, "invariant: blocks have a row for every id");
            places.push((block.columns(), width));
            width += block.columns().next_multiple_of(GROUP);
        }
        let mut cells = vec![0.0; rows * width * 3];
        for (block, &(columns, start)) in blocks.iter().zip(&places) {
            for row in 0..rows {
                cells[row * width * 3 + start..][..columns].copy_from_slice(block.row(row));
            }
        }
        Self {
            blocks: places,
            width,
            cells,
            states: vec![State { done: 0, slot: NONE }; rows],
            touched: Vec::new(),
            gradient: Vec::new(),
        }
    }

    /// Number of ids.
    pub fn rows(&self) -> usize {
        self.states.len()
    }

    /// Brings rows up to date and gives each its slot; a row keeps its slot until [`Embedding::step`].
    ///
    /// # Shapes
    /// `slots` (cleared first): one an entry of `rows`.
    pub fn touch(&mut self, rows: &[u32], steps: &AdamSteps, slots: &mut Vec<u32>) {
        slots.clear();
        Arch::new().dispatch(Touch { table: self, rows, steps, slots });
    }

    /// Copies one block of each row into a batch; rows must be up to date.
    ///
    /// # Shapes
    /// `out`: at least `rows.len()` rows; the block starts at column `16 · panel`.
    pub fn gather(&self, rows: &[u32], block: usize, out: &mut Panels, panel: usize) {
        let (columns, start) = self.blocks[block];
        for (at, &row) in rows.iter().enumerate() {
            let from = &self.cells[row as usize * self.width * 3 + start..][..columns];
            let (whole, rest) = from.as_chunks::<WIDTH>();
            for (p, &values) in whole.iter().enumerate() {
                out.panel_mut(panel + p)[at].0 = values;
            }
            if !rest.is_empty() {
                out.panel_mut(panel + whole.len())[at].0[..rest.len()].copy_from_slice(rest);
            }
        }
    }

    /// Adds the slopes of one block to the gradient.
    ///
    /// # Shapes
    /// `slots`: as [`Embedding::touch`] gave them. `slopes`: as `out` of [`Embedding::gather`].
    pub fn scatter(&mut self, slots: &[u32], block: usize, slopes: &Panels, panel: usize) {
        let (columns, start) = self.blocks[block];
        for p in 0..columns.div_ceil(WIDTH) {
            let span = start + p * WIDTH..start + columns.min((p + 1) * WIDTH);
            let from = &slopes.panel(panel + p)[..slots.len()];
            Arch::new().dispatch(Scatter {
                gradient: &mut self.gradient,
                width: self.width,
                slots,
                span,
                from,
            });
        }
    }

    /// The gradient of one slot, to add to.
    ///
    /// # Shapes
    /// The padded blocks, one behind the other, each rounded up to 8 cells.
    pub fn gradient_mut(&mut self, slot: u32) -> &mut [f32] {
        &mut self.gradient[slot as usize * self.width..][..self.width]
    }

    /// The values of rows beside the gradient of slots, for a pass over the batch by hand; rows must be up to date.
    pub fn beside(&mut self) -> (Rows<'_>, Slopes<'_>) {
        let rows = Rows { cells: &self.cells, width: self.width };
        (rows, Slopes { gradient: &mut self.gradient, width: self.width })
    }

    /// Columns of a row that hold this block, its padding included.
    pub fn span(&self, block: usize) -> Range<usize> {
        let (columns, start) = self.blocks[block];
        start..start + columns.next_multiple_of(GROUP)
    }

    /// The values of one row, to change outside of Adam's steps; the row must be up to date.
    pub fn row_mut(&mut self, row: u32) -> &mut [f32] {
        &mut self.cells[row as usize * self.width * 3..][..self.width]
    }

    /// The gradient of one block for each row that the batch has touched: ids, then values.
    pub fn gradient(&self, block: usize) -> Vec<(u32, Vec<f32>)> {
        let (columns, start) = self.blocks[block];
        let slot = |at: usize| self.gradient[at * self.width + start..][..columns].to_vec();
        self.touched.iter().enumerate().map(|(at, &row)| (row, slot(at))).collect()
    }

    /// The gradient of one block, with rows of zeros for what the batch has not touched.
    pub fn gradient_matrix(&self, block: usize) -> Matrix {
        let mut out = Matrix::zeros(self.rows(), self.blocks[block].0);
        for (row, values) in self.gradient(block) {
            out.row_mut(row as usize).copy_from_slice(&values);
        }
        out
    }

    /// Moves the touched rows by the step just begun, and forgets the batch.
    pub fn step(&mut self, steps: &AdamSteps) {
        Arch::new().dispatch(Step { table: self, steps });
        for row in self.touched.drain(..) {
            self.states[row as usize].slot = NONE;
        }
        self.gradient.clear();
    }

    /// Brings every row up to date.
    pub fn settle(&mut self, steps: &AdamSteps) {
        Arch::new().dispatch(Settle { table: self, steps });
    }

    /// The values of one block, one row an id, as of each row's last step.
    pub fn block(&self, block: usize) -> Matrix {
        let (columns, start) = self.blocks[block];
        let mut out = Matrix::zeros(self.rows(), columns);
        for row in 0..self.rows() {
            out.row_mut(row).copy_from_slice(&self.cells[row * self.width * 3 + start..][..columns]);
        }
        out
    }

    /// Whether no value is infinite or NaN.
    pub fn is_finite(&self) -> bool {
        self.cells.iter().all(|x| x.is_finite())
    }
}

/// Values and both moments of one row.
#[inline(always)]
fn thirds(record: &mut [f32], width: usize) -> [&mut [f32]; 3] {
    let (theta, moments) = record.split_at_mut(width);
    let (m, v) = moments.split_at_mut(width);
    [theta, m, v]
}

struct Touch<'a> {
    table: &'a mut Embedding,
    rows: &'a [u32],
    steps: &'a AdamSteps,
    slots: &'a mut Vec<u32>,
}

impl WithSimd for Touch<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { table, rows, steps, slots } = self;
        let record = table.width * 3;
        for (at, &row) in rows.iter().enumerate() {
            if let Some(&next) = rows.get(at + AHEAD) {
                prefetch(&table.cells[next as usize * record..][..record]);
            }
            if let Some(&later) = rows.get(at + 2 * AHEAD) {
                prefetch(&table.states[later as usize..=later as usize]);
            }
            let state = &mut table.states[row as usize];
            if state.slot == NONE {
                state.slot = table.touched.len() as u32;
                table.touched.push(row);
                table.gradient.resize(table.gradient.len() + table.width, 0.0);
                if steps.rows_lag() && state.done != steps.done() {
                    let [theta, m, v] =
                        thirds(&mut table.cells[row as usize * record..][..record], table.width);
                    steps.catch_up(simd, state.done, theta, m, v);
                    state.done = steps.done();
                }
            }
            slots.push(state.slot);
        }
    }
}

struct Scatter<'a> {
    gradient: &'a mut [f32],
    width: usize,
    slots: &'a [u32],
    span: std::ops::Range<usize>,
    from: &'a [Lane],
}

impl WithSimd for Scatter<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for (&slot, lane) in self.slots.iter().zip(self.from) {
            let to = &mut self.gradient[slot as usize * self.width..][..self.width][self.span.clone()];
            let (to, to_rest) = S::as_mut_simd_f32s(to);
            let (from, _) = S::as_simd_f32s(&lane.0);
            let (from, rest) = from.split_at(to.len());
            for (to, from) in to.iter_mut().zip(from) {
                *to = simd.add_f32s(*to, *from);
            }
            if !to_rest.is_empty() {
                let sum = simd.add_f32s(simd.partial_load_f32s(to_rest), rest[0]);
                simd.partial_store_f32s(to_rest, sum);
            }
        }
    }
}

struct Step<'a> {
    table: &'a mut Embedding,
    steps: &'a AdamSteps,
}

impl WithSimd for Step<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { table, steps } = self;
        let (width, update) = (table.width, steps.update());
        if steps.rows_all_move() {
            let zeros = vec![0.0; width];
            for (record, state) in table.cells.chunks_exact_mut(width * 3).zip(&mut table.states) {
                let gradient = match state.slot {
                    NONE => &zeros[..],
                    slot => &table.gradient[slot as usize * width..][..width],
                };
                let [theta, m, v] = thirds(record, width);
                update.apply(simd, Some(gradient), theta, m, v);
                state.done = steps.done();
            }
            return;
        }
        for (at, (&row, gradient)) in table.touched.iter().zip(table.gradient.chunks_exact(width)).enumerate()
        {
            if let Some(&next) = table.touched.get(at + AHEAD) {
                prefetch(&table.cells[next as usize * width * 3..][..width * 3]);
            }
            let record = &mut table.cells[row as usize * width * 3..][..width * 3];
            let [theta, m, v] = thirds(record, width);
            update.apply(simd, Some(gradient), theta, m, v);
            table.states[row as usize].done = steps.done();
        }
    }
}

struct Settle<'a> {
    table: &'a mut Embedding,
    steps: &'a AdamSteps,
}

impl WithSimd for Settle<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { table, steps } = self;
        if !steps.rows_lag() {
            return;
        }
        for (record, state) in table.cells.chunks_exact_mut((table.width * 3).max(1)).zip(&mut table.states) {
            let [theta, m, v] = thirds(record, table.width);
            steps.catch_up(simd, state.done, theta, m, v);
            state.done = steps.done();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adam::Adam;
    use crate::nn::Untouched;
    use rand::RngExt;
    use shillproof_core::Seed;

    const IDS: usize = 40;
    const COLUMNS: [usize; 2] = [5, 19];
    const STEPS: usize = 900;

    /// Trains on random slopes of random rows beside plain Adam over the whole table; the largest difference of any value at any look.
    fn beside_plain_adam(weight_decay: f32, untouched: Untouched) -> f32 {
        let start = COLUMNS.map(|c| Matrix::normal(IDS, c, 0.1, Seed::new(c as u64)));
        let mut table = Embedding::new(&[&start[0], &start[1]]);
        let mut steps = AdamSteps::new(0.01, weight_decay, untouched);
        let mut plain = start.clone();
        let mut adam = COLUMNS.map(|c| Adam::new(IDS * c, 0.01, weight_decay));
        let (mut rng, mut slots, mut worst) = (Seed::new(8).rng(), Vec::new(), 0.0f32);
        for step in 0..STEPS {
            // The last ids are used in the first steps alone, so that long gaps occur.
            let reach = if step < 300 { IDS } else { 8 } as u32;
            let rows: Vec<u32> = (0..4).map(|_| rng.random_range(0..reach)).collect();
            table.touch(&rows, &steps, &mut slots);
            let mut dense = COLUMNS.map(|c| Matrix::zeros(IDS, c));
            for (block, columns) in COLUMNS.into_iter().enumerate() {
                // Slopes from far above Adam's ε down to below it.
                let size = 10f32.powi(-(step as i32 % 10));
                let mut slopes = Panels::zeros(4, columns + 16);
                for (at, &row) in rows.iter().enumerate() {
                    let values: Vec<f32> = (0..columns).map(|_| size * rng.random_range(-1.0..1.0)).collect();
                    slopes.write(at, 1, &values);
                    for (cell, value) in dense[block].row_mut(row as usize).iter_mut().zip(&values) {
                        *cell += value;
                    }
                }
                table.scatter(&slots, block, &slopes, 1);
            }
            for (block, (row, gradient)) in
                (0..2).flat_map(|b| table.gradient(b).into_iter().map(move |g| (b, g)))
            {
                assert_eq!(gradient, dense[block].row(row as usize), "a gradient is summed over the batch");
            }
            steps.advance();
            table.step(&steps);
            for block in 0..2 {
                adam[block].step(plain[block].as_mut_slice(), dense[block].as_slice());
            }
            if step % 100 == 99 {
                table.settle(&steps);
                for (block, plain) in plain.iter().enumerate() {
                    let got = table.block(block);
                    let differences = got.as_slice().iter().zip(plain.as_slice()).map(|(a, b)| (a - b).abs());
                    worst = differences.fold(worst, f32::max);
                }
            }
        }
        worst
    }

    #[test]
    fn late_rows_end_where_plain_adam_brings_them() {
        let worst = beside_plain_adam(0.0, Untouched::Coast);
        assert!(worst < 3e-6, "{worst}");
        let worst = beside_plain_adam(0.01, Untouched::Coast);
        assert!(worst < 3e-6, "with weight decay: {worst}");
        // Not by chance: the other algorithm ends elsewhere.
        assert!(beside_plain_adam(0.0, Untouched::Stay) > 1e-2);
    }

    #[test]
    fn gathered_blocks_are_where_they_belong() {
        let blocks = COLUMNS.map(|c| Matrix::normal(3, c, 1.0, Seed::new(c as u64)));
        let table = Embedding::new(&[&blocks[0], &blocks[1]]);
        let mut out = Panels::zeros(2, 64);
        table.gather(&[2, 0], 1, &mut out, 2);
        let mut row = [f32::NAN; 64];
        out.read(0, 0, &mut row);
        assert_eq!(
            (&row[..32], &row[32..51], &row[51..]),
            (&[0.0; 32][..], blocks[1].row(2), &[0.0; 13][..])
        );
        assert_eq!(table.block(0), blocks[0]);
    }
}
