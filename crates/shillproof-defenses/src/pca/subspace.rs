//! Leading eigenvectors of the user x user covariance D Dᵀ, which is never formed.

use rand_distr::{Distribution, StandardNormal};
use shillproof_core::{Ctx, DetectError, Interactions, Seed};

use super::ZScore;

/// Directions carried along beyond those asked for: what is asked for converges as fast as the gap behind all of them allows.
const SPARE: usize = 8;

/// Rounds after which the directions are taken as they are.
const MOST_ROUNDS: usize = 200;

/// A direction has been found when 1 − |cosine| with the one of the round before is less.
const TOLERANCE: f64 = 1e-13;

/// The rating matrix with unrated cells 0, standardised without being filled: D = S (X − μ 1ᵀ) for users, D = (X − 1 μᵀ) S for items.
pub(super) struct Standardised {
    row_start: Vec<usize>,
    items: Vec<u32>,
    ratings: Vec<f64>,
    n_items: usize,
    zscore: ZScore,
    mean: Vec<f64>,
    /// 1 / deviation; 0 for a row or column without spread.
    scale: Vec<f64>,
}

impl Standardised {
    pub(super) fn new(log: &Interactions, zscore: ZScore) -> Self {
        let (mut items, mut ratings) = (Vec::with_capacity(log.len()), Vec::with_capacity(log.len()));
        for row in log.rows() {
            // In the order of ids, so that sums have the same bits whatever the order of times.
            let mut cells: Vec<(u32, f64)> = row.iter().map(|(i, r)| (i.0, f64::from(r))).collect();
            cells.sort_unstable_by_key(|cell| cell.0);
            items.extend(cells.iter().map(|cell| cell.0));
            ratings.extend(cells.iter().map(|cell| cell.1));
        }
        let (groups, size) = match zscore {
            ZScore::User => (log.n_users(), log.n_items()),
            ZScore::Item => (log.n_items(), log.n_users()),
        };
        let (mut sum, mut square) = (vec![0.0; groups], vec![0.0; groups]);
        let row_start = log.row_starts().to_vec();
        for (user, span) in row_start.windows(2).enumerate() {
            for at in span[0]..span[1] {
                let group = if zscore == ZScore::User { user } else { items[at] as usize };
                sum[group] += ratings[at];
                square[group] += ratings[at] * ratings[at];
            }
        }
        let n = size.max(1) as f64;
        let mean: Vec<f64> = sum.iter().map(|s| s / n).collect();
        let scale = square.iter().zip(&mean).map(|(s, m)| {
            let variance = s / n - m * m;
            if variance > 1e-12 { variance.sqrt().recip() } else { 0.0 }
        });
        Self { scale: scale.collect(), row_start, items, ratings, n_items: log.n_items(), zscore, mean }
    }

    fn n_users(&self) -> usize {
        self.row_start.len() - 1
    }

    /// `D Dᵀ v`.
    fn covariance_times(&self, v: &[f64]) -> Vec<f64> {
        let by_item = self.transposed_times(v);
        self.times(&by_item)
    }

    /// `Dᵀ v`, one cell an item.
    fn transposed_times(&self, v: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.n_items];
        let mut shift = 0.0;
        for (user, span) in self.row_start.windows(2).enumerate() {
            let weight = if self.zscore == ZScore::User { v[user] * self.scale[user] } else { v[user] };
            shift += weight * if self.zscore == ZScore::User { self.mean[user] } else { 1.0 };
            for at in span[0]..span[1] {
                out[self.items[at] as usize] += weight * self.ratings[at];
            }
        }
        for (item, cell) in out.iter_mut().enumerate() {
            match self.zscore {
                ZScore::User => *cell -= shift,
                ZScore::Item => *cell = (*cell - shift * self.mean[item]) * self.scale[item],
            }
        }
        out
    }

    /// `D w`, one cell a user.
    fn times(&self, w: &[f64]) -> Vec<f64> {
        let weighted: Vec<f64> = match self.zscore {
            ZScore::User => w.to_vec(),
            ZScore::Item => w.iter().zip(&self.scale).map(|(w, s)| w * s).collect(),
        };
        let shift: f64 = match self.zscore {
            ZScore::User => weighted.iter().sum(),
            ZScore::Item => weighted.iter().zip(&self.mean).map(|(w, m)| w * m).sum(),
        };
        let row = |(user, span): (usize, &[usize])| {
            let own: f64 =
                (span[0]..span[1]).map(|at| self.ratings[at] * weighted[self.items[at] as usize]).sum();
            match self.zscore {
                ZScore::User => self.scale[user] * (own - self.mean[user] * shift),
                ZScore::Item => own - shift,
            }
        };
        self.row_start.windows(2).enumerate().map(row).collect()
    }
}

