//! Histories that are learned from together.

use rand::RngExt;
use shillproof_core::Rng;

/// Cuts histories, or parts of them, into runs with at least `size` predictions each, but for the last one.
pub(crate) fn cut<T>(
    mut histories: &mut [T],
    size: usize,
    predictions: impl Fn(&T) -> usize,
) -> Vec<&mut [T]> {
    let mut out = Vec::new();
    while !histories.is_empty() {
        let mut sum = 0;
        let full = histories.iter().position(|history| {
            sum += predictions(history);
            sum >= size
        });
        let (head, rest) = histories.split_at_mut(full.map_or(histories.len(), |at| at + 1));
        out.push(head);
        histories = rest;
    }
    out
}

/// By what numbers are multiplied in training: 0 with probability `share`, otherwise what keeps the mean. Into `out` (cleared first), which stays empty where nothing is
/// dropped.
pub(crate) fn dropout_mask(numbers: usize, share: f32, drops: &mut Rng, out: &mut Vec<f32>) {
    /// The upper 24 bits of a draw, times this, are a number from 0 to 1.
    const STEP: f32 = 1.0 / (1 << 24) as f32;
    out.clear();
    if share > 0.0 {
        let keep = 1.0 / (1.0 - share);
        out.resize(numbers, 0.0);
        let mut draws = [0u32; 256];
        for out in out.chunks_mut(draws.len()) {
            let draws = &mut draws[..out.len()];
            drops.fill(draws);
            for (out, draw) in out.iter_mut().zip(draws) {
                *out = if (*draw >> 8) as f32 * STEP < share { 0.0 } else { keep };
            }
        }
    }
}

/// Multiplies by a mask, and by 1 where it is empty.
pub(crate) fn masked(values: &mut [f32], mask: &[f32]) {
    for (x, keep) in values.iter_mut().zip(mask) {
        *x *= keep;
    }
}
