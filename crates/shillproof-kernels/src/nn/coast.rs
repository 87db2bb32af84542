//! Rows that Adam moves without a gradient: all the steps that a row has missed, at once.
//!
//! Between two gradients a parameter coasts: `m` and `v` decay by known factors, so after `t` steps the next `k`
//! move it by
//!
//! ```text
//! −m Σ_j a_j / (b_j √v + ε),    a_j = α β₁^j / (1 − β₁^(t+j)),    b_j = β₂^(j/2) / √(1 − β₂^(t+j)).
//! ```
//!
//! The weights `a_j` and the points `b_j` are the same for every parameter, and the points lie close together. So the sum is the
//! integral of 1/(x√v + ε) under a narrow distribution: with the total weight `A`, the mean `x` and the central moments of the points,
//!
//! ```text
//! Σ_j a_j / (b_j √v + ε) ≈ A / (x√v + ε) · (1 + ρ²(μ₂ − ρ(μ₃ − ρμ₄))),    ρ = x√v / (x√v + ε),    μ_n = M_n / x^n.
//! ```
//!
//! The series is cut behind the fourth moment. The points' relative deviation is at most 1/40 once [`WARM`] steps are done, which leaves
//! an error below the rounding of `f32`, whatever √v is beside ε. Earlier steps are made one by one.

use pulp::Simd;

use crate::adam::{BETA1, BETA2, EPSILON, Motion, Update};

/// Steps after which the points lie close enough together.
const WARM: u32 = 256;
/// Steps after which a momentum is spent: β₁ to this power is below the rounding of `f32`.
const SPENT: usize = 160;
/// Steps after which both bias corrections are 1, to the last bit of `f64`.
const STEADY: u32 = 1 << 15;
/// Moments of the points: from the zeroth to the fourth.
const MOMENTS: usize = 5;

/// How rows are treated that no gradient reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Untouched {
    /// They coast on their momentum, as in `torch.optim.Adam`.
    #[default]
    Coast,
    /// They stay where they are, and so do their moments, as in `torch.optim.SparseAdam`.
    Stay,
}

/// The steps of Adam on parameters that move together: how many are done, and what rows miss meanwhile.
///
/// ```
/// use shillproof_kernels::nn::{AdamSteps, Embedding, Untouched};
/// use shillproof_kernels::Matrix;
/// let mut steps = AdamSteps::new(0.1, 0.0, Untouched::Coast);
/// let mut table = Embedding::new(&[&Matrix::from_slice(2, 1, &[1.0, 1.0])?]);
/// let mut slots = Vec::new();
/// table.touch(&[0], &steps, &mut slots);
/// table.gradient_mut(slots[0])[0] = 5.0;
/// steps.advance();
/// table.step(&steps);
/// assert!((table.block(0).row(0)[0] - 0.9).abs() < 1e-6); // the first step is the sign of the gradient
/// assert_eq!(table.block(0).row(1)[0], 1.0);
/// # Ok::<(), shillproof_kernels::ShapeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct AdamSteps {
    learning_rate: f32,
    weight_decay: f32,
    untouched: Untouched,
    done: u32,
    update: Update,
    /// The first steps, for rows that have missed some of them.
    first: Vec<Update>,
    /// `1 / (1 − β₁^τ)` and `1 / √(1 − β₂^τ)` of step τ, up to [`STEADY`].
    corrections: Vec<[f64; 2]>,
    /// `recent[k]`: from k steps ago until now.
    recent: Vec<Coast>,
    /// `spent[n]`: from step [`WARM`] + n until the momentum was spent.
    spent: Vec<Coast>,
}

/// What a row has missed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Coast {
    total: f32,
    mean: f32,
    central: [f32; 3],
    decay1: f32,
    decay2: f32,
}

impl AdamSteps {
    /// Before the first step.
    ///
    /// `weight_decay · θ` is added to every gradient; where it is not 0 and `untouched` is [`Untouched::Coast`], every row has a gradient in every
    /// step, and [`crate::nn::Embedding`] moves them all.
    pub fn new(learning_rate: f32, weight_decay: f32, untouched: Untouched) -> Self {
        Self {
            learning_rate,
            weight_decay,
            untouched,
            done: 0,
            update: Update::at(1, learning_rate, weight_decay),
            first: Vec::new(),
            corrections: Vec::new(),
            recent: vec![Coast { decay1: 1.0, decay2: 1.0, ..Coast::default() }],
            spent: Vec::new(),
        }
    }

    /// Steps done.
    pub fn done(&self) -> u32 {
        self.done
    }

