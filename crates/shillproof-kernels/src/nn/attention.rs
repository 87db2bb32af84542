//! Causal self-attention.

use std::ops::Range;

use super::Linear;
use crate::exp::exp;
use crate::matrix::{axpy, dot};
use crate::vectorized;

/// Histories one behind the other, and the rows of them that are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Histories<'a> {
    /// Rows of each.
    pub lengths: &'a [usize],
    /// How many of its last ones are asked for; one a history, at most its length.
    pub asked: &'a [usize],
}

impl Histories<'_> {
    /// The same histories, with every row asked for.
    #[must_use]
    pub fn whole(self) -> Self {
        Self { asked: self.lengths, ..self }
    }
}

/// Every row of a history looks at itself and at the rows before it, with several heads (Vaswani et al., NIPS 2017); also the shape of its gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct Attention {
    /// From rows of d numbers to queries, keys and values: 3 d outputs.
    pub input: Linear,
    /// From the heads' answers, side by side, to rows of d numbers.
    pub output: Linear,
    /// Heads; they divide d.
    pub heads: usize,
}

/// What the backward pass needs of the forward one.
#[derive(Clone, Debug, Default)]
pub struct AttentionTrace {
    /// Queries, keys and values of each row.
    projected: Vec<f32>,
    /// By history, head and row asked for: how much it takes of each row up to its own.
    shares: Vec<f32>,
    /// What is left of the shares.
    taken: Vec<f32>,
    /// The heads' answers.
    mixed: Vec<f32>,
    of_mixed: Vec<f32>,
    of_projected: Vec<f32>,
    spare: Vec<f32>,
}

impl Attention {
    /// Zeros of the same shape.
    #[must_use]
    pub fn zeros(&self) -> Self {
        Self { input: self.input.zeros(), output: self.output.zeros(), heads: self.heads }
    }

    fn width(&self) -> usize {
        self.output.outputs()
    }

    /// One for a head, a row asked for, and each row up to it.
    pub fn shares(&self, histories: Histories<'_>) -> usize {
        let rows = |(&length, &asked): (&usize, &usize)| (length + 1 - asked..=length).sum::<usize>();
        self.heads * histories.lengths.iter().zip(histories.asked).map(rows).sum::<usize>()
    }

    /// The rows asked for, into `out` (cleared first).
    ///
    /// # Shapes
    /// `x`: all rows of the histories, of d numbers. `mask`: by what shares are multiplied, history by
    /// history, head by head and row by row, [`Attention::shares`] numbers; empty for 1. `out`: the rows asked for alone.
    pub fn forward(
        &self,
        x: &[f32],
        histories: Histories<'_>,
        mask: &[f32],
        trace: &mut AttentionTrace,
        out: &mut Vec<f32>,
    ) {
        let AttentionTrace { projected, shares, taken, mixed, .. } = trace;
        self.input.forward(x, projected);
        shares.clear();
        taken.clear();
        mixed.clear();
        let (d, size) = (self.width(), self.width() / self.heads);
        mixed.resize(histories.asked.iter().sum::<usize>() * d, 0.0);
        let factor = 1.0 / (size as f32).sqrt();
        for Head { first, rows, answers, column } in self.each_head(histories) {
            let part =
                |row: usize, which: usize| &projected[(first + row) * 3 * d + which * d + column..][..size];
            for (row, answer) in rows.zip(answers) {
                let start = shares.len();
                let mut highest = f32::NEG_INFINITY;
                for before in 0..=row {
                    let score = factor * dot(part(row, 0), part(before, 1));
                    highest = highest.max(score);
                    shares.push(score);
                }
                let own = &mut shares[start..];
                vectorized!(|| {
                    for share in own.iter_mut() {
                        *share = exp(*share - highest);
                    }
                });
                let total: f32 = own.iter().sum();
                for share in own.iter_mut() {
                    *share /= total;
                }
                taken.extend_from_slice(own);
                if !mask.is_empty() {
                    for (taken, keep) in taken[start..].iter_mut().zip(&mask[start..]) {
                        *taken *= keep;
                    }
                }
                let answer = &mut mixed[answer * d + column..][..size];
                for (before, &taken) in taken[start..].iter().enumerate() {
                    axpy(taken, part(before, 2), answer);
                }
            }
        }
        self.output.forward(mixed, out);
    }

