//! Adam on a matrix of which a batch uses few rows.

use pulp::{Arch, Simd, WithSimd};

use super::coast::AdamSteps;
use crate::adam::Motion;
use crate::matrix::Matrix;

/// Adam's moments of a matrix whose rows are moved when they are needed.
///
/// A batch first touches its rows, which brings them up to date; its gradient is then zero elsewhere. Where vectors are read by id alone,
/// [`Embedding`](super::Embedding) is faster: it keeps values and moments side by side.
///
/// ```
/// use shillproof_kernels::Matrix;
/// use shillproof_kernels::nn::{AdamSteps, LateRows, Untouched};
/// let mut steps = AdamSteps::new(0.1, 0.0, Untouched::Coast);
/// let (mut table, mut gradient) = (Matrix::zeros(2, 1), Matrix::zeros(2, 1));
/// let mut late = LateRows::new(2, 1);
/// late.touch(&[1], table.as_mut_slice(), &steps);
/// gradient.row_mut(1)[0] = 5.0;
/// steps.advance();
/// late.step(table.as_mut_slice(), gradient.as_slice(), &steps);
/// assert!((table.row(1)[0] + 0.1).abs() < 1e-6); // the first step is the sign of the gradient
/// ```
#[derive(Clone, Debug)]
pub struct LateRows {
    width: usize,
    first: Matrix,
    second: Matrix,
    /// Steps that each row has made.
    done: Vec<u32>,
    touched: Vec<u32>,
}

impl LateRows {
    /// The state of `rows` rows of `width` numbers before the first step.
    pub fn new(rows: usize, width: usize) -> Self {
        Self {
            width,
            first: Matrix::zeros(rows, width),
            second: Matrix::zeros(rows, width),
            done: vec![0; rows],
            touched: Vec::new(),
        }
    }

    /// Brings rows up to date: those that the batch at hand uses. May be called more than once a batch.
    ///
    /// # Shapes
    /// `table`: as at [`LateRows::new`]. `rows`: row numbers, in any order, as often as they come.
    pub fn touch(&mut self, rows: &[u32], table: &mut [f32], steps: &AdamSteps) {
        Arch::new().dispatch(CatchUp { late: self, rows, table, steps });
        self.touched.extend_from_slice(rows);
    }

    /// Moves the touched rows by the step just begun.
    ///
    /// # Shapes
    /// `table`, `gradient`: as at [`LateRows::new`].
    pub fn step(&mut self, table: &mut [f32], gradient: &[f32], steps: &AdamSteps) {
        if steps.rows_all_move() {
            self.touched = (0..self.done.len() as u32).collect();
        } else {
            self.touched.sort_unstable();
            self.touched.dedup();
        }
        Arch::new().dispatch(Step { late: self, table, gradient, steps });
    }

    /// Zeroes the touched rows of a gradient, and forgets the batch.
    pub fn clear(&mut self, gradient: &mut [f32]) {
        for row in self.touched.drain(..) {
            gradient[row as usize * self.width..][..self.width].fill(0.0);
        }
    }

    /// Brings every row up to date.
    pub fn settle(&mut self, table: &mut [f32], steps: &AdamSteps) {
        let all: Vec<u32> = (0..self.done.len() as u32).collect();
        Arch::new().dispatch(CatchUp { late: self, rows: &all, table, steps });
    }
}

struct CatchUp<'a> {
    late: &'a mut LateRows,
    rows: &'a [u32],
    table: &'a mut [f32],
    steps: &'a AdamSteps,
}

impl WithSimd for CatchUp<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { late, rows, table, steps } = self;
        if !steps.rows_lag() {
            return;
        }
        for &row in rows {
            let row = row as usize;
            if late.done[row] != steps.done() {
                let theta = &mut table[row * late.width..][..late.width];
                let (m, v) = (late.first.row_mut(row), late.second.row_mut(row));
                steps.catch_up(simd, late.done[row], theta, m, v);
                late.done[row] = steps.done();
            }
        }
    }
}

struct Step<'a> {
    late: &'a mut LateRows,
    table: &'a mut [f32],
    gradient: &'a [f32],
    steps: &'a AdamSteps,
}

impl WithSimd for Step<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { late, table, gradient, steps } = self;
        for &row in &late.touched {
            let row = row as usize;
            let span = row * late.width..(row + 1) * late.width;
            let (m, v) = (late.first.row_mut(row), late.second.row_mut(row));
            steps.update().apply(simd, Some(&gradient[span.clone()]), &mut table[span], m, v);
            late.done[row] = steps.done();
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

    const SHAPE: (usize, usize) = (30, 11);

    /// Trains on random slopes of random rows beside plain Adam over the whole matrix; the largest difference at any look.
    fn beside_plain_adam(weight_decay: f32, untouched: Untouched) -> f32 {
        let mut plain = Matrix::normal(SHAPE.0, SHAPE.1, 0.1, Seed::new(5));
        let mut table = plain.clone();
        let mut adam = Adam::new(SHAPE.0 * SHAPE.1, 0.01, weight_decay);
        let mut late = LateRows::new(SHAPE.0, SHAPE.1);
        let mut steps = AdamSteps::new(0.01, weight_decay, untouched);
        let mut gradient = Matrix::zeros(SHAPE.0, SHAPE.1);
        let (mut rng, mut worst) = (Seed::new(9).rng(), 0.0f32);
        for step in 0..900 {
            // Later rows are used in the first steps alone, so that long gaps occur.
            let reach = if step < 300 { SHAPE.0 } else { 6 } as u32;
            let mut rows = || [0; 3].map(|_| rng.random_range(0..reach));
            let (some, others) = (rows(), rows());
            late.clear(gradient.as_mut_slice());
            assert!(gradient.as_slice().iter().all(|x| *x == 0.0), "nothing is left of the last batch");
            late.touch(&some, table.as_mut_slice(), &steps);
            late.touch(&others, table.as_mut_slice(), &steps);
            for row in some.into_iter().chain(others) {
                gradient.row_mut(row as usize).iter_mut().for_each(|x| *x += rng.random_range(-1.0..1.0));
            }
            steps.advance();
            late.step(table.as_mut_slice(), gradient.as_slice(), &steps);
            adam.step(plain.as_mut_slice(), gradient.as_slice());
            if step % 100 == 99 {
                late.settle(table.as_mut_slice(), &steps);
                let differences = table.as_slice().iter().zip(plain.as_slice()).map(|(a, b)| (a - b).abs());
                worst = differences.fold(worst, f32::max);
            }
        }
        worst
    }

    #[test]
    fn late_rows_end_where_plain_adam_brings_them() {
        for weight_decay in [0.0, 0.01] {
            let worst = beside_plain_adam(weight_decay, Untouched::Coast);
            assert!(worst < 3e-6, "{weight_decay}: {worst}");
        }
        // Not by chance: the other algorithm ends elsewhere.
        assert!(beside_plain_adam(0.0, Untouched::Stay) > 1e-2);
    }
}
