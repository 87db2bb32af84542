//! Adam (Kingma and Ba, ICLR 2015), with the semantics of `torch.optim.Adam`.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

/// Adam's state for one block of parameters.
///
/// *Dense* semantics, as in published training code: every parameter moves at every step, one
/// without gradient coasts on its momentum. *Lazy rows* is another algorithm: rows without gradient stay
/// where they are, and so do their moments.
#[derive(Debug)]
pub struct Adam {
    /// Step size.
    pub learning_rate: f32,
    /// Added to the gradient as `weight_decay · θ`, the gradient of `weight_decay/2 · ‖θ‖²`.
    pub weight_decay: f32,
    first: Vec<f32>,
    second: Vec<f32>,
    steps: i32,
}

/// Decay of the first moment.
pub(crate) const BETA1: f32 = 0.9;
/// Decay of the second moment.
pub(crate) const BETA2: f32 = 0.999;
/// Keeps the step finite.
pub(crate) const EPSILON: f32 = 1e-8;
/// Parameters updated by one thread at a time.
const CHUNK: usize = 1 << 14;

impl Clone for Adam {
    fn clone(&self) -> Self {
        Self { first: self.first.clone(), second: self.second.clone(), ..*self }
    }

    /// Into the memory that is there, where it is enough.
    fn clone_from(&mut self, source: &Self) {
        let Self { learning_rate, weight_decay, first, second, steps } = source;
        (self.learning_rate, self.weight_decay, self.steps) = (*learning_rate, *weight_decay, *steps);
        self.first.clone_from(first);
        self.second.clone_from(second);
    }
}

impl Adam {
    /// The state of `parameters` parameters before the first step.
    pub fn new(parameters: usize, learning_rate: f32, weight_decay: f32) -> Self {
        Self {
            learning_rate,
            weight_decay,
            first: vec![0.0; parameters],
            second: vec![0.0; parameters],
            steps: 0,
        }
    }

    /// One step of all parameters (dense semantics).
    ///
    /// # Shapes
    /// `parameters`, `gradient`: as many as at [`Adam::new`].
    ///
    /// ```
    /// use shillproof_kernels::Adam;
    /// let mut x = [1.0, 1.0];
    /// Adam::new(2, 0.1, 0.0).step(&mut x, &[5.0, 0.0]);
    /// assert!((x[0] - 0.9).abs() < 1e-6 && x[1] == 1.0); // the first step is the sign of the gradient
    /// ```
    pub fn step(&mut self, parameters: &mut [f32], gradient: &[f32]) {
        let update = self.next_step();
        let state = self.first.par_chunks_mut(CHUNK).zip(self.second.par_chunks_mut(CHUNK));
        parameters.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK)).zip(state).for_each(
            |((theta, g), (m, v))| {
                Arch::new().dispatch(Piece { update, theta, g, m, v });
            },
        );
    }

    /// One step of some rows (lazy semantics); the bias correction counts all steps.
    ///
    /// # Shapes
    /// `parameters`: rows of `width`. `rows`: distinct row numbers. `gradient`: one row of `width` for each of `rows`.
    pub fn step_rows(&mut self, parameters: &mut [f32], width: usize, rows: &[u32], gradient: &[f32]) {
        let update = self.next_step();
        for (&row, g) in rows.iter().zip(gradient.chunks_exact(width.max(1))) {
            let span = row as usize * width..(row as usize + 1) * width;
            let (m, v) = (&mut self.first[span.clone()], &mut self.second[span.clone()]);
            Arch::new().dispatch(Piece { update, theta: &mut parameters[span], g, m, v });
        }
    }

    /// Pulls a cotangent of parameters and moments back through the step that led to this state.
    ///
    /// On entry `cotangent` is with respect to what the step left, on return to what it found, but for two
    /// things that go through the gradient: its cotangent is written to `of_gradient`, which the caller multiplies by the gradient's
    /// derivative; the weight decay's share of it is added here.
    ///
    /// # Shapes
    /// All: as many as at [`Adam::new`]. `before`: the state that the step found.
    ///
    /// ```
    /// use shillproof_kernels::{Adam, adam::Cotangent};
    /// let (before, mut x) = (Adam::new(1, 0.1, 0.0), [1.0]);
    /// let mut after = before.clone();
    /// after.step(&mut x, &[5.0]);
    /// let mut cotangent = Cotangent::of(&[1.0]);
    /// let mut of_gradient = [0.0];
    /// after.pull_back(&before, &mut cotangent, &mut of_gradient);
    /// assert_eq!(cotangent.parameters, [1.0]);
    /// assert!(of_gradient[0].abs() < 1e-6); // the first step depends on the sign of the gradient alone
    /// ```
    pub fn pull_back(&self, before: &Self, cotangent: &mut Cotangent, of_gradient: &mut [f32]) {
        let update = self.last_step();
        let Cotangent { parameters, first, second } = cotangent;
        let moments = self.first.par_chunks(CHUNK).zip(self.second.par_chunks(CHUNK));
        let moments = moments.zip(before.first.par_chunks(CHUNK));
        let cotangents = parameters
            .par_chunks_mut(CHUNK)
            .zip(first.par_chunks_mut(CHUNK))
            .zip(second.par_chunks_mut(CHUNK));
        of_gradient.par_chunks_mut(CHUNK).zip(cotangents).zip(moments).for_each(
            |((of_g, ((theta, m_bar), v_bar)), ((m, v), m_before))| {
                Arch::new().dispatch(Back { update, m, v, m_before, theta, m_bar, v_bar, of_g });
            },
        );
    }

    fn next_step(&mut self) -> Update {
        self.steps = self.steps.saturating_add(1);
        self.last_step()
    }

    fn last_step(&self) -> Update {
        Update::at(self.steps, self.learning_rate, self.weight_decay)
    }
}

