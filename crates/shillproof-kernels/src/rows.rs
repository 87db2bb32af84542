//! Inner products with, and combinations of, some rows of a matrix: the sparse half of gradients.
//!
//! Rows are read 16 numbers at a time, whatever the machine's vectors are, so that the result does not depend on them.
//!
//! Arrays are filled by loops: the closure of `map` would be compiled without the machine's vectors, and called.

use pulp::Simd;

use crate::matrix::{Matrix, axpy};
use crate::panels::WIDTH;
use crate::products::reduce;

/// Rows to hand over at a time: what is read once is still in the nearest cache when it is read again.
pub(crate) const CHUNK: usize = 32;

/// Some rows of a matrix, each from one column on.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    of: &'a Matrix,
    at: &'a [u32],
    first: usize,
}

impl<'a> Rows<'a> {
    /// Whole rows.
    pub(crate) fn new(of: &'a Matrix, at: &'a [u32]) -> Self {
        Self { of, at, first: 0 }
    }

    /// The same rows from column `first` on.
    pub(crate) fn from(self, first: usize) -> Self {
        Self { first, ..self }
    }

    /// The first `length` numbers of a row.
    #[inline(always)]
    fn row(&self, at: u32, length: usize) -> &'a [f32] {
        &self.of.row(at as usize)[self.first..][..length]
    }
}

/// `out_n = xᵀ row_n`.
///
/// # Shapes
/// Rows at least as long as `x`; `out`: one number a row.
#[inline(always)]
pub(crate) fn dots<S: Simd, const NV: usize>(simd: S, x: &[f32], rows: Rows<'_>, out: &mut [f32]) {
    /// Adds to the sums what lanes `lane` to `lane + L` give.
    #[inline(always)]
    fn strip<S: Simd, const NV: usize, const N: usize, const L: usize>(
        simd: S,
        x: &[[f32; WIDTH]],
        rows: &[&[[f32; WIDTH]]; N],
        lane: usize,
        sums: &mut [[S::f32s; NV]; N],
    ) {
        let x = &x[lane..][..L];
        let mut part: [&[[f32; WIDTH]]; N] = [&[]; N];
        for n in 0..N {
            part[n] = &rows[n][lane..][..L];
        }
        for l in 0..L {
            let x = S::as_simd_f32s(&x[l]).0;
            for n in 0..N {
                let row = S::as_simd_f32s(&part[n][l]).0;
                for v in 0..NV {
                    sums[n][v] = simd.mul_add_e_f32s(x[v], row[v], sums[n][v]);
                }
            }
        }
    }
    /// `N` rows at a time, so that sums do not wait for each other; what is left of rows and of `out`.
    #[inline(always)]
    fn groups<'a, S: Simd, const NV: usize, const N: usize>(
        simd: S,
        x: &[[f32; WIDTH]],
        rows: Rows<'a>,
        out: &'a mut [f32],
    ) -> (Rows<'a>, &'a mut [f32]) {
        let (whole, left) = rows.at.as_chunks::<N>();
        let (out, out_left) = out.as_chunks_mut::<N>();
        for (at, out) in whole.iter().zip(out) {
            let mut each: [&[[f32; WIDTH]]; N] = [&[]; N];
            for n in 0..N {
                each[n] = rows.row(at[n], x.len() * WIDTH).as_chunks::<WIDTH>().0;
            }
            let mut sums = [[simd.splat_f32s(0.0); NV]; N];
            let mut lane = 0;
            while lane + 4 <= x.len() {
                strip::<S, NV, N, 4>(simd, x, &each, lane, &mut sums);
                lane += 4;
            }
            while lane < x.len() {
                strip::<S, NV, N, 1>(simd, x, &each, lane, &mut sums);
                lane += 1;
            }
            for n in 0..N {
                out[n] = reduce(simd, sums[n]);
            }
        }
        (Rows { at: left, ..rows }, out_left)
    }
    let (lanes, rest) = x.as_chunks::<WIDTH>();
    // Sixteen registers, where lanes are of two vectors, have no room for more than four.
    let (left, out_left) = match NV {
        1 => groups::<S, NV, 8>(simd, lanes, rows, out),
        _ => groups::<S, NV, 4>(simd, lanes, rows, out),
    };
    groups::<S, NV, 1>(simd, lanes, left, out_left);
    if !rest.is_empty() {
        dots_of_rest(rest, rows.from(rows.first + lanes.len() * WIDTH), out);
    }
}

/// The numbers behind whole lanes, apart: what is seldom there should not take registers from what is.
#[inline(never)]
fn dots_of_rest(x: &[f32], rows: Rows<'_>, out: &mut [f32]) {
    for (out, &at) in out.iter_mut().zip(rows.at) {
        *out += x.iter().zip(rows.row(at, x.len())).map(|(x, y)| x * y).sum::<f32>();
    }
}

/// `out += Σ_n coefficient_n row_n`.
///
/// # Shapes
/// `coefficients`: one a row. Rows at least as long as `out`.
#[inline(always)]
pub(crate) fn add_rows<S: Simd, const NV: usize>(
    simd: S,
    coefficients: &[f32],
    rows: Rows<'_>,
    out: &mut [f32],
) {
    /// Lanes `lane` to `lane + L` of all rows; their sums stay in registers.
    #[inline(always)]
    fn strip<S: Simd, const NV: usize, const L: usize>(
        simd: S,
        coefficients: &[f32],
        rows: Rows<'_>,
        out: &mut [f32],
        lane: usize,
    ) {
        let out = &mut out[lane * WIDTH..][..L * WIDTH];
        let out = out.as_chunks_mut::<WIDTH>().0;
        let mut sums = [[simd.splat_f32s(0.0); NV]; L];
        for l in 0..L {
            sums[l].copy_from_slice(S::as_simd_f32s(&out[l]).0);
        }
        let rows = rows.from(rows.first + lane * WIDTH);
        for (&coefficient, &at) in coefficients.iter().zip(rows.at) {
            let factor = simd.splat_f32s(coefficient);
            let row = rows.row(at, L * WIDTH).as_chunks::<WIDTH>().0;
            for l in 0..L {
                let row = S::as_simd_f32s(&row[l]).0;
                for v in 0..NV {
                    sums[l][v] = simd.mul_add_e_f32s(factor, row[v], sums[l][v]);
                }
            }
        }
        for l in 0..L {
            S::as_mut_simd_f32s(&mut out[l]).0.copy_from_slice(&sums[l]);
        }
    }
    let lanes = out.len() / WIDTH;
    let mut lane = 0;
    // Sixteen registers, where lanes are of two vectors, have no room for more than four.
    while NV == 1 && lanes - lane >= 8 {
        strip::<S, NV, 8>(simd, coefficients, rows, out, lane);
        lane += 8;
    }
    while lanes - lane >= 4 {
        strip::<S, NV, 4>(simd, coefficients, rows, out, lane);
        lane += 4;
    }
    if lanes - lane >= 2 {
        strip::<S, NV, 2>(simd, coefficients, rows, out, lane);
        lane += 2;
    }
    if lanes > lane {
        strip::<S, NV, 1>(simd, coefficients, rows, out, lane);
    }
    if lanes * WIDTH < out.len() {
        add_rest(coefficients, rows.from(rows.first + lanes * WIDTH), &mut out[lanes * WIDTH..]);
    }
}

/// As [`dots_of_rest`].
#[inline(never)]
fn add_rest(coefficients: &[f32], rows: Rows<'_>, out: &mut [f32]) {
    for (&coefficient, &at) in coefficients.iter().zip(rows.at) {
        axpy(coefficient, rows.row(at, out.len()), out);
    }
}
