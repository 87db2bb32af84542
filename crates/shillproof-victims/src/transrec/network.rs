//! How places learn.

use shillproof_core::Interactions;
use shillproof_kernels::nn::{
    AdamSteps, Embedding, Untouched, binary_cross_entropy, squared_distance_padded,
};
use shillproof_kernels::{Adam, Matrix, vectorized};

use super::space::{Distance, Space};
use crate::next_item::{NextItemModel, Pairwise, Step};

/// What a step follows.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// Step size of Adam.
    pub learning_rate: f32,
    /// Penalty on the squares of what a comparison uses.
    pub regularization: f32,
    /// Whether items stay within the unit ball.
    pub project: bool,
}

/// Blocks of an item's row.
const PLACE: usize = 0;
const BIAS: usize = 1;

/// Places in training.
pub struct Network {
    users: Embedding,
    items: Embedding,
    everybody: Vec<f32>,
    adam: Adam,
    steps: AdamSteps,
    distance: Distance,
    rates: Rates,
    of_everybody: Vec<f32>,
    ids: [Vec<u32>; 4],
    slots: [Vec<u32>; 4],
}

impl Network {
    /// Places that start here.
    pub fn new(start: &Space, rates: Rates) -> Self {
        let bias =
            Matrix::from_slice(start.bias.len(), 1, &start.bias).expect("invariant: a column of biases");
        let users = Embedding::new(&[&start.users]);
        let mut everybody = start.everybody.clone();
        everybody.resize(users.span(0).len(), 0.0);
        Self {
            users,
            items: Embedding::new(&[&start.items, &bias]),
            of_everybody: vec![0.0; everybody.len()],
            adam: Adam::new(everybody.len(), rates.learning_rate, 0.0),
            everybody,
            steps: AdamSteps::new(rates.learning_rate, 0.0, Untouched::Coast),
            distance: start.distance,
            rates,
            ids: Default::default(),
            slots: Default::default(),
        }
    }

    /// What has been learned so far.
    pub fn space(&mut self) -> Space {
        self.users.settle(&self.steps);
        self.items.settle(&self.steps);
        if self.rates.project {
            self.project(0..self.items.rows() as u32);
        }
        let users = self.users.block(0);
        Space {
            everybody: self.everybody[..users.columns()].to_vec(),
            users,
            items: self.items.block(PLACE),
            bias: self.items.block(BIAS).as_slice().to_vec(),
            distance: self.distance,
        }
    }

    /// Brings items that have left the unit ball back to its surface.
    fn project(&mut self, items: impl Iterator<Item = u32>) {
        let span = self.items.span(PLACE);
        for item in items {
            let place = &mut self.items.row_mut(item)[span.clone()];
            let norm = place.iter().map(|x| x * x).sum::<f32>().sqrt();
            if norm > 1.0 {
                for x in place {
                    *x /= norm;
                }
            }
        }
    }

