//! Reverse mode through the surrogate's last epochs.

use shillproof_core::{Cancelled, Ctx, Interactions, Seed};
use shillproof_kernels::adam::Cotangent;
use shillproof_kernels::{CellSlopes, ItemPanels, Joined, Matrix};

use super::masked::Mask;
use super::outer::Seekers;
use super::training::{Batch, Run, State, Trained, Training, Workspace, add, rows_of, stack};

/// A surrogate and the data that the attacker has.
#[derive(Clone, Copy)]
pub struct Bilevel<'a> {
    /// Interactions of genuine users; ratings are not read.
    pub genuine: &'a Interactions,
    /// How the surrogate is trained.
    pub training: &'a Training,
    /// Where the start and the order of users come from: the same in every call.
    pub seed: Seed,
}

/// What one training with fake users says about them.
#[derive(Clone, Debug)]
pub struct Hypergradient {
    /// The outer loss of the trained surrogate.
    pub loss: f64,
    /// Its derivative with respect to every cell of every fake user.
    pub of_fakes: Matrix,
    /// The trained surrogate.
    pub trained: Trained,
}

impl Bilevel<'_> {
    /// Trains on the genuine and the fake users.
    ///
    /// # Shapes
    /// `fakes`: distinct items of each fake user.
    ///
    /// # Errors
    /// When somebody asks to stop.
    pub fn train(
        &self,
        fakes: &[Vec<u32>],
        workspace: &mut Workspace,
        ctx: &Ctx<'_>,
    ) -> Result<Trained, Cancelled> {
        let run = Run::new(self.training, self.genuine, fakes, self.seed);
        let mut state = run.start();
        for epoch in 0..self.training.epochs {
            ctx.check()?;
            epoch_of(&run, epoch, &mut state, workspace, |_| {});
        }
        Ok(state.factors)
    }

    /// Trains, and differentiates the outer loss of the result with respect to the fake users' cells through the last
    /// `unroll` epochs. A cell's *weight* is held, and what passes along it: the loss is
    /// differentiated in its value.
    ///
    /// What each of those epochs started from is kept; with several minibatches an epoch is trained a second time on the way back.
    ///
    /// # Shapes
    /// `fakes`: distinct items of each fake user. Result: one row a fake user, one column an item.
    ///
    /// # Errors
    /// When somebody asks to stop.
    pub fn hypergradient(
        &self,
        fakes: &[Vec<u32>],
        seekers: &Seekers<'_>,
        workspace: &mut Workspace,
        ctx: &Ctx<'_>,
    ) -> Result<Hypergradient, Cancelled> {
        let run = Run::new(self.training, self.genuine, fakes, self.seed);
        let start = run.start();
        self.through(&run, fakes.len(), seekers, start, workspace, ctx)
    }

    /// As [`Bilevel::hypergradient`], where training starts from factors of all users and all items that are given.
    ///
    /// # Errors
    /// When somebody asks to stop.
    ///
    /// # Panics
    /// If the factors are not of the right shape.
    pub fn hypergradient_from(
        &self,
        factors: Trained,
        fakes: &[Vec<u32>],
        seekers: &Seekers<'_>,
        workspace: &mut Workspace,
        ctx: &Ctx<'_>,
    ) -> Result<Hypergradient, Cancelled> {
        let shape = |m: &Matrix| (m.rows(), m.columns());
        let (users, d) = (self.genuine.n_users() + fakes.len(), self.training.factors);
        assert_eq!(shape(&factors.users), (users, d), "factors of users");
        assert_eq!(shape(&factors.items), (self.genuine.n_items(), d), "factors of items");
        let run = Run::new(self.training, self.genuine, fakes, self.seed);
        let start = State { factors, ..run.start() };
        self.through(&run, fakes.len(), seekers, start, workspace, ctx)
    }

    fn through(
        &self,
        run: &Run<'_>,
        fakes: usize,
        seekers: &Seekers<'_>,
        mut state: State,
        workspace: &mut Workspace,
        ctx: &Ctx<'_>,
    ) -> Result<Hypergradient, Cancelled> {
        let Training { epochs, unroll, .. } = *self.training;
        let first = epochs - unroll.min(epochs);
        let (mut starts, mut masks) = (Vec::new(), Vec::new());
        for epoch in 0..epochs {
            ctx.check()?;
            if epoch >= first {
                starts.push(workspace.copy(&state));
            }
            let mut own = Vec::new();
            epoch_of(run, epoch, &mut state, workspace, |mask| own.push(mask));
            masks.push(own);
        }
        let (loss, of_users, of_items) = seekers.gradient(&state.factors);
        let trained = state.factors.clone();
        let mut back = Back {
            run,
            users: Cotangent::of(of_users.as_slice()),
            items: Cotangent::of(of_items.as_slice()),
            of_fakes: Matrix::zeros(fakes, self.genuine.n_items()),
        };
        drop((of_users, of_items));
        let mut after = state;
        for epoch in (first..epochs).rev() {
            ctx.check()?;
            let batches = run.batches(epoch);
            let start = starts.pop().expect("invariant: every unrolled epoch left its start");
            let masks = &masks[epoch];
            let mut states = vec![start];
            for (batch, mask) in batches.iter().zip(masks).take(batches.len() - 1) {
                let mut next = workspace.copy(&states[states.len() - 1]);
                run.step(&mut next, batch, mask.as_ref(), workspace);
                states.push(next);
            }
            for (batch, mask) in batches.iter().zip(masks).rev() {
                let before = states.pop().expect("invariant: a state before every step");
                back.step(&before, &after, batch, mask.as_ref(), workspace);
                workspace.put_back(std::mem::replace(&mut after, before));
            }
        }
        Ok(Hypergradient { loss, of_fakes: back.of_fakes, trained })
    }
}

