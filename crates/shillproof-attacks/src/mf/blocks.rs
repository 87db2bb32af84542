//! The least-squares system of one row, and the diagonal blocks of the Hessian that are made of them.
//!
//! The block of a row with cells c is `A = P + Σ (w_c − w₀) y_c y_cᵀ`, `P = λI + w₀YᵀY = LLᵀ`. In whitened factors
//! `ỹ = L⁻¹y` it is `L(I + ΣỹCỹᵀ)Lᵀ`. A row with fewer cells than factors is solved in the dimension of its cells
//! (Woodbury's identity), which is what makes exact systems cheap on sparse data.

use std::borrow::Cow;

use shillproof_kernels::parallel::{balanced, for_each_range};

use super::factors::Factors;
use super::problem::Problem;
use super::rows::Rows;
use super::vector::{add_products, axpy, cholesky, dot, packed, solve_transposed, solve_upper, vectorized};

/// Cells gathered at a time.
const CHUNK: usize = 64;

/// One side of the problem against fixed factors of the other.
pub(super) struct Side<'a> {
    pub(super) cells: &'a Rows,
    pub(super) other: &'a Factors,
    pub(super) ridge: f64,
    pub(super) base: f64,
}

impl<'a> Side<'a> {
    pub(super) fn users(problem: &'a Problem, items: &'a Factors) -> Self {
        let weights = problem.weights;
        Self { cells: &problem.by_user, other: items, ridge: weights.user_ridge, base: weights.base }
    }

    pub(super) fn items(problem: &'a Problem, users: &'a Factors) -> Self {
        let weights = problem.weights;
        Self { cells: &problem.by_item, other: users, ridge: weights.item_ridge, base: weights.base }
    }

    /// `w₀ΣyyᵀT` over all rows of the other side, if cells without observation count.
    pub(super) fn base_gram(&self) -> Option<Vec<f64>> {
        (self.base > 0.0).then(|| {
            let mut gram = Factors::cross(self.other, self.other, self.other.rows());
            for g in &mut gram {
                *g *= self.base;
            }
            gram
        })
    }

    fn whitened(&self) -> Whitened<'a> {
        let d = self.other.width();
        let (root, factors, scale) = match self.base_gram() {
            None => (None, Cow::Borrowed(self.other), 1.0 / self.ridge),
            Some(gram) => {
                let mut root: Vec<f64> = Vec::with_capacity(d * (d + 1) / 2);
                for i in 0..d {
                    root.push(gram[i * d + i] + self.ridge);
                    root.extend_from_slice(&gram[i * d + i + 1..(i + 1) * d]);
                }
                if !cholesky(&mut root, d) {
                    root.fill(f64::NAN);
                }
                let mut factors = self.other.clone();
                factors.for_each_row(|_, row| solve_transposed(&root, row));
                (Some(root), Cow::Owned(factors), 1.0)
            }
        };
        // Rows that have every column share one Gram product.
        let n = factors.rows();
        let full = (0..self.cells.len()).any(|row| self.cells.columns(row).len() == n && n >= d);
        let full = full.then(|| Factors::cross(&factors, &factors, n));
        Whitened { root, factors, scale, full, base: self.base }
    }

    /// Ranges of rows of nearly equal work.
    fn ranges(&self) -> Vec<std::ops::Range<usize>> {
        balanced(self.cells.starts(), self.other.width() / 4 + 1)
    }

    /// `x ← Σ w r y` over a row's cells.
    #[inline(always)]
    fn right_hand_side(&self, row: usize, x: &mut [f64]) {
        x.fill(0.0);
        let cells = self.cells.columns(row).iter().zip(self.cells.value(row)).zip(self.cells.weight(row));
        for ((&j, &r), &w) in cells {
            axpy(w * r, self.other.row(j as usize), x);
        }
    }

    /// As [`Side::solve_rows`], keeping the factorised blocks.
    pub(super) fn solve_rows_with_blocks(&self, out: &mut Factors) -> SideBlocks {
        let blocks = self.factorize();
        out.for_each_row(|row, x| self.right_hand_side(row, x));
        blocks.solve(self.cells, out, &[1.0]);
        blocks
    }

    /// Solves every row's system for its values.
    pub(super) fn solve_rows(&self, out: &mut Factors) {
        let whitened = self.whitened();
        for_each_range(
            &self.ranges(),
            self.other.width(),
            out.as_mut_slice(),
            Scratch::default,
            |scratch, rows, out| {
                vectorized!(|| {
                    for (row, x) in rows.zip(out.chunks_exact_mut(self.other.width().max(1))) {
                        self.right_hand_side(row, x);
                        let size = whitened.size(self.cells, row);
                        scratch.matrix.resize(size * (size + 1) / 2, 0.0);
                        let mut matrix = std::mem::take(&mut scratch.matrix);
                        whitened.factorize(self.cells, row, &mut matrix, scratch);
                        whitened.solve(self.cells, row, &matrix, x, scratch);
                        scratch.matrix = matrix;
                    }
                });
            },
        );
    }

    /// The factorised blocks of all rows.
    pub(super) fn factorize(&self) -> SideBlocks {
        let whitened = self.whitened();
        let mut start = vec![0];
        for row in 0..self.cells.len() {
            let size = whitened.size(self.cells, row);
            start.push(start[row] + size * (size + 1) / 2);
        }
        let mut matrices = vec![0.0; start[self.cells.len()]];
        let mut parts = Vec::new();
        let mut rest = &mut matrices[..];
        for range in self.ranges() {
            let (part, tail) = rest.split_at_mut(start[range.end] - start[range.start]);
            parts.push((range, part));
            rest = tail;
        }
        rayon::iter::ParallelIterator::for_each_init(
            rayon::iter::IntoParallelIterator::into_par_iter(parts),
            Scratch::default,
            |scratch, (rows, part)| {
                let first = start[rows.start];
                vectorized!(|| {
                    for row in rows {
                        let matrix = &mut part[start[row] - first..start[row + 1] - first];
                        whitened.factorize(self.cells, row, matrix, scratch);
                    }
                });
            },
        );
        SideBlocks { whitened: whitened.into_owned(), start, matrices }
    }
}

