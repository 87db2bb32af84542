//! The layout and the micro-kernel of every dense product.
//!
//! A matrix is cut into panels of 16 columns, each stored row after row. The kernel multiplies the
//! transpose of one panel by another. A row of a panel is one cache line: two AVX2 vectors or one
//! AVX-512 vector. Every cell of the product is a single chain of multiply-adds over the rows, so the
//! result does not depend on how wide the machine's vectors are (only on whether it has FMA).

use pulp::Simd;

use crate::matrix::Matrix;

/// Columns of a panel.
pub(crate) const WIDTH: usize = 16;

/// One row of a panel.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct Lane(pub(crate) [f32; WIDTH]);

impl Lane {
    pub(crate) const ZERO: Self = Self([0.0; WIDTH]);
}

/// A matrix in panels. Columns are padded with zeros to whole panels.
#[derive(Clone, Debug)]
pub(crate) struct Panels {
    rows: usize,
    lanes: Vec<Lane>,
}

impl Panels {
    /// All zeros.
    pub(crate) fn zeros(rows: usize, columns: usize) -> Self {
        Self { rows, lanes: vec![Lane::ZERO; rows * columns.div_ceil(WIDTH)] }
    }

    /// The transpose of `matrix`: its rows become columns.
    pub(crate) fn transposed(matrix: &Matrix) -> Self {
        let mut out = Self::zeros(matrix.columns(), matrix.rows());
        for (panel, rows) in matrix.as_slice().chunks((WIDTH * matrix.columns()).max(1)).enumerate() {
            transpose_into(rows.chunks_exact(matrix.columns().max(1)), out.panel_mut(panel));
        }
        out
    }

    /// Rows of a panel.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Number of panels.
    #[inline(always)]
    pub(crate) fn count(&self) -> usize {
        self.lanes.len() / self.rows.max(1)
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

    /// Panel `first`, and panel `second > first` to write to.
    #[inline(always)]
    pub(crate) fn pair_mut(&mut self, first: usize, second: usize) -> (&[Lane], &mut [Lane]) {
        let (head, tail) = self.lanes.split_at_mut(second * self.rows);
        (&head[first * self.rows..(first + 1) * self.rows], &mut tail[..self.rows])
    }

    /// Copies `row`, times `scale`, into row `at`.
    #[inline(always)]
    pub(crate) fn set_row(&mut self, at: usize, row: &[f32], scale: f32) {
        let (whole, rest) = row.as_chunks::<WIDTH>();
        for (panel, values) in whole.iter().enumerate() {
            let lane = &mut self.lanes[panel * self.rows + at].0;
            for k in 0..WIDTH {
                lane[k] = values[k] * scale;
            }
        }
        if !rest.is_empty() {
            let lane = &mut self.lanes[whole.len() * self.rows + at].0;
            for (cell, value) in lane.iter_mut().zip(rest) {
                *cell = value * scale;
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

/// `MR` rows, beginning at row `q * MR`, of `aᵀb`, with `NV` vectors to a lane.
#[inline(always)]
pub(crate) fn tile<S: Simd, const MR: usize, const NV: usize>(
    simd: S,
    a: &[Lane],
    b: &[Lane],
    q: usize,
) -> [[S::f32s; NV]; MR] {
    let mut sum = [[simd.splat_f32s(0.0); NV]; MR];
    for (a, b) in a.iter().zip(b) {
        let a = &a.0.as_chunks::<MR>().0[q];
        let b = vectors::<S>(b);
        for i in 0..MR {
            let x = simd.splat_f32s(a[i]);
            for v in 0..NV {
                sum[i][v] = simd.mul_add_e_f32s(x, b[v], sum[i][v]);
            }
        }
    }
    sum
}

/// What becomes of a product.
pub(crate) trait Sink<S: Simd> {
    /// Takes vector `v` of row `row`.
    fn take(&mut self, simd: S, row: usize, v: usize, value: S::f32s);
}

/// Adds a multiple of the product to rows of a panel.
pub(crate) struct AddTo<'a>(pub(crate) &'a mut [Lane], pub(crate) f32);

impl<S: Simd> Sink<S> for AddTo<'_> {
    #[inline(always)]
    fn take(&mut self, simd: S, row: usize, v: usize, value: S::f32s) {
        let cell = &mut vectors_mut::<S>(&mut self.0[row])[v];
        *cell = simd.mul_add_e_f32s(value, simd.splat_f32s(self.1), *cell);
    }
}

/// The first `rows` (at most 16) rows of `aᵀb`, rounded up to whole tiles; tiles fit the registers of
/// the instruction set.
#[inline(always)]
pub(crate) fn product<S: Simd>(simd: S, a: &[Lane], b: &[Lane], rows: usize, sink: &mut impl Sink<S>) {
    #[inline(always)]
    fn tiles<S: Simd, const MR: usize, const NV: usize>(
        simd: S,
        a: &[Lane],
        b: &[Lane],
        rows: usize,
        sink: &mut impl Sink<S>,
    ) {
        for q in 0..rows.min(WIDTH).div_ceil(MR) {
            let sum = tile::<S, MR, NV>(simd, a, b, q);
            for i in 0..MR {
                for v in 0..NV {
                    sink.take(simd, q * MR + i, v, sum[i][v]);
                }
            }
        }
    }
    match S::F32_LANES {
        16 => tiles::<S, 8, 1>(simd, a, b, rows, sink),
        8 => tiles::<S, 4, 2>(simd, a, b, rows, sink),
        4 => tiles::<S, 4, 4>(simd, a, b, rows, sink),
        _ => tiles::<S, 2, 16>(simd, a, b, rows, sink),
    }
}
