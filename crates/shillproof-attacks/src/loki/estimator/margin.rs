//! Factor models whose loss is a function of one margin: BPR, FPMC and TransRec, with first and second derivatives by hand.

use rand::RngExt;
use shillproof_core::{Interactions, ItemId, Seed, UserId};
use shillproof_kernels::Matrix;
use shillproof_victims::fpmc::Factors;
use shillproof_victims::next_item::Step;
use shillproof_victims::transrec::Space;

use super::curvature::{Curvature, Hessian};

/// Negatives that stand for the expectation over them.
pub const NEGATIVES: usize = 5;

/// Which samples a model learns from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pairing {
    /// Every item of a user.
    Alone,
    /// Every item after the one before it.
    Consecutive,
}

/// An inner product `⟨scale Σ_r θ_r, θ_i⟩` of a sum of rows with an item's row, of which the margin takes the difference of two items; less `‖θ_i‖²` if
/// `squared`.
#[derive(Clone, Copy, Debug)]
struct Term {
    /// Where rows start that belong to the user, to the item before, and to everybody.
    user: Option<usize>,
    last: Option<usize>,
    everybody: Option<usize>,
    scale: f64,
    /// Where the items' rows start.
    items: usize,
    squared: bool,
}

/// A trained factor model as a point in parameter space, and what it was trained on.
///
/// The loss of a sample is `−ln σ(x) + λ/2 ‖what it uses‖²`, x = s_i − s_j the margin of what came over what did not. Scores leave out what is the same for
/// all items.
#[derive(Clone, Debug)]
pub struct Margins {
    theta: Vec<f64>,
    factors: usize,
    n_items: usize,
    /// Row of a user whom the model does not know: the mean of all others.
    stranger: u32,
    terms: Vec<Term>,
    bias: Option<usize>,
    regularization: f64,
    pairing: Pairing,
    samples: Vec<Step>,
}

/// Tables one behind the other.
#[derive(Default)]
struct Tables {
    theta: Vec<f64>,
}

impl Tables {
    fn push(&mut self, values: impl IntoIterator<Item = f32>) -> usize {
        let start = self.theta.len();
        self.theta.extend(values.into_iter().map(f64::from));
        start
    }

    /// The rows of users, and their mean as one row more.
    fn users(&mut self, rows: &Matrix) -> usize {
        let start = self.push(rows.as_slice().iter().copied());
        let (n, d) = (rows.rows(), rows.columns());
        let mean = (0..d).map(|k| {
            let column = (0..n).map(|u| f64::from(rows.row(u)[k]));
            column.sum::<f64>() / n.max(1) as f64
        });
        self.theta.extend(mean.collect::<Vec<_>>());
        start
    }
}

impl Margins {
    /// Matrix factorisation: `s = p_uᵀq_i`, and β_i where the last column of `items` stands against a constant 1.
    ///
    /// # Shapes
    /// `users`, `items`: one row each, of one width.
    pub fn bpr(users: &Matrix, items: &Matrix, item_bias: bool, regularization: f32) -> Self {
        let d = items.columns() - usize::from(item_bias);
        let narrow = |rows: &Matrix| {
            let kept: Vec<f32> = (0..rows.rows()).flat_map(|r| rows.row(r)[..d].to_vec()).collect();
            Matrix::from_slice(rows.rows(), d, &kept).expect("invariant: d numbers a row")
        };
        let mut tables = Tables::default();
        let user = tables.users(&narrow(users));
        let item_rows = tables.push(narrow(items).as_slice().iter().copied());
        let bias = item_bias.then(|| tables.push((0..items.rows()).map(|i| items.row(i)[d])));
        let term = Term {
            user: Some(user),
            last: None,
            everybody: None,
            scale: 1.0,
            items: item_rows,
            squared: false,
        };
        Self::new(tables, vec![term], bias, (users.rows(), items.rows(), d), regularization, Pairing::Alone)
    }

    /// Factorised Markov chains: `s = ⟨v_u, v_i⟩ + ⟨w_i, w_l⟩`.
    pub fn fpmc(model: &Factors, regularization: f32) -> Self {
        let mut tables = Tables::default();
        let user = tables.users(&model.users);
        let [by_user, by_last, last] = [&model.by_user, &model.by_last, &model.last]
            .map(|rows| tables.push(rows.as_slice().iter().copied()));
        let term =
            |user, last, items| Term { user, last, everybody: None, scale: 1.0, items, squared: false };
        let terms = vec![term(Some(user), None, by_user), term(None, Some(last), by_last)];
        let shape = (model.users.rows(), model.by_user.rows(), model.users.columns());
        Self::new(tables, terms, None, shape, regularization, Pairing::Consecutive)
    }

