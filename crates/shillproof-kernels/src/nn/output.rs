//! The last layer of a network that says one number.

use pulp::{Arch, Simd, WithSimd};

use crate::adam::{Motion, Update};
use crate::panels::{Lane, Panels, WIDTH};

/// `x_r = Σ_parts h_part · part_r + b`: a dense layer with one output, over the parts of a network side by side.
#[derive(Clone, Debug)]
pub struct Output {
    /// Columns of each part.
    parts: Vec<usize>,
    /// h, each part padded to whole lanes; the first number of the last lane is b.
    theta: Vec<Lane>,
    gradient: Vec<Lane>,
    first: Vec<Lane>,
    second: Vec<Lane>,
}

impl Output {
    /// A layer with these weights.
    ///
    /// # Shapes
    /// `parts`: columns of each part. `weights`: as many numbers, the parts side by side.
    pub fn new(parts: &[usize], weights: &[f32], bias: f32) -> Self {
        assert_eq!(parts.iter().sum::<usize>(), weights.len(), "invariant: one weight an input");
        let mut theta = Vec::new();
        let mut rest = weights;
        for &columns in parts {
            let (part, tail) = rest.split_at(columns);
            theta.extend(part.chunks(WIDTH).map(|values| {
                let mut lane = Lane::ZERO;
                lane.0[..values.len()].copy_from_slice(values);
                lane
            }));
            rest = tail;
        }
        let mut last = Lane::ZERO;
        last.0[0] = bias;
        theta.push(last);
        let zeros = vec![Lane::ZERO; theta.len()];
        Self { parts: parts.to_vec(), theta, gradient: zeros.clone(), first: zeros.clone(), second: zeros }
    }

    /// Computes one number for each sample.
    ///
    /// # Shapes
    /// `parts`: one batch a part, of at least `out.len()` rows. `out`: one number a sample.
    pub fn forward(&self, parts: &[&Panels], out: &mut [f32]) {
        Arch::new().dispatch(Forward { theta: &self.theta, parts, out });
    }

    /// Adds to the gradient and writes the slope at each part, given the slope at the output.
    ///
    /// # Shapes
    /// `parts`, `back`: one batch a part, of at least `slopes.len()` rows. `slopes`: one number a sample.
    pub fn backward(&mut self, parts: &[&Panels], slopes: &[f32], back: &mut [&mut Panels]) {
        let Self { theta, gradient, .. } = self;
        Arch::new().dispatch(Backward { theta, gradient, parts, slopes, back });
    }

    /// Moves the parameters by one step of Adam and clears the gradient.
    pub fn step(&mut self, update: Update) {
        Arch::new().dispatch(Step { update, layer: self });
    }

    /// h, the parts side by side, and b.
    pub fn weights(&self) -> (Vec<f32>, f32) {
        self.unpadded(&self.theta)
    }

    /// The gradient with respect to h and b.
    pub fn gradient(&self) -> (Vec<f32>, f32) {
        self.unpadded(&self.gradient)
    }

    fn unpadded(&self, lanes: &[Lane]) -> (Vec<f32>, f32) {
        let (mut weights, mut at) = (Vec::new(), 0);
        for &columns in &self.parts {
            let n = columns.div_ceil(WIDTH);
            weights.extend(lanes[at..at + n].iter().flat_map(|lane| lane.0).take(columns));
            at += n;
        }
        (weights, lanes[at].0[0])
    }
}

struct Forward<'a> {
    theta: &'a [Lane],
    parts: &'a [&'a Panels],
    out: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Some((bias, theta)) = self.theta.split_last() else { return };
        for (r, out) in self.out.iter_mut().enumerate() {
            let mut sums = [0.0f32; WIDTH];
            let mut weights = theta.iter();
            for part in self.parts {
                for (p, h) in (0..part.count()).zip(&mut weights) {
                    let x = &part.panel(p)[r];
                    for k in 0..WIDTH {
                        sums[k] += h.0[k] * x.0[k];
                    }
                }
            }
            let mut half = WIDTH / 2;
            while half > 0 {
                for k in 0..half {
                    sums[k] += sums[k + half];
                }
                half /= 2;
            }
            *out = sums[0] + bias.0[0];
        }
    }
}

struct Backward<'a, 'b> {
    theta: &'a [Lane],
    gradient: &'a mut [Lane],
    parts: &'a [&'a Panels],
    slopes: &'a [f32],
    back: &'a mut [&'b mut Panels],
}

impl WithSimd for Backward<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Some((bias, gradient)) = self.gradient.split_last_mut() else { return };
        bias.0[0] += self.slopes.iter().sum::<f32>();
        let mut weights = self.theta.iter().zip(gradient);
        for (part, back) in self.parts.iter().zip(self.back) {
            for (p, (h, gradient)) in (0..part.count()).zip(&mut weights) {
                let rows = part.panel(p).iter().zip(back.panel_mut(p)).zip(self.slopes);
                let mut sum = gradient.0;
                for ((x, back), &slope) in rows {
                    for k in 0..WIDTH {
                        sum[k] += slope * x.0[k];
                        back.0[k] = slope * h.0[k];
                    }
                }
                gradient.0 = sum;
            }
        }
    }
}

struct Step<'a> {
    update: Update,
    layer: &'a mut Output,
}

impl WithSimd for Step<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Output { theta, gradient, first, second, .. } = self.layer;
        for ((theta, g), (m, v)) in theta.iter_mut().zip(gradient).zip(first.iter_mut().zip(second)) {
            self.update.apply(simd, Some(&g.0), &mut theta.0, &mut m.0, &mut v.0);
            *g = Lane::ZERO;
        }
    }
}