/// One step of every parameter.
#[derive(Clone, Copy, Debug)]
pub struct Update {
    rate: f32,
    root: f32,
    decay: f32,
}

impl Update {
    /// Step `step`, counted from 1.
    pub(crate) fn at(step: i32, learning_rate: f32, weight_decay: f32) -> Self {
        let correction = |beta: f32| 1.0 - f64::from(beta).powi(step);
        Self {
            rate: (f64::from(learning_rate) / correction(BETA1)) as f32,
            root: (1.0 / correction(BETA2).sqrt()) as f32,
            decay: weight_decay,
        }
    }
}

/// A cotangent of parameters and moments.
#[derive(Clone, Debug, PartialEq)]
pub struct Cotangent {
    /// Of the parameters.
    pub parameters: Vec<f32>,
    /// Of the first moments.
    pub first: Vec<f32>,
    /// Of the second moments.
    pub second: Vec<f32>,
}

impl Cotangent {
    /// That of something that depends on the parameters alone.
    pub fn of(parameters: &[f32]) -> Self {
        let n = parameters.len();
        Self { parameters: parameters.to_vec(), first: vec![0.0; n], second: vec![0.0; n] }
    }
}

/// What moves parameters together with both of their moments.
pub(crate) trait Motion: Copy {
    /// One vector: gradient, values and moments become values and moments.
    fn vector<S: Simd>(self, simd: S, g: S::f32s, theta: S::f32s, m: S::f32s, v: S::f32s) -> [S::f32s; 3];

