//! Sigmoid and binary cross-entropy, from logits.

/// The logistic function, without overflow.
///
/// ```
/// use shillproof_kernels::nn::sigmoid;
/// assert_eq!(sigmoid(0.0), 0.5);
/// assert_eq!((sigmoid(-200.0), sigmoid(200.0)), (0.0, 1.0));
/// ```
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    let e = (-x.abs()).exp();
    let tail = e / (1.0 + e);
    if x < 0.0 { tail } else { 1.0 - tail }
}

/// Loss and slope at one logit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogitLoss {
    /// −y ln σ(x) − (1 − y) ln(1 − σ(x)).
    pub loss: f32,
    /// Its derivative with respect to the logit: σ(x) − y.
    pub slope: f32,
}

/// Binary cross-entropy of the logit `x` against `label`, 1 or 0.
///
/// ```
/// use shillproof_kernels::nn::binary_cross_entropy;
/// let at = binary_cross_entropy(0.0, true);
/// assert!((at.loss - 2f32.ln()).abs() < 1e-6 && at.slope == -0.5);
/// ```
#[inline(always)]
pub fn binary_cross_entropy(x: f32, label: bool) -> LogitLoss {
    // With the sign turned so that the label is 1.
    let x = if label { x } else { -x };
    let e = (-x.abs()).exp();
    let loss = (1.0 + e).ln() + (-x).max(0.0);
    let tail = e / (1.0 + e);
    let miss = if x < 0.0 { 1.0 - tail } else { tail };
    LogitLoss { loss, slope: if label { -miss } else { miss } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn loss_and_slope_agree_with_f64(x in -60.0f32..60.0, label: bool) {
            let (wide, y) = (f64::from(x), f64::from(u8::from(label)));
            let sigma = 1.0 / (1.0 + (-wide).exp());
            let loss = wide.max(0.0) - wide * y + (-wide.abs()).exp().ln_1p();
            let got = binary_cross_entropy(x, label);
            prop_assert!((f64::from(got.loss) - loss).abs() <= 1e-6 * (1.0 + loss));
            prop_assert!((f64::from(got.slope) - (sigma - y)).abs() <= 1e-6 * (sigma - y).abs() + 1e-7);
            prop_assert!((f64::from(sigmoid(x)) - sigma).abs() <= 1e-6 * sigma + 1e-7);
        }
    }

    #[test]
    fn far_out_nothing_overflows() {
        for x in [-1e30, -200.0, 200.0, 1e30] {
            for label in [false, true] {
                let at = binary_cross_entropy(x, label);
                assert!(at.loss.is_finite() && at.slope.abs() <= 1.0, "{x} {label}: {at:?}");
            }
        }
        assert!(binary_cross_entropy(f32::NAN, true).loss.is_nan());
    }
}
