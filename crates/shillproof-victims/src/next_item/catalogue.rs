//! Predictions against all items.

use shillproof_kernels::nn::add_columns;
use shillproof_kernels::{ItemPanels, Matrix, RowPanels, axpy};

use super::Loss;

/// Scores that are kept at a time: few enough for the caches, for so many predictions that slopes of items are not written too often.
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
    /// The scores of all items, one row a query, in the place of what `out` had.
    fn scores(&self, panels: &ItemPanels, queries: &[f32], out: &mut Vec<f32>) {
        let (items, width) = (self.items.rows(), self.items.columns());
        let queries: Vec<&[f32]> = queries.chunks_exact(width.max(1)).collect();
        out.resize(queries.len() * items, 0.0);
        panels.score_block(&queries, out);
        if let Some(bias) = self.bias {
            for row in out.chunks_exact_mut(items.max(1)) {
                axpy(1.0, bias, row);
            }
        }
    }

    /// The loss of each prediction.
    ///
    /// # Shapes
    /// `queries`, `next`: one row and one item a prediction.
    pub(crate) fn losses(&self, queries: &[f32], next: &[u32], loss: Loss) -> Vec<f64> {
        let mut scores = Vec::new();
        self.scores(&ItemPanels::new(self.items), queries, &mut scores);
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
        of_queries.clear();
        of_queries.resize(n * w, 0.0);
        let (panels, rows) = (ItemPanels::new(self.items), RowPanels::new(self.items));
        let mut total = 0.0;
        let most = (CELLS / items).next_multiple_of(16).clamp(32, 512);
        let blocks = queries.chunks(most * w).zip(of_queries.chunks_mut(most * w));
        for (first, (queries, of_queries)) in (0..).step_by(most).zip(blocks) {
            self.scores(&panels, queries, scores);
            for (at, row) in (first..).zip(scores.chunks_exact_mut(items)) {
                total += of_row(at, next[at] as usize, row);
            }
            rows.add_combinations(scores, of_queries);
            RowPanels::of(queries, w).add_transposed(scores, of_items.as_mut_slice());
            if let Some(bias) = &mut of_bias {
                add_columns(scores, bias);
            }
        }
        total
    }
}
