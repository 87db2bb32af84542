//! The surrogate's training: weighted matrix factorisation by SGD or Adam on minibatches of whole users.

use std::borrow::Cow;

use rand::seq::SliceRandom;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::{Interactions, Seed};
use shillproof_kernels::{Adam, CellSlopes, Csr, FullCells, Joined, Matrix};

use super::masked::{Mask, Masked};
use super::passing::{Graph, Passing};
use super::pgm::Pgm;

/// What trains the surrogate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Optimizer {
    /// Adam (β 0.9 and 0.999, ε 1e-8); every vector moves in every step.
    #[default]
    Adam,
    /// Plain gradient descent.
    Sgd,
}

/// How the surrogate is trained.
#[derive(Clone, Debug, PartialEq)]
pub struct Training {
    /// Length of a vector.
    pub factors: usize,
    /// Weight of a cell that a user has; other cells weigh 1.
    pub weight: f32,
    /// What minimises the loss.
    pub optimizer: Optimizer,
    /// Step size.
    pub learning_rate: f32,
    /// Added to every gradient as `weight_decay · θ`.
    pub weight_decay: f32,
    /// Users in a minibatch.
    pub batch_size: usize,
    /// Passes over the users.
    pub epochs: usize,
    /// The last passes, which the hypergradient goes back through; at most `epochs`.
    pub unroll: usize,
    /// The probabilistic model of what is missing and what is noise, and the last passes that use it.
    pub pgm: Option<(Pgm, usize)>,
    /// How gradients are handed on along interactions, if they are.
    pub passing: Option<Passing>,
}

/// Deviation of the random start.
const START: f32 = 0.1;

/// Factors of all users, genuine ones first, and of all items.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    /// One row a user.
    pub users: Matrix,
    /// One row an item.
    pub items: Matrix,
}

/// Factors and, for Adam, the moments of both.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) factors: Trained,
    pub(super) moments: Option<[Adam; 2]>,
}

/// What one training leaves to the next one to write over: a tenth of a hypergradient goes by if the system is asked for it anew.
#[derive(Debug, Default)]
pub struct Workspace {
    /// Gradients of a batch's users and of all items, and, on the way back, their derivatives.
    slopes: CellSlopes<f32>,
    pub(super) seconds: CellSlopes<[f32; 2]>,
    /// Cotangents of the gradients of all users and of all items.
    pub(super) tangents: [Matrix; 2],
    /// Factors of a batch's users and of all items beside their tangents.
    pub(super) joined: [Joined; 2],
    states: Vec<State>,
}

impl Workspace {
    /// A copy of a state.
    pub(super) fn copy(&mut self, state: &State) -> State {
        let Some(mut copy) = self.states.pop() else { return state.clone() };
        copy.factors.users.clone_from(&state.factors.users);
        copy.factors.items.clone_from(&state.factors.items);
        copy.moments.clone_from(&state.moments);
        copy
    }

    /// Takes a state back that is not needed any more.
    pub(super) fn put_back(&mut self, state: State) {
        self.states.push(state);
    }
}

/// Some users, trained on in one step.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    /// Their rows, ascending, so that genuine users come first; all rows if none.
    chosen: Option<Vec<u32>>,
    /// How many of them are genuine.
    pub(super) genuine: usize,
    pub(super) cells: FullCells,
}

impl Batch {
    /// The rows of `of` that belong to the batch.
    pub(super) fn gather<'a>(&self, of: &'a Matrix) -> Cow<'a, Matrix> {
        match &self.chosen {
            None => Cow::Borrowed(of),
            Some(rows) => Cow::Owned(rows_of(of, rows.iter().map(|&r| r as usize))),
        }
    }

    /// Rows of the batch at their places among all users, zeros elsewhere; none if they are there already.
    fn scatter(&self, own: &Matrix, users: usize) -> Option<Matrix> {
        let chosen = self.chosen.as_ref()?;
        let mut out = Matrix::zeros(users, own.columns());
        for (at, &row) in chosen.iter().enumerate() {
            out.row_mut(row as usize).copy_from_slice(own.row(at));
        }
        Some(out)
    }

    /// The row of all users that is row `at` of the batch.
    pub(super) fn row(&self, at: usize) -> usize {
        self.chosen.as_ref().map_or(at, |rows| rows[at] as usize)
    }

    /// The loss of the batch's genuine users where cells are masked, and that of its fake users.
    pub(super) fn split(&self, weight: f32) -> (Masked, FullCells) {
        let rows = self.cells.by_row();
        let genuine: Vec<u32> = (0..self.genuine as u32).collect();
        let fakes: Vec<u32> = (self.genuine as u32..rows.n_rows() as u32).collect();
        (Masked::new(rows.select(&genuine), weight), FullCells::new(rows.select(&fakes), weight, None))
    }
}

pub(super) fn rows_of(of: &Matrix, rows: impl ExactSizeIterator<Item = usize>) -> Matrix {
    let mut out = Matrix::default();
    out.set_rows(of, rows);
    out
}

/// Adds one matrix to another, both in one shape.
pub(super) fn add(to: &mut [f32], x: &[f32]) {
    add_times(to, 1.0, x);
}

/// Adds a multiple of one matrix to another, both in one shape.
pub(super) fn add_times(to: &mut [f32], factor: f32, x: &[f32]) {
    const CHUNK: usize = 1 << 14;
    to.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).for_each(|(to, x)| {
        for (to, x) in to.iter_mut().zip(x) {
            *to += factor * x;
        }
    });
}