/// The factors of the other side with what all rows have in common taken out.
struct Whitened<'a> {
    /// L, packed; none where `P = λI`.
    root: Option<Vec<f64>>,
    factors: Cow<'a, Factors>,
    /// 1/λ without a root, else 1.
    scale: f64,
    full: Option<Vec<f64>>,
    base: f64,
}

/// Buffers of one thread.
#[derive(Default)]
struct Scratch {
    matrix: Vec<f64>,
    left: Vec<f64>,
    right: Vec<f64>,
    coefficients: Vec<f64>,
}

impl Whitened<'_> {
    fn into_owned(self) -> Whitened<'static> {
        Whitened { factors: Cow::Owned(self.factors.into_owned()), full: None, ..self }
    }

    /// Whether a row is solved in the dimension of its cells.
    fn is_dual(&self, cells: &Rows, row: usize) -> bool {
        cells.columns(row).len() < self.factors.width() && cells.weight(row).iter().all(|&w| w > self.base)
    }

    /// Dimension in which a row is solved.
    fn size(&self, cells: &Rows, row: usize) -> usize {
        if self.is_dual(cells, row) { cells.columns(row).len() } else { self.factors.width() }
    }

    /// Writes the packed Cholesky factor of a row's system; NaN where there is none.
    #[inline(always)]
    fn factorize(&self, cells: &Rows, row: usize, matrix: &mut [f64], scratch: &mut Scratch) {
        let (d, index, weight) = (self.factors.width(), cells.columns(row), cells.weight(row));
        let size = self.size(cells, row);
        matrix.fill(0.0);
        let full = self.full.as_ref().filter(|_| index.len() == self.factors.rows());
        if self.is_dual(cells, row) {
            // √c ỹ of every cell as a column.
            let width = size.next_multiple_of(8);
            scratch.left.clear();
            scratch.left.resize(d * width, 0.0);
            for (e, (&j, &w)) in index.iter().zip(weight).enumerate() {
                let root = ((w - self.base) * self.scale).sqrt();
                for (line, y) in scratch.left.chunks_exact_mut(width).zip(self.factors.row(j as usize)) {
                    line[e] = root * y;
                }
            }
            add_products(&scratch.left, &scratch.left, width, size, matrix);
        } else if let Some(gram) = full.filter(|_| weight.windows(2).all(|w| w[0] == w[1])) {
            let c = (weight[0] - self.base) * self.scale;
            for i in 0..d {
                axpy(c, &gram[i * d + i..(i + 1) * d], &mut matrix[packed(d, i)..packed(d, i + 1)]);
            }
        } else {
            let width = d.next_multiple_of(8);
            for (index, weight) in index.chunks(CHUNK).zip(weight.chunks(CHUNK)) {
                for buffer in [&mut scratch.left, &mut scratch.right] {
                    buffer.resize(CHUNK * width, 0.0);
                }
                for (e, (&j, &w)) in index.iter().zip(weight).enumerate() {
                    let (c, y) = ((w - self.base) * self.scale, self.factors.row(j as usize));
                    let line = e * width..e * width + d;
                    scratch.right[line.clone()].copy_from_slice(y);
                    for (cell, y) in scratch.left[line].iter_mut().zip(y) {
                        *cell = c * y;
                    }
                }
                let used = index.len() * width;
                add_products(&scratch.left[..used], &scratch.right[..used], width, d, matrix);
            }
        }
        for i in 0..size {
            matrix[packed(size, i)] += 1.0;
        }
        if !cholesky(matrix, size) {
            matrix.fill(f64::NAN);
        }
    }

    /// `v ← A⁻¹v` for the block A of a row.
    #[inline(always)]
    fn solve(&self, cells: &Rows, row: usize, matrix: &[f64], v: &mut [f64], scratch: &mut Scratch) {
        if let Some(root) = &self.root {
            solve_transposed(root, v);
        }
        if self.is_dual(cells, row) {
            let t = &mut scratch.coefficients;
            t.clear();
            for (&j, &w) in cells.columns(row).iter().zip(cells.weight(row)) {
                let root = ((w - self.base) * self.scale).sqrt();
                t.push(root * dot(self.factors.row(j as usize), v));
            }
            solve_transposed(matrix, t);
            solve_upper(matrix, t);
            for ((&j, &w), &t) in cells.columns(row).iter().zip(cells.weight(row)).zip(t.iter()) {
                let root = ((w - self.base) * self.scale).sqrt();
                axpy(-root * t, self.factors.row(j as usize), v);
            }
        } else {
            solve_transposed(matrix, v);
            solve_upper(matrix, v);
        }
        match &self.root {
            Some(root) => solve_upper(root, v),
            None => {
                for v in v {
                    *v *= self.scale;
                }
            }
        }
    }
}

