//! Inner loops. Eight fixed lanes: the order of additions does not depend on the machine's vectors.

pub(crate) use shillproof_kernels::vectorized;

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

/// Where row `i` of a packed upper triangle of an m x m matrix starts; it holds the columns from `i`.
#[inline(always)]
pub(super) fn packed(m: usize, i: usize) -> usize {
    i * (2 * m - i + 1) / 2
}

/// Adds `Σ_e a_e b_eᵀ` over the rows e of `a` and `b` to a packed upper triangle of m x m.
///
/// # Shapes
/// `a`, `b`: rows of `width`, a multiple of 8 and at least `m`; what lies beyond `m` is ignored.
#[inline(always)]
pub(super) fn add_products(a: &[f64], b: &[f64], width: usize, m: usize, out: &mut [f64]) {
    for i in (0..m).step_by(4) {
        for j in (i - i % 8..m).step_by(8) {
            let mut sums = [[0.0; 8]; 4];
            for (a, b) in a.chunks_exact(width).zip(b.chunks_exact(width)) {
                let (a, b) = (&a[i..i + 4], &b[j..j + 8]);
                for r in 0..4 {
                    for c in 0..8 {
                        sums[r][c] += a[r] * b[c];
                    }
                }
            }
            for (r, sums) in sums.iter().enumerate().take(m - i) {
                let row = packed(m, i + r);
                for (c, sum) in sums.iter().enumerate() {
                    if (i + r..m).contains(&(j + c)) {
                        out[row + j + c - i - r] += sum;
                    }
                }
            }
        }
    }
}

/// Overwrites the packed upper triangle of a symmetric m x m matrix A by U of `A = UᵀU`. False if A is not positive
/// definite.
#[inline(always)]
pub(super) fn cholesky(a: &mut [f64], m: usize) -> bool {
    for k in 0..m {
        let (above, mut rest) = a.split_at_mut(packed(m, k + 1));
        let row = &mut above[packed(m, k)..];
        let pivot = row[0];
        // Written so that a NaN fails too.
        if !(pivot > 0.0 && pivot < f64::INFINITY) {
            return false;
        }
        let scale = 1.0 / pivot.sqrt();
        for x in row.iter_mut() {
            *x *= scale;
        }
        for i in 1..m - k {
            let (target, next) = rest.split_at_mut(m - k - i);
            axpy(-row[i], &row[i..], target);
            rest = next;
        }
    }
    true
}

/// `x ← U⁻ᵀx` for a packed upper triangle.
#[inline(always)]
pub(super) fn solve_transposed(u: &[f64], x: &mut [f64]) {
    let m = x.len();
    let mut u = u;
    for k in 0..m {
        let (row, rest) = u.split_at(m - k);
        let value = x[k] / row[0];
        x[k] = value;
        axpy(-value, &row[1..], &mut x[k + 1..]);
        u = rest;
    }
}

/// `x ← U⁻¹x` for a packed upper triangle.
#[inline(always)]
pub(super) fn solve_upper(u: &[f64], x: &mut [f64]) {
    let m = x.len();
    for k in (0..m).rev() {
        let row = &u[packed(m, k)..packed(m, k + 1)];
        x[k] = (x[k] - dot(&row[1..], &x[k + 1..])) / row[0];
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
            let mut a: Vec<f64> = (0..m).flat_map(|i| (i..m).map(move |j| cell(j, i))).collect();
            let truth: Vec<f64> = (0..m).map(|i| i as f64 - 2.5).collect();
            let mut x: Vec<f64> =
                (0..m).map(|i| (0..m).map(|j| cell(i.max(j), i.min(j)) * truth[j]).sum()).collect();
            assert!(cholesky(&mut a, m));
            solve_transposed(&a, &mut x);
            solve_upper(&a, &mut x);
            assert!(x.iter().zip(&truth).all(|(x, t)| (x - t).abs() < 1e-12), "{m}: {x:?}");
        }
        assert!(!cholesky(&mut [1.0, 2.0, 1.0], 2) && !cholesky(&mut [f64::NAN], 1));
    }

    #[test]
    fn sums_of_products_of_every_width() {
        for m in 1..20usize {
            let width = m.next_multiple_of(8);
            let cell =
                |e: usize, i: usize, k: usize| if i < m { ((e * k + i) % 7) as f64 - 3.0 } else { 0.0 };
            let rows = |k| (0..5 * width).map(|c| cell(c / width, c % width, k)).collect::<Vec<_>>();
            let mut out = vec![1.0; m * (m + 1) / 2];
            add_products(&rows(2), &rows(3), width, m, &mut out);
            for i in 0..m {
                for j in i..m {
                    let sum: f64 = (0..5).map(|e| cell(e, i, 2) * cell(e, j, 3)).sum();
                    assert_eq!(out[packed(m, i) + j - i], 1.0 + sum, "{m}: {i}, {j}");
                }
            }
        }
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