/// One training: the same settings on one set of users.
pub(super) struct Run<'a> {
    pub(super) training: &'a Training,
    pub(super) genuine: usize,
    rows: Csr,
    whole: Vec<Batch>,
    pub(super) graph: Option<Graph>,
    seed: Seed,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        training: &'a Training,
        genuine: &Interactions,
        fakes: &[Vec<u32>],
        seed: Seed,
    ) -> Self {
        let rows = Csr::of(genuine).pattern_with(fakes);
        let genuine = genuine.n_users();
        let whole = if rows.n_rows() <= training.batch_size {
            let cells = FullCells::new(rows.clone(), training.weight, None);
            vec![Batch { chosen: None, genuine, cells }]
        } else {
            Vec::new()
        };
        let graph = training.passing.map(|passing| Graph::new(&rows, passing));
        Self { training, genuine, rows, whole, graph, seed }
    }

    pub(super) fn start(&self) -> State {
        let d = self.training.factors;
        let users = Matrix::normal(self.rows.n_rows(), d, START, self.seed.child("users"));
        let items = Matrix::normal(self.rows.n_columns(), d, START, self.seed.child("items"));
        let adam = |m: &Matrix| {
            Adam::new(m.as_slice().len(), self.training.learning_rate, self.training.weight_decay)
        };
        let moments = (self.training.optimizer == Optimizer::Adam).then(|| [adam(&users), adam(&items)]);
        State { factors: Trained { users, items }, moments }
    }

    /// The minibatches of one epoch, in order.
    pub(super) fn batches(&self, epoch: usize) -> Cow<'_, [Batch]> {
        if !self.whole.is_empty() {
            return Cow::Borrowed(&self.whole);
        }
        let mut order: Vec<u32> = (0..self.rows.n_rows() as u32).collect();
        order.shuffle(&mut self.seed.child("order").index(epoch as u64).rng());
        let batch = |chosen: &[u32]| {
            let mut chosen = chosen.to_vec();
            chosen.sort_unstable();
            let genuine = chosen.partition_point(|&r| (r as usize) < self.genuine);
            let cells = FullCells::new(self.rows.select(&chosen), self.training.weight, None);
            Batch { chosen: Some(chosen), genuine, cells }
        };
        Cow::Owned(order.chunks(self.training.batch_size).map(batch).collect())
    }

    /// The mask that an epoch puts on the batch's genuine cells, if it does.
    pub(super) fn mask(&self, epoch: usize, batch: &Batch, factors: &Trained) -> Option<Mask> {
        let (pgm, last) = self.training.pgm.as_ref()?;
        if epoch + last < self.training.epochs || batch.genuine == 0 {
            return None;
        }
        let own = batch.gather(&factors.users);
        let own = rows_of(&own, 0..batch.genuine);
        Some(batch.split(self.training.weight).0.fit(pgm, &own, &factors.items))
    }

    /// One step of the optimiser.
    pub(super) fn step(
        &self,
        state: &mut State,
        batch: &Batch,
        mask: Option<&Mask>,
        workspace: &mut Workspace,
    ) {
        let Trained { users, items } = &state.factors;
        let d = items.columns();
        let own = batch.gather(users);
        let slopes = &mut workspace.slopes;
        match mask {
            None => batch.cells.gradient(&own, items, slopes),
            Some(mask) => {
                let (masked, fakes) = batch.split(self.training.weight);
                let genuine = rows_of(&own, 0..batch.genuine);
                let mut of_genuine = Matrix::zeros(genuine.rows(), d);
                slopes.of_q = Matrix::zeros(items.rows(), d);
                masked.gradient(mask, &genuine, items, &mut of_genuine, &mut slopes.of_q);
                let mut of_fakes = CellSlopes::default();
                fakes.gradient(&rows_of(&own, batch.genuine..own.rows()), items, &mut of_fakes);
                add(slopes.of_q.as_mut_slice(), of_fakes.of_q.as_slice());
                slopes.of_p = stack(&of_genuine, &of_fakes.of_p);
            }
        }
        let mut scattered = batch.scatter(&slopes.of_p, users.rows());
        let of_users = scattered.as_mut().unwrap_or(&mut slopes.of_p);
        if let Some(graph) = &self.graph {
            graph.pass(of_users, &mut slopes.of_q);
        }
        self.update(state, of_users, &slopes.of_q);
    }

    fn update(&self, state: &mut State, of_users: &Matrix, of_items: &Matrix) {
        let Trained { users, items } = &mut state.factors;
        if let Some([of_u, of_i]) = &mut state.moments {
            of_u.step(users.as_mut_slice(), of_users.as_slice());
            of_i.step(items.as_mut_slice(), of_items.as_slice());
        } else {
            let Training { learning_rate, weight_decay, .. } = *self.training;
            for (theta, g) in [(users, of_users), (items, of_items)] {
                for (theta, g) in theta.as_mut_slice().iter_mut().zip(g.as_slice()) {
                    *theta -= learning_rate * (g + weight_decay * *theta);
                }
            }
        }
    }
}

/// One matrix above the other.
pub(super) fn stack(top: &Matrix, bottom: &Matrix) -> Matrix {
    let mut out = Matrix::zeros(top.rows() + bottom.rows(), top.columns());
    let (above, below) = out.as_mut_slice().split_at_mut(top.as_slice().len());
    above.copy_from_slice(top.as_slice());
    below.copy_from_slice(bottom.as_slice());
    out
}
