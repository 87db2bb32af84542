//! Inner loops. Eight fixed lanes: the order of additions does not depend on the machine's vectors.

use pulp::Arch;

/// Runs `work` compiled for the widest vectors of this machine.
#[inline]
pub(crate) fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    Arch::new().dispatch(work)
}

/// `Σ a_k b_k`.
#[inline(always)]
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len().min(b.len());
    let (a8, a_rest) = a[..n].as_chunks::<8>();
    let (b8, b_rest) = b[..n].as_chunks::<8>();
    let mut lanes = [0.0; 8];
    for (x, y) in a8.iter().zip(b8) {
        for k in 0..8 {
            lanes[k] += x[k] * y[k];
        }
    }
    sum(lanes) + a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum::<f64>()
}

/// `c Σ a_k b_k + Σ x_k y_k`.
#[inline(always)]
pub(super) fn two_dots(c: f64, a: &[f64], b: &[f64], x: &[f64], y: &[f64]) -> f64 {
    let n = a.len();
    let (a8, _) = a.as_chunks::<8>();
    let (b8, _) = b[..n].as_chunks::<8>();
    let (x8, _) = x[..n].as_chunks::<8>();
    let (y8, _) = y[..n].as_chunks::<8>();
    let (mut first, mut second) = ([0.0; 8], [0.0; 8]);
    for i in 0..a8.len().min(b8.len()).min(x8.len()).min(y8.len()) {
        for k in 0..8 {
            first[k] += a8[i][k] * b8[i][k];
            second[k] += x8[i][k] * y8[i][k];
        }
    }
    let mut rest = 0.0;
    for k in n - n % 8..n {
        rest += c * a[k] * b[k] + x[k] * y[k];
    }
    c * sum(first) + sum(second) + rest
}

/// `y += c x`.
#[inline(always)]
pub(crate) fn axpy(c: f64, x: &[f64], y: &mut [f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += c * x;
    }
}

/// `out += a x + b y`.
#[inline(always)]
pub(super) fn two_axpys(a: f64, x: &[f64], b: f64, y: &[f64], out: &mut [f64]) {
    for ((out, x), y) in out.iter_mut().zip(x).zip(y) {
        *out += a * x + b * y;
    }
}

#[inline(always)]
fn sum(lanes: [f64; 8]) -> f64 {
    ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]))
}

/// Overwrites the packed lower triangle of a symmetric m x m matrix by its Cholesky factor. False if it is not
/// positive definite.
#[inline(always)]
pub(super) fn cholesky(a: &mut [f64], m: usize) -> bool {
    for i in 0..m {
        let (above, row) = a.split_at_mut(i * (i + 1) / 2);
        for j in 0..i {
            let other = &above[j * (j + 1) / 2..=j * (j + 1) / 2 + j];
            row[j] = (row[j] - dot(&row[..j], &other[..j])) / other[j];
        }
        let pivot = row[i] - dot(&row[..i], &row[..i]);
        // Written so that a NaN fails too.
        if !(pivot > 0.0 && pivot < f64::INFINITY) {
            return false;
        }
        row[i] = pivot.sqrt();
    }
    true
}

/// `x ← L⁻¹x` for a packed lower triangle.
#[inline(always)]
pub(super) fn solve_lower(l: &[f64], x: &mut [f64]) {
    for i in 0..x.len() {
        let row = &l[i * (i + 1) / 2..=i * (i + 1) / 2 + i];
        x[i] = (x[i] - dot(&row[..i], &x[..i])) / row[i];
    }
}

/// `x ← L⁻ᵀx` for a packed lower triangle.
#[inline(always)]
pub(super) fn solve_upper(l: &[f64], x: &mut [f64]) {
    for i in (0..x.len()).rev() {
        let row = &l[i * (i + 1) / 2..=i * (i + 1) / 2 + i];
        let value = x[i] / row[i];
        x[i] = value;
        axpy(-value, &row[..i], &mut x[..i]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_factor_solves_its_system() {
        for m in [1usize, 2, 7, 8, 9, 17] {
            let cell = |i: usize, j: usize| {
                let off = ((i * 7 + j * 7) % 5) as f64 / 10.0;
                if i == j { m as f64 + 1.0 } else { off }
            };
            let mut a: Vec<f64> = (0..m).flat_map(|i| (0..=i).map(move |j| cell(i, j))).collect();
            let truth: Vec<f64> = (0..m).map(|i| i as f64 - 2.5).collect();
            let mut x: Vec<f64> =
                (0..m).map(|i| (0..m).map(|j| cell(i.max(j), i.min(j)) * truth[j]).sum()).collect();
            assert!(cholesky(&mut a, m));
            solve_lower(&a, &mut x);
            solve_upper(&a, &mut x);
            assert!(x.iter().zip(&truth).all(|(x, t)| (x - t).abs() < 1e-12), "{m}: {x:?}");
        }
        assert!(!cholesky(&mut [1.0, 2.0, 1.0], 2) && !cholesky(&mut [f64::NAN], 1));
    }

    #[test]
    fn products_of_every_length() {
        for n in 0..35 {
            let v = |k: usize| (0..n).map(|i| ((i * k + 3) % 11) as f64 - 5.0).collect::<Vec<_>>();
            let (a, b, x, y) = (v(2), v(3), v(5), v(7));
            let plain = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            assert_eq!(dot(&a, &b), plain(&a, &b));
            assert_eq!(two_dots(2.0, &a, &b, &x, &y), 2.0 * plain(&a, &b) + plain(&x, &y));
        }
    }
}
