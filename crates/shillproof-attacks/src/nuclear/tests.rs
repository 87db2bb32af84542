//! Every mode against central differences of real retraining.

use shillproof_core::{Ctx, Seed};
use shillproof_victims::NuclearNorm;

use super::*;
use crate::mf::FakeRow;

const USERS: usize = 30;
const ITEMS: usize = 20;
const FAKES: usize = 3;
const TARGET: usize = 4;

/// A toy of two tastes and noise, 30 genuine and 3 fake users on 20 items, fitted to the last digits.
struct Toy {
    model: Nuclear,
    fakes: Vec<FakeRow>,
    clean: Vec<f64>,
    rated: Vec<bool>,
    ctx: Ctx<'static>,
}

/// μ₁ and μ₂ of the utility.
#[derive(Clone, Copy, Debug)]
struct Utility(f64, f64);

impl Toy {
    fn new(seed: u64, regularization: f32) -> Self {
        let noise = Factors::normal(USERS + FAKES, ITEMS, 1.0, Seed::new(seed));
        let value = |u: usize, i: usize| {
            let taste = if u % 2 == i % 2 { 1.2 } else { -0.8 } + if u % 3 == i % 5 { 0.7 } else { 0.0 };
            taste + 0.5 * noise.row(u)[i]
        };
        let observed = |u: usize, i: usize| (7 * u + 3 * i + u * i + seed as usize).is_multiple_of(3);
        let mut genuine = Rows::default();
        for u in 0..USERS {
            genuine.push((0..ITEMS).filter(|&i| observed(u, i)).map(|i| (i as u32, value(u, i), 1.0)));
        }
        let fakes = (0..FAKES).map(|v| {
            let items: Vec<usize> = (0..ITEMS).filter(|&i| i == TARGET || (i + v) % 3 == 0).collect();
            FakeRow {
                scores: items.iter().map(|&i| value(USERS + v, i)).collect(),
                items: items.iter().map(|&i| i as u32).collect(),
            }
        });
        let recipe =
            NuclearNorm { regularization, tolerance: 1e-15, iterations: 4000, ..NuclearNorm::default() };
        let ctx = Ctx::new(Seed::new(seed));
        let mut model = Nuclear::new(recipe, genuine, ITEMS);
        model.fit(&[], &ctx).unwrap();
        let clean = predictions(&model);
        let mut toy = Self { model, fakes: fakes.collect(), clean, rated: Vec::new(), ctx };
        toy.rated = (0..USERS * ITEMS).map(|c| observed(c / ITEMS, c % ITEMS)).collect();
        toy.model.fit(&toy.fakes.clone(), &ctx).unwrap();
        toy
    }

    fn utility(&self, model: &Nuclear, Utility(disturb, integrity): Utility) -> f64 {
        let now = predictions(model);
        let cells = now.iter().zip(&self.clean).zip(&self.rated).filter(|(_, rated)| !**rated);
        let shift: f64 = cells.map(|((x, clean), _)| (x - clean).powi(2)).sum();
        let target: f64 = (0..USERS).map(|u| now[u * ITEMS + TARGET]).sum();
        disturb * shift + integrity * 2.0 * target
    }

    /// ∂R/∂X through the factors.
    fn gradient(&self, utility: Utility) -> Theta {
        let (theta, slope) = (self.model.theta(), self.slope(utility));
        let width = theta.items.width();
        let mut out = Theta::zeros(USERS + FAKES, ITEMS, width);
        for u in 0..USERS {
            for i in 0..ITEMS {
                for k in 0..width {
                    out.users.row_mut(u)[k] += slope[(u, i)] * theta.items.row(i)[k];
                    out.items.row_mut(i)[k] += slope[(u, i)] * theta.users.row(u)[k];
                }
            }
        }
        out
    }

    fn derivatives(&self, utility: Utility, mode: Mode, sigma_grad: SigmaGrad) -> Vec<f64> {
        let how = Gradient {
            mode,
            printed: Printed { sigma_grad, ..Printed::default() },
            solver: Solver { damping: 0.0, tolerance: 1e-12, max_steps: 2000 },
        };
        self.model.cell_derivatives(&self.gradient(utility), &how, None, &self.ctx).unwrap().0.concat()
    }

    /// Central differences of retraining, for each utility and every fake cell.
    fn differences(&self, utilities: &[Utility]) -> Vec<Vec<f64>> {
        const STEP: f64 = 1e-4;
        let mut out = vec![Vec::new(); utilities.len()];
        for v in 0..FAKES {
            for at in 0..self.fakes[v].items.len() {
                let moved = |by: f64| {
                    let (mut fakes, mut model) = (self.fakes.clone(), self.model.clone());
                    fakes[v].scores[at] += by;
                    model.fit(&fakes, &self.ctx).unwrap();
                    model
                };
                let (up, down) = (moved(STEP), moved(-STEP));
                for (out, &utility) in out.iter_mut().zip(utilities) {
                    out.push((self.utility(&up, utility) - self.utility(&down, utility)) / (2.0 * STEP));
                }
            }
        }
        out
    }
}