fn epoch_of(
    run: &Run<'_>,
    epoch: usize,
    state: &mut State,
    workspace: &mut Workspace,
    mut record: impl FnMut(Option<Mask>),
) {
    for batch in run.batches(epoch).iter() {
        let mask = run.mask(epoch, batch, &state.factors);
        run.step(state, batch, mask.as_ref(), workspace);
        record(mask);
    }
}

/// What has been found going back: cotangents of the state, and what fell to the fake users' cells.
struct Back<'a> {
    run: &'a Run<'a>,
    users: Cotangent,
    items: Cotangent,
    of_fakes: Matrix,
}

impl Back<'_> {
    /// Back through one step.
    fn step(
        &mut self,
        before: &State,
        after: &State,
        batch: &Batch,
        mask: Option<&Mask>,
        workspace: &mut Workspace,
    ) {
        let Trained { users, items } = &before.factors;
        let d = items.columns();
        let Workspace { tangents, joined: [p, q], seconds, .. } = workspace;
        tangents[0].reshape(users.rows(), d);
        tangents[1].reshape(items.rows(), d);
        self.through_update(before, after, tangents);
        let [user_tangent, item_tangent] = tangents;
        if let Some(graph) = &self.run.graph {
            graph.pass(user_tangent, item_tangent);
        }
        q.set(items, item_tangent);
        let (own, own_tangent) = (batch.gather(users), batch.gather(user_tangent));
        p.set(&own, &own_tangent);
        match mask {
            None => batch.cells.second(p, q, seconds),
            Some(mask) => {
                let (masked, fakes) = batch.split(self.run.training.weight);
                let part = |rows: std::ops::Range<usize>| {
                    Joined::new(&rows_of(&own, rows.clone()), &rows_of(&own_tangent, rows))
                };
                let mut of_genuine = Matrix::zeros(batch.genuine, d);
                seconds.of_q = Matrix::zeros(items.rows(), d);
                masked.second(mask, &part(0..batch.genuine), q, &mut of_genuine, &mut seconds.of_q);
                let mut of_fakes = CellSlopes::default();
                fakes.second(&part(batch.genuine..own.rows()), q, &mut of_fakes);
                add(seconds.of_q.as_mut_slice(), of_fakes.of_q.as_slice());
                seconds.of_p = stack(&of_genuine, &of_fakes.of_p);
            }
        }
        add(&mut self.items.parameters, seconds.of_q.as_slice());
        for at in 0..own.rows() {
            let row = batch.row(at) * d;
            shillproof_kernels::axpy(1.0, seconds.of_p.row(at), &mut self.users.parameters[row..row + d]);
        }
        self.mixed(batch, p, q);
    }

    /// Back through the optimiser alone: on return the cotangents lack what goes through the gradient, whose own
    /// cotangents are in `of_gradient`.
    fn through_update(&mut self, before: &State, after: &State, of_gradient: &mut [Matrix; 2]) {
        let sides = [&mut self.users, &mut self.items];
        if let (Some(before), Some(after)) = (&before.moments, &after.moments) {
            for (side, cotangent) in sides.into_iter().enumerate() {
                after[side].pull_back(&before[side], cotangent, of_gradient[side].as_mut_slice());
            }
        } else {
            let Training { learning_rate, weight_decay, .. } = *self.run.training;
            for (cotangent, of_gradient) in sides.into_iter().zip(of_gradient) {
                for (bar, of_g) in cotangent.parameters.iter_mut().zip(of_gradient.as_mut_slice()) {
                    *of_g = -learning_rate * *bar;
                    *bar += weight_decay * *of_g;
                }
            }
        }
    }

    /// The cells of the batch's fake users: `−2 w ∘ (Q ṗ + Q̇ p)`.
    fn mixed(&mut self, batch: &Batch, p: &Joined, q: &Joined) {
        let rows = batch.cells.by_row();
        if rows.n_rows() == batch.genuine {
            return;
        }
        let panels = ItemPanels::new(q.matrix());
        let d = q.matrix().columns() / 2;
        let swapped: Vec<Vec<f32>> =
            (batch.genuine..rows.n_rows()).map(|at| [&p.row(at)[d..], &p.row(at)[..d]].concat()).collect();
        let swapped: Vec<&[f32]> = swapped.iter().map(Vec::as_slice).collect();
        let mut slopes = vec![0.0; swapped.len() * panels.items()];
        panels.score_block(&swapped, &mut slopes);
        let weight = self.run.training.weight;
        for (at, slopes) in (batch.genuine..).zip(slopes.chunks_exact_mut(panels.items().max(1))) {
            for &item in rows.columns(at) {
                slopes[item as usize] *= weight;
            }
            let fake = batch.row(at) - self.run.genuine;
            shillproof_kernels::axpy(-2.0, slopes, self.of_fakes.row_mut(fake));
        }
    }
}
