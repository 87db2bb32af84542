//! Cholesky factorisation and solution of one small system, in place and without allocation.

use pulp::Simd;

use crate::panels::{Lane, Panels, WIDTH, vectors, vectors_mut};
use crate::products::{AddTo, add_multiple, product, reduce_lane};

/// Overwrites the upper triangle of the symmetric `a` (d x d, padded to whole blocks) with U of
/// `A = UᵀU` and `inverse` with the reciprocals of U's diagonal. False if `a` is not positive definite.
///
/// Block rows of 16: the product of the finished rows is subtracted by the micro-kernel, the
/// diagonal block is factorised, and the rest of the block row is solved against it.
#[inline(always)]
pub(crate) fn factorize<S: Simd>(simd: S, a: &mut Panels, d: usize, inverse: &mut [f32]) -> bool {
    for block in 0..d.div_ceil(WIDTH) {
        let first = block * WIDTH;
        let rows = WIDTH.min(d - first);
        let (done, rest) = a.panel_mut(block).split_at_mut(first);
        product(simd, done, done, WIDTH, &mut AddTo(&mut rest[..WIDTH], -1.0));
        if !factorize_block(simd, &mut rest[..rows], &mut inverse[first..first + rows]) {
            return false;
        }
        for j in block + 1..d.div_ceil(WIDTH) {
            let (diagonal, panel) = a.pair_mut(block, j);
            let (done, rest) = panel.split_at_mut(first);
            product(simd, &diagonal[..first], done, WIDTH, &mut AddTo(&mut rest[..WIDTH], -1.0));
            solve_block(simd, &diagonal[first..], &inverse[first..first + rows], &mut rest[..WIDTH]);
        }
    }
    true
}

/// Factorises a diagonal block of up to 16 rows. What is below its diagonal becomes meaningless.
#[inline(always)]
fn factorize_block<S: Simd>(simd: S, block: &mut [Lane], inverse: &mut [f32]) -> bool {
    for r in 0..block.len() {
        let pivot = block[r].0[r];
        // Written so that a NaN fails too.
        if !(pivot > 0.0 && pivot < f32::INFINITY) {
            return false;
        }
        inverse[r] = 1.0 / pivot.sqrt();
        eliminate(simd, r, inverse[r], None, block);
    }
    true
}

/// Solves `DᵀX = B` in place for a block `D` that is factorised already.
#[inline(always)]
fn solve_block<S: Simd>(simd: S, diagonal: &[Lane], inverse: &[f32], b: &mut [Lane]) {
    for r in 0..inverse.len() {
        eliminate(simd, r, inverse[r], Some(diagonal), b);
    }
}

/// Scales row `r` by `inverse` and subtracts its multiples from the rows below; the factors are
/// row `r` of `diagonal`, or the scaled row itself.
#[inline(always)]
fn eliminate<S: Simd>(simd: S, r: usize, inverse: f32, diagonal: Option<&[Lane]>, rows: &mut [Lane]) {
    let (head, tail) = rows.split_at_mut(r + 1);
    let mut row = head[r];
    for x in vectors_mut::<S>(&mut row) {
        *x = simd.mul_f32s(*x, simd.splat_f32s(inverse));
    }
    head[r] = row;
    let factors = &diagonal.map_or(&head[r], |d| &d[r]).0[r + 1..];
    for (below, &factor) in tail.iter_mut().zip(factors) {
        let factor = simd.splat_f32s(-factor);
        for (x, &u) in vectors_mut::<S>(below).iter_mut().zip(vectors::<S>(&row)) {
            *x = simd.mul_add_e_f32s(factor, u, *x);
        }
    }
}