    /// All of some values; no gradient is a gradient of 0. What is left behind whole vectors is padded with zeros.
    ///
    /// # Shapes
    /// Slices of one length.
    #[inline(always)]
    fn apply<S: Simd>(
        self,
        simd: S,
        gradient: Option<&[f32]>,
        theta: &mut [f32],
        m: &mut [f32],
        v: &mut [f32],
    ) {
        let zero = simd.splat_f32s(0.0);
        let (g, g_rest) = S::as_simd_f32s(gradient.unwrap_or_default());
        let (theta, theta_rest) = S::as_mut_simd_f32s(theta);
        let (m, m_rest) = S::as_mut_simd_f32s(m);
        let (v, v_rest) = S::as_mut_simd_f32s(v);
        for (i, ((theta, m), v)) in theta.iter_mut().zip(m).zip(v).enumerate() {
            let g = if gradient.is_some() { g[i] } else { zero };
            [*theta, *m, *v] = self.vector(simd, g, *theta, *m, *v);
        }
        if !theta_rest.is_empty() {
            let g = if gradient.is_some() { simd.partial_load_f32s(g_rest) } else { zero };
            let rest = [&*theta_rest, &*m_rest, &*v_rest];
            let [theta, m, v] = [
                simd.partial_load_f32s(rest[0]),
                simd.partial_load_f32s(rest[1]),
                simd.partial_load_f32s(rest[2]),
            ];
            let [theta, m, v] = self.vector(simd, g, theta, m, v);
            simd.partial_store_f32s(theta_rest, theta);
            simd.partial_store_f32s(m_rest, m);
            simd.partial_store_f32s(v_rest, v);
        }
    }
}

impl Motion for Update {
    #[inline(always)]
    fn vector<S: Simd>(self, simd: S, g: S::f32s, theta: S::f32s, m: S::f32s, v: S::f32s) -> [S::f32s; 3] {
        let (keep1, take1) = (simd.splat_f32s(BETA1), simd.splat_f32s(1.0 - BETA1));
        let (keep2, take2) = (simd.splat_f32s(BETA2), simd.splat_f32s(1.0 - BETA2));
        let g = simd.add_f32s(g, simd.mul_f32s(simd.splat_f32s(self.decay), theta));
        let m = simd.add_f32s(simd.mul_f32s(keep1, m), simd.mul_f32s(take1, g));
        let v = simd.add_f32s(simd.mul_f32s(keep2, v), simd.mul_f32s(simd.mul_f32s(take2, g), g));
        let root = simd.mul_f32s(simd.sqrt_f32s(v), simd.splat_f32s(self.root));
        let size = simd.add_f32s(root, simd.splat_f32s(EPSILON));
        let step = simd.div_f32s(simd.mul_f32s(simd.splat_f32s(self.rate), m), size);
        [simd.sub_f32s(theta, step), m, v]
    }
}

struct Piece<'a> {
    update: Update,
    theta: &'a mut [f32],
    g: &'a [f32],
    m: &'a mut [f32],
    v: &'a mut [f32],
}

impl WithSimd for Piece<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.update.apply(simd, Some(self.g), self.theta, self.m, self.v);
    }
}

struct Back<'a> {
    update: Update,
    m: &'a [f32],
    v: &'a [f32],
    m_before: &'a [f32],
    theta: &'a mut [f32],
    m_bar: &'a mut [f32],
    v_bar: &'a mut [f32],
    of_g: &'a mut [f32],
}

/// Where a second moment is zero the step does not depend on it.
const SMALLEST_ROOT: f32 = 1e-12;

