//! Scores of 16 rows at a time, laid out so that they can be multiplied on: the dense half of losses that look at
//! every cell. A block of scores is used and forgotten; no matrix of all cells is ever there.

use pulp::{Arch, Simd, WithSimd};

use crate::matrix::Matrix;
pub use crate::panels::Lane;
use crate::panels::{Panels, WIDTH, transpose_into};
use crate::products::{AddTo, Sink, product, product_of_columns, product_of_rows};
use crate::score::ItemPanels;

/// Rows of `z` multiplied at a time: two panels of them stay in the nearest cache.
const CHUNK: usize = 128;

/// A matrix laid out so that blocks of scores can be multiplied by it.
#[derive(Clone, Debug)]
pub struct RowPanels {
    columns: usize,
    panels: Panels,
}

impl RowPanels {
    /// Lays out `z`.
    pub fn new(z: &Matrix) -> Self {
        Self::of(z.as_slice(), z.columns())
    }

    /// Lays out rows of so many numbers.
    pub fn of(z: &[f32], columns: usize) -> Self {
        let rows = z.chunks_exact(columns.max(1));
        let mut panels = Panels::zeros(rows.len(), columns);
        for (r, row) in rows.enumerate() {
            for (panel, values) in row.chunks(WIDTH).enumerate() {
                panels.panel_mut(panel)[r].0[..values.len()].copy_from_slice(values);
            }
        }
        Self { columns, panels }
    }

    /// Adds to each row `k` of `out` the combination `Σ_c coefficients[k][c] z_c`.
    ///
    /// # Shapes
    /// `coefficients`: rows with a number for each row of `z`. `out`: as many rows, as long as those of `z`.
    ///
    /// ```
    /// use shillproof_kernels::RowPanels;
    /// let z = RowPanels::of(&[1.0, 0.0, 3.0, 1.0], 2);
    /// let mut out = [0.0; 2];
    /// z.add_combinations(&[2.0, 11.0], &mut out);
    /// assert_eq!(out, [35.0, 11.0]);
    /// ```
    pub fn add_combinations(&self, coefficients: &[f32], out: &mut [f32]) {
        Arch::new().dispatch(Combinations { z: self, coefficients, out });
    }

    /// Adds to each row `i` of `out` the combination `Σ_c coefficients[c][i] z_c`.
    ///
    /// # Shapes
    /// `coefficients`: a row for each row of `z`, with a number for each row of `out`. `out`: rows as long as those of `z`.
    ///
    /// ```
    /// use shillproof_kernels::RowPanels;
    /// let z = RowPanels::of(&[1.0, 0.0, 3.0, 1.0], 2);
    /// let mut out = [0.0; 4];
    /// z.add_transposed(&[2.0, 0.0, 11.0, 1.0], &mut out);
    /// assert_eq!(out, [35.0, 11.0, 3.0, 1.0]);
    /// ```
    pub fn add_transposed(&self, coefficients: &[f32], out: &mut [f32]) {
        Arch::new().dispatch(Transposed { z: self, coefficients, out });
    }

    /// Adds to each of at most 16 rows `k` of `out` the combination `Σ_c lanes[c][k] z_c`.
    ///
    /// # Shapes
    /// `lanes`: at least one a row of `z`; further ones are ignored. `out`: rows as long as those of `z`.
    ///
    /// ```
    /// use shillproof_kernels::{ItemPanels, Lane, Matrix, RowPanels};
    /// let z = Matrix::from_slice(2, 2, &[1.0, 0.0, 3.0, 1.0])?;
    /// let mut lanes = vec![Lane::ZERO; 16];
    /// ItemPanels::new(&z).score_lanes(&[&[2.0, 5.0]], &mut lanes);
    /// assert_eq!([lanes[0].0[0], lanes[1].0[0]], [2.0, 11.0]);
    /// let mut out = [0.0; 2];
    /// RowPanels::new(&z).add_product(&lanes, &mut out);
    /// assert_eq!(out, [35.0, 11.0]);
    /// # Ok::<(), shillproof_kernels::ShapeError>(())
    /// ```
    pub fn add_product(&self, lanes: &[Lane], out: &mut [f32]) {
        Arch::new().dispatch(Product { z: self, lanes: &lanes[..self.panels.rows()], out });
    }
}

