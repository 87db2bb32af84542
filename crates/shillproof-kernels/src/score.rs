//! Scores of all items, for one user or a block of users.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::matrix::Matrix;
use crate::panels::{Panels, WIDTH};
use crate::prefetch::prefetch;
use crate::products::{Sink, product_of_rows};

/// Users scored by one thread at a time in [`ItemPanels::score_rows`].
const ROWS: usize = 128;

/// Item factors laid out for scoring: `score(u, i) = p_uᵀq_i`.
#[derive(Clone, Debug)]
pub struct ItemPanels {
    items: usize,
    panels: Panels,
}

impl ItemPanels {
    /// Lays out item factors.
    ///
    /// # Shapes
    /// `items`: one row an item.
    ///
    /// ```
    /// use shillproof_kernels::{ItemPanels, Matrix};
    /// let items = ItemPanels::new(&Matrix::from_slice(3, 2, &[1.0, 0.0, 0.0, 1.0, 1.0, 1.0])?);
    /// let mut scores = [0.0; 3];
    /// items.score(&[2.0, 5.0], &mut scores);
    /// assert_eq!(scores, [2.0, 5.0, 7.0]);
    /// # Ok::<(), shillproof_kernels::ShapeError>(())
    /// ```
    pub fn new(items: &Matrix) -> Self {
        Self { items: items.rows(), panels: Panels::transposed(items) }
    }

    /// Number of items.
    pub fn items(&self) -> usize {
        self.items
    }

    pub(crate) fn panels(&self) -> &Panels {
        &self.panels
    }

    /// Scores of all items for one user.
    ///
    /// # Shapes
    /// `user`: as many factors as an item has. `out`: one cell an item.
    pub fn score(&self, user: &[f32], out: &mut [f32]) {
        self.score_block(&[user], out);
    }

    /// Scores of all items for several users, row after row: the bits of [`ItemPanels::score`].
    ///
    /// # Shapes
    /// `users`: factor rows. `out`: one row of [`ItemPanels::items`] cells for each.
    pub fn score_block(&self, users: &[&[f32]], out: &mut [f32]) {
        if self.panels.rows() == 0 {
            out.fill(0.0);
            return;
        }
        Arch::new().dispatch(Block { items: self, users, out });
    }

    /// Scores of all items for every row of a matrix, in parallel: the bits of [`ItemPanels::score`].
    ///
    /// # Shapes
    /// `users`: a row a user. `out`: one row of [`ItemPanels::items`] cells for each.
    pub fn score_rows(&self, users: &Matrix, out: &mut [f32]) {
        let (width, items) = (users.columns().max(1), self.items.max(1));
        let blocks = users.as_slice().par_chunks(ROWS * width);
        out.par_chunks_mut(ROWS * items).zip(blocks).for_each(|(out, users)| {
            let users: Vec<&[f32]> = users.chunks_exact(width).collect();
            self.score_block(&users, out);
        });
    }
}

struct Block<'a> {
    items: &'a ItemPanels,
    users: &'a [&'a [f32]],
    out: &'a mut [f32],
}

impl WithSimd for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let items = self.items.items;
        if items == 0 {
            return;
        }
        // A panel of items stays in the nearest cache while all users meet it.
        for at in 0..self.items.panels.count() {
            let first = at * WIDTH;
            // Panels are as long as a page, where the processor's own reading ahead stops.
            if at + 1 < self.items.panels.count() {
                prefetch(self.items.panels.panel(at + 1));
            }
            let width = WIDTH.min(items - first);
            for (users, out) in self.users.chunks(WIDTH).zip(self.out.chunks_mut(WIDTH * items)) {
                let mut sink = Cells { out: &mut out[first..], items, width };
                product_of_rows(simd, users, self.items.panels.panel(at), &mut sink);
            }
        }
    }
}

/// Writes a product into 16 columns of row-major scores.
struct Cells<'a> {
    out: &'a mut [f32],
    items: usize,
    width: usize,
}

impl<S: Simd> Sink<S> for Cells<'_> {
    #[inline(always)]
    fn take(&mut self, _: S, row: usize, v: usize, value: S::f32s) {
        let cells = &mut self.out[row * self.items..][..self.width];
        let first = v * S::F32_LANES;
        if first + S::F32_LANES <= self.width {
            S::as_mut_simd_f32s(&mut cells[first..first + S::F32_LANES]).0[0] = value;
        } else if first < self.width {
            let values = [value];
            let rest = &mut cells[first..];
            rest.copy_from_slice(&pulp::bytemuck::cast_slice::<S::f32s, f32>(&values)[..rest.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use shillproof_core::Seed;

    proptest! {
        #[test]
        fn a_block_has_the_bits_of_its_rows_and_they_are_right(
            users in 1usize..40, items in 0usize..70, d in 0usize..50, seed: u64,
        ) {
            let (p, q) = (Matrix::normal(users, d, 1.0, Seed::new(seed)), Matrix::normal(items, d, 1.0, Seed::new(!seed)));
            let panels = ItemPanels::new(&q);
            let rows: Vec<&[f32]> = (0..users).map(|u| p.row(u)).collect();
            let mut block = vec![f32::NAN; users * items];
            panels.score_block(&rows, &mut block);
            let mut alone = vec![f32::NAN; items];
            for u in 0..users {
                panels.score(rows[u], &mut alone);
                prop_assert_eq!(&alone[..], &block[u * items..(u + 1) * items]);
                for i in 0..items {
                    let exact: f64 = p.row(u).iter().zip(q.row(i)).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                    prop_assert!((f64::from(alone[i]) - exact).abs() < 1e-4);
                }
            }
        }
    }
}