impl WithSimd for Back<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Update { rate, root, decay } = self.update;
        let n = self.theta.len();
        let (m, v, m_before) = (&self.m[..n], &self.v[..n], &self.m_before[..n]);
        let (theta, m_bar) = (&mut self.theta[..n], &mut self.m_bar[..n]);
        let (v_bar, of_g) = (&mut self.v_bar[..n], &mut self.of_g[..n]);
        for i in 0..n {
            let sqrt = v[i].sqrt().max(SMALLEST_ROOT);
            let step = rate / (sqrt * root + EPSILON);
            let of_m = m_bar[i] - step * theta[i];
            let of_v = v_bar[i] + step * step * theta[i] * m[i] * (root / (2.0 * rate * sqrt));
            let g = (m[i] - BETA1 * m_before[i]) * (1.0 / (1.0 - BETA1));
            let of_gradient = (1.0 - BETA1) * of_m + 2.0 * (1.0 - BETA2) * g * of_v;
            of_g[i] = of_gradient;
            m_bar[i] = BETA1 * of_m;
            v_bar[i] = BETA2 * of_v;
            theta[i] += decay * of_gradient;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The textbook form, in f64.
    fn textbook(gradients: &[f64], start: f64, rate: f64, decay: f64) -> f64 {
        let (mut theta, mut m, mut v) = (start, 0.0, 0.0);
        for (t, g) in gradients.iter().enumerate() {
            let g = g + decay * theta;
            m = 0.9 * m + 0.1 * g;
            v = 0.999 * v + 0.001 * g * g;
            let (m_hat, v_hat) =
                (m / (1.0 - 0.9f64.powi(t as i32 + 1)), v / (1.0 - 0.999f64.powi(t as i32 + 1)));
            theta -= rate * m_hat / (v_hat.sqrt() + 1e-8);
        }
        theta
    }

    #[test]
    fn follows_the_textbook_and_coasts() {
        let gradients: Vec<f64> = (0..50).map(|t| if t < 10 { f64::from(t).sin() } else { 0.0 }).collect();
        let (mut x, mut adam) = (vec![0.5f32; 20_000], Adam::new(20_000, 0.01, 0.1));
        for g in &gradients {
            adam.step(&mut x, &vec![*g as f32; 20_000]);
        }
        let exact = textbook(&gradients, 0.5, 0.01, 0.1);
        assert!(x.iter().all(|&x| (f64::from(x) - exact).abs() < 1e-5), "{} against {exact}", x[0]);
    }

    /// Central differences of four steps whose gradient is `sin(θ) + 0.3 θ`, through the textbook form in f64.
    #[test]
    fn a_pulled_back_cotangent_is_the_derivative() {
        let run = |start: f64| {
            let (mut theta, mut m, mut v) = (start, 0.0, 0.0);
            for t in 1..=4 {
                let g = theta.sin() + 0.3 * theta;
                m = 0.9 * m + 0.1 * g;
                v = 0.999 * v + 0.001 * g * g;
                let (m_hat, v_hat) = (m / (1.0 - 0.9f64.powi(t)), v / (1.0 - 0.999f64.powi(t)));
                theta -= 0.1 * m_hat / (v_hat.sqrt() + 1e-8);
            }
            theta
        };
        let starts: Vec<f32> = (1..40).map(|k| k as f32 * 0.07).collect();
        let (mut x, mut adam) = (starts.clone(), Adam::new(starts.len(), 0.1, 0.3));
        let mut states = Vec::new();
        for _ in 0..4 {
            states.push((x.clone(), adam.clone()));
            let gradient: Vec<f32> = x.iter().map(|x| x.sin()).collect();
            adam.step(&mut x, &gradient);
        }
        let mut cotangent = Cotangent::of(&vec![1.0; x.len()]);
        let mut of_gradient = vec![0.0; x.len()];
        for (theta, before) in states.iter().rev() {
            adam.pull_back(before, &mut cotangent, &mut of_gradient);
            for ((bar, &of_g), theta) in cotangent.parameters.iter_mut().zip(&of_gradient).zip(theta) {
                *bar += of_g * theta.cos();
            }
            adam = before.clone();
        }
        for (&start, &got) in starts.iter().zip(&cotangent.parameters) {
            let (x, h) = (f64::from(start), 1e-6);
            let exact = (run(x + h) - run(x - h)) / (2.0 * h);
            assert!((f64::from(got) - exact).abs() < 1e-4, "{got} for {exact} at {start}");
        }
    }

    #[test]
    fn lazy_rows_stay_and_touched_rows_move_as_in_the_dense_form() {
        let (mut lazy, mut dense) = (vec![1.0f32; 6], vec![1.0f32; 6]);
        let (mut a, mut b) = (Adam::new(6, 0.1, 0.0), Adam::new(6, 0.1, 0.0));
        a.step_rows(&mut lazy, 2, &[2, 0], &[3.0, -1.0, 1.0, 2.0]);
        b.step(&mut dense, &[1.0, 2.0, 0.0, 0.0, 3.0, -1.0]);
        assert_eq!(lazy, dense);
        a.step_rows(&mut lazy, 2, &[1], &[1.0, 1.0]);
        b.step(&mut dense, &[0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
        assert_eq!(lazy[2..4], dense[2..4]);
        assert!(lazy[0] != dense[0], "the dense form coasts");
    }
}
