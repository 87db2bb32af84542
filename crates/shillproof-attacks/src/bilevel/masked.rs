//! The surrogate's loss where every cell has a mask of its own, in blocks of 16 rows: masks are functions of scores and
//! are computed where they are needed, never stored.

use rayon::prelude::*;
use shillproof_kernels::{Csr, ItemPanels, Joined, Lane, Matrix, RowPanels};

use super::pgm::{Pgm, Shares};

/// Rows of a block.
const BLOCK: usize = 16;

/// Blocks whose sums are kept together; sums of pieces are combined in order.
const PIECE: usize = 8;

/// Columns whose sums are kept in `f32`.
const RUN: usize = 64;

/// Steps of the EM algorithm at most.
const STEPS: usize = 50;

/// The loss `Σ_rc m_rc w_rc (y_rc − p_rᵀq_c)² / m̄` over all cells, where `y` is 1 with weight `weight` on stored cells and 0
/// with weight 1 elsewhere, and m̄ is the mean of the mask m.
pub(super) struct Masked {
    by_row: Csr,
    by_column: Csr,
    weight: f32,
}

/// What the mask of a cell is computed from, next to its score.
#[derive(Clone, Debug)]
pub(super) struct Mask {
    pgm: Pgm,
    rows: Shares,
    columns: Shares,
    /// 1/m̄; 0 if everything is masked.
    scale: f32,
}

/// The matrix as its rows or its columns see it.
#[derive(Clone, Copy)]
struct Side<'a> {
    stored: &'a Csr,
    rows: &'a Shares,
    columns: &'a Shares,
}

impl Side<'_> {
    /// The stored cells of a block of rows: (lane, place in the lane).
    fn cells(&self, first: usize) -> impl Iterator<Item = (usize, usize)> {
        let rows = first..(first + BLOCK).min(self.stored.n_rows());
        rows.enumerate().flat_map(|(k, row)| self.stored.columns(row).iter().map(move |&c| (c as usize, k)))
    }

    /// Expectations of δ¹ and δ² of a block of rows.
    ///
    /// # Shapes
    /// `scores`, `kept`, `genuine`: one lane a column.
    fn expectations(&self, pgm: Pgm, first: usize, scores: &[Lane], kept: &mut [Lane], genuine: &mut [Lane]) {
        let rows = self.rows.lanes(first);
        kept.copy_from_slice(scores);
        pgm.of_zeros(&rows, self.columns, kept, genuine);
        for (c, k) in self.cells(first) {
            let mean = |rows: &Lane, columns: &[f32]| 0.5 * (rows.0[k] + columns[c]);
            let (of_kept, of_genuine) =
                (mean(&rows[0], &self.columns.kept), mean(&rows[1], &self.columns.genuine));
            [kept[c].0[k], genuine[c].0[k]] = pgm.expectations(1.0, scores[c].0[k], of_kept, of_genuine);
        }
    }
}

/// Scratch of one block.
struct Lanes {
    scores: Vec<Lane>,
    tangents: Vec<Lane>,
    kept: Vec<Lane>,
    weights: Vec<Lane>,
}

impl Lanes {
    fn new(columns: usize) -> Self {
        let lanes = || vec![Lane::ZERO; columns.next_multiple_of(BLOCK)];
        Self { scores: lanes(), tangents: lanes(), kept: lanes(), weights: lanes() }
    }
}

/// Sums of expectations over a row or a column: of δ¹, of both, and of the mask.
type Sums = [f64; 3];

impl Masked {
    pub(super) fn new(by_row: Csr, weight: f32) -> Self {
        Self { by_column: by_row.transpose(), by_row, weight }
    }

