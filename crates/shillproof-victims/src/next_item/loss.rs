//! How far what came next stands above the rest.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_kernels::nn::plain_sigmoid as sigmoid;
use shillproof_kernels::{exp, vectorized};

/// The loss of one prediction over the items it is compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// −ln of the softmax.
    #[default]
    CrossEntropy,
    /// `mean_j σ(s_j − s_i) + σ(s_j²)`, the second without the positive (Hidasi et al., ICLR 2016).
    Top1,
    /// `−mean_j ln σ(s_i − s_j)`.
    Bpr,
}

impl Loss {
    /// The loss of a row of scores, and its slopes in their place, times `weight`.
    ///
    /// # Shapes
    /// `scores`: one a compared item, `positive` among them.
    pub(crate) fn differentiate(self, scores: &mut [f32], positive: usize, weight: f32) -> f64 {
        match self {
            Self::CrossEntropy => cross_entropy(scores, positive, weight),
            Self::Top1 => top1(scores, positive, weight),
            Self::Bpr => bpr(scores, positive, weight),
        }
    }
}

fn cross_entropy(scores: &mut [f32], positive: usize, weight: f32) -> f64 {
    let own = scores[positive];
    let (mut highest, mut total) = (f32::NEG_INFINITY, 0.0f64);
    vectorized!(|| {
        let mut tops = [f32::NEG_INFINITY; 8];
        let (whole, rest) = scores.as_chunks::<8>();
        for chunk in whole {
            for k in 0..8 {
                tops[k] = if chunk[k] > tops[k] { chunk[k] } else { tops[k] };
            }
        }
        for &x in tops.iter().chain(rest) {
            highest = if x > highest { x } else { highest };
        }
        // A loop of its own: with sums in it, it would go number by number.
        for x in scores.iter_mut() {
            *x = exp(*x - highest);
        }
        let mut sums = [0.0f32; 8];
        let (whole, rest) = scores.as_chunks::<8>();
        for chunk in whole {
            for k in 0..8 {
                sums[k] += chunk[k];
            }
        }
        let last = rest.iter().sum::<f32>();
        total = f64::from(sums.iter().sum::<f32>() + last);
        let scale = weight / total as f32;
        for x in scores.iter_mut() {
            *x *= scale;
        }
    });
    scores[positive] -= weight;
    f64::from(weight) * (total.ln() + f64::from(highest - own))
}

fn top1(scores: &mut [f32], positive: usize, weight: f32) -> f64 {
    const BLOCK: usize = 256;
    let own = scores[positive];
    let share = weight / scores.len() as f32;
    let (mut above, mut squares, mut slopes) = (0.0f32, 0.0f32, 0.0f32);
    vectorized!(|| {
        // Loops of one kind each: with sums in them, they would go number by number.
        let (mut over, mut large) = ([0.0f32; BLOCK], [0.0f32; BLOCK]);
        for block in scores.chunks_mut(BLOCK) {
            let (over, large) = (&mut over[..block.len()], &mut large[..block.len()]);
            for ((over, large), &x) in over.iter_mut().zip(&mut *large).zip(&*block) {
                (*over, *large) = (sigmoid(x - own), sigmoid(x * x));
            }
            above += over.iter().sum::<f32>();
            squares += large.iter().sum::<f32>();
            for ((over, large), x) in over.iter_mut().zip(&*large).zip(block) {
                *over *= 1.0 - *over;
                *x = share * (*over + large * (1.0 - large) * 2.0 * *x);
            }
            slopes += over.iter().sum::<f32>();
        }
    });
    // Against itself the positive is constant, and its own square does not count.
    scores[positive] = -share * (slopes - 0.25);
    f64::from(share * (above + squares - sigmoid(own * own)))
}

fn bpr(scores: &mut [f32], positive: usize, weight: f32) -> f64 {
    /// Factors of a product, each from 1 to 2, that `f32` holds.
    const FACTORS: usize = 64;
    let own = scores[positive];
    let share = weight / scores.len() as f32;
    let (mut loss, mut slopes) = (0.0f64, 0.0f32);
    vectorized!(|| {
        for block in scores.chunks_mut(8 * FACTORS) {
            // −ln σ(−gap) = max(gap, 0) + ln(1 + e^−|gap|): logarithms of products, not sums of logarithms.
            let (mut above, mut product, mut misses) = ([0.0f32; 8], [1.0f32; 8], [0.0f32; 8]);
            for chunk in block.chunks_mut(8) {
                for (k, x) in chunk.iter_mut().enumerate() {
                    let gap = *x - own;
                    let small = exp(-gap.abs());
                    let inverse = 1.0 / (1.0 + small);
                    let miss = if gap < 0.0 { small * inverse } else { inverse };
                    above[k] += gap.max(0.0);
                    product[k] *= 1.0 + small;
                    misses[k] += miss;
                    *x = share * miss;
                }
            }
            for k in 0..8 {
                loss += f64::from(above[k]) + f64::from(product[k]).ln();
            }
            slopes += misses.iter().sum::<f32>();
        }
    });
    scores[positive] = -share * (slopes - 0.5);
    f64::from(share) * loss
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, in f64.
    fn exact(loss: Loss, s: &[f64], i: usize) -> f64 {
        let sigma = |x: f64| 1.0 / (1.0 + (-x).exp());
        let mean = |f: &dyn Fn(usize) -> f64| (0..s.len()).map(f).sum::<f64>() / s.len() as f64;
        match loss {
            Loss::CrossEntropy => s.iter().map(|x| x.exp()).sum::<f64>().ln() - s[i],
            Loss::Top1 => {
                let other = |j: usize| if j == i { 0.0 } else { sigma(s[j] * s[j]) };
                mean(&|j| sigma(s[j] - s[i])) + mean(&other)
            }
            Loss::Bpr => mean(&|j| -sigma(s[i] - s[j]).ln()),
        }
    }

    #[test]
    fn losses_and_slopes_are_those_of_the_definitions() {
        let scores: Vec<f64> = (0..19).map(|k| f64::from(k * k % 11) / 4.0 - 1.2).collect();
        for loss in [Loss::CrossEntropy, Loss::Top1, Loss::Bpr] {
            for positive in [0, 7, 18] {
                let mut slopes: Vec<f32> = scores.iter().map(|&x| x as f32).collect();
                let value = loss.differentiate(&mut slopes, positive, 0.5);
                assert!((value - 0.5 * exact(loss, &scores, positive)).abs() < 1e-6, "{loss:?}: {value}");
                for k in 0..scores.len() {
                    let moved = |by: f64| {
                        let mut s = scores.clone();
                        s[k] += by;
                        exact(loss, &s, positive)
                    };
                    let want = 0.5 * (moved(1e-5) - moved(-1e-5)) / 2e-5;
                    assert!(
                        (f64::from(slopes[k]) - want).abs() < 1e-6,
                        "{loss:?}, {k}: {} for {want}",
                        slopes[k]
                    );
                }
            }
        }
    }
}
