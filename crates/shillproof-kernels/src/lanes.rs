//! Scores of 16 rows at a time, laid out so that they can be multiplied on: the dense half of losses that look at
//! every cell. A block of scores is used and forgotten; no matrix of all cells is ever there.

use pulp::{Arch, Simd, WithSimd};

use crate::matrix::Matrix;
pub use crate::panels::Lane;
use crate::panels::{Panels, WIDTH, transpose_into};
use crate::products::{AddTo, Sink, product};
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
        let mut panels = Panels::zeros(z.rows(), z.columns());
        for r in 0..z.rows() {
            for (panel, values) in z.row(r).chunks(WIDTH).enumerate() {
                panels.panel_mut(panel)[r].0[..values.len()].copy_from_slice(values);
            }
        }
        Self { columns: z.columns(), panels }
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
        for (k, out) in out.chunks_exact_mut(d).enumerate() {
            for (panel, out) in out.chunks_mut(WIDTH).enumerate() {
                for (out, sum) in out.iter_mut().zip(sums.panel(panel)[k].0) {
                    *out += sum;
                }
            }
        }
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
    }
}
