//! One step of learning on a batch of histories.

use shillproof_kernels::nn::{AdamSteps, LateRows, Packed, Trace, Untouched};
use shillproof_kernels::{Adam, Matrix, View, axpy, multiply};

use super::parameters::{Head, Parameters};
use crate::next_item::{CatalogueSlopes, Loss, masked};

/// What a prediction is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Against {
    /// All items.
    Catalogue,
    /// What the other predictions of the batch should have said.
    Batch,
}

/// Packed histories, what follows each of their items, and how much that counts.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) packed: Packed,
    pub(super) items: Vec<u32>,
    pub(super) next: Vec<u32>,
    /// One a prediction.
    pub(super) weights: Vec<f32>,
    /// By what inputs are multiplied, one number each; by 1 if it is empty.
    pub(super) mask: Vec<f32>,
}

/// How a block of parameters moves.
enum Mover {
    /// All of it at every step.
    Whole(Adam),
    /// As `Whole`, but what a batch does not use is moved when it is needed.
    Rows(LateRows),
}

/// Parameters in training.
pub(super) struct Network {
    pub(super) parameters: Parameters,
    pub(super) gradient: Parameters,
    movers: [Mover; 7],
    steps: AdamSteps,
    loss: Loss,
    against: Against,
    trace: Trace,
    inputs: Vec<f32>,
    of_inputs: Vec<f32>,
    of_queries: Vec<f32>,
    of_states: Vec<f32>,
    scores: Vec<f32>,
    spare: Vec<f32>,
}

impl Network {
    /// Parameters that start here.
    pub(super) fn new(
        mut parameters: Parameters,
        loss: Loss,
        against: Against,
        learning_rate: f32,
        weight_decay: f32,
    ) -> Self {
        let gradient = parameters.zeros();
        let whole = |block: &mut [f32]| Mover::Whole(Adam::new(block.len(), learning_rate, weight_decay));
        let mut movers = parameters.blocks_mut().map(whole);
        let rows = |table: &Matrix| Mover::Rows(LateRows::new(table.rows(), table.columns()));
        let separate = matches!(parameters.head, Head::Separate { .. });
        if separate || against == Against::Batch {
            movers[Parameters::ITEMS] = rows(&parameters.items);
        }
        if separate && against == Against::Batch {
            movers[Parameters::MET] = rows(parameters.met());
            movers[Parameters::MET_BIAS] = Mover::Rows(LateRows::new(parameters.met().rows(), 1));
        }
        Self {
            parameters,
            gradient,
            movers,
            steps: AdamSteps::new(learning_rate, weight_decay, Untouched::Coast),
            loss,
            against,
            trace: Trace::default(),
            inputs: Vec::new(),
            of_inputs: Vec::new(),
            of_queries: Vec::new(),
            of_states: Vec::new(),
            scores: Vec::new(),
            spare: Vec::new(),
        }
    }

    /// The states after each item of the batch before.
    pub(super) fn states(&self) -> &[f32] {
        &self.trace.states
    }

    /// One step of Adam on the mean loss of the batch; the sum of its losses.
    ///
    /// # Shapes
    /// `first`: states before the first step, one row a history.
    pub(super) fn learn(&mut self, batch: &Batch, first: &[f32]) -> f64 {
        let loss = self.differentiate(batch, first);
        let Self { parameters, gradient, movers, steps, .. } = self;
        steps.advance();
        let blocks = parameters.blocks_mut().into_iter().zip(gradient.blocks_mut());
        for ((block, slopes), mover) in blocks.zip(movers) {
            match mover {
                Mover::Whole(adam) => adam.step(block, slopes),
                Mover::Rows(late) => late.step(block, slopes, steps),
            }
        }
        loss * batch.next.len() as f64
    }

    /// The parameters, all of them up to date.
    pub(super) fn settled(&mut self) -> &mut Parameters {
        let Self { parameters, movers, steps, .. } = self;
        for (block, mover) in parameters.blocks_mut().into_iter().zip(movers) {
            if let Mover::Rows(late) = mover {
                late.settle(block, steps);
            }
        }
        parameters
    }

    /// Readies the gradient, and the rows that the batch uses.
    fn begin(&mut self, batch: &Batch) {
        let Self { parameters, gradient, movers, steps, .. } = self;
        let shared = matches!(parameters.head, Head::Shared(_));
        let blocks = parameters.blocks_mut().into_iter().zip(gradient.blocks_mut());
        for (at, ((block, slopes), mover)) in blocks.zip(movers).enumerate() {
            let Mover::Rows(late) = mover else {
                slopes.fill(0.0);
                continue;
            };
            late.clear(slopes);
            if at == Parameters::ITEMS {
                late.touch(&batch.items, block, steps);
            }
            if at != Parameters::ITEMS || shared {
                late.touch(&batch.next, block, steps);
            }
        }
    }

    /// The gradient of the mean loss, in `gradient`; the mean.
    pub(super) fn differentiate(&mut self, batch: &Batch, first: &[f32]) -> f64 {
        let (loss, share) = (self.loss, 1.0 / batch.next.len() as f32);
        self.differentiate_rows(batch, first, self.against, &mut |at, positive, row| {
            loss.differentiate(row, positive, share * batch.weights[at])
        })
    }