struct Combinations<'a> {
    z: &'a RowPanels,
    coefficients: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for Combinations<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Combinations { z, coefficients, out } = self;
        let (d, n) = (z.columns.max(1), z.panels.rows());
        let coefficients: Vec<&[f32]> = coefficients.chunks_exact(n.max(1)).collect();
        for (coefficients, out) in coefficients.chunks(WIDTH).zip(out.chunks_mut(WIDTH * d)) {
            let mut sums = Panels::zeros(WIDTH, z.columns);
            let mut part: [&[f32]; WIDTH] = [&[]; WIDTH];
            for first in (0..n).step_by(CHUNK) {
                let some = first..n.min(first + CHUNK);
                for (part, row) in part.iter_mut().zip(coefficients) {
                    *part = &row[some.clone()];
                }
                for at in 0..sums.count() {
                    let z = &z.panels.panel(at)[some.clone()];
                    let mut sink = AddTo(sums.panel_mut(at), 1.0);
                    product_of_rows(simd, &part[..coefficients.len()], z, &mut sink);
                }
            }
            add_panels(&sums, d, out);
        }
    }
}

struct Transposed<'a> {
    z: &'a RowPanels,
    coefficients: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for Transposed<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Transposed { z, coefficients, out } = self;
        let d = z.columns.max(1);
        let width = out.len() / d;
        let mut sums = Panels::zeros(WIDTH, z.columns);
        for (first, out) in (0..).step_by(WIDTH).zip(out.chunks_mut(WIDTH * d)) {
            let columns = first..first + out.len() / d;
            for at in 0..sums.count() {
                let mut sink = Store(sums.panel_mut(at));
                product_of_columns(simd, coefficients, width, columns.clone(), z.panels.panel(at), &mut sink);
            }
            add_panels(&sums, d, out);
        }
    }
}

/// Adds rows in panels to rows of `d` numbers.
#[inline(always)]
fn add_panels(sums: &Panels, d: usize, out: &mut [f32]) {
    for (k, out) in out.chunks_exact_mut(d).enumerate() {
        for (panel, out) in out.chunks_mut(WIDTH).enumerate() {
            for (out, sum) in out.iter_mut().zip(sums.panel(panel)[k].0) {
                *out += sum;
            }
        }
    }
}

struct Product<'a> {
    z: &'a RowPanels,
    lanes: &'a [Lane],
    out: &'a mut [f32],
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Product { z, lanes, out } = self;
        let d = z.columns.max(1);
        let rows = out.len() / d;
        let mut sums = Panels::zeros(WIDTH, z.columns);
        for (first, lanes) in (0..).step_by(CHUNK).zip(lanes.chunks(CHUNK)) {
            for at in 0..sums.count() {
                let z = &z.panels.panel(at)[first..first + lanes.len()];
                product(simd, lanes, z, rows, &mut AddTo(sums.panel_mut(at), 1.0));
            }
        }
        add_panels(&sums, d, out);
    }
}

impl ItemPanels {
    /// Lanes that [`ItemPanels::score_lanes`] fills: the number of items, rounded up to a multiple of 16.
    pub fn lanes(&self) -> usize {
        self.items().next_multiple_of(WIDTH)
    }

    /// Scores of all items for at most 16 users: lane `i` has the scores of item `i`, one a user. The bits of
    /// [`ItemPanels::score`]; lanes of users or items that are not there are 0.
    ///
    /// # Shapes
    /// `users`: factor rows. `out`: [`ItemPanels::lanes`].
    pub fn score_lanes(&self, users: &[&[f32]], out: &mut [Lane]) {
        let mut panels = Panels::zeros(self.panels().rows(), WIDTH);
        if panels.rows() > 0 {
            transpose_into(users.iter().copied(), panels.panel_mut(0));
        }
        Arch::new().dispatch(Scores { items: self.panels(), users: panels.panel(0), out });
    }
}

