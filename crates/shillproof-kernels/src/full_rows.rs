//! Gradients of a weighted squared loss over *all* cells of a 0/1 matrix, without ever having all cells.

use pulp::{Arch, Simd, WithSimd};

use crate::csr::Csr;
use crate::matrix::{Matrix, axpy, dot};
use crate::parallel::{balanced, for_each_range};
use crate::score::ItemPanels;

/// The loss `Σ_rc ω_r ω_c w_rc (y_rc − x_rᵀq_c)²` over all cells, where `y` is 1 with weight `weight` on
/// stored cells and 0 with weight 1 elsewhere.
#[derive(Clone, Copy)]
pub struct FullRows<'a> {
    /// Stored cells; values are not read.
    pub entries: &'a Csr,
    /// Factors of the columns.
    pub other: &'a Matrix,
    /// `Σ_c ω_c q_c q_cᵀ`, from [`crate::gram()`].
    pub gram: &'a Matrix,
    /// Weight of a stored cell.
    pub weight: f32,
    /// ω of the rows; 1 if none.
    pub row_weight: Option<&'a [f32]>,
    /// ω of the columns; 1 if none.
    pub column_weight: Option<&'a [f32]>,
}

impl FullRows<'_> {
    /// The gradient with respect to the row factors `own`, into `out`:
    /// `2 ω_r (x_r G − Σ_c ω_c (w − (w − 1) x_rᵀq_c) q_c)`, summed over stored cells.
    ///
    /// # Shapes
    /// `own`, `out`: one row a row of `entries`, as many columns as `other`.
    pub fn gradient(&self, own: &Matrix, out: &mut Matrix) {
        let gram = ItemPanels::new(self.gram);
        let d = self.other.columns();
        let ranges = balanced(self.entries.row_starts(), d / 4 + 1);
        let work = |(): &mut (), rows: std::ops::Range<usize>, part: &mut [f32]| {
            let own_rows: Vec<&[f32]> = rows.clone().map(|r| own.row(r)).collect();
            gram.score_block(&own_rows, part);
            Arch::new().dispatch(Correction { loss: self, own, rows, part });
        };
        for_each_range(&ranges, d, out.as_mut_slice(), || (), work);
    }

    /// The loss at the row factors `own`.
    ///
    /// # Shapes
    /// `own`: one row a row of `entries`, as many columns as `other`.
    pub fn loss(&self, own: &Matrix) -> f64 {
        let ranges = balanced(self.entries.row_starts(), 16);
        crate::parallel::sum(&ranges, |rows| {
            let mut total = 0.0;
            for row in rows {
                let x = own.row(row);
                let mut sum = 0.0;
                for (i, &a) in x.iter().enumerate() {
                    sum += f64::from(a) * f64::from(dot(self.gram.row(i), x));
                }
                for &c in self.entries.columns(row) {
                    let score = f64::from(dot(x, self.other.row(c as usize)));
                    let weight = f64::from(self.column_weight.map_or(1.0, |w| w[c as usize]));
                    sum += weight * (f64::from(self.weight) * (1.0 - score).powi(2) - score * score);
                }
                total += f64::from(self.row_weight.map_or(1.0, |w| w[row])) * sum;
            }
            total
        })
    }
}

struct Correction<'a> {
    loss: &'a FullRows<'a>,
    own: &'a Matrix,
    rows: std::ops::Range<usize>,
    part: &'a mut [f32],
}

impl WithSimd for Correction<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Correction { loss, own, rows, part } = self;
        for (row, out) in rows.zip(part.chunks_exact_mut(own.columns().max(1))) {
            for &c in loss.entries.columns(row) {
                let factors = loss.other.row(c as usize);
                let score = dot(own.row(row), factors);
                let weight = loss.column_weight.map_or(1.0, |w| w[c as usize]);
                axpy(-weight * (loss.weight - (loss.weight - 1.0) * score), factors, out);
            }
            let scale = 2.0 * loss.row_weight.map_or(1.0, |w| w[row]);
            for cell in out {
                *cell *= scale;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gram::gram;
    use shillproof_core::{Interactions, Seed, Triples};

    const USERS: usize = 7;
    const ITEMS: usize = 11;
    const D: usize = 5;
    const WEIGHT: f64 = 20.0;

    fn stored(u: usize, i: usize) -> bool {
        (u * 3 + i * i).is_multiple_of(4)
    }

    fn omega(u: usize) -> f64 {
        [1.0, 0.5, 0.0, 2.0][u % 4]
    }

    /// The loss over all cells, dense, in f64.
    fn dense(p: &[f64], q: &[f64]) -> f64 {
        let mut loss = 0.0;
        for u in 0..USERS {
            for i in 0..ITEMS {
                let score: f64 = (0..D).map(|k| p[u * D + k] * q[i * D + k]).sum();
                let (y, w) = if stored(u, i) { (1.0, WEIGHT) } else { (0.0, 1.0) };
                loss += omega(u) * w * (y - score).powi(2);
            }
        }
        loss
    }

    #[test]
    fn loss_and_gradients_match_finite_differences_over_all_cells() {
        let (p, q) =
            (Matrix::normal(USERS, D, 0.5, Seed::new(1)), Matrix::normal(ITEMS, D, 0.5, Seed::new(2)));
        let cells: Vec<(usize, usize)> =
            (0..USERS).flat_map(|u| (0..ITEMS).map(move |i| (u, i))).filter(|&(u, i)| stored(u, i)).collect();
        let triples = Triples {
            users: cells.iter().map(|c| c.0 as u32).collect(),
            items: cells.iter().map(|c| c.1 as u32).collect(),
            ratings: None,
            times: None,
        };
        let users = Csr::of(&Interactions::from_triples(USERS, ITEMS, triples, None).unwrap());
        let items = users.transpose();
        let weights: Vec<f32> = (0..USERS).map(|u| omega(u) as f32).collect();
        let (gram_q, gram_p) = (gram(&q, None), gram(&p, Some(&weights)));
        let by_user = FullRows {
            entries: &users,
            other: &q,
            gram: &gram_q,
            weight: WEIGHT as f32,
            row_weight: Some(&weights),
            column_weight: None,
        };
        let by_item = FullRows {
            entries: &items,
            other: &p,
            gram: &gram_p,
            weight: WEIGHT as f32,
            row_weight: None,
            column_weight: Some(&weights),
        };
        let (mut grad_p, mut grad_q) = (Matrix::zeros(USERS, D), Matrix::zeros(ITEMS, D));
        by_user.gradient(&p, &mut grad_p);
        by_item.gradient(&q, &mut grad_q);

        let wide = |m: &Matrix| m.as_slice().iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
        let (p64, q64) = (wide(&p), wide(&q));
        let loss = dense(&p64, &q64);
        assert!((by_user.loss(&p) - loss).abs() < 1e-4 * loss);
        assert!((by_item.loss(&q) - loss).abs() < 1e-4 * loss);
        let h = 1e-5;
        let slope = |at: usize, of_p: bool| {
            let shifted = |by: f64| {
                let (mut p, mut q) = (p64.clone(), q64.clone());
                (if of_p { &mut p } else { &mut q })[at] += by;
                dense(&p, &q)
            };
            (shifted(h) - shifted(-h)) / (2.0 * h)
        };
        for (gradient, of_p) in [(&grad_p, true), (&grad_q, false)] {
            for (at, &g) in gradient.as_slice().iter().enumerate() {
                let exact = slope(at, of_p);
                assert!((f64::from(g) - exact).abs() < 1e-4 * (1.0 + exact.abs()), "{g} against {exact}");
            }
        }
    }
}