    fn sides<'a>(&'a self, mask: &'a Mask) -> [Side<'a>; 2] {
        [
            Side { stored: &self.by_row, rows: &mask.rows, columns: &mask.columns },
            Side { stored: &self.by_column, rows: &mask.columns, columns: &mask.rows },
        ]
    }

    /// Fits the probabilistic model to the scores by EM.
    ///
    /// # Shapes
    /// `p`: one row a row. `q`: one row a column.
    pub(super) fn fit(&self, pgm: &Pgm, p: &Matrix, q: &Matrix) -> Mask {
        let cells = (p.rows() * q.rows()) as f64;
        let mut mask = Mask {
            pgm: *pgm,
            rows: Shares::new(p.rows(), pgm.start),
            columns: Shares::new(q.rows(), pgm.start),
            scale: 0.0,
        };
        let panels = ItemPanels::new(q);
        for step in 1..=STEPS {
            let [of_rows, of_columns] = self.expect(&mask, p, &panels);
            let rows = updated(&mask.rows, &of_rows, q.rows());
            let columns = updated(&mask.columns, &of_columns, p.rows());
            // The mask is that of this step's expectations, so the shares behind them stay in the end.
            if step == STEPS || (converged(&rows, &mask.rows) && converged(&columns, &mask.columns)) {
                let total: f64 = of_rows.iter().map(|sums| sums[2]).sum();
                mask.scale = if total > 0.0 { (cells / total) as f32 } else { 0.0 };
                break;
            }
            (mask.rows, mask.columns) = (rows, columns);
        }
        mask
    }

    /// Sums of the expectations over all rows and all columns.
    fn expect(&self, mask: &Mask, p: &Matrix, q: &ItemPanels) -> [Vec<Sums>; 2] {
        let (rows, columns) = (p.rows(), q.items());
        let side = self.sides(mask)[0];
        let pieces: Vec<usize> = (0..rows).step_by(BLOCK * PIECE).collect();
        let piece = |&start: &usize| {
            let mut lanes = Lanes::new(columns);
            let mut of_columns = vec![[0.0f32; 3]; columns];
            let mut of_rows = Vec::new();
            for first in (start..rows.min(start + BLOCK * PIECE)).step_by(BLOCK) {
                let own: Vec<&[f32]> = (first..rows.min(first + BLOCK)).map(|r| p.row(r)).collect();
                q.score_lanes(&own, &mut lanes.scores);
                let Lanes { scores, kept, weights: genuine, .. } = &mut lanes;
                let genuine = &mut genuine[..columns];
                side.expectations(mask.pgm, first, &scores[..columns], &mut kept[..columns], genuine);
                let sums = sum_block(mask.pgm, own.len(), &kept[..columns], genuine, &mut of_columns);
                of_rows.extend_from_slice(&sums[..own.len()]);
            }
            (of_rows, of_columns)
        };
        let mut total = [Vec::with_capacity(rows), vec![[0.0; 3]; columns]];
        // A bounded number of pieces is in memory at a time.
        for group in pieces.chunks(16) {
            for (of_rows, of_columns) in group.par_iter().map(piece).collect::<Vec<_>>() {
                total[0].extend(of_rows);
                for (total, part) in total[1].iter_mut().zip(of_columns) {
                    for n in 0..3 {
                        total[n] += f64::from(part[n]);
                    }
                }
            }
        }
        total
    }

    /// The gradients with respect to both factors.
    ///
    /// # Shapes
    /// `p`, `of_p`: one row a row. `q`, `of_q`: one row a column.
    pub(super) fn gradient(&self, mask: &Mask, p: &Matrix, q: &Matrix, of_p: &mut Matrix, of_q: &mut Matrix) {
        for (side, own, other, out) in
            self.sides(mask).into_iter().zip([(p, q, of_p), (q, p, of_q)]).map(flat)
        {
            let (panels, rows) = (ItemPanels::new(other), RowPanels::new(other));
            blocks(out, other.rows(), |first, lanes, out| {
                let own: Vec<&[f32]> = block(own, first).collect();
                self.slopes(side, mask, first, &own, &panels, lanes);
                rows.add_product(&lanes.scores, out);
            });
        }
    }

    /// The derivative of [`Masked::gradient`] along the tangents, the mask held.
    ///
    /// # Shapes
    /// As [`Masked::gradient`].
    pub(super) fn second(&self, mask: &Mask, p: &Joined, q: &Joined, of_p: &mut Matrix, of_q: &mut Matrix) {
        let d = of_p.columns();
        for (side, own, other, out) in
            self.sides(mask).into_iter().zip([(p, q, of_p), (q, p, of_q)]).map(flat)
        {
            let [value, tangent] = other.parts();
            let (panels, joined) = (ItemPanels::new(&value), ItemPanels::new(other.matrix()));
            let (values, tangents) = (RowPanels::new(&value), RowPanels::new(&tangent));
            let columns = value.rows();
            blocks(out, columns, |first, lanes, out| {
                let own: Vec<&[f32]> = block(own.matrix(), first).collect();
                let swapped: Vec<Vec<f32>> = own.iter().map(|row| [&row[d..], &row[..d]].concat()).collect();
                let own: Vec<&[f32]> = own.iter().map(|row| &row[..d]).collect();
                self.slopes(side, mask, first, &own, &panels, lanes);
                tangents.add_product(&lanes.scores, out);
                joined
                    .score_lanes(&swapped.iter().map(Vec::as_slice).collect::<Vec<_>>(), &mut lanes.tangents);
                for (tangent, weight) in lanes.tangents[..columns].iter_mut().zip(&lanes.weights) {
                    for k in 0..BLOCK {
                        tangent.0[k] *= weight.0[k];
                    }
                }
                values.add_product(&lanes.tangents, out);
            });
        }
    }

    /// Leaves `2 m w / m̄` in `lanes.weights` and that times `score − y` in `lanes.scores`.
    fn slopes(
        &self,
        side: Side<'_>,
        mask: &Mask,
        first: usize,
        own: &[&[f32]],
        panels: &ItemPanels,
        lanes: &mut Lanes,
    ) {
        let columns = panels.items();
        let Lanes { scores, kept, weights, .. } = lanes;
        panels.score_lanes(own, scores);
        let (scores, kept, weights) = (&mut scores[..columns], &mut kept[..columns], &mut weights[..columns]);
        side.expectations(mask.pgm, first, scores, kept, weights);
        let scale = 2.0 * mask.scale;
        for ((score, kept), weight) in scores.iter_mut().zip(kept).zip(&mut *weights) {
            for k in 0..BLOCK {
                weight.0[k] = scale * mask.pgm.mask([kept.0[k], weight.0[k]]);
                score.0[k] *= weight.0[k];
            }
        }
        for (c, k) in side.cells(first) {
            scores[c].0[k] = self.weight * (scores[c].0[k] - weights[c].0[k]);
            weights[c].0[k] *= self.weight;
        }
    }

    /// The masks of all cells over their mean, row after row.
    #[cfg(test)]
    pub(super) fn dense(&self, mask: &Mask, p: &Matrix, q: &Matrix) -> Vec<f64> {
        let mut out = Vec::new();
        for r in 0..p.rows() {
            for c in 0..q.rows() {
                let value = f32::from(u8::from(self.by_row.columns(r).contains(&(c as u32))));
                let mean = |of: fn(&Shares) -> &Vec<f32>| 0.5 * (of(&mask.rows)[r] + of(&mask.columns)[c]);
                let score = {
                    let mut scores = vec![0.0; q.rows()];
                    ItemPanels::new(q).score(p.row(r), &mut scores);
                    scores[c]
                };
                let expected = mask.pgm.expectations(value, score, mean(|s| &s.kept), mean(|s| &s.genuine));
                out.push(f64::from(mask.pgm.mask(expected)) * f64::from(mask.scale));
            }
        }
        out
    }
}