struct Scores<'a> {
    items: &'a Panels,
    users: &'a [Lane],
    out: &'a mut [Lane],
}

impl WithSimd for Scores<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for (at, out) in self.out.chunks_mut(WIDTH).enumerate() {
            product(simd, self.items.panel(at), self.users, WIDTH, &mut Store(out));
        }
    }
}

struct Store<'a>(&'a mut [Lane]);

impl<S: Simd> Sink<S> for Store<'_> {
    #[inline(always)]
    fn take(&mut self, _: S, row: usize, v: usize, value: S::f32s) {
        crate::panels::vectors_mut::<S>(&mut self.0[row])[v] = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use shillproof_core::Seed;

    proptest! {
        #[test]
        fn lanes_have_the_bits_of_rows_and_their_product_is_right(
            users in 1usize..=16, items in 1usize..300, d in 1usize..50, seed: u64,
        ) {
            let (p, q) = (Matrix::normal(users, d, 1.0, Seed::new(seed)), Matrix::normal(items, d, 1.0, Seed::new(!seed)));
            let panels = ItemPanels::new(&q);
            let rows: Vec<&[f32]> = (0..users).map(|u| p.row(u)).collect();
            let mut lanes = vec![Lane([f32::NAN; WIDTH]); panels.lanes()];
            panels.score_lanes(&rows, &mut lanes);
            let mut alone = vec![0.0; items];
            let mut out = vec![0.5; users * d];
            RowPanels::new(&q).add_product(&lanes, &mut out);
            for u in 0..users {
                panels.score(rows[u], &mut alone);
                for i in 0..items {
                    prop_assert_eq!(lanes[i].0[u], alone[i]);
                }
                for k in 0..d {
                    let exact: f64 = (0..items).map(|i| f64::from(alone[i]) * f64::from(q.row(i)[k])).sum();
                    let size: f64 = (0..items).map(|i| f64::from(alone[i] * q.row(i)[k]).abs()).sum();
                    prop_assert!((f64::from(out[u * d + k]) - 0.5 - exact).abs() < 1e-5 * (1.0 + size));
                }
            }
            prop_assert!(lanes[items..].iter().all(|lane| *lane == Lane::ZERO));
        }

        #[test]
        fn products_of_rows_of_coefficients_are_right_both_ways(
            rows in 0usize..40, columns in 1usize..300, d in 1usize..50, seed: u64,
        ) {
            let draw = |rows, columns, k| Matrix::normal(rows, columns, 1.0, Seed::new(seed).index(k));
            let (cells, z, y) = (draw(rows, columns, 0), draw(columns, d, 1), draw(rows, d, 2));
            let (mut of_rows, mut of_columns) = (vec![0.5; rows * d], vec![0.5; columns * d]);
            RowPanels::new(&z).add_combinations(cells.as_slice(), &mut of_rows);
            RowPanels::new(&y).add_transposed(cells.as_slice(), &mut of_columns);
            let near = |got: f32, terms: &mut dyn Iterator<Item = f64>| {
                let (sum, size) = terms.fold((0.0, 0.0), |(sum, size), x| (sum + x, size + x.abs()));
                (f64::from(got) - 0.5 - sum).abs() < 1e-5 * (1.0 + size)
            };
            for k in 0..d {
                let term = |r: usize, c: usize, x: f32| f64::from(cells.row(r)[c]) * f64::from(x);
                for r in 0..rows {
                    prop_assert!(near(of_rows[r * d + k], &mut (0..columns).map(|c| term(r, c, z.row(c)[k]))));
                }
                for c in 0..columns {
                    prop_assert!(near(of_columns[c * d + k], &mut (0..rows).map(|r| term(r, c, y.row(r)[k]))));
                }
            }
        }
    }
}