impl Toy {
    /// The derivative in every fake cell by differentiating singular value thresholding itself: with Z = UΣVᵀ the filled-in
    /// matrix, f = max(σ − λ, 0) and L the derivative of thresholding at Z, Y = ∂R/∂X + R_⊥(L(Y)) and ∂R/∂M = R_Ω(L(Y)).
    fn through_thresholding(&self, utility: Utility, regularization: f64) -> Vec<f64> {
        let (problem, theta) = (self.model.problem(), self.model.theta());
        let dense = |rows: &Factors| DMatrix::from_row_slice(rows.rows(), rows.width(), rows.as_slice());
        let x = dense(&theta.users) * dense(&theta.items).transpose();
        let (mut z, mut unseen) = (x.clone(), x.map(|_| 1.0));
        for u in 0..USERS + FAKES {
            for (&i, &value) in problem.by_user().columns(u).iter().zip(problem.by_user().value(u)) {
                z[(u, i as usize)] = value;
                unseen[(u, i as usize)] = 0.0;
            }
        }
        let svd = z.svd(true, true);
        let (u, v, s) = (svd.u.unwrap(), svd.v_t.unwrap().transpose(), svd.singular_values);
        let f = s.map(|s| (s - regularization).max(0.0));
        let threshold = |g: &DMatrix<f64>| {
            let a = u.transpose() * g * &v;
            let inside = DMatrix::from_fn(ITEMS, ITEMS, |i, j| {
                // Two cut to zero stay there, also where both are zero before.
                if f[i] == 0.0 && f[j] == 0.0 {
                    return 0.0;
                }
                let even = if i == j { 1.0 } else { (f[i] - f[j]) / (s[i] - s[j]) };
                let odd = (f[i] + f[j]) / (s[i] + s[j]);
                even * (a[(i, j)] + a[(j, i)]) / 2.0 + odd * (a[(i, j)] - a[(j, i)]) / 2.0
            });
            let below = (g * &v - &u * &a)
                * DMatrix::from_diagonal(&f.zip_map(&s, |f, s| if f > 0.0 { f / s } else { 0.0 }));
            (&u * inside + below) * v.transpose()
        };
        let g = self.slope(utility);
        let mut y = g.clone();
        for _ in 0..20_000 {
            let next = &g + threshold(&y).component_mul(&unseen);
            let moved = (&next - &y).norm();
            y = next;
            if moved < 1e-13 * y.norm() {
                break;
            }
        }
        let answer = threshold(&y);
        let fakes =
            (USERS..USERS + FAKES).flat_map(|v| problem.by_user().columns(v).iter().map(move |&i| (v, i)));
        fakes.map(|(v, i)| answer[(v, i as usize)]).collect()
    }

    /// ∂R/∂X.
    fn slope(&self, Utility(disturb, integrity): Utility) -> DMatrix<f64> {
        let now = predictions(&self.model);
        DMatrix::from_fn(USERS + FAKES, ITEMS, |u, i| {
            let at = u * ITEMS + i;
            let shift =
                if u >= USERS || self.rated[at] { 0.0 } else { 2.0 * disturb * (now[at] - self.clean[at]) };
            shift + if u < USERS && i == TARGET { 2.0 * integrity } else { 0.0 }
        })
    }
}

fn predictions(model: &Nuclear) -> Vec<f64> {
    let theta = model.theta();
    let cell = |c: usize| {
        theta.users.row(c / ITEMS).iter().zip(theta.items.row(c % ITEMS)).map(|(a, b)| a * b).sum()
    };
    (0..USERS * ITEMS).map(cell).collect()
}

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// Promotion, availability, and promotion with a light trace.
const UTILITIES: [Utility; 3] = [Utility(0.0, 1.0), Utility(1.0, 0.0), Utility(-1.0, 1.0)];

/// Seed, λ, and for each utility the cosines with central differences of: fake users and items alone, then the printed gradient
/// without singular values, with their perturbation, and with their inverses as printed.
const TOYS: [(u64, f32, [[f64; 4]; 3]); 3] = [
    (3, 3.0, [[0.988, 0.768, 0.773, 0.265], [0.971, 0.851, 0.854, 0.491], [0.982, 0.806, 0.808, 0.277]]),
    (6, 3.0, [[0.993, 0.881, 0.879, 0.372], [0.977, 0.900, 0.886, 0.407], [0.993, 0.888, 0.885, 0.371]]),
    (6, 2.0, [[0.992, 0.789, 0.789, 0.421], [0.945, 0.788, 0.780, 0.290], [0.991, 0.807, 0.806, 0.418]]),
];

#[test]
fn exact_gradients_equal_differences_of_retraining_and_printed_ones_do_not() {
    for (seed, regularization, cosines) in TOYS {
        let toy = Toy::new(seed, regularization);
        let differences = toy.differences(&UTILITIES);
        for ((utility, truth), expected) in UTILITIES.into_iter().zip(differences).zip(cosines) {
            let exact = toy.derivatives(utility, Mode::Implicit, SigmaGrad::None);
            let square = |a: &[f64]| a.iter().map(|a| a * a).sum::<f64>();
            let error: Vec<f64> = exact.iter().zip(&truth).map(|(a, b)| a - b).collect();
            let error = (square(&error) / square(&truth)).sqrt();
            assert!(error < 1e-6, "toy {seed}, λ {regularization}, {utility:?}: relative error {error}");
            let dense = toy.through_thresholding(utility, f64::from(regularization));
            let apart: Vec<f64> = exact.iter().zip(&dense).map(|(a, b)| a - b).collect();
            let apart = (square(&apart) / square(&dense)).sqrt();
            assert!(
                apart < 1e-8,
                "toy {seed}, λ {regularization}, {utility:?}: {apart} from the dense derivative"
            );
            let modes = [
                (Mode::Coupled, SigmaGrad::None),
                (Mode::Paper, SigmaGrad::None),
                (Mode::Paper, SigmaGrad::Perturbation),
                (Mode::Paper, SigmaGrad::PaperClipped),
            ];
            let found = modes.map(|(mode, sigma)| cosine(&toy.derivatives(utility, mode, sigma), &truth));
            for (found, expected) in found.into_iter().zip(expected) {
                assert!((found - expected).abs() < 0.002, "{utility:?}: cosine {found}, expected {expected}");
            }
        }
    }
}