fn flat<'a, T>(
    (side, (own, other, out)): (Side<'a>, (T, T, &'a mut Matrix)),
) -> (Side<'a>, T, T, &'a mut Matrix) {
    (side, own, other, out)
}

/// Calls `work` on each block of rows of `out`, which are zero before.
fn blocks(out: &mut Matrix, columns: usize, work: impl Fn(usize, &mut Lanes, &mut [f32]) + Sync) {
    let width = out.columns().max(1) * BLOCK;
    out.as_mut_slice().par_chunks_mut(width).enumerate().for_each_init(
        || Lanes::new(columns),
        |lanes, (at, out)| {
            out.fill(0.0);
            work(at * BLOCK, lanes, out);
        },
    );
}

/// At most 16 rows from `first`.
fn block(of: &Matrix, first: usize) -> impl Iterator<Item = &[f32]> {
    (first..of.rows().min(first + BLOCK)).map(|r| of.row(r))
}

/// Sums of a block: over each row's columns, and added to the columns' own.
fn sum_block(
    pgm: Pgm,
    rows: usize,
    kept: &[Lane],
    genuine: &[Lane],
    of_columns: &mut [[f32; 3]],
) -> [Sums; BLOCK] {
    let mut present = Lane::ZERO;
    present.0[..rows].fill(1.0);
    let mut total = [[0.0; 3]; BLOCK];
    let lanes = kept.chunks(RUN).zip(genuine.chunks(RUN)).zip(of_columns.chunks_mut(RUN));
    for ((kept, genuine), of_columns) in lanes {
        let mut run = [Lane::ZERO; 3];
        for ((kept, genuine), of_column) in kept.iter().zip(genuine).zip(of_columns) {
            let mut cells = [Lane::ZERO; 3];
            for k in 0..BLOCK {
                let first = present.0[k] * kept.0[k];
                cells[0].0[k] = first;
                cells[1].0[k] = first * genuine.0[k];
                cells[2].0[k] = pgm.mask([first, genuine.0[k]]);
            }
            for n in 0..3 {
                for k in 0..BLOCK {
                    run[n].0[k] += cells[n].0[k];
                }
                of_column[n] += sum_of(cells[n]);
            }
        }
        for (k, total) in total.iter_mut().enumerate() {
            for n in 0..3 {
                total[n] += f64::from(run[n].0[k]);
            }
        }
    }
    total
}

