//! The inverse of the curvature, by LiSSA and by conjugate gradients.

use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::{Cancelled, Ctx, Rng};

use crate::mf::vector::{axpy, dot};

/// A mean loss over samples whose second derivative can be had.
pub trait Curvature {
    /// Numbers in parameter space.
    fn parameters(&self) -> usize;

    /// Samples of the loss.
    fn samples(&self) -> usize;

    /// The mean over these samples of the Hessian times `v`, into `out`; all samples if none are named.
    fn product(&self, some: Option<&[usize]>, v: &[f64], hessian: Hessian, out: &mut [f64]);

    /// About the diagonal of the Hessian over all samples, by which conjugate gradients are preconditioned; numbers at or below 0 say nothing.
    fn diagonal(&self) -> Vec<f64> {
        vec![0.0; self.parameters()]
    }
}

/// Which matrix of second derivatives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Hessian {
    /// All of it.
    #[default]
    Full,
    /// Gauss and Newton's part, which is never negative.
    GaussNewton,
}

/// How LiSSA goes (Agarwal, Bullins and Hazan, JMLR 2017; Koh and Liang, ICML 2017, section 3).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lissa {
    /// Damping, as a share of the scale.
    pub damping: f64,
    /// Most steps.
    pub depth: usize,
    /// Runs that are averaged.
    pub repeats: usize,
    /// Samples of a step.
    pub batch: usize,
    /// Which matrix.
    pub hessian: Hessian,
}

/// Where steps of relative length below this end a run.
const TOLERANCE: f64 = 1e-3;
/// How far beyond what a positive matrix allows a run may grow.
const BOUND: f64 = 1.5;
/// Steps of power iteration.
const POWER: usize = 20;
/// Most steps of conjugate gradients.
const CG_STEPS: usize = 500;

/// A solution, and the matrix that it belongs to.
#[derive(Clone, Debug)]
pub struct Solved {
    /// `(H + damping)⁻¹ v`.
    pub x: Vec<f64>,
    /// What was added to the diagonal.
    pub damping: f64,
    /// Products with the whole matrix, or with one of a batch, that it took.
    pub products: usize,
}

impl Lissa {
    /// Twice the largest eigenvalue, which keeps the iteration from diverging.
    pub fn scale(&self, loss: &impl Curvature, rng: &mut Rng) -> f64 {
        let n = loss.parameters();
        let mut v: Vec<f64> = (0..n).map(|_| rng.random_range(-1.0..1.0)).collect();
        let (mut out, mut largest) = (vec![0.0; n], 0.0);
        for _ in 0..POWER {
            let norm = dot(&v, &v).sqrt();
            if norm == 0.0 {
                break;
            }
            for x in &mut v {
                *x /= norm;
            }
            loss.product(None, &v, self.hessian, &mut out);
            largest = dot(&v, &out).abs().max(dot(&out, &out).sqrt());
            std::mem::swap(&mut v, &mut out);
        }
        (2.0 * largest).max(f64::MIN_POSITIVE)
    }

