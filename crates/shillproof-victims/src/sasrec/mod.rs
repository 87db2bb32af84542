//! Self-attention over histories.

mod block;
mod form;
mod network;
#[cfg(test)]
mod tests;

use std::ops::Range;

use rand::seq::SliceRandom;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{
    Ctx, Feedback, FitError, FitJob, Fraction, HeldOut, Interactions, Recommender, UserId, Victim,
};
use shillproof_kernels::Matrix;
use shillproof_kernels::nn::{Attention, LayerNorm, Linear};

use crate::epochs::{Course, Learner};
use crate::held_out::ndcg;
use crate::input;
use crate::neumf::EarlySelection;
use crate::next_item::{Loss, NextItemModel, cut, ordered};

pub use block::Block;
use form::Drops;
pub use form::{Activation, Form};
pub use network::Parameters;
use network::{Batch, Network};

/// Standard deviation of the first matrices.
const SPREAD: f32 = 0.02;
/// Items that are read together, at least, where a step has so many: what a layer makes of them stays in the cache.
const TOGETHER: usize = 4096;

/// Recommendation by self-attention (Kang and McAuley, ICDM 2018).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SasRec {
    /// d: length of the vectors of items and of rows between blocks; at least 1.
    pub factors: usize,
    /// Blocks, one on the other; at least 1.
    pub layers: usize,
    /// Heads of attention; they divide `factors`.
    pub heads: usize,
    /// Length of a row inside of a block's network; at least 1.
    pub inner: usize,
    /// Most items of a history that are read, the last ones; at least 1.
    pub most_items: usize,
    /// Predictions learned from one reading of a history that is longer than `most_items`, its last ones; 1 reads all `most_items` before each; at least 1.
    pub stride: usize,
    /// Whether rows are normalised before attention and network, and at the end, as in the paper, instead of at the start and after each sum.
    pub norm_first: bool,
    /// Inside of a block's network.
    pub activation: Activation,
    /// What is minimised.
    pub loss: Loss,
    /// Share of numbers that is dropped in training, of what is read and of what blocks add; below 1.
    pub dropout: Fraction,
    /// Share that is dropped of what attention takes; below 1.
    pub attention_dropout: Fraction,
    /// Step size of Adam; above 0.
    pub learning_rate: f32,
    /// Added to the gradient as `weight_decay · θ`; at least 0.
    pub weight_decay: f32,
    /// Predictions of a step, at least; at least 1.
    pub batch_size: usize,
    /// Passes over the interactions; at least 1.
    pub epochs: usize,
    /// Which epoch is kept.
    pub selection: EarlySelection,
    /// Epochs from one look at the held-out part to the next; at least 1.
    pub evaluate_every: usize,
    /// Looks without a better epoch after which training stops; at least 1.
    pub patience: usize,
}

impl Default for SasRec {
    fn default() -> Self {
        let half = Fraction::new(0.5).expect("invariant: 0.5 is a fraction");
        Self {
            factors: 64,
            layers: 2,
            heads: 2,
            inner: 256,
            most_items: 50,
            stride: 10,
            norm_first: false,
            activation: Activation::Gelu,
            loss: Loss::CrossEntropy,
            dropout: half,
            attention_dropout: half,
            learning_rate: 1e-3,
            weight_decay: 0.0,
            batch_size: 2048,
            epochs: 200,
            selection: EarlySelection::Validation,
            evaluate_every: 1,
            patience: 10,
        }
    }
}

pub(crate) const CARD: Card = Card {
    name: "sasrec",
    summary: "next item: self-attention over the history",
    doc: include_str!("../../../../docs/victims/sasrec.md"),
    reference: "Kang and McAuley, Self-attentive sequential recommendation, ICDM 2018",
};

impl SasRec {
    /// Fits and keeps the type, so that the parameters can be read.
    ///
    /// # Errors
    /// As [`Victim::fit`].
    pub fn fit_model(&self, job: &FitJob<'_>, ctx: &Ctx<'_>) -> Result<NextItemModel<Parameters>, FitError> {
        ctx.check()?;
        self.check()?;
        let data = ordered(job.train)?;
        let (weights, learned) = input::weighted(job, &data)?;
        let start = self.start(data.n_items(), ctx);
        let mut learner = HistoryLearner {
            network: Network::new(start, self.loss, self.learning_rate, self.weight_decay),
            histories: &data,
            data: &learned,
            weights,
            stride: self.stride,
            batch_size: self.batch_size,
            dropout: [self.dropout, self.attention_dropout].map(|share| share.get() as f32),
        };
        self.course().fit(&mut learner, ndcg, job, &data, ctx)
    }

    fn start(&self, n_items: usize, ctx: &Ctx<'_>) -> Parameters {
        let draw = |rows, columns, name: &str| Matrix::normal(rows, columns, SPREAD, ctx.seed.child(name));
        let layer = |outputs, inputs, name: &str| Linear {
            weights: draw(outputs, inputs, name),
            bias: vec![0.0; outputs],
        };
        let d = self.factors;
        let block = |at: usize| Block {
            first: LayerNorm::new(d),
            attention: Attention {
                input: layer(3 * d, d, &format!("input {at}")),
                output: layer(d, d, &format!("output {at}")),
                heads: self.heads,
            },
            second: LayerNorm::new(d),
            inner: layer(self.inner, d, &format!("inner {at}")),
            outer: layer(d, self.inner, &format!("outer {at}")),
        };
        Parameters {
            items: draw(n_items, d, "items"),
            places: draw(self.most_items, d, "places"),
            blocks: (0..self.layers).map(block).collect(),
            outside: LayerNorm::new(d),
            form: Form { norm_first: self.norm_first, activation: self.activation },
        }
    }

