//! A local model: fitted, and what is known about the effects of its samples.

use rand::RngExt;
use shillproof_core::catalogue::Catalogue;
use shillproof_core::{AttackError, Cancelled, Ctx, FitJob, Interactions, ItemId, Recommender, Rng};
use shillproof_victims::VictimSpec;
use shillproof_victims::transrec::Distance;

use super::curvature::{Curvature, Hessian, Lissa};
use super::goal::Aim;
use super::margin::Margins;
use super::recurrent::Recurrent;

/// Most steps, runs and histories a step where a product takes two passes through a recurrent network.
const RECURRENT: (usize, usize, usize) = (100, 1, 64);

/// Effects of samples, by the kind of model.
pub enum Estimator<'a> {
    /// Of factor models whose loss is a function of one margin.
    Margins(Margins),
    /// Of recurrent networks.
    Recurrent(Box<Recurrent<'a>>),
}

impl<'a> Estimator<'a> {
    /// Fits a recipe: what it recommends, and what its samples do. No epoch is selected.
    ///
    /// # Errors
    /// If it cannot be fitted, or is none of BPR, FPMC, GRU4Rec and TransRec in the square of the distance.
    pub fn fit(
        recipe: &VictimSpec,
        data: &'a Interactions,
        ctx: &Ctx<'_>,
    ) -> Result<(Box<dyn Recommender>, Self), AttackError> {
        let job = FitJob::new(data);
        let on = |margins: Margins| Self::Margins(margins.on(data, ctx.seed.child("samples")));
        Ok(match recipe {
            VictimSpec::Bpr(recipe) => {
                let model = recipe.fit_model(&job, ctx)?;
                let (users, items) = (model.users(), model.items());
                let point = on(Margins::bpr(users, items, recipe.item_bias, recipe.regularization));
                (Box::new(model), point)
            }
            VictimSpec::Fpmc(recipe) => {
                let model = recipe.fit_model(&job, ctx)?;
                let point = on(Margins::fpmc(model.encoder(), recipe.regularization));
                (Box::new(model), point)
            }
            VictimSpec::TransRec(recipe) if recipe.distance == Distance::L2Squared => {
                let model = recipe.fit_model(&job, ctx)?;
                let point = on(Margins::transrec(model.encoder(), recipe.regularization));
                (Box::new(model), point)
            }
            VictimSpec::Gru4Rec(recipe) => {
                let model = recipe.fit_model(&job, ctx)?;
                let point = Recurrent::new(model.encoder().clone(), recipe.loss, data);
                (Box::new(model), Self::Recurrent(Box::new(point)))
            }
            other => {
                return Err(AttackError::Parameter {
                    name: "models",
                    got: format!("`{}`", other.card().name),
                    expected: "`bpr`, `fpmc`, `gru4rec`, or `transrec` with distance = \"l2-squared\"",
                });
            }
        })
    }

    /// Numbers in parameter space.
    pub fn parameters(&self) -> usize {
        match self {
            Self::Margins(point) => point.parameters(),
            Self::Recurrent(point) => point.parameters(),
        }
    }

    /// `s = H⁻¹∇f`, f the mean score of the targets for the audience.
    ///
    /// # Errors
    /// If somebody asked to stop.
    pub fn direction(&self, lissa: &Lissa, aim: &Aim<'_>, ctx: &Ctx<'_>) -> Result<Vec<f64>, Cancelled> {
        let mut rng = ctx.seed.child("scale").rng();
        match self {
            Self::Margins(point) => {
                let scale = lissa.scale(point, &mut rng);
                let mut solved = lissa.solve(point, scale, &point.mean_score_gradient(aim), ctx)?.x;
                point.ignore_stranger(&mut solved);
                Ok(solved)
            }
            Self::Recurrent(point) => {
                let v = point.score_gradient(&aim.histories(), aim.targets);
                let (depth, repeats, batch) = RECURRENT;
                let lissa = Lissa {
                    depth: lissa.depth.min(depth),
                    repeats: lissa.repeats.min(repeats),
                    batch,
                    ..*lissa
                };
                let some: Vec<usize> =
                    (0..batch).map(|_| rng.random_range(0..point.samples() as u64) as usize).collect();
                let scale = lissa.scale(&Subset { of: &**point, some }, &mut rng);
                Ok(lissa.solve(&**point, scale, &v, ctx)?.x)
            }
        }
    }

    /// As [`Margins::effects`], of many histories.
    pub fn effects(&self, histories: &[&[ItemId]], s: &[f64], rng: &mut Rng) -> Vec<Vec<f64>> {
        match self {
            Self::Margins(point) => histories.iter().map(|history| point.effects(history, s, rng)).collect(),
            Self::Recurrent(point) => point.effects(histories, s),
        }
    }
}

/// A loss over some of its samples.
struct Subset<'a, C> {
    of: &'a C,
    some: Vec<usize>,
}

impl<C: Curvature> Curvature for Subset<'_, C> {
    fn parameters(&self) -> usize {
        self.of.parameters()
    }

    fn samples(&self) -> usize {
        self.some.len()
    }

    fn product(&self, _: Option<&[usize]>, v: &[f64], hessian: Hessian, out: &mut [f64]) {
        self.of.product(Some(&self.some), v, hessian, out);
    }
}