    /// `(H + damping · scale)⁻¹ v` on samples drawn at random: `h ← v + (1 − damping) h − H_B h / scale`, `x = h / scale`. Of a run that goes on to the end, as the noise
    /// of the draws makes it, the mean of the second half of all h counts. A matrix that is positive keeps `‖h‖` below `‖v‖ / damping`: where h grows far beyond, by negative
    /// curvature or batches that are larger than the scale, the scale is tripled, and all begins anew.
    ///
    /// # Errors
    /// If somebody asked to stop.
    pub fn solve(
        &self,
        loss: &impl Curvature,
        scale: f64,
        v: &[f64],
        ctx: &Ctx<'_>,
    ) -> Result<Solved, Cancelled> {
        let (mut scale, mut products) = (scale, 0);
        'again: loop {
            let mut total = vec![0.0; v.len()];
            for repeat in 0..self.repeats {
                let mut rng = ctx.seed.child("lissa").index(repeat as u64).rng();
                let Some(mean) = self.run(loss, scale, v, &mut rng, &mut products, ctx)? else {
                    scale *= 3.0;
                    continue 'again;
                };
                axpy(1.0 / (scale * self.repeats as f64), &mean, &mut total);
            }
            return Ok(Solved { x: total, damping: self.damping * scale, products });
        }
    }

    /// One run: h, or nothing if it grows out of bounds.
    fn run(
        &self,
        loss: &impl Curvature,
        scale: f64,
        v: &[f64],
        rng: &mut Rng,
        products: &mut usize,
        ctx: &Ctx<'_>,
    ) -> Result<Option<Vec<f64>>, Cancelled> {
        let n = v.len();
        let (mut h, mut out, mut batch) = (v.to_vec(), vec![0.0; n], Vec::new());
        let (half, mut mean) = (self.depth / 2, vec![0.0; n]);
        let most = (BOUND / self.damping).powi(2) * dot(v, v);
        for step in 0..self.depth {
            ctx.check()?;
            batch.clear();
            batch.extend((0..self.batch).map(|_| rng.random_range(0..loss.samples() as u64) as usize));
            loss.product(Some(&batch), &h, self.hessian, &mut out);
            *products += 1;
            let (mut moved, mut size) = (0.0, 0.0);
            for k in 0..n {
                let next = v[k] + (1.0 - self.damping) * h[k] - out[k] / scale;
                moved += (next - h[k]) * (next - h[k]);
                size += next * next;
                h[k] = next;
            }
            if size > most {
                return Ok(None);
            }
            if moved <= TOLERANCE * TOLERANCE * size {
                return Ok(Some(h));
            }
            if step >= half {
                axpy(1.0 / (self.depth - half) as f64, &h, &mut mean);
            }
        }
        Ok(Some(mean))
    }
}

/// `(H + damping)⁻¹ v` by conjugate gradients on all samples, preconditioned by the diagonal, until the residual is at most `tolerance` of `v`. Where a direction
/// of negative curvature is met, the damping is raised tenfold and all begins anew.
///
/// # Errors
/// If somebody asked to stop.
pub fn conjugate_gradient(
    loss: &impl Curvature,
    hessian: Hessian,
    damping: f64,
    v: &[f64],
    tolerance: f64,
    ctx: &Ctx<'_>,
) -> Result<Solved, Cancelled> {
    let n = loss.parameters();
    let diagonal = loss.diagonal();
    let (mut damping, mut products) = (damping, 0);
    'again: loop {
        let inverse: Vec<f64> =
            diagonal.iter().map(|&d| if d > 0.0 { 1.0 / (d + damping) } else { 1.0 }).collect();
        let apply = |r: &[f64]| -> Vec<f64> { r.iter().zip(&inverse).map(|(r, m)| m * r).collect() };
        let (mut x, mut r) = (vec![0.0; n], v.to_vec());
        let mut p = apply(&r);
        let mut rz = dot(&r, &p);
        let mut ap = vec![0.0; n];
        let end = tolerance * tolerance * dot(v, v);
        for _ in 0..CG_STEPS {
            if dot(&r, &r) <= end {
                break;
            }
            ctx.check()?;
            loss.product(None, &p, hessian, &mut ap);
            products += 1;
            axpy(damping, &p, &mut ap);
            let curvature = dot(&p, &ap);
            if curvature <= 0.0 {
                damping = (10.0 * damping).max(f64::EPSILON);
                continue 'again;
            }
            let step = rz / curvature;
            axpy(step, &p, &mut x);
            axpy(-step, &ap, &mut r);
            let z = apply(&r);
            let next = dot(&r, &z);
            let keep = next / rz;
            for (p, z) in p.iter_mut().zip(&z) {
                *p = z + keep * *p;
            }
            rz = next;
        }
        return Ok(Solved { x, damping, products });
    }
}