    /// Translation in the square of the Euclidean distance: `s = β_i + 2 (γ_l + τ + τ_u)ᵀγ_i − ‖γ_i‖²`.
    pub fn transrec(model: &Space, regularization: f32) -> Self {
        let mut tables = Tables::default();
        let user = tables.users(&model.users);
        let everybody = tables.push(model.everybody.iter().copied());
        let items = tables.push(model.items.as_slice().iter().copied());
        let bias = tables.push(model.bias.iter().copied());
        let term = Term {
            user: Some(user),
            last: Some(items),
            everybody: Some(everybody),
            scale: 2.0,
            items,
            squared: true,
        };
        let shape = (model.users.rows(), model.items.rows(), model.everybody.len());
        Self::new(tables, vec![term], Some(bias), shape, regularization, Pairing::Consecutive)
    }

    fn new(
        tables: Tables,
        terms: Vec<Term>,
        bias: Option<usize>,
        (users, n_items, factors): (usize, usize, usize),
        regularization: f32,
        pairing: Pairing,
    ) -> Self {
        Self {
            theta: tables.theta,
            factors,
            n_items,
            stranger: users as u32,
            terms,
            bias,
            regularization: f64::from(regularization),
            pairing,
            samples: Vec::new(),
        }
    }

    /// The same with the samples of this data: every interaction or pair, each with a few negatives that the user does not have.
    #[must_use]
    pub fn on(mut self, data: &Interactions, seed: Seed) -> Self {
        self.samples.clear();
        for user in data.users() {
            let row = data.row(user);
            if row.len() == data.n_items() {
                continue;
            }
            let mut rng = seed.index(u64::from(user.0)).rng();
            for (last, next) in self.pairs(row.items()) {
                for _ in 0..NEGATIVES {
                    let negative = loop {
                        let drawn = ItemId(rng.random_range(0..self.n_items as u32));
                        if !row.contains(drawn) {
                            break drawn.0;
                        }
                    };
                    self.samples.push(Step { user: user.0, last: last.0, next: next.0, negative });
                }
            }
        }
        self
    }