fn sum_of(mut lane: Lane) -> f32 {
    for width in [8, 4, 2, 1] {
        for k in 0..width {
            lane.0[k] += lane.0[k + width];
        }
    }
    lane.0[0]
}

/// The means of the expectations; γ stays where nothing is expected to be kept.
fn updated(old: &Shares, sums: &[Sums], others: usize) -> Shares {
    let kept = sums.iter().map(|s| (s[0] / others.max(1) as f64) as f32).collect();
    let genuine = |(old, s): (&f32, &Sums)| if s[0] > 0.0 { (s[1] / s[0]) as f32 } else { *old };
    Shares { kept, genuine: old.genuine.iter().zip(sums).map(genuine).collect() }
}

/// Whether no share moved by more than 1e-5 of itself (and 1e-8).
fn converged(new: &Shares, old: &Shares) -> bool {
    let close =
        |new: &[f32], old: &[f32]| new.iter().zip(old).all(|(n, o)| (n - o).abs() <= 1e-8 + 1e-5 * o.abs());
    close(&new.kept, &old.kept) && close(&new.genuine, &old.genuine)
}

#[cfg(test)]
mod tests {
    use super::super::pgm::Em;
    use super::*;
    use shillproof_core::Seed;

    const ROWS: usize = 37;
    const COLUMNS: usize = 21;
    const D: usize = 6;

    fn toy() -> (Masked, Matrix, Matrix) {
        let cells: Vec<Vec<(u32, f32)>> = (0..ROWS)
            .map(|r| (0..COLUMNS).filter(|&c| (r * 3 + c * c) % 5 < 2).map(|c| (c as u32, 1.0)).collect())
            .collect();
        let masked = Masked::new(Csr::from_rows(COLUMNS, &cells), 20.0);
        (masked, Matrix::normal(ROWS, D, 0.5, Seed::new(1)), Matrix::normal(COLUMNS, D, 0.5, Seed::new(2)))
    }

    fn pgm(em: Em) -> Pgm {
        Pgm { em, sigma: 0.3, noise_mean: 0.5, start: 0.8 }
    }

    /// Row, column, and expectations of δ¹ and δ².
    type Cell = (usize, usize, f64, f64);

    /// EM as published, over all cells, in f64.
    fn by_hand(em: Em, masked: &Masked, p: &Matrix, q: &Matrix) -> Vec<f64> {
        let hard = |x: f64| if em == Em::Hard { f64::from(u8::from(x >= 0.5)) } else { x };
        let density = |x: f64| (-x * x / (2.0 * 0.09)).exp() / (0.3 * (2.0 * std::f64::consts::PI).sqrt());
        let stored = |r: usize, c: usize| masked.by_row.columns(r).contains(&(c as u32));
        let score = |r: usize, c: usize| -> f64 {
            p.row(r).iter().zip(q.row(c)).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        };
        let (mut kept, mut genuine) =
            ([vec![0.8; ROWS], vec![0.8; COLUMNS]], [vec![0.8; ROWS], vec![0.8; COLUMNS]]);
        let mut cells: Vec<Cell> = Vec::new();
        for _ in 0..STEPS {
            cells.clear();
            for (r, c) in (0..ROWS).flat_map(|r| (0..COLUMNS).map(move |c| (r, c))) {
                let value = f64::from(u8::from(stored(r, c)));
                let (k, g) =
                    (f64::midpoint(kept[0][r], kept[1][c]), f64::midpoint(genuine[0][r], genuine[1][c]));
                let both = g * density(value - score(r, c)) + (1.0 - g) * density(value - 0.5);
                let first = if stored(r, c) { 1.0 } else { hard(k * both / (k * both + 1.0 - k)) };
                cells.push((r, c, first, g * density(value - score(r, c)) / both));
            }
            let mean = |of: &dyn Fn(&Cell) -> bool, old: f64| {
                let own: Vec<_> = cells.iter().filter(|cell| of(cell)).collect();
                let first: f64 = own.iter().map(|cell| cell.2).sum();
                let both: f64 = own.iter().map(|cell| cell.2 * cell.3).sum();
                (first / own.len() as f64, if first > 0.0 { both / first } else { old })
            };
            let rows: Vec<_> = (0..ROWS).map(|r| mean(&|cell| cell.0 == r, genuine[0][r])).collect();
            let columns: Vec<_> = (0..COLUMNS).map(|c| mean(&|cell| cell.1 == c, genuine[1][c])).collect();
            let moved =
                rows.iter().zip(&kept[0]).chain(columns.iter().zip(&kept[1])).map(|(n, o)| (n.0 - o, *o));
            let more = rows.iter().zip(&genuine[0]).chain(columns.iter().zip(&genuine[1]));
            let still =
                moved.chain(more.map(|(n, o)| (n.1 - o, *o))).all(|(by, o)| by.abs() <= 1e-5 * o + 1e-8);
            if still {
                break;
            }
            kept = [rows.iter().map(|s| s.0).collect(), columns.iter().map(|s| s.0).collect()];
            genuine = [rows.iter().map(|s| s.1).collect(), columns.iter().map(|s| s.1).collect()];
        }
        let masks: Vec<f64> = cells.iter().map(|cell| cell.2 * hard(cell.3)).collect();
        let mean = masks.iter().sum::<f64>() / masks.len() as f64;
        masks.into_iter().map(|m| m / mean).collect()
    }

