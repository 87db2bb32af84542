//! The first-order gradient of Li et al. (NIPS 2016, §4.2 and appendix B).

use nalgebra::{Cholesky, DMatrix, DVector};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_victims::Completion;

use crate::mf::{Factors, Problem};

/// How a singular value answers to a changed score of fake user v for item j.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SigmaGrad {
    /// `u_vk v_jk`, the first-order perturbation of a singular value.
    #[default]
    Perturbation,
    /// `1/(u_vk v_jk)` as printed, cut to ±10.
    PaperClipped,
    /// Not at all.
    None,
}

/// Largest size of the printed derivative of a singular value, which has poles.
const CLIP: f64 = 10.0;

/// The constants of the printed gradient.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Printed {
    /// How singular values answer.
    pub sigma_grad: SigmaGrad,
    /// τ, the ridge of the systems that give the items' answers; the paper has none printed.
    pub tau: f64,
}

impl Default for Printed {
    fn default() -> Self {
        Self { sigma_grad: SigmaGrad::default(), tau: 0.1 }
    }
}

impl Printed {
    /// `∂R/∂r_vj = (ΣUᵀD_j)ᵀ(B_jᵀB_j + τI)⁻¹Ku_v + Σ_k (UᵀDV)_kk ∂σ_k/∂r_vj` for every cell of every fake user, with
    /// `B_j = (u_iᵀK)` over the raters of j and `K = Σ + λI`. The genuine rows of U stay where they are; D = ∂R/∂X.
    ///
    /// # Shapes
    /// `x`: the completion of `problem`'s cells under λ = `regularization`. `items`: `Σ_u D_uj √σ u_u`, one row an item.
    pub fn cell_derivatives(
        &self,
        x: &Completion,
        problem: &Problem,
        items: &Factors,
        regularization: f64,
    ) -> Vec<Vec<f64>> {
        let rank = x.rank();
        let root = DVector::from_iterator(rank, x.singular.iter().map(|s| s.sqrt()));
        let stretch = DVector::from_iterator(rank, x.singular.iter().map(|s| s + regularization));
        let answers: Vec<Option<DVector<f64>>> = (0..problem.n_items())
            .into_par_iter()
            .map(|j| {
                let gradient = DVector::from_column_slice(items.row(j));
                let raters = problem.by_item().columns(j);
                let faked = raters.last().is_some_and(|&u| u as usize >= problem.n_genuine());
                if !faked || gradient.iter().all(|&g| g == 0.0) {
                    return None;
                }
                let u = x.left.select_columns(raters.iter().map(|u| *u as usize).collect::<Vec<_>>().iter());
                let mut system = &u * u.transpose();
                for a in 0..rank {
                    for b in 0..rank {
                        system[(a, b)] *= stretch[a] * stretch[b];
                    }
                    system[(a, a)] += self.tau;
                }
                let mut h = gradient.component_mul(&root);
                Cholesky::new(system)?.solve_mut(&mut h);
                Some(h.component_mul(&stretch))
            })
            .collect();
        let weight = self.diagonal(x, items, &root);
        (problem.n_genuine()..problem.n_users())
            .map(|v| {
                let u = x.left.column(v);
                let cell = |&j: &u32| {
                    let item = x.right.column(j as usize);
                    let direct = answers[j as usize].as_ref().map_or(0.0, |h| h.dot(&u));
                    let parts = weight.iter().zip(u.iter()).zip(item.iter());
                    direct + parts.map(|((c, u), v)| c * self.singular_value(u * v)).sum::<f64>()
                };
                problem.by_user().columns(v).iter().map(cell).collect()
            })
            .collect()
    }

    /// `(UᵀDV)_kk`.
    fn diagonal(&self, x: &Completion, items: &Factors, root: &DVector<f64>) -> DVector<f64> {
        if self.sigma_grad == SigmaGrad::None {
            return DVector::zeros(x.rank());
        }
        let items = DMatrix::from_column_slice(items.width(), items.rows(), items.as_slice());
        DVector::from_iterator(x.rank(), (0..x.rank()).map(|k| items.row(k).dot(&x.right.row(k)) / root[k]))
    }

    /// ∂σ_k/∂r_vj where `product = u_vk v_jk`.
    fn singular_value(&self, product: f64) -> f64 {
        match self.sigma_grad {
            SigmaGrad::Perturbation => product,
            // A zero has an infinite inverse of no particular sign: it has no answer.
            SigmaGrad::PaperClipped if product == 0.0 => 0.0,
            SigmaGrad::PaperClipped => (1.0 / product).clamp(-CLIP, CLIP),
            SigmaGrad::None => 0.0,
        }
    }
}
