//! The support vector machine: scaling, a grid of parameters under cross-validation, decision values.

use libsvm_rs::predict::predict_values;
use libsvm_rs::train::svm_train;
use libsvm_rs::types::check_parameter;
use libsvm_rs::{SvmModel, SvmNode, SvmParameter, SvmParameterBuilder, SvmProblem};
use rand::seq::SliceRandom;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::{Ctx, DetectError};

use super::examples::Labelled;

/// How features are brought to one scale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scaling {
    /// Mean 0 and deviation 1.
    #[default]
    Standardise,
    /// From 0 to 1.
    MinMax,
}

const FOLDS: usize = 5;

/// Violation of the optimality conditions at which the solver stops: LIBSVM's customary one within the grid, and one that
/// settles decision values to four digits for the classifier that is kept.
const GRID_TOLERANCE: f64 = 1e-3;
const FINAL_TOLERANCE: f64 = 1e-5;

/// Exponents of two of the penalty C and of the kernel width γ, in steps of two.
const PENALTIES: std::ops::RangeInclusive<i32> = -5..=15;
const WIDTHS: std::ops::RangeInclusive<i32> = -15..=3;

/// One cell of the grid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Setting {
    pub(super) penalty: f64,
    pub(super) width: f64,
}

/// A trained classifier with the scale of its features.
pub(super) struct Classifier {
    shift: Vec<f64>,
    factor: Vec<f64>,
    model: SvmModel,
    /// 1 where the model's positive side is that of fake users, −1 otherwise.
    side: f64,
}

impl Classifier {
    /// Chooses the setting of highest accuracy over the held-out folds, the first of equals with C outermost, and fits it on
    /// all examples.
    pub(super) fn fit(examples: &Labelled, scaling: Scaling, ctx: &Ctx<'_>) -> Result<Self, DetectError> {
        let (shift, factor) = scale(&examples.rows, scaling);
        let nodes: Vec<Vec<SvmNode>> =
            examples.rows.iter().map(|row| to_nodes(row, &shift, &factor)).collect();
        let setting = choose(&nodes, &examples.fake, ctx)?;
        Self::with_setting(examples, scaling, setting)
    }

    /// Fits one setting on all examples.
    pub(super) fn with_setting(
        examples: &Labelled,
        scaling: Scaling,
        setting: Setting,
    ) -> Result<Self, DetectError> {
        let (shift, factor) = scale(&examples.rows, scaling);
        let nodes = examples.rows.iter().map(|row| to_nodes(row, &shift, &factor)).collect();
        let (model, side) = train(nodes, &examples.fake, setting, FINAL_TOLERANCE)?;
        Ok(Self { shift, factor, model, side })
    }

    /// One decision value a row, positive on the side of fake users; negative infinity where there is no row.
    pub(super) fn decision_values(&self, rows: &[Option<[f64; 6]>], width: usize) -> Vec<f64> {
        let value = |row: &Option<[f64; 6]>| {
            row.map_or(f64::NEG_INFINITY, |row| {
                self.side * decide(&self.model, &to_nodes(&row[..width], &self.shift, &self.factor))
            })
        };
        rows.par_iter().map(value).collect()
    }
}

