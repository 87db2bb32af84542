//! Alternating least squares (Hu, Koren and Volinsky, ICDM 2008, eq. 4 and 5).

use shillproof_core::{Ctx, FitError, Interactions};
use shillproof_kernels::{Csr, Inner, Matrix, RowSystems, gram};

use super::{InnerSolver, Wrmf};
use crate::factors::{FactorModel, check_finite};

/// Cells (entries times factors) of the longest row left to conjugate gradients: half a megabyte.
const CACHED: usize = 1 << 17;

impl Wrmf {
    pub(super) fn fit_als(
        &self,
        data: &Interactions,
        weights: Option<&[f32]>,
        ctx: &Ctx<'_>,
    ) -> Result<FactorModel, FitError> {
        let by_user = Csr::of(data);
        let by_item = by_user.transpose();
        let (mut users, mut items) = self.start(data, ctx);
        for iteration in 0..self.iterations {
            ctx.check()?;
            self.half_step(&by_user, &items, &mut users, weights, None);
            self.half_step(&by_item, &users, &mut items, None, weights);
            check_finite(&[&users, &items], iteration)?;
            ctx.observer.progress("wrmf", iteration as u64 + 1, self.iterations as u64);
        }
        Ok(FactorModel::ranking(users, items))
    }

    fn half_step(
        &self,
        entries: &Csr,
        other: &Matrix,
        out: &mut Matrix,
        row_weight: Option<&[f32]>,
        column_weight: Option<&[f32]>,
    ) {
        RowSystems {
            entries,
            other,
            base: Some(&gram(other, column_weight)),
            observed: self.weight - 1.0,
            target: self.weight,
            ridge: self.regularization,
            row_weight,
            column_weight,
            inner: match self.inner {
                InnerSolver::Cg => Inner::ConjugateGradient { up_to: CACHED / self.factors },
                InnerSolver::Cholesky => Inner::Cholesky,
            },
        }
        .solve(out);
    }
}