/// The factorised blocks of one side.
pub(super) struct SideBlocks {
    whitened: Whitened<'static>,
    start: Vec<usize>,
    matrices: Vec<f64>,
}

impl SideBlocks {
    /// Multiplies `v` by the inverse of one row's block.
    fn solve_one(&self, cells: &Rows, row: usize, v: &mut [f64]) {
        let matrix = &self.matrices[self.start[row]..self.start[row + 1]];
        self.whitened.solve(cells, row, matrix, v, &mut Scratch::default());
    }

    /// Multiplies each of the `scale.len()` vectors interleaved in a row by its number and the inverse of the row's block.
    pub(super) fn solve(&self, cells: &Rows, v: &mut Factors, scale: &[f64]) {
        let d = self.whitened.factors.width();
        let width = v.width();
        let ranges = balanced(cells.starts(), d / 4 + 1);
        for_each_range(&ranges, width, v.as_mut_slice(), Scratch::default, |scratch, rows, v| {
            vectorized!(|| {
                for (row, v) in rows.zip(v.chunks_exact_mut(width.max(1))) {
                    let matrix = &self.matrices[self.start[row]..self.start[row + 1]];
                    for (v, &scale) in v.chunks_exact_mut(d.max(1)).zip(scale) {
                        self.whitened.solve(cells, row, matrix, v, scratch);
                        for v in v {
                            *v *= scale;
                        }
                    }
                }
            });
        });
    }
}

/// The factorised diagonal blocks of half the Hessian: A_u of every user, B_j of every item.
pub struct Blocks {
    pub(super) users: SideBlocks,
    pub(super) items: SideBlocks,
}

impl Blocks {
    /// `v ← A_u⁻¹v`.
    pub(crate) fn solve_user(&self, problem: &Problem, u: usize, v: &mut [f64]) {
        self.users.solve_one(&problem.by_user, u, v);
    }

    /// `v ← B_j⁻¹v`.
    pub(crate) fn solve_item(&self, problem: &Problem, j: usize, v: &mut [f64]) {
        self.items.solve_one(&problem.by_item, j, v);
    }

    /// `v_u ← A_u⁻¹v_u` and `v_j ← B_j⁻¹v_j` for every row, of several vectors interleaved in a row, each times its number
    /// of `scale`.
    ///
    /// # Shapes
    /// `v`: rows as in the problem's θ, `scale.len()` times as wide.
    pub fn solve(&self, problem: &Problem, v: &mut super::Theta, scale: &[f64]) {
        self.users.solve(&problem.by_user, &mut v.users, scale);
        self.items.solve(&problem.by_item, &mut v.items, scale);
    }
}