/// Solves `UᵀU x = b` in place, with U and the reciprocals of its diagonal from [`factorize`].
#[inline(always)]
pub(crate) fn solve<S: Simd>(simd: S, u: &Panels, d: usize, inverse: &[f32], x: &mut [Lane]) {
    let blocks = d.div_ceil(WIDTH);
    for block in 0..blocks {
        let first = block * WIDTH;
        let (done, rest) = x.split_at_mut(block);
        let b = &mut rest[0];
        let mut sums = [Lane::ZERO; 4];
        for (lanes, known) in u.panel(block)[..first].chunks_exact(WIDTH).zip(done.iter()) {
            for k in 0..WIDTH {
                add_multiple(simd, -known.0[k], &lanes[k..=k], &mut sums[k % 4..=k % 4]);
            }
        }
        for sum in &sums {
            add_multiple(simd, 1.0, &[*sum], std::slice::from_mut(b));
        }
        let (panel, b) = (&u.panel(block)[first..], &mut b.0);
        for r in 0..WIDTH.min(d - first) {
            b[r] *= inverse[first + r];
            for c in r + 1..WIDTH {
                b[c] -= b[r] * panel[r].0[c];
            }
        }
    }
    for block in (0..blocks).rev() {
        let first = block * WIDTH;
        let (head, known) = x.split_at_mut(block + 1);
        let b = &mut head[block].0;
        let rows = WIDTH.min(d - first);
        for r in 0..rows {
            let mut sum = Lane::ZERO;
            for (j, value) in known.iter().enumerate() {
                let row = vectors::<S>(&u.panel(block + 1 + j)[first + r]);
                let value = vectors::<S>(value);
                for (v, s) in vectors_mut::<S>(&mut sum).iter_mut().enumerate() {
                    *s = simd.mul_add_e_f32s(row[v], value[v], *s);
                }
            }
            b[r] -= reduce_lane(simd, &sum);
        }
        let panel = &u.panel(block)[first..];
        for r in (0..rows).rev() {
            b[r] *= inverse[first + r];
            for above in 0..r {
                b[above] -= b[r] * panel[above].0[r];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gram::gram;
    use crate::matrix::Matrix;
    use pulp::{Arch, WithSimd};
    use shillproof_core::Seed;

    struct Solve<'a>(&'a mut Panels, usize, &'a mut [Lane]);

    impl WithSimd for Solve<'_> {
        type Output = bool;

        fn with_simd<S: Simd>(self, simd: S) -> bool {
            let mut inverse = vec![0.0; self.1];
            let done = factorize(simd, self.0, self.1, &mut inverse);
            if done {
                solve(simd, self.0, self.1, &inverse, self.2);
            }
            done
        }
    }

    #[test]
    fn solves_systems_of_every_size() {
        for d in 1..70 {
            let mut a = gram(&Matrix::normal(3 * d, d, 1.0, Seed::new(d as u64)), None);
            for i in 0..d {
                a.row_mut(i)[i] += 1.0;
            }
            let truth = Matrix::normal(1, d, 1.0, Seed::new(99));
            let mut x = vec![Lane::ZERO; d.div_ceil(WIDTH)];
            for i in 0..d {
                let b: f64 = (0..d).map(|j| f64::from(a.row(i)[j]) * f64::from(truth.row(0)[j])).sum();
                x[i / WIDTH].0[i % WIDTH] = b as f32;
            }
            assert!(Arch::new().dispatch(Solve(&mut Panels::square(&a), d, &mut x)));
            for i in 0..d {
                let error = (x[i / WIDTH].0[i % WIDTH] - truth.row(0)[i]).abs();
                assert!(error < 2e-4, "d = {d}, x[{i}] off by {error}");
            }
        }
    }

    #[test]
    fn what_is_not_positive_definite_is_refused() {
        for bad in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            let mut a = Matrix::zeros(20, 20);
            for i in 0..20 {
                a.row_mut(i)[i] = if i == 17 { bad } else { 1.0 };
            }
            let mut x = vec![Lane::ZERO; 2];
            assert!(!Arch::new().dispatch(Solve(&mut Panels::square(&a), 20, &mut x)), "{bad}");
        }
    }
}