    /// Begins the next step: what is to move now moves by [`AdamSteps::update`].
    pub fn advance(&mut self) {
        self.done += 1;
        self.update = Update::at(self.done as i32, self.learning_rate, self.weight_decay);
        if !self.rows_lag() {
            return;
        }
        if self.done <= WARM {
            self.first.push(self.update);
        }
        if self.done <= STEADY {
            let correction = |beta: f32| 1.0 - f64::from(beta).powi(self.done as i32);
            self.corrections.push([1.0 / correction(BETA1), 1.0 / correction(BETA2).sqrt()]);
        }
        self.look_back();
    }

    /// The step begun last.
    pub fn update(&self) -> Update {
        self.update
    }

    /// Whether rows without gradient are moved only when they are needed.
    pub(crate) fn rows_lag(&self) -> bool {
        self.untouched == Untouched::Coast && self.weight_decay == 0.0
    }

    /// Whether every row moves in every step.
    pub(crate) fn rows_all_move(&self) -> bool {
        self.untouched == Untouched::Coast && self.weight_decay != 0.0
    }

    /// Computes `recent` for the steps done: the sums of the gap that starts a step earlier follow from those of the gap that starts
    /// later, by decay and one more term.
    fn look_back(&mut self) {
        // From a whole look back on, nothing changes any more.
        if self.done > STEADY + SPENT as u32 {
            return;
        }
        let (beta1, root2) = (f64::from(BETA1), f64::from(BETA2).sqrt());
        let (mut sums, mut decay1, mut decay2) = ([0.0; MOMENTS], 1.0, 1.0);
        let reach = (self.done.saturating_sub(WARM) as usize).min(SPENT);
        self.recent.truncate(1);
        for k in 1..=reach {
            let next = (self.done as usize - k).min(self.corrections.len() - 1);
            let [correction1, correction2] = self.corrections[next];
            let point = root2 * correction2;
            let (mut fade, mut weight) = (beta1, f64::from(self.learning_rate) * beta1 * correction1);
            for sum in &mut sums {
                *sum = fade * *sum + weight;
                fade *= root2;
                weight *= point;
            }
            decay1 *= beta1;
            decay2 *= root2 * root2;
            self.recent.push(Coast::new(sums, decay1, decay2));
        }
        if reach == SPENT && self.done - SPENT as u32 <= STEADY {
            self.spent.push(self.recent[SPENT]);
        }
    }

    /// Moves one row, at step `from` so far, to the steps done.
    ///
    /// # Shapes
    /// Slices of one length.
    #[inline(always)]
    pub(crate) fn catch_up<S: Simd>(
        &self,
        simd: S,
        from: u32,
        theta: &mut [f32],
        m: &mut [f32],
        v: &mut [f32],
    ) {
        let mut from = from;
        while from < WARM.min(self.done) {
            self.first[from as usize].apply(simd, None, theta, m, v);
            from += 1;
        }
        if from < self.done {
            self.coast(from).apply(simd, None, theta, m, v);
        }
    }

    /// From step `from`, at least [`WARM`], until now.
    #[inline(always)]
    fn coast(&self, from: u32) -> Coast {
        let missed = (self.done - from) as usize;
        match self.recent.get(missed) {
            Some(&coast) => coast,
            None => self.long_coast(from, missed),
        }
    }

    #[cold]
    fn long_coast(&self, from: u32, missed: usize) -> Coast {
        let start = (from - WARM) as usize;
        let spent = self.spent[start.min(self.spent.len() - 1)];
        let decay = |beta: f32| f64::from(beta).powi(missed as i32) as f32;
        // Powers that `f32` holds as a whole; smaller ones would only slow the arithmetic down.
        let decay1 = if missed < 512 { decay(BETA1) } else { 0.0 };
        Coast { decay1, decay2: decay(BETA2), ..spent }
    }
}

impl Coast {
    fn new(sums: [f64; MOMENTS], decay1: f64, decay2: f64) -> Self {
        let total = sums[0];
        let [_, m1, m2, m3, m4] = sums.map(|sum| sum / total);
        let (r2, r3, r4) = (m2 / m1.powi(2), m3 / m1.powi(3), m4 / m1.powi(4));
        let central = [r2 - 1.0, r3 - 3.0 * r2 + 2.0, r4 - 4.0 * r3 + 6.0 * r2 - 3.0];
        Self {
            total: total as f32,
            mean: m1 as f32,
            central: central.map(|c| c as f32),
            decay1: decay1 as f32,
            decay2: decay2 as f32,
        }
    }
}

