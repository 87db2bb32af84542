//! Dense rows, and the pair of them that is a point or a direction in the space of all factors.

use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use shillproof_core::Seed;

use super::vector::{axpy, dot, vectorized};

/// Rows that one piece of a sum takes.
const PIECE: usize = 1024;

/// A row-major matrix of `f64`: one vector a user or item.
#[derive(Clone, Debug, PartialEq)]
pub struct Factors {
    width: usize,
    data: Vec<f64>,
}

impl Factors {
    /// All zero.
    pub fn zeros(rows: usize, width: usize) -> Self {
        Self { width, data: vec![0.0; rows * width] }
    }

    /// Independent normal entries; a row does not depend on how many follow.
    pub fn normal(rows: usize, width: usize, deviation: f64, seed: Seed) -> Self {
        let mut out = Self::zeros(rows, width);
        for (i, row) in out.data.chunks_exact_mut(width.max(1)).enumerate() {
            let mut rng = seed.index(i as u64).rng();
            row.fill_with(|| {
                let z: f64 = StandardNormal.sample(&mut rng);
                deviation * z
            });
        }
        out
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.data.len().checked_div(self.width).unwrap_or(0)
    }

    /// Length of a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Row `i`.
    #[inline]
    pub fn row(&self, i: usize) -> &[f64] {
        &self.data[i * self.width..(i + 1) * self.width]
    }

    /// Row `i`, to write.
    #[inline]
    pub fn row_mut(&mut self, i: usize) -> &mut [f64] {
        &mut self.data[i * self.width..(i + 1) * self.width]
    }

    /// All rows, one after another.
    pub fn as_slice(&self) -> &[f64] {
        &self.data
    }

    /// All rows, one after another, to write.
    pub fn as_mut_slice(&mut self) -> &mut [f64] {
        &mut self.data
    }

    /// Cuts rows off the end, or adds rows of zeros there.
    pub fn resize(&mut self, rows: usize) {
        self.data.resize(rows * self.width, 0.0);
    }

    /// `AᵀB` over the rows `0..rows` of both, row-major, `a.width()` x `b.width()`.
    ///
    /// # Shapes
    /// `a`, `b`: at least `rows` rows.
    pub fn cross(a: &Self, b: &Self, rows: usize) -> Vec<f64> {
        let (m, n) = (a.width, b.width);
        let starts: Vec<usize> = (0..rows).step_by(PIECE).collect();
        let piece = |&first: &usize| {
            let mut out = vec![0.0; m * n];
            vectorized!(|| {
                for r in first..(first + PIECE).min(rows) {
                    for (&x, out) in a.row(r).iter().zip(out.chunks_exact_mut(n.max(1))) {
                        axpy(x, b.row(r), out);
                    }
                }
            });
            out
        };
        let mut total = vec![0.0; m * n];
        for part in starts.par_iter().map(piece).collect::<Vec<_>>() {
            axpy(1.0, &part, &mut total);
        }
        total
    }

    /// Calls `work(i, row i)` on every row, in parallel.
    pub(crate) fn for_each_row(&mut self, work: impl Fn(usize, &mut [f64]) + Sync) {
        let width = self.width.max(1);
        self.data.par_chunks_mut(width * 64).enumerate().for_each(|(piece, rows)| {
            vectorized!(|| {
                for (i, row) in rows.chunks_exact_mut(width).enumerate() {
                    work(piece * 64 + i, row);
                }
            });
        });
    }
}

/// A point or a direction in the space of all factors: users (fake ones last) and items.
#[derive(Clone, Debug, PartialEq)]
pub struct Theta {
    /// X: one row a user.
    pub users: Factors,
    /// Y: one row an item.
    pub items: Factors,
}

impl Theta {
    /// The origin.
    pub fn zeros(users: usize, items: usize, width: usize) -> Self {
        Self { users: Factors::zeros(users, width), items: Factors::zeros(items, width) }
    }

    /// Sum of squares.
    pub fn squared_norm(&self) -> f64 {
        self.dots(self, 1)[0]
    }

    /// Whether all entries are numbers.
    pub fn is_finite(&self) -> bool {
        self.squared_norm().is_finite()
    }

    /// Inner products of `columns` directions that lie interleaved in the rows of both.
    pub(super) fn dots(&self, other: &Self, columns: usize) -> Vec<f64> {
        let mut total = vec![0.0; columns];
        for (a, b) in [(&self.users, &other.users), (&self.items, &other.items)] {
            let width = a.width / columns.max(1);
            let size = a.width.max(1) * PIECE;
            let pieces: Vec<Vec<f64>> = a
                .data
                .par_chunks(size)
                .zip(b.data.par_chunks(size))
                .map(|(a, b)| {
                    let mut sums = vec![0.0; columns];
                    vectorized!(|| {
                        let cells = a.chunks_exact(width.max(1)).zip(b.chunks_exact(width.max(1)));
                        for (k, (a, b)) in cells.enumerate() {
                            sums[k % columns] += dot(a, b);
                        }
                    });
                    sums
                })
                .collect();
            for sums in pieces {
                axpy(1.0, &sums, &mut total);
            }
        }
        total
    }

    /// `self ← scale·self + c·other` with a number of its own for each of the interleaved directions.
    pub(super) fn combine(&mut self, scale: &[f64], c: &[f64], other: &Self) {
        let columns = c.len();
        for (a, b) in [(&mut self.users, &other.users), (&mut self.items, &other.items)] {
            let width = a.width / columns.max(1);
            a.for_each_row(|i, row| {
                let cells = row.chunks_exact_mut(width.max(1)).zip(b.row(i).chunks_exact(width.max(1)));
                for ((a, b), (&scale, &c)) in cells.zip(scale.iter().zip(c)) {
                    for (a, b) in a.iter_mut().zip(b) {
                        *a = scale * *a + c * b;
                    }
                }
            });
        }
    }

    /// Puts directions side by side: row r of the result is row r of the first, then of the second, and so on.
    pub(super) fn interleave(parts: &[&Self]) -> Self {
        let mix = |side: fn(&Self) -> &Factors| {
            let (rows, width) = (side(parts[0]).rows(), side(parts[0]).width);
            let mut out = Factors::zeros(rows, width * parts.len());
            out.for_each_row(|i, row| {
                for (part, cells) in parts.iter().zip(row.chunks_exact_mut(width.max(1))) {
                    cells.copy_from_slice(side(part).row(i));
                }
            });
            out
        };
        Self { users: mix(|t| &t.users), items: mix(|t| &t.items) }
    }

    /// Direction `column` of `columns` interleaved ones.
    pub(super) fn column(&self, column: usize, columns: usize) -> Self {
        let pick = |from: &Factors| {
            let width = from.width / columns;
            let mut out = Factors::zeros(from.rows(), width);
            out.for_each_row(|i, row| {
                row.copy_from_slice(&from.row(i)[column * width..(column + 1) * width]);
            });
            out
        };
        Self { users: pick(&self.users), items: pick(&self.items) }
    }
}