/// (x − shift) · factor; a constant feature becomes 0.
fn scale(rows: &[Vec<f64>], scaling: Scaling) -> (Vec<f64>, Vec<f64>) {
    let n = rows.len() as f64;
    let column = |k: usize| rows.iter().map(move |row| row[k]);
    let one = |k: usize| {
        let (shift, spread) = match scaling {
            Scaling::Standardise => {
                let mean = column(k).sum::<f64>() / n;
                (mean, (column(k).map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt())
            }
            Scaling::MinMax => {
                let low = column(k).fold(f64::INFINITY, f64::min);
                (low, column(k).fold(f64::NEG_INFINITY, f64::max) - low)
            }
        };
        (shift, if spread > 0.0 { spread.recip() } else { 0.0 })
    };
    (0..rows.first().map_or(0, Vec::len)).map(one).unzip()
}

fn to_nodes(row: &[f64], shift: &[f64], factor: &[f64]) -> Vec<SvmNode> {
    let scaled = row.iter().zip(shift).zip(factor).map(|((x, s), f)| (x - s) * f);
    scaled.enumerate().map(|(k, value)| SvmNode { index: k as i32 + 1, value }).collect()
}

fn decide(model: &SvmModel, row: &[SvmNode]) -> f64 {
    let mut value = [0.0];
    predict_values(model, row, &mut value);
    value[0]
}

fn train(
    nodes: Vec<Vec<SvmNode>>,
    fake: &[bool],
    setting: Setting,
    tolerance: f64,
) -> Result<(SvmModel, f64), DetectError> {
    let problem =
        SvmProblem { labels: fake.iter().map(|&f| if f { 1.0 } else { -1.0 }).collect(), instances: nodes };
    let failed = |error: libsvm_rs::SvmError| DetectError::Training(error.to_string());
    let parameter: SvmParameter = SvmParameterBuilder::new()
        .c(setting.penalty)
        .gamma(setting.width)
        .eps(tolerance)
        .build()
        .map_err(failed)?;
    check_parameter(&problem, &parameter).map_err(failed)?;
    // The solver tells every step to whoever looks at the terminal.
    libsvm_rs::set_quiet(true);
    let model = svm_train(&problem, &parameter);
    let side = if model.label.first() == Some(&1) { 1.0 } else { -1.0 };
    Ok((model, side))
}

/// The fold of each example: both kinds are dealt out in an order drawn from the seed.
fn folds(fake: &[bool], ctx: &Ctx<'_>) -> Vec<usize> {
    let mut fold = vec![0; fake.len()];
    let mut rng = ctx.seed.child("folds").rng();
    for kind in [true, false] {
        let mut members: Vec<usize> = (0..fake.len()).filter(|&at| fake[at] == kind).collect();
        members.shuffle(&mut rng);
        members.into_iter().enumerate().for_each(|(place, at)| fold[at] = place % FOLDS);
    }
    fold
}

fn choose(nodes: &[Vec<SvmNode>], fake: &[bool], ctx: &Ctx<'_>) -> Result<Setting, DetectError> {
    let fold = folds(fake, ctx);
    let grid: Vec<Setting> = PENALTIES
        .step_by(2)
        .flat_map(|c| WIDTHS.step_by(2).map(move |g| (c, g)))
        .map(|(c, g)| Setting { penalty: 2f64.powi(c), width: 2f64.powi(g) })
        .collect();
    let tasks: Vec<(usize, Setting)> =
        (0..FOLDS).flat_map(|out| grid.iter().map(move |&setting| (out, setting))).collect();
    let right = tasks
        .par_iter()
        .map(|&(out, setting)| {
            ctx.check()?;
            held_out_right(nodes, fake, &fold, out, setting)
        })
        .collect::<Result<Vec<usize>, DetectError>>()?;
    let total = |cell: usize| (0..FOLDS).map(|out| right[out * grid.len() + cell]).sum::<usize>();
    let best = (0..grid.len()).max_by_key(|&cell| (total(cell), std::cmp::Reverse(cell)));
    Ok(grid[best.expect("invariant: the grid has cells")])
}

/// Held-out examples of fold `out` that a classifier of the other folds gets right.
fn held_out_right(
    nodes: &[Vec<SvmNode>],
    fake: &[bool],
    fold: &[usize],
    out: usize,
    setting: Setting,
) -> Result<usize, DetectError> {
    let (test, inside): (Vec<usize>, Vec<usize>) = (0..nodes.len()).partition(|&at| fold[at] == out);
    let labels: Vec<bool> = inside.iter().map(|&at| fake[at]).collect();
    let (model, side) =
        train(inside.iter().map(|&at| nodes[at].clone()).collect(), &labels, setting, GRID_TOLERANCE)?;
    Ok(test.iter().filter(|&&at| (side * decide(&model, &nodes[at]) > 0.0) == fake[at]).count())
}