    /// Adds to the gradient, given the slopes at the outputs; the slopes at all inputs into `of_x` (cleared first).
    ///
    /// # Shapes
    /// `x`, `histories`: as for [`Attention::forward`], of which the trace is. `slopes`: as its `out`.
    pub fn backward(
        &self,
        x: &[f32],
        histories: Histories<'_>,
        trace: &mut AttentionTrace,
        slopes: &[f32],
        gradient: &mut Self,
        of_x: &mut Vec<f32>,
    ) {
        let AttentionTrace { projected, shares, taken, mixed, of_mixed, of_projected, spare } = trace;
        self.output.backward(mixed, slopes, &mut gradient.output, Some(of_mixed));
        of_projected.clear();
        of_projected.resize(projected.len(), 0.0);
        let (d, size) = (self.width(), self.width() / self.heads);
        let factor = 1.0 / (size as f32).sqrt();
        let mut at = 0;
        for Head { first, rows, answers, column } in self.each_head(histories) {
            let place = |row: usize, which: usize| {
                let start = (first + row) * 3 * d + which * d + column;
                start..start + size
            };
            for (row, answer) in rows.zip(answers) {
                let (own, taken) = (&shares[at..=at + row], &taken[at..=at + row]);
                at += row + 1;
                let of_answer = &of_mixed[answer * d + column..][..size];
                spare.clear();
                spare.extend((0..=row).map(|before| dot(of_answer, &projected[place(before, 2)])));
                let mean = dot(taken, spare);
                for (before, ((&taken, share), slope)) in taken.iter().zip(own).zip(&*spare).enumerate() {
                    axpy(taken, of_answer, &mut of_projected[place(before, 2)]);
                    let slope = factor * (taken * slope - share * mean);
                    axpy(slope, &projected[place(before, 1)], &mut of_projected[place(row, 0)]);
                    axpy(slope, &projected[place(row, 0)], &mut of_projected[place(before, 1)]);
                }
            }
        }
        self.input.backward(x, of_projected, &mut gradient.input, Some(of_x));
    }

    /// History by history and head by head.
    fn each_head(&self, Histories { lengths, asked }: Histories<'_>) -> impl Iterator<Item = Head> {
        let (heads, size) = (self.heads, self.width() / self.heads);
        let starts = lengths.iter().zip(asked).scan((0, 0), |(first, answer), (&length, &asked)| {
            let start = (*first, *answer, length, asked);
            (*first, *answer) = (*first + length, *answer + asked);
            Some(start)
        });
        starts.flat_map(move |(first, answer, length, asked)| {
            (0..heads).map(move |head| Head {
                first,
                rows: length - asked..length,
                answers: answer..answer + asked,
                column: head * size,
            })
        })
    }
}

/// A head's work on a history.
struct Head {
    /// Row of the history's beginning.
    first: usize,
    /// Those asked for, counted from there.
    rows: Range<usize>,
    /// The same among all rows asked for.
    answers: Range<usize>,
    /// First one of the head.
    column: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Matrix;
    use shillproof_core::Seed;

    /// Asking for some rows is asking for all, where the others have no slopes.
    #[test]
    fn rows_asked_for_are_those_of_the_whole() {
        let draw = |rows, columns, name| Matrix::normal(rows, columns, 0.5, Seed::new(4).child(name));
        let layer = |outputs, name| Linear { weights: draw(outputs, 6, name), bias: vec![0.1; outputs] };
        let attention = Attention { input: layer(18, "input"), output: layer(6, "output"), heads: 2 };
        let some = Histories { lengths: &[3, 1, 0, 4], asked: &[1, 1, 0, 2] };
        let rows = [2, 3, 6, 7];
        let x = draw(8, 6, "x");
        let slopes = draw(4, 6, "slopes");
        let mut of_all = Matrix::zeros(8, 6);
        for (k, &row) in rows.iter().enumerate() {
            of_all.row_mut(row).copy_from_slice(slopes.row(k));
        }
        let run = |histories, slopes: &Matrix| {
            let (mut trace, mut out, mut of_x) = (AttentionTrace::default(), Vec::new(), Vec::new());
            let mut gradient = attention.zeros();
            attention.forward(x.as_slice(), histories, &[], &mut trace, &mut out);
            let slopes = slopes.as_slice();
            attention.backward(x.as_slice(), histories, &mut trace, slopes, &mut gradient, &mut of_x);
            (out, of_x, gradient)
        };
        let (out, of_x, gradient) = run(some, &slopes);
        let (whole, of_x_whole, gradient_whole) = run(some.whole(), &of_all);
        let kept: Vec<f32> = rows.iter().flat_map(|row| whole[row * 6..][..6].to_vec()).collect();
        assert_eq!(attention.shares(some), 2 * (3 + 1 + 3 + 4));
        let near = |a: &[f32], b: &[f32]| {
            assert_eq!(a.len(), b.len());
            assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6), "{a:?} for {b:?}");
        };
        near(&out, &kept);
        near(&of_x, &of_x_whole);
        near(gradient.input.weights.as_slice(), gradient_whole.input.weights.as_slice());
        near(gradient.output.weights.as_slice(), gradient_whole.output.weights.as_slice());
    }
}
