//! Inner products with, and combinations of, a few rows of a matrix at a time: the sparse half of gradients.
//!
//! Rows are read 16 numbers at a time, whatever the machine's vectors are, so that the result does not depend on them.
//!
//! Arrays are filled by loops: the closure of `map` would be compiled without the machine's vectors, and called.

use pulp::Simd;

use crate::matrix::Matrix;
use crate::panels::{Lane, WIDTH, vectors};
use crate::products::reduce;

/// Rows taken at a time: enough sums to keep the multipliers busy, few enough for the registers.
pub(crate) const GROUP: usize = 4;

/// The first `length` numbers of each row in whole lanes, and what is left of them.
#[inline(always)]
fn split<const N: usize>(rows: [&[f32]; N], length: usize) -> [(&[[f32; WIDTH]], &[f32]); N] {
    let mut out: [(&[[f32; WIDTH]], &[f32]); N] = [(&[], &[]); N];
    for n in 0..N {
        let (whole, rest) = rows[n][..length].as_chunks::<WIDTH>();
        out[n] = (&whole[..length / WIDTH], rest);
    }
    out
}

#[inline(always)]
fn padded(rest: &[f32]) -> Lane {
    let mut lane = Lane::ZERO;
    lane.0[..rest.len()].copy_from_slice(rest);
    lane
}

/// These rows of a matrix.
#[inline(always)]
pub(crate) fn rows_at<const N: usize>(of: &Matrix, at: [u32; N]) -> [&[f32]; N] {
    let mut rows: [&[f32]; N] = [&[]; N];
    for n in 0..N {
        rows[n] = of.row(at[n] as usize);
    }
    rows
}

/// The numbers at these places.
#[inline(always)]
pub(crate) fn picked<T: Copy + Default, const N: usize>(from: &[T], at: [u32; N]) -> [T; N] {
    let mut out = [T::default(); N];
    for n in 0..N {
        out[n] = from[at[n] as usize];
    }
    out
}

/// `xᵀ row` for each of the rows.
///
/// # Shapes
/// Rows at least as long as `x`.
#[inline(always)]
pub(crate) fn dots<S: Simd, const NV: usize, const N: usize>(
    simd: S,
    x: &[f32],
    rows: [&[f32]; N],
) -> [f32; N] {
    let lanes = x.len() / WIDTH;
    let rows = split(rows, x.len());
    let [(x, x_rest)] = split([x], x.len());
    let mut sums = [[simd.splat_f32s(0.0); NV]; N];
    for at in 0..lanes {
        let x = S::as_simd_f32s(&x[at]).0;
        for n in 0..N {
            let row = S::as_simd_f32s(&rows[n].0[at]).0;
            for v in 0..NV {
                sums[n][v] = simd.mul_add_e_f32s(x[v], row[v], sums[n][v]);
            }
        }
    }
    if !x_rest.is_empty() {
        let x = padded(x_rest);
        for n in 0..N {
            let row = padded(rows[n].1);
            for v in 0..NV {
                sums[n][v] = simd.mul_add_e_f32s(vectors::<S>(&x)[v], vectors::<S>(&row)[v], sums[n][v]);
            }
        }
    }
    let mut out = [0.0; N];
    for n in 0..N {
        out[n] = reduce(simd, sums[n]);
    }
    out
}

/// `out += Σ_n coefficient_n row_n`.
///
/// # Shapes
/// Rows at least as long as `out`.
#[inline(always)]
pub(crate) fn add_rows<S: Simd, const NV: usize, const N: usize>(
    simd: S,
    coefficients: [f32; N],
    rows: [&[f32]; N],
    out: &mut [f32],
) {
    let lanes = out.len() / WIDTH;
    let rows = split(rows, out.len());
    let mut factors = [simd.splat_f32s(0.0); N];
    for n in 0..N {
        factors[n] = simd.splat_f32s(coefficients[n]);
    }
    let (out, out_rest) = out.as_chunks_mut::<WIDTH>();
    for at in 0..lanes {
        let out = S::as_mut_simd_f32s(&mut out[at]).0;
        for v in 0..NV {
            let mut sum = out[v];
            for n in 0..N {
                sum = simd.mul_add_e_f32s(factors[n], S::as_simd_f32s(&rows[n].0[at]).0[v], sum);
            }
            out[v] = sum;
        }
    }
    if !out_rest.is_empty() {
        let mut sum = padded(out_rest);
        for n in 0..N {
            let row = padded(rows[n].1);
            crate::products::add_multiple(simd, coefficients[n], &[row], std::slice::from_mut(&mut sum));
        }
        out_rest.copy_from_slice(&sum.0[..out_rest.len()]);
    }
}