impl Motion for Coast {
    #[inline(always)]
    fn vector<S: Simd>(self, simd: S, _: S::f32s, theta: S::f32s, m: S::f32s, v: S::f32s) -> [S::f32s; 3] {
        let one = simd.splat_f32s(1.0);
        let [c2, c3, c4] = self.central;
        let scaled = simd.mul_f32s(simd.splat_f32s(self.mean), simd.sqrt_f32s(v));
        let inverse = simd.div_f32s(one, simd.add_f32s(scaled, simd.splat_f32s(EPSILON)));
        let rho = simd.mul_f32s(scaled, inverse);
        let inner = simd.sub_f32s(simd.splat_f32s(c3), simd.mul_f32s(rho, simd.splat_f32s(c4)));
        let inner = simd.sub_f32s(simd.splat_f32s(c2), simd.mul_f32s(rho, inner));
        let spread = simd.add_f32s(one, simd.mul_f32s(simd.mul_f32s(rho, rho), inner));
        let total = simd.mul_f32s(simd.splat_f32s(self.total), m);
        let step = simd.mul_f32s(total, simd.mul_f32s(inverse, spread));
        let (decay1, decay2) = (simd.splat_f32s(self.decay1), simd.splat_f32s(self.decay2));
        [simd.sub_f32s(theta, step), simd.mul_f32s(m, decay1), simd.mul_f32s(v, decay2)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use pulp::{Arch, WithSimd};

    /// All steps one by one, in f64.
    fn one_by_one(rate: f64, from: u32, to: u32, start: [f64; 3]) -> [f64; 3] {
        let [mut theta, mut m, mut v] = start;
        let (beta1, beta2) = (f64::from(BETA1), f64::from(BETA2));
        for t in from + 1..=to {
            m *= beta1;
            v *= beta2;
            let (m_hat, v_hat) = (m / (1.0 - beta1.powi(t as i32)), v / (1.0 - beta2.powi(t as i32)));
            theta -= rate * m_hat / (v_hat.sqrt() + f64::from(EPSILON));
        }
        [theta, m, v]
    }

    fn steps(done: u32) -> AdamSteps {
        let mut steps = AdamSteps::new(0.01, 0.0, Untouched::Coast);
        (0..done).for_each(|_| steps.advance());
        steps
    }

    struct CatchUp<'a>(&'a AdamSteps, u32, [f32; 3]);

    impl WithSimd for CatchUp<'_> {
        type Output = [f32; 3];

        fn with_simd<S: Simd>(self, simd: S) -> [f32; 3] {
            // 19 values: whole vectors and a rest, on every instruction set.
            let mut rows = self.2.map(|x| [x; 19]);
            let [theta, m, v] = &mut rows;
            self.0.catch_up(simd, self.1, theta, m, v);
            assert!(rows.iter().all(|row| row.iter().all(|x| *x == row[0])));
            rows.map(|row| row[0])
        }
    }

    fn caught_up(steps: &AdamSteps, from: u32, row: [f32; 3]) -> [f32; 3] {
        Arch::new().dispatch(CatchUp(steps, from, row))
    }

    fn check(steps: &AdamSteps, from: u32, m: f32, v: f32) -> Result<(), TestCaseError> {
        let [theta, first, second] = caught_up(steps, from, [0.0, m, v]);
        let [want, want_m, want_v] = one_by_one(0.01, from, steps.done(), [0.0, f64::from(m), f64::from(v)]);
        let near = |got: f32, want: f64, scale: f64| (f64::from(got) - want).abs() <= 4e-6 * scale + 1e-30;
        prop_assert!(near(theta, want, want.abs()), "{} for {want}", theta);
        // A momentum that is spent may be forgotten.
        prop_assert!(near(first, want_m, f64::from(m).abs()), "{} for {want_m}", first);
        prop_assert!(near(second, want_v, f64::from(v)), "{} for {want_v}", second);
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        #[test]
        fn a_gap_at_once_equals_its_steps(done in 1u32..3000, missed in 1u32..600, m in -1.0f32..1.0, root in -12.0f32..0.0) {
            // √v from far above ε to far below it; |m| is of the size of √v.
            let root = 10f32.powf(root);
            check(&steps(done), done.saturating_sub(missed), m * root, root * root)?;
        }
    }

    #[test]
    fn late_steps_and_long_gaps_are_right_too() {
        let late = steps(STEADY + 700);
        for missed in [1, 20, 159, 160, 161, 300, 600, 5_000, STEADY] {
            for root in [1e-9f32, 1e-8, 1e-6, 1e-3] {
                check(&late, late.done() - missed, 0.3 * root, root * root).unwrap();
            }
        }
    }

    #[test]
    fn what_was_never_reached_stays() {
        assert_eq!(caught_up(&steps(700), 0, [0.25, 0.0, 0.0]), [0.25, 0.0, 0.0]);
    }
}
