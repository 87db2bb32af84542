//! How blocks are put together, and what training drops of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::Rng;
use shillproof_kernels::{exp, vectorized};

use crate::next_item::dropout_mask;

/// How blocks are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// Whether rows are normalised before attention and network, and at the end, instead of at the start and after each sum.
    pub norm_first: bool,
    /// Inside of a block's network.
    pub activation: Activation,
}

/// What makes a block's network more than a matrix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// x Φ(x), Φ the normal distribution's share below x (Hendrycks and Gimpel, 2016).
    #[default]
    Gelu,
    /// max(x, 0).
    Relu,
}

impl Activation {
    /// All numbers in their place, and its derivative there into `derivative` (cleared first).
    pub(super) fn apply(self, values: &mut [f32], derivative: &mut Vec<f32>) {
        derivative.clear();
        match self {
            Self::Relu => derivative.extend(values.iter_mut().map(|x| {
                let above = f32::from(u8::from(*x > 0.0));
                *x *= above;
                above
            })),
            Self::Gelu => {
                derivative.resize(values.len(), 0.0);
                vectorized!(|| {
                    for (x, derivative) in values.iter_mut().zip(derivative) {
                        let bell = exp(-0.5 * *x * *x);
                        let below = below(*x, bell);
                        *derivative = below + *x * bell * NORMAL;
                        *x *= below;
                    }
                });
            }
        }
    }
}

/// 1 / √(2π), the normal distribution's density at 0.
const NORMAL: f32 = 0.398_942_3;

/// The normal distribution's share below `x` within 1e-7, given exp(-x²/2) (Abramowitz and Stegun, 1964, 7.1.26).
#[inline]
fn below(x: f32, bell: f32) -> f32 {
    let t = 1.0 / (1.0 + 0.327_591_1 * std::f32::consts::FRAC_1_SQRT_2 * x.abs());
    let mut p = 0.530_702_7;
    p = p * t - 0.726_576_03;
    p = p * t + 0.710_706_9;
    p = p * t - 0.142_248_37;
    p = p * t + 0.127_414_8;
    let above = p * t * bell;
    if x < 0.0 { above } else { 1.0 - above }
}

/// What training drops.
pub(super) struct Drops<'a> {
    /// Share of the numbers of rows.
    pub(super) rows: f32,
    /// Share of what attention takes.
    pub(super) attention: f32,
    pub(super) draws: &'a mut Rng,
}

impl Drops<'_> {
    /// By what so many numbers of rows are multiplied, into `mask`, which stays empty for 1.
    pub(super) fn of_rows(&mut self, numbers: usize, mask: &mut Vec<f32>) {
        dropout_mask(numbers, self.rows, self.draws, mask);
    }

    /// The same for shares of attention.
    pub(super) fn of_attention(&mut self, shares: usize, mask: &mut Vec<f32>) {
        dropout_mask(shares, self.attention, self.draws, mask);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn share_below() {
        let shares = [
            (-4.0, 3.167_124e-5),
            (-2.5, 6.209_665e-3),
            (-1.0, 0.158_655_25),
            (-0.1, 0.460_172_16),
            (0.0, 0.5),
            (0.7, 0.758_036_4),
            (3.0, 0.998_650_1),
        ];
        for (x, share) in shares {
            let got = below(x, exp(-0.5 * x * x));
            assert!((got - share).abs() < 2e-7, "{x}: {got}");
        }
    }

    #[test]
    fn activations_and_their_derivative() {
        let known = [
            (Activation::Gelu, [(-1.0, -0.158_655_25), (0.0, 0.0), (0.5, 0.345_731_23), (2.0, 1.954_499_7)]),
            (Activation::Relu, [(-1.0, 0.0), (0.0, 0.0), (0.5, 0.5), (2.0, 2.0)]),
        ];
        for (activation, known) in known {
            let at = |x: f32| {
                let (mut value, mut derivative) = ([x], Vec::new());
                activation.apply(&mut value, &mut derivative);
                (value[0], derivative[0])
            };
            for (x, value) in known {
                assert!((at(x).0 - value).abs() < 1e-6, "{activation:?} of {x}: {}", at(x).0);
            }
            for x in [-3.0, -1.2, -0.3, 0.4, 1.7] {
                let slope = (at(x + 1e-2).0 - at(x - 1e-2).0) / 2e-2;
                assert!((at(x).1 - slope).abs() < 1e-4, "{activation:?} at {x}: {} for {slope}", at(x).1);
            }
        }
    }
}
