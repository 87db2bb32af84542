//! The layout of dense products: panels of 16 columns, each stored row after row. A row of a panel
//! is one cache line: two AVX2 vectors or one AVX-512 vector.

use pulp::Simd;

use crate::matrix::Matrix;

/// Columns of a panel.
pub(crate) const WIDTH: usize = 16;

/// One row of a panel: 16 numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(64))]
pub struct Lane(pub [f32; WIDTH]);

impl Lane {
    /// All zeros.
    pub const ZERO: Self = Self([0.0; WIDTH]);
}

/// A matrix in panels of 16 columns. Columns are padded with zeros to whole panels.
#[derive(Clone, Debug)]
pub struct Panels {
    rows: usize,
    lanes: Vec<Lane>,
}

impl Panels {
    /// All zeros.
    pub fn zeros(rows: usize, columns: usize) -> Self {
        Self { rows, lanes: vec![Lane::ZERO; rows * columns.div_ceil(WIDTH)] }
    }

    /// A small square matrix, its rows padded to whole blocks too.
    pub(crate) fn square(matrix: &Matrix) -> Self {
        let d = matrix.columns();
        let mut out = Self::zeros(d.next_multiple_of(WIDTH), d);
        for i in 0..d {
            for (panel, values) in matrix.row(i).chunks(WIDTH).enumerate() {
                out.panel_mut(panel)[i].0[..values.len()].copy_from_slice(values);
            }
        }
        out
    }

    /// The transpose of `matrix`: its rows become columns.
    pub(crate) fn transposed(matrix: &Matrix) -> Self {
        let mut out = Self::zeros(matrix.columns(), matrix.rows());
        for (panel, rows) in matrix.as_slice().chunks((WIDTH * matrix.columns()).max(1)).enumerate() {
            transpose_into(rows.chunks_exact(matrix.columns().max(1)), out.panel_mut(panel));
        }
        out
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of panels.
    #[inline(always)]
    pub fn count(&self) -> usize {
        self.lanes.len() / self.rows.max(1)
    }

    /// Writes values into a row, from column `16 · panel` on.
    pub fn write(&mut self, row: usize, panel: usize, values: &[f32]) {
        for (p, values) in values.chunks(WIDTH).enumerate() {
            self.panel_mut(panel + p)[row].0[..values.len()].copy_from_slice(values);
        }
    }

    /// Reads values of a row, from column `16 · panel` on.
    pub fn read(&self, row: usize, panel: usize, out: &mut [f32]) {
        for (p, out) in out.chunks_mut(WIDTH).enumerate() {
            out.copy_from_slice(&self.panel(panel + p)[row].0[..out.len()]);
        }
    }

    /// One panel.
    #[inline(always)]
    pub(crate) fn panel(&self, at: usize) -> &[Lane] {
        &self.lanes[at * self.rows..(at + 1) * self.rows]
    }

    /// One panel, to write to.
    #[inline(always)]
    pub(crate) fn panel_mut(&mut self, at: usize) -> &mut [Lane] {
        &mut self.lanes[at * self.rows..(at + 1) * self.rows]
    }

    /// All rows of all panels, to write to.
    pub(crate) fn lanes_mut(&mut self) -> &mut [Lane] {
        &mut self.lanes
    }

    /// Panel `first`, and panel `second > first` to write to.
    #[inline(always)]
    pub(crate) fn pair_mut(&mut self, first: usize, second: usize) -> (&[Lane], &mut [Lane]) {
        let (head, tail) = self.lanes.split_at_mut(second * self.rows);
        (&head[first * self.rows..(first + 1) * self.rows], &mut tail[..self.rows])
    }

    /// Copies `row`, times `scale`, into row `at`.
    #[inline(always)]
    pub(crate) fn set_row<S: Simd>(&mut self, simd: S, at: usize, row: &[f32], scale: f32) {
        let scale = simd.splat_f32s(scale);
        let (whole, rest) = row.as_chunks::<WIDTH>();
        for (panel, values) in whole.iter().enumerate() {
            let lane = vectors_mut::<S>(&mut self.lanes[panel * self.rows + at]);
            for (cell, &value) in lane.iter_mut().zip(S::as_simd_f32s(values).0) {
                *cell = simd.mul_f32s(value, scale);
            }
        }
        if !rest.is_empty() {
            let mut padded = Lane::ZERO;
            padded.0[..rest.len()].copy_from_slice(rest);
            let lane = vectors_mut::<S>(&mut self.lanes[whole.len() * self.rows + at]);
            for (cell, &value) in lane.iter_mut().zip(vectors::<S>(&padded)) {
                *cell = simd.mul_f32s(value, scale);
            }
        }
    }
}

/// Writes up to 16 rows as columns of one panel.
pub(crate) fn transpose_into<'a>(rows: impl Iterator<Item = &'a [f32]>, panel: &mut [Lane]) {
    for (column, row) in rows.enumerate() {
        for (lane, &value) in panel.iter_mut().zip(row) {
            lane.0[column] = value;
        }
    }
}

/// The vectors of one lane.
#[inline(always)]
pub(crate) fn vectors<S: Simd>(lane: &Lane) -> &[S::f32s] {
    S::as_simd_f32s(&lane.0).0
}

/// The vectors of one lane, to write to.
#[inline(always)]
pub(crate) fn vectors_mut<S: Simd>(lane: &mut Lane) -> &mut [S::f32s] {
    S::as_mut_simd_f32s(&mut lane.0).0
}
