//! One step: loss of a batch, its gradient by hand, Adam.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_kernels::nn::binary_cross_entropy;
use shillproof_kernels::{Adam, Csr, Matrix, axpy, dot};

use super::graph::Graph;
use super::triples::Triple;
use crate::neumf::Vectors;

/// What is added to the loss of a batch of B comparisons, for its users, its items, and the items they are compared with. `E` has a row for each of them
/// from the vectors that are trained, so that what comes up twice counts twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Penalty {
    /// λ/B Σ ‖E‖, one norm each for users, items and their opponents: what the library RecBole adds.
    #[default]
    Norm,
    /// λ/(2B) Σ ‖E‖²: what the authors add.
    Squared,
}

/// The parameters in training, and everything that a step needs.
#[derive(Clone, Debug)]
pub struct Network {
    graph: Graph,
    layers: usize,
    penalty: Penalty,
    regularization: f32,
    start: Vectors,
    ends: Vectors,
    slopes: Vectors,
    gradient: Vectors,
    spare: Vectors,
    adam: [Adam; 2],
}

/// Size of a step, and of the penalty.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// Step size of Adam.
    pub learning_rate: f32,
    /// λ.
    pub regularization: f32,
    /// What λ multiplies.
    pub penalty: Penalty,
}

impl Network {
    /// With these vectors before the first step.
    ///
    /// # Shapes
    /// `start`: one row a user and one an item of the graph.
    pub fn new(graph: Graph, start: Vectors, layers: usize, rates: Rates) -> Self {
        let zeros = graph.zeros(start.items.columns());
        let adam = |m: &Matrix| Adam::new(m.as_slice().len(), rates.learning_rate, 0.0);
        Self {
            layers,
            penalty: rates.penalty,
            regularization: rates.regularization,
            adam: [adam(&start.users), adam(&start.items)],
            start,
            ends: zeros.clone(),
            slopes: zeros.clone(),
            gradient: zeros.clone(),
            spare: zeros,
            graph,
        }
    }

    /// The vectors that are trained.
    pub fn start(&self) -> &Vectors {
        &self.start
    }

    /// The gradient that the last call computed.
    pub fn gradient(&self) -> &Vectors {
        &self.gradient
    }

    /// The vectors whose inner products are the scores.
    pub fn ends(&mut self) -> &Vectors {
        self.graph.propagate(&self.start, self.layers, &mut self.ends, &mut self.spare);
        &self.ends
    }

    /// One step of Adam against the gradient of the batch; the loss before it.
    ///
    /// # Shapes
    /// `weights`: one a user, by which that user's comparisons count; 1 if none.
    pub fn learn(&mut self, batch: &[Triple], weights: Option<&[f32]>) -> f64 {
        let loss = self.differentiate(batch, weights);
        let Self { start, gradient, adam: [of_users, of_items], .. } = self;
        of_users.step(start.users.as_mut_slice(), gradient.users.as_slice());
        of_items.step(start.items.as_mut_slice(), gradient.items.as_slice());
        loss
    }

    /// The loss of the batch, and its gradient with respect to the vectors that are trained:
    ///
    /// ```text
    /// L = 1/B Σ −w_u ln σ(e_uᵀe_i − e_uᵀe_j) + penalty
    /// ```
    ///
    /// The slopes of the scores are a sparse matrix with two cells a comparison; the slopes at the ends are its products with the ends.
    pub fn differentiate(&mut self, batch: &[Triple], weights: Option<&[f32]>) -> f64 {
        let share = 1.0 / batch.len() as f32;
        let Vectors { users, items } = self.ends();
        let (mut loss, mut cells) = (0.0, Vec::with_capacity(2 * batch.len()));
        for triple in batch {
            let user = users.row(triple.user as usize);
            let score = |item: u32| dot(user, items.row(item as usize));
            let at = binary_cross_entropy(score(triple.positive) - score(triple.negative), true);
            let weight = share * weights.map_or(1.0, |w| w[triple.user as usize]);
            loss += f64::from(weight * at.loss);
            cells.push((triple.user, triple.positive, weight * at.slope));
            cells.push((triple.user, triple.negative, -weight * at.slope));
        }
        let of_scores = Csr::from_cells(users.rows(), items.rows(), &cells);
        let Self { graph, ends, slopes, gradient, spare, .. } = self;
        spare.users.as_mut_slice().fill(0.0);
        spare.items.as_mut_slice().fill(0.0);
        of_scores.add_product(&ends.items, &spare.users, &mut slopes.users);
        of_scores.transpose().add_product(&ends.users, &spare.items, &mut slopes.items);
        graph.propagate(slopes, self.layers, gradient, spare);
        loss + self.penalize(batch, share)
    }

    /// Adds the gradient of the penalty; the penalty.
    fn penalize(&mut self, batch: &[Triple], share: f32) -> f64 {
        if self.regularization == 0.0 {
            return 0.0;
        }
        let Self { start, gradient, penalty, .. } = self;
        let rate = self.regularization * share;
        let mut total = 0.0;
        let mut add = |rows: &Matrix, gradient: &mut Matrix, id: fn(&Triple) -> u32| {
            let ids = || batch.iter().map(|triple| id(triple) as usize);
            let squares: f64 = ids().map(|at| f64::from(dot(rows.row(at), rows.row(at)))).sum();
            let (value, slope) = match penalty {
                Penalty::Norm if squares == 0.0 => return,
                Penalty::Norm => (squares.sqrt(), 1.0 / squares.sqrt()),
                Penalty::Squared => (squares / 2.0, 1.0),
            };
            total += f64::from(rate) * value;
            for at in ids() {
                axpy(rate * slope as f32, rows.row(at), gradient.row_mut(at));
            }
        };
        add(&start.users, &mut gradient.users, |triple| triple.user);
        add(&start.items, &mut gradient.items, |triple| triple.positive);
        add(&start.items, &mut gradient.items, |triple| triple.negative);
        total
    }
}