    /// The gradient of a sum over predictions, in `gradient`; the sum. `row(prediction, place of what came next, scores)` gives a prediction's part, and its
    /// slopes in the place of the scores.
    pub(super) fn differentiate_rows(
        &mut self,
        batch: &Batch,
        first: &[f32],
        against: Against,
        row: &mut dyn FnMut(usize, usize, &mut [f32]) -> f64,
    ) -> f64 {
        self.begin(batch);
        self.parameters.gather(&batch.items, &mut self.inputs);
        masked(&mut self.inputs, &batch.mask);
        self.parameters.cell.forward(&self.inputs, &batch.packed, first, &mut self.trace);
        let loss = match against {
            Against::Catalogue => self.against_catalogue(batch, row),
            Against::Batch => self.against_batch(batch, row),
        };
        self.pass_head();
        let Self { parameters, gradient, trace, inputs, of_inputs, of_states, .. } = self;
        of_inputs.resize(inputs.len(), 0.0);
        parameters.cell.backward(inputs, &batch.packed, trace, of_states, &mut gradient.cell, of_inputs);
        masked(of_inputs, &batch.mask);
        let d = parameters.items.columns();
        for (&item, slopes) in batch.items.iter().zip(of_inputs.chunks_exact(d)) {
            axpy(1.0, slopes, gradient.items.row_mut(item as usize));
        }
        loss
    }

    /// The loss of each prediction against all items.
    pub(super) fn losses(&mut self, batch: &Batch, first: &[f32]) -> Vec<f64> {
        let Self { parameters, loss, trace, inputs, spare, .. } = self;
        parameters.gather(&batch.items, inputs);
        parameters.cell.forward(inputs, &batch.packed, first, trace);
        let queries = parameters.queries(&trace.states, spare);
        parameters.catalogue().losses(queries, &batch.next, *loss)
    }

    /// The loss against all items; slopes at the queries and at what they meet.
    fn against_catalogue(
        &mut self,
        batch: &Batch,
        of_row: &mut dyn FnMut(usize, usize, &mut [f32]) -> f64,
    ) -> f64 {
        let Self { parameters, gradient, trace, of_queries, scores, spare, .. } = self;
        let queries = parameters.queries(&trace.states, spare);
        let (items, bias) = match &mut gradient.head {
            Head::Separate { items, bias } => (items, Some(&mut bias[..])),
            Head::Shared(_) => (&mut gradient.items, None),
        };
        let slopes = CatalogueSlopes { queries: of_queries, items, bias };
        parameters.catalogue().differentiate(queries, &batch.next, of_row, slopes, scores)
    }

    /// The loss against what the other predictions should have said; slopes as above.
    fn against_batch(
        &mut self,
        batch: &Batch,
        of_row: &mut dyn FnMut(usize, usize, &mut [f32]) -> f64,
    ) -> f64 {
        let Self { parameters, gradient, trace, of_queries, scores, spare, .. } = self;
        let (n, w) = (batch.next.len(), parameters.query_width());
        let mut met = Vec::with_capacity(n * w);
        for &item in &batch.next {
            met.extend_from_slice(parameters.met().row(item as usize));
        }
        scores.clear();
        match &parameters.head {
            Head::Separate { bias, .. } => {
                scores.extend((0..n).flat_map(|_| batch.next.iter().map(|&item| bias[item as usize])));
            }
            Head::Shared(_) => scores.resize(n * n, 0.0),
        }
        let queries = View::new(parameters.queries(&trace.states, spare), n, w);
        multiply(queries, View::new(&met, n, w).t(), 1.0, scores);
        let mut total = 0.0;
        for (at, row) in scores.chunks_exact_mut(n).enumerate() {
            total += of_row(at, at, row);
        }
        let slopes = View::new(scores, n, n);
        of_queries.resize(n * w, 0.0);
        multiply(slopes, View::new(&met, n, w), 0.0, of_queries);
        multiply(slopes.t(), queries, 0.0, &mut met);
        let of_met = match &mut gradient.head {
            Head::Separate { items, bias } => {
                for row in scores.chunks_exact(n) {
                    for (&item, slope) in batch.next.iter().zip(row) {
                        bias[item as usize] += slope;
                    }
                }
                items
            }
            Head::Shared(_) => &mut gradient.items,
        };
        for (&item, slopes) in batch.next.iter().zip(met.chunks_exact(w)) {
            axpy(1.0, slopes, of_met.row_mut(item as usize));
        }
        total
    }

    /// From slopes at the queries to slopes at the states.
    fn pass_head(&mut self) {
        let Self { parameters, gradient, trace, of_queries, of_states, .. } = self;
        match (&parameters.head, &mut gradient.head) {
            (Head::Shared(layer), Head::Shared(slopes)) => {
                layer.backward(&trace.states, of_queries, slopes, Some(of_states));
            }
            _ => of_states.clone_from(of_queries),
        }
    }
}