    /// Adds the gradient of the batch to that of the tables; the loss, without the penalty.
    fn differentiate(&mut self, batch: &[Step], weights: Option<&[f32]>) -> f64 {
        let columns: [fn(&Step) -> u32; 4] = [|s| s.user, |s| s.last, |s| s.next, |s| s.negative];
        for (at, column) in columns.into_iter().enumerate() {
            self.ids[at].clear();
            self.ids[at].extend(batch.iter().map(column));
            let table = if at == 0 { &mut self.users } else { &mut self.items };
            table.touch(&self.ids[at], &self.steps, &mut self.slots[at]);
        }
        self.of_everybody.fill(0.0);
        let (place, bias) = (self.items.span(PLACE), self.items.span(BIAS).start);
        let Self { users, items, slots, everybody, of_everybody, distance, rates, .. } = self;
        let (users, mut of_users) = users.beside();
        let (items, mut of_items) = items.beside();
        let (share, penalty, distance) = (1.0 / batch.len() as f32, rates.regularization, *distance);
        let mut expected = vec![0.0; everybody.len()];
        let mut total = 0.0;
        vectorized!(|| {
            for (k, step) in batch.iter().enumerate() {
                let (own, last) = (users.of(step.user), &items.of(step.last)[place.clone()]);
                let (i, j) = (items.of(step.next), items.of(step.negative));
                let (at_i, at_j) = (&i[place.clone()], &j[place.clone()]);
                for (((to, a), b), c) in expected.iter_mut().zip(last).zip(&**everybody).zip(own) {
                    *to = a + b + c;
                }
                let [to_i, to_j] = [at_i, at_j].map(|to| match distance {
                    Distance::L2Squared => squared_distance_padded(&expected, to),
                    Distance::L2 => squared_distance_padded(&expected, to).sqrt(),
                    Distance::L1 => distance.between(&expected, to),
                });
                let margin = i[bias] - to_i - j[bias] + to_j;
                let weight = share * weights.map_or(1.0, |w| w[step.user as usize]);
                let at = binary_cross_entropy(margin, true);
                total += f64::from(weight * at.loss);
                let (slope, keep) = (weight * at.slope, weight * penalty);

                // The slope of a distance points from the item to where the user is expected.
                let toward = |d: f32, distance_of: f32| match distance {
                    Distance::L2Squared => 2.0 * d,
                    Distance::L2 if distance_of == 0.0 => 0.0,
                    Distance::L2 => d / distance_of,
                    Distance::L1 if d == 0.0 => 0.0,
                    Distance::L1 => d.signum(),
                };
                let of_own = of_users.of(slots[0][k]);
                for d in 0..expected.len() {
                    let pull = toward(expected[d] - at_j[d], to_j) - toward(expected[d] - at_i[d], to_i);
                    of_own[d] += slope * pull + keep * own[d];
                    of_everybody[d] += slope * pull + keep * everybody[d];
                    expected[d] = pull;
                }
                let of_last = &mut of_items.of(slots[1][k])[place.clone()];
                for ((to, pull), own) in of_last.iter_mut().zip(&expected).zip(last) {
                    *to += slope * pull + keep * own;
                }
                for (((to, a), b), c) in expected.iter_mut().zip(last).zip(&**everybody).zip(own) {
                    *to = a + b + c;
                }
                for (slot, slope, row, reach) in
                    [(slots[2][k], slope, i, to_i), (slots[3][k], -slope, j, to_j)]
                {
                    let to = of_items.of(slot);
                    to[bias] += slope + keep * row[bias];
                    let row = &row[place.clone()];
                    for ((to, expected), own) in to[place.clone()].iter_mut().zip(&expected).zip(row) {
                        *to += slope * toward(expected - own, reach) + keep * own;
                    }
                }
            }
        });
        total
    }
}

impl Pairwise for Network {
    type Model = NextItemModel<Space>;

    fn learn(&mut self, batch: &[Step], weights: Option<&[f32]>) -> f64 {
        let loss = self.differentiate(batch, weights);
        self.steps.advance();
        self.users.step(&self.steps);
        self.items.step(&self.steps);
        self.adam.step(&mut self.everybody, &self.of_everybody);
        if self.rates.project {
            let ids = std::mem::take(&mut self.ids);
            self.project(ids[1..].iter().flatten().copied());
            self.ids = ids;
        }
        loss
    }

    fn is_finite(&self) -> bool {
        self.users.is_finite() && self.items.is_finite() && self.everybody.iter().all(|x| x.is_finite())
    }

    fn model(&mut self, histories: &Interactions) -> Self::Model {
        self.space().model(histories)
    }
}

#[cfg(test)]
impl Network {
    /// The gradient of a batch, in the order of [`Space`], and the loss without the penalty.
    pub(super) fn gradient(&mut self, batch: &[Step], weights: Option<&[f32]>) -> (Space, f64) {
        let loss = self.differentiate(batch, weights);
        let users = self.users.gradient_matrix(0);
        let gradient = Space {
            everybody: self.of_everybody[..users.columns()].to_vec(),
            users,
            items: self.items.gradient_matrix(PLACE),
            bias: self.items.gradient_matrix(BIAS).as_slice().to_vec(),
            distance: self.distance,
        };
        (gradient, loss)
    }
}