    fn course(&self) -> Course {
        Course {
            name: "sasrec",
            epochs: self.epochs,
            selection: self.selection,
            evaluate_every: self.evaluate_every,
            patience: self.patience,
            learning_rate: self.learning_rate,
        }
    }

    fn check(&self) -> Result<(), FitError> {
        for (name, value) in [
            ("factors", self.factors),
            ("layers", self.layers),
            ("heads", self.heads),
            ("inner", self.inner),
            ("most_items", self.most_items),
            ("stride", self.stride),
            ("batch_size", self.batch_size),
        ] {
            input::at_least_one(name, value)?;
        }
        if !self.factors.is_multiple_of(self.heads) {
            let (got, expected) = (self.heads.to_string(), "a divisor of `factors`");
            return Err(FitError::Parameter { name: "heads", got, expected });
        }
        input::below_one("dropout", self.dropout)?;
        input::below_one("attention_dropout", self.attention_dropout)?;
        input::not_negative("weight_decay", self.weight_decay)?;
        self.course().check()
    }
}

/// Epochs over a data set.
struct HistoryLearner<'a> {
    network: Network,
    histories: &'a Interactions,
    /// What trains.
    data: &'a Interactions,
    weights: Option<&'a [f32]>,
    stride: usize,
    batch_size: usize,
    /// Of rows, and of what attention takes.
    dropout: [f32; 2],
}

/// Some predictions of a user: the one of number k is of item k + 1 of the history, after all items that are read up to item k.
#[derive(Debug, PartialEq)]
struct Part {
    user: UserId,
    /// The first item that is read.
    first: usize,
    predictions: Range<usize>,
}

/// All histories, in parts that read at most `most` items; the last part ends a history. Every prediction is in one part; parts that do not begin a history have `stride` of them,
/// or `most` where that is less.
fn parts(data: &Interactions, most: usize, stride: usize) -> Vec<Part> {
    let mut parts = Vec::new();
    for user in data.users() {
        let mut end = data.row(user).len().saturating_sub(1);
        while end > 0 {
            let first = end.saturating_sub(most);
            let start = if first > 0 { end - stride.min(most) } else { 0 };
            parts.push(Part { user, first, predictions: start..end });
            end = start;
        }
    }
    parts
}

impl HistoryLearner<'_> {
    fn batch(&self, parts: &[Part]) -> Batch {
        let mut batch = Batch::default();
        for Part { user, first, predictions } in parts {
            let history = self.data.row(*user).items();
            batch.asked.push(predictions.len());
            batch.lengths.push(predictions.end - first);
            batch.items.extend(history[*first..predictions.end].iter().map(|item| item.0));
            batch.next.extend(history[predictions.start + 1..=predictions.end].iter().map(|item| item.0));
            let weight = self.weights.map_or(1.0, |w| w[user.index()]);
            batch.weights.resize(batch.next.len(), weight);
        }
        batch
    }
}

impl Learner for HistoryLearner<'_> {
    type Model = NextItemModel<Parameters>;

    fn epoch(&mut self, epoch: usize, ctx: &Ctx<'_>) -> Result<f64, FitError> {
        let mut parts = parts(self.data, self.network.parameters.most(), self.stride);
        parts.shuffle(&mut ctx.seed.child("order").index(epoch as u64).rng());
        let [rows, attention] = self.dropout;
        let mut drops =
            Drops { rows, attention, draws: &mut ctx.seed.child("dropout").index(epoch as u64).rng() };
        let mut loss = 0.0;
        for parts in cut(&mut parts, self.batch_size, |part| part.predictions.len()) {
            ctx.check()?;
            let together = cut(parts, TOGETHER, |part| part.predictions.end - part.first);
            let batches: Vec<Batch> = together.into_iter().map(|parts| self.batch(parts)).collect();
            loss += self.network.learn(&batches, &mut drops);
        }
        Ok(loss)
    }

    fn is_finite(&self) -> bool {
        let mut copy = self.network.parameters.clone();
        copy.parts_mut().iter().all(|part| part.iter().all(|x| x.is_finite()))
    }

    fn model(&mut self) -> Self::Model {
        self.network.parameters.clone().model(self.histories)
    }
}

impl Victim for SasRec {
    fn feedback(&self) -> Feedback {
        Feedback::Implicit
    }

    fn fit(&self, job: &FitJob<'_>, ctx: &Ctx<'_>) -> Result<Box<dyn Recommender>, FitError> {
        Ok(Box::new(self.fit_model(job, ctx)?))
    }

    fn selects_on(&self) -> HeldOut {
        self.selection.selects_on()
    }

    fn as_any(&self) -> Option<&dyn std::any::Any> {
        Some(self)
    }
}
