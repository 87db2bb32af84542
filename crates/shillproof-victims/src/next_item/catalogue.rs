//! Predictions against all items.

use shillproof_kernels::nn::{add_columns, repeat};
use shillproof_kernels::{Matrix, View, multiply};

use super::Loss;

/// Scores of predictions against all items that are kept at a time.
const CELLS: usize = 1 << 19;

/// What every query meets: s_i = o_iᵀq + β_i.
pub(crate) struct Catalogue<'a> {
    /// o, one row an item.
    pub(crate) items: &'a Matrix,
    /// β, one an item; 0 if none.
    pub(crate) bias: Option<&'a [f32]>,
}

/// Where slopes go. Those of items and biases are added.
pub(crate) struct CatalogueSlopes<'a> {
    pub(crate) queries: &'a mut Vec<f32>,
    pub(crate) items: &'a mut Matrix,
    pub(crate) bias: Option<&'a mut [f32]>,
}

impl Catalogue<'_> {
    /// The scores of all items, one row a query, into `out` (cleared first).
    fn scores(&self, queries: &[f32], out: &mut Vec<f32>) {
        let (items, w) = (self.items.rows(), self.items.columns());
        let rows = queries.len() / w.max(1);
        let keep = if let Some(bias) = self.bias {
            repeat(bias, rows, out);
            1.0
        } else {
            out.resize(rows * items, 0.0);
            0.0
        };
        multiply(View::new(queries, rows, w), View::new(self.items.as_slice(), items, w).t(), keep, out);
    }

    /// The loss of each prediction.
    ///
    /// # Shapes
    /// `queries`, `next`: one row and one item a prediction.
    pub(crate) fn losses(&self, queries: &[f32], next: &[u32], loss: Loss) -> Vec<f64> {
        let mut scores = Vec::new();
        self.scores(queries, &mut scores);
        let rows = scores.chunks_exact_mut(self.items.rows().max(1)).zip(next);
        rows.map(|(row, &next)| loss.differentiate(row, next as usize, 1.0)).collect()
    }

    /// A sum over predictions. `of_row(prediction, what came next, scores)` gives a prediction's part, and its slopes in the place of the scores.
    ///
    /// # Shapes
    /// As for [`Catalogue::losses`]; `scores` is memory.
    pub(crate) fn differentiate(
        &self,
        queries: &[f32],
        next: &[u32],
        of_row: &mut dyn FnMut(usize, usize, &mut [f32]) -> f64,
        slopes: CatalogueSlopes<'_>,
        scores: &mut Vec<f32>,
    ) -> f64 {
        let CatalogueSlopes { queries: of_queries, items: of_items, bias: mut of_bias } = slopes;
        let (n, items, w) = (next.len(), self.items.rows(), self.items.columns());
        of_queries.resize(n * w, 0.0);
        let mut total = 0.0;
        let most = (CELLS / items).clamp(16, 512);
        for first in (0..n).step_by(most) {
            let rows = most.min(n - first);
            let span = first * w..(first + rows) * w;
            self.scores(&queries[span.clone()], scores);
            for (at, row) in scores.chunks_exact_mut(items).enumerate() {
                total += of_row(first + at, next[first + at] as usize, row);
            }
            let slopes = View::new(scores, rows, items);
            multiply(slopes, View::new(self.items.as_slice(), items, w), 0.0, &mut of_queries[span.clone()]);
            multiply(slopes.t(), View::new(&queries[span], rows, w), 1.0, of_items.as_mut_slice());
            if let Some(bias) = &mut of_bias {
                add_columns(scores, bias);
            }
        }
        total
    }
}