    #[test]
    fn masks_are_those_of_em_over_all_cells() {
        let (masked, p, q) = toy();
        for em in [Em::Hard, Em::Soft] {
            let mask = masked.fit(&pgm(em), &p, &q);
            let (got, want) = (masked.dense(&mask, &p, &q), by_hand(em, &masked, &p, &q));
            let worst = got.iter().zip(&want).map(|(g, w)| (g - w).abs()).fold(0.0, f64::max);
            assert!(worst < 1e-3, "{em:?}: {worst}");
            let masked_out = want.iter().filter(|&&m| m < 0.3).count();
            assert!((50..want.len() - 50).contains(&masked_out), "{masked_out} of {} cells", want.len());
        }
    }

    #[test]
    fn gradients_and_hessian_products_are_those_over_all_cells() {
        let (masked, p, q) = toy();
        let (dp, dq) =
            (Matrix::normal(ROWS, D, 0.5, Seed::new(3)), Matrix::normal(COLUMNS, D, 0.5, Seed::new(4)));
        for em in [Em::Hard, Em::Soft] {
            let mask = masked.fit(&pgm(em), &p, &q);
            let m = masked.dense(&mask, &p, &q);
            let (mut of_p, mut of_q) = (Matrix::zeros(ROWS, D), Matrix::zeros(COLUMNS, D));
            let mut want = [vec![0.0; 2 * ROWS * D], vec![0.0; 2 * COLUMNS * D]];
            for (r, c) in (0..ROWS).flat_map(|r| (0..COLUMNS).map(move |c| (r, c))) {
                let stored = masked.by_row.columns(r).contains(&(c as u32));
                let (y, w) = if stored { (1.0, 20.0) } else { (0.0, 1.0) };
                let at = |x: &Matrix, i: usize, k: usize| f64::from(x.row(i)[k]);
                let weight = 2.0 * w * m[r * COLUMNS + c];
                let score: f64 = (0..D).map(|k| at(&p, r, k) * at(&q, c, k)).sum();
                let tangent: f64 =
                    (0..D).map(|k| at(&dp, r, k) * at(&q, c, k) + at(&p, r, k) * at(&dq, c, k)).sum();
                for k in 0..D {
                    want[0][r * D + k] += weight * (score - y) * at(&q, c, k);
                    want[1][c * D + k] += weight * (score - y) * at(&p, r, k);
                    want[0][(ROWS + r) * D + k] +=
                        weight * (tangent * at(&q, c, k) + (score - y) * at(&dq, c, k));
                    want[1][(COLUMNS + c) * D + k] +=
                        weight * (tangent * at(&p, r, k) + (score - y) * at(&dp, r, k));
                }
            }
            let check = |got: &Matrix, want: &[f64]| {
                let size = want.iter().fold(0.0f64, |a, b| a.max(b.abs()));
                for (&got, want) in got.as_slice().iter().zip(want) {
                    assert!((f64::from(got) - want).abs() < 1e-5 * size, "{got} for {want} of {size}");
                }
            };
            masked.gradient(&mask, &p, &q, &mut of_p, &mut of_q);
            check(&of_p, &want[0][..ROWS * D]);
            check(&of_q, &want[1][..COLUMNS * D]);
            masked.second(&mask, &Joined::new(&p, &dp), &Joined::new(&q, &dq), &mut of_p, &mut of_q);
            check(&of_p, &want[0][ROWS * D..]);
            check(&of_q, &want[1][COLUMNS * D..]);
        }
    }
}