/// The `count` leading unit eigenvectors of D Dᵀ by subspace iteration with Rayleigh–Ritz; fewer where the matrix has a
/// lower rank. Signs are arbitrary.
pub(super) fn leading_directions(
    rows: &Standardised,
    count: usize,
    ctx: &Ctx<'_>,
) -> Result<Vec<Vec<f64>>, DetectError> {
    let n = rows.n_users();
    let width = (count + SPARE).min(n);
    let seed = ctx.seed.child("pca");
    let mut basis: Vec<Vec<f64>> = (0..width).map(|k| start(n, seed.index(k as u64))).collect();
    orthonormalise(&mut basis);
    for round in 0..MOST_ROUNDS {
        ctx.check()?;
        ctx.observer.progress("principal components", round as u64, MOST_ROUNDS as u64);
        let image: Vec<Vec<f64>> = basis.iter().map(|v| rows.covariance_times(v)).collect();
        let small: Vec<Vec<f64>> =
            basis.iter().map(|v| image.iter().map(|w| inner(v, w)).collect()).collect();
        let rotation = symmetric_eigenvectors(small);
        let mut next: Vec<Vec<f64>> = rotation.iter().map(|weights| combine(&image, weights)).collect();
        orthonormalise(&mut next);
        let settled = next.iter().take(count).zip(rotation.iter()).all(|(new, weights)| {
            let old = combine(&basis, weights);
            1.0 - inner(new, &old).abs() < TOLERANCE
        });
        basis = next;
        if settled {
            break;
        }
    }
    basis.truncate(count);
    Ok(basis)
}

fn start(n: usize, seed: Seed) -> Vec<f64> {
    let mut rng = seed.rng();
    (0..n).map(|_| StandardNormal.sample(&mut rng)).collect()
}

fn inner(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn combine(vectors: &[Vec<f64>], weights: &[f64]) -> Vec<f64> {
    let mut out = vec![0.0; vectors.first().map_or(0, Vec::len)];
    for (vector, &weight) in vectors.iter().zip(weights) {
        for (out, x) in out.iter_mut().zip(vector) {
            *out += weight * x;
        }
    }
    out
}

/// Gram–Schmidt, twice; vectors that depend on those before them go.
fn orthonormalise(vectors: &mut Vec<Vec<f64>>) {
    let mut done: Vec<Vec<f64>> = Vec::with_capacity(vectors.len());
    for mut vector in vectors.drain(..) {
        let before = inner(&vector, &vector).sqrt();
        for _ in 0..2 {
            for earlier in &done {
                let along = inner(&vector, earlier);
                vector.iter_mut().zip(earlier).for_each(|(x, e)| *x -= along * e);
            }
        }
        let norm = inner(&vector, &vector).sqrt();
        if norm > 1e-10 * before && norm > 0.0 {
            for x in &mut vector {
                *x /= norm;
            }
            done.push(vector);
        }
    }
    *vectors = done;
}

/// Eigenvectors of a small symmetric matrix by Jacobi rotations, largest eigenvalue first.
fn symmetric_eigenvectors(mut a: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let n = a.len();
    let mut vectors: Vec<Vec<f64>> =
        (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect()).collect();
    for _ in 0..60 {
        let off: f64 = (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| a[i][j].powi(2)).sum();
        let all: f64 = a.iter().flatten().map(|x| x * x).sum();
        if off <= 1e-30 * all {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                if a[p][q] == 0.0 {
                    continue;
                }
                let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
                let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
                let c = t.hypot(1.0).recip();
                let s = t * c;
                for row in &mut a {
                    (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
                }
                rotate(&mut a, p, q, c, s);
                rotate(&mut vectors, p, q, c, s);
            }
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| a[j][j].total_cmp(&a[i][i]).then(i.cmp(&j)));
    order.into_iter().map(|i| vectors[i].clone()).collect()
}

/// Turns rows `p < q` in their plane.
fn rotate(rows: &mut [Vec<f64>], p: usize, q: usize, c: f64, s: f64) {
    let (before, from_q) = rows.split_at_mut(q);
    for (x, y) in before[p].iter_mut().zip(&mut from_q[0]) {
        (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_matrix_has_its_known_eigenvectors() {
        let found = symmetric_eigenvectors(vec![vec![2.0, 1.0], vec![1.0, 2.0]]);
        let half = 0.5f64.sqrt();
        assert!((inner(&found[0], &[half, half]).abs() - 1.0).abs() < 1e-12, "{found:?}");
        assert!((inner(&found[1], &[half, -half]).abs() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn dependent_vectors_go() {
        let mut vectors = vec![vec![1.0, 0.0, 0.0], vec![2.0, 0.0, 0.0], vec![1.0, 1.0, 0.0]];
        orthonormalise(&mut vectors);
        assert_eq!(vectors, [vec![1.0, 0.0, 0.0], vec![0.0, 1.0, 0.0]]);
    }
}