    /// The samples of a history: (item before, item). Of models that do not look back, the item before is the item itself.
    fn pairs<'a>(&self, items: &'a [ItemId]) -> impl Iterator<Item = (ItemId, ItemId)> + use<'a> {
        let alone = self.pairing == Pairing::Alone;
        let from = usize::from(!alone);
        (from..items.len()).map(move |at| (items[if alone { at } else { at - 1 }], items[at]))
    }

    /// Numbers in parameter space.
    pub fn len(&self) -> usize {
        self.theta.len()
    }

    /// Whether there is no parameter.
    pub fn is_empty(&self) -> bool {
        self.theta.is_empty()
    }

    /// What it was trained on.
    pub fn samples(&self) -> &[Step] {
        &self.samples
    }

    /// The point.
    pub fn theta(&self) -> &[f64] {
        &self.theta
    }

    /// Moves the point.
    pub fn theta_mut(&mut self) -> &mut [f64] {
        &mut self.theta
    }

    fn rows(&self, term: &Term, step: &Step) -> impl Iterator<Item = usize> + use<> {
        let d = self.factors;
        let user = term.user.map(|start| start + step.user as usize * d);
        let last = term.last.map(|start| start + step.last as usize * d);
        user.into_iter().chain(last).chain(term.everybody)
    }

    fn item(&self, term: &Term, item: u32) -> usize {
        term.items + item as usize * self.factors
    }

    /// `scale Σ_r x_r` in `x`, which may be the point or a direction, into `out`.
    fn sum(&self, term: &Term, step: &Step, x: &[f64], out: &mut Vec<f64>) {
        out.clear();
        out.resize(self.factors, 0.0);
        for row in self.rows(term, step) {
            for (out, x) in out.iter_mut().zip(&x[row..row + self.factors]) {
                *out += term.scale * x;
            }
        }
    }

    /// The score of an item, without what all items have in common.
    pub fn score(&self, user: UserId, last: Option<ItemId>, item: ItemId) -> f64 {
        let mut total = self.bias.map_or(0.0, |start| self.theta[start + item.index()]);
        let mut sum = Vec::new();
        for term in &self.terms {
            self.sum_known(term, user, last, &mut sum);
            let own = &self.theta[self.item(term, item.0)..][..self.factors];
            total += sum.iter().zip(own).map(|(a, b)| a * b).sum::<f64>();
            if term.squared {
                total -= own.iter().map(|x| x * x).sum::<f64>();
            }
        }
        total
    }

    /// As [`Margins::sum`] where there may be no item before.
    fn sum_known(&self, term: &Term, user: UserId, last: Option<ItemId>, out: &mut Vec<f64>) {
        let term = Term { last: term.last.filter(|_| last.is_some()), ..*term };
        let step = Step { user: user.0, last: last.map_or(0, |l| l.0), next: 0, negative: 0 };
        self.sum(&term, &step, &self.theta, out);
    }

    /// Adds `weight` times the gradient of a score.
    pub fn add_score_gradient(
        &self,
        user: UserId,
        last: Option<ItemId>,
        item: ItemId,
        weight: f64,
        out: &mut [f64],
    ) {
        if let Some(start) = self.bias {
            out[start + item.index()] += weight;
        }
        let mut sum = Vec::new();
        for term in &self.terms {
            self.sum_known(term, user, last, &mut sum);
            let at = self.item(term, item.0);
            let known = Term { last: term.last.filter(|_| last.is_some()), ..*term };
            let step = Step { user: user.0, last: last.map_or(0, |l| l.0), next: 0, negative: 0 };
            for (k, sum) in sum.iter().enumerate() {
                let own = self.theta[at + k];
                for row in self.rows(&known, &step) {
                    out[row + k] += weight * term.scale * own;
                }
                out[at + k] += weight * (sum - if term.squared { 2.0 * own } else { 0.0 });
            }
        }
    }

    fn margin(&self, step: &Step, sum: &mut Vec<f64>) -> f64 {
        let mut x = self.bias.map_or(0.0, |start| {
            self.theta[start + step.next as usize] - self.theta[start + step.negative as usize]
        });
        for term in &self.terms {
            self.sum(term, step, &self.theta, sum);
            let (i, j) = (self.item(term, step.next), self.item(term, step.negative));
            for (k, sum) in sum.iter().enumerate() {
                let (a, b) = (self.theta[i + k], self.theta[j + k]);
                x += sum * (a - b);
                if term.squared {
                    x += b * b - a * a;
                }
            }
        }
        x
    }

    /// `−ln σ(x)` of the margin, with the penalty.
    pub fn loss(&self, step: &Step) -> f64 {
        let x = self.margin(step, &mut Vec::new());
        let mut squares = 0.0;
        self.each_used(step, |at| squares += self.theta[at] * self.theta[at]);
        (-x).max(0.0) + (-x.abs()).exp().ln_1p() + self.regularization / 2.0 * squares
    }

    /// Every number that a sample uses, as often as it is penalised.
    fn each_used(&self, step: &Step, mut visit: impl FnMut(usize)) {
        for term in &self.terms {
            for row in self.rows(term, step) {
                (row..row + self.factors).for_each(&mut visit);
            }
            for item in [step.next, step.negative] {
                let at = self.item(term, item);
                (at..at + self.factors).for_each(&mut visit);
            }
        }
        if let Some(start) = self.bias {
            visit(start + step.next as usize);
            visit(start + step.negative as usize);
        }
    }

    /// Visits the gradient of the margin: place and slope, a place perhaps several times.
    fn each_slope(&self, step: &Step, sum: &mut Vec<f64>, mut visit: impl FnMut(usize, f64)) {
        for term in &self.terms {
            self.sum(term, step, &self.theta, sum);
            let (i, j) = (self.item(term, step.next), self.item(term, step.negative));
            let own = |x: f64| if term.squared { 2.0 * x } else { 0.0 };
            for (k, sum) in sum.iter().enumerate() {
                let (a, b) = (self.theta[i + k], self.theta[j + k]);
                for row in self.rows(term, step) {
                    visit(row + k, term.scale * (a - b));
                }
                visit(i + k, sum - own(a));
                visit(j + k, own(b) - sum);
            }
        }
        if let Some(start) = self.bias {
            visit(start + step.next as usize, 1.0);
            visit(start + step.negative as usize, -1.0);
        }
    }

    /// Adds `weight` times the gradient of a sample's loss.
    pub fn add_gradient(&self, step: &Step, weight: f64, out: &mut [f64]) {
        let mut sum = Vec::new();
        let slope = weight * -sigmoid(-self.margin(step, &mut sum));
        self.each_slope(step, &mut sum, |at, x| out[at] += slope * x);
        self.each_used(step, |at| out[at] += weight * self.regularization * self.theta[at]);
    }

    /// `sᵀ∇ℓ` of a sample's loss.
    pub fn slope_along(&self, step: &Step, s: &[f64]) -> f64 {
        let mut sum = Vec::new();
        let slope = -sigmoid(-self.margin(step, &mut sum));
        let mut total = 0.0;
        self.each_slope(step, &mut sum, |at, x| total += slope * x * s[at]);
        self.each_used(step, |at| total += self.regularization * self.theta[at] * s[at]);
        total
    }

    /// Adds `weight` times the Hessian of a sample's loss times `v`; Gauss and Newton's part of it alone, where the margin counts as linear.
    pub fn add_hessian_product(
        &self,
        step: &Step,
        v: &[f64],
        gauss_newton: bool,
        weight: f64,
        out: &mut [f64],
    ) {
        let mut sum = Vec::new();
        let miss = sigmoid(-self.margin(step, &mut sum));
        let mut along = 0.0;
        self.each_slope(step, &mut sum, |at, x| along += x * v[at]);
        let outer = weight * miss * (1.0 - miss) * along;
        self.each_slope(step, &mut sum, |at, x| out[at] += outer * x);
        if !gauss_newton {
            let slope = -weight * miss;
            for term in &self.terms {
                self.sum(term, step, v, &mut sum);
                let (i, j) = (self.item(term, step.next), self.item(term, step.negative));
                let own = |x: f64| if term.squared { 2.0 * x } else { 0.0 };
                for (k, sum) in sum.iter().enumerate() {
                    for row in self.rows(term, step) {
                        out[row + k] += slope * term.scale * (v[i + k] - v[j + k]);
                    }
                    out[i + k] += slope * (sum - own(v[i + k]));
                    out[j + k] += slope * (own(v[j + k]) - sum);
                }
            }
        }
        self.each_used(step, |at| out[at] += weight * self.regularization * v[at]);
    }

    /// Adds `weight` times the diagonal of Gauss and Newton's part of a sample's Hessian.
    pub(super) fn add_diagonal(&self, step: &Step, weight: f64, out: &mut [f64]) {
        let mut sum = Vec::new();
        let miss = sigmoid(-self.margin(step, &mut sum));
        self.each_slope(step, &mut sum, |at, x| out[at] += weight * miss * (1.0 - miss) * x * x);
        self.each_used(step, |at| out[at] += weight * self.regularization);
    }

    /// What training would learn from a history of a user whom the model does not know: for each item but perhaps the first a few samples, with negatives that the
    /// history does not have. The first item teaches nothing to a model that looks back.
    pub fn samples_of(&self, history: &[ItemId], rng: &mut shillproof_core::Rng) -> Vec<[Step; NEGATIVES]> {
        if history.len() >= self.n_items {
            return Vec::new(); // Nothing is left to compare with.
        }
        let mut negative = || loop {
            let drawn = rng.random_range(0..self.n_items as u32);
            if !history.contains(&ItemId(drawn)) {
                break drawn;
            }
        };
        let step = |(last, next): (ItemId, ItemId)| {
            [(); NEGATIVES].map(|()| Step {
                user: self.stranger,
                last: last.0,
                next: next.0,
                negative: negative(),
            })
        };
        self.pairs(history).map(step).collect()
    }

    /// What each item of a fake history would do to a score, if training is done once more with what it teaches: `−1/N sᵀ∇ℓ` along `s = H⁻¹∇f`, the mean over a few
    /// negatives, N the number of interactions or pairs that the model was trained on.
    ///
    /// # Shapes
    /// Result: one number an item.
    pub fn effects(&self, history: &[ItemId], s: &[f64], rng: &mut shillproof_core::Rng) -> Vec<f64> {
        let mut out = vec![0.0; history.len()];
        let share = 1.0 / self.samples.len().max(1) as f64;
        let samples = self.samples_of(history, rng);
        for (out, steps) in out.iter_mut().rev().zip(samples.iter().rev()) {
            *out = -share * steps.iter().map(|step| self.slope_along(step, s)).sum::<f64>();
        }
        out
    }

    /// Forgets what a direction says about the user whom the model does not know.
    pub fn ignore_stranger(&self, s: &mut [f64]) {
        for start in self.terms.iter().filter_map(|term| term.user) {
            let row = start + self.stranger as usize * self.factors;
            s[row..row + self.factors].fill(0.0);
        }
    }
}

impl Curvature for Margins {
    fn parameters(&self) -> usize {
        self.theta.len()
    }

    fn samples(&self) -> usize {
        self.samples.len()
    }

    fn diagonal(&self) -> Vec<f64> {
        let mut out = vec![0.0; self.theta.len()];
        let share = 1.0 / self.samples.len() as f64;
        self.samples.iter().for_each(|step| self.add_diagonal(step, share, &mut out));
        out
    }

    fn product(&self, some: Option<&[usize]>, v: &[f64], hessian: Hessian, out: &mut [f64]) {
        out.fill(0.0);
        let gauss_newton = hessian == Hessian::GaussNewton;
        let mut add = |step: &Step, n: usize| {
            self.add_hessian_product(step, v, gauss_newton, 1.0 / n as f64, out);
        };
        match some {
            Some(some) => some.iter().for_each(|&at| add(&self.samples[at], some.len())),
            None => self.samples.iter().for_each(|step| add(step, self.samples.len())),
        }
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}
