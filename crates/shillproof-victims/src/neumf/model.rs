//! What a trained network says.

use shillproof_core::{ItemId, Recommender, Scorer, UserId};
use shillproof_kernels::nn::{Dense, Output};
use shillproof_kernels::{ItemPanels, Matrix, Panels, dot};

use super::parameters::Parameters;

/// Items that pass through the perceptron at a time.
const CHUNK: usize = 64;

/// A trained NeuMF, or one of its parts. Its score is the logit, whose order is that of the predicted probability.
///
/// The first dense layer is linear in the concatenation of two vectors, so its output is the sum of one vector a user and one an item:
/// `W[p;q] + b = (W_p p + b) + W_q q`. Both are computed once.
#[derive(Clone, Debug)]
pub struct NeuralModel {
    parameters: Parameters,
    gmf: Option<Factors>,
    mlp: Option<Perceptron>,
}

/// `h ∘ p` of each user and q of each item; b is the perceptron's where there is one.
#[derive(Clone, Debug)]
struct Factors {
    users: Matrix,
    panels: ItemPanels,
    bias: f32,
}

#[derive(Clone, Debug)]
struct Perceptron {
    /// `W_p p + b` of the first layer.
    users: Panels,
    /// `W_q q` of the first layer.
    items: Panels,
    layers: Vec<Dense>,
    output: Output,
}

/// Activations of one chunk.
struct Chunk {
    z: Vec<Panels>,
    scores: Vec<f32>,
}

impl NeuralModel {
    /// A model that ranks by these parameters.
    pub fn new(parameters: Parameters) -> Self {
        let factors = parameters.factors();
        let gmf = parameters.gmf.as_ref().map(|vectors| {
            let mut users = vectors.users.clone();
            for u in 0..users.rows() {
                for (p, h) in users.row_mut(u).iter_mut().zip(&parameters.output) {
                    *p *= h;
                }
            }
            let bias = if parameters.mlp.is_some() { 0.0 } else { parameters.bias };
            Factors { users, panels: ItemPanels::new(&vectors.items), bias }
        });
        let mlp = parameters.mlp.as_ref().map(|vectors| {
            let half = vectors.items.columns();
            let first = &parameters.layers[0];
            let outputs = first.bias.len();
            let side = |rows: &Matrix, from: usize, bias: &[f32]| {
                let mut weights = Matrix::zeros(outputs, half);
                for o in 0..outputs {
                    weights.row_mut(o).copy_from_slice(&first.weights.row(o)[from..from + half]);
                }
                let n = rows.rows();
                // Layers work on whole groups of 16 samples.
                let padded = n.next_multiple_of(16);
                let (mut x, mut out) = (Panels::zeros(padded, half), Panels::zeros(padded, outputs));
                for row in 0..n {
                    x.write(row, 0, rows.row(row));
                }
                Dense::new(&[half], &weights, bias).forward(&x, n, &mut out);
                out
            };
            let layers = parameters.layers[1..].iter();
            Perceptron {
                users: side(&vectors.users, 0, &first.bias),
                items: side(&vectors.items, half, &vec![0.0; outputs]),
                layers: layers.map(|l| Dense::new(&[l.weights.columns()], &l.weights, &l.bias)).collect(),
                output: Output::new(
                    &[parameters.output.len() - factors],
                    &parameters.output[factors..],
                    parameters.bias,
                ),
            }
        });
        Self { parameters, gmf, mlp }
    }

    /// What was learned.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// What was learned, without the rest.
    pub fn into_parameters(self) -> Parameters {
        self.parameters
    }

    /// Scores of some items for one user: the bits of [`Scorer::score`] up to the order of one sum.
    ///
    /// # Shapes
    /// `out`: one cell an entry of `items`.
    pub fn score_items(&self, user: u32, items: &[u32], out: &mut [f32]) {
        out.fill(0.0);
        if let (Some(factors), Some(vectors)) = (&self.gmf, &self.parameters.gmf) {
            for (score, &item) in out.iter_mut().zip(items) {
                *score =
                    dot(factors.users.row(user as usize), vectors.items.row(item as usize)) + factors.bias;
            }
        }
        if let Some(mlp) = &self.mlp {
            let mut chunk = mlp.chunk();
            for (items, out) in items.chunks(CHUNK).zip(out.chunks_mut(CHUNK)) {
                mlp.add(user, items.iter().map(|&i| i as usize), &mut chunk, out);
            }
        }
    }
}

impl Perceptron {
    fn chunk(&self) -> Chunk {
        let first = Panels::zeros(CHUNK, 16 * self.items.count());
        let rest = self.layers.iter().map(|layer| Panels::zeros(CHUNK, layer.outputs()));
        Chunk { z: std::iter::once(first).chain(rest).collect(), scores: vec![0.0; CHUNK] }
    }

    /// Adds the perceptron's part of the logits.
    fn add(
        &self,
        user: u32,
        items: impl ExactSizeIterator<Item = usize>,
        chunk: &mut Chunk,
        out: &mut [f32],
    ) {
        let Chunk { z, scores } = chunk;
        let rows = items.len();
        z[0].set_sums(&self.users, user as usize, &self.items, items);
        z[0].relu(rows);
        for (l, layer) in self.layers.iter().enumerate() {
            let (below, above) = z.split_at_mut(l + 1);
            layer.forward(&below[l], rows, &mut above[0]);
            above[0].relu(rows);
        }
        let scores = &mut scores[..rows];
        self.output.forward(&[&z[self.layers.len()]], scores);
        for (out, score) in out.iter_mut().zip(scores) {
            *out += *score;
        }
    }
}

impl Recommender for NeuralModel {
    fn scorer(&self) -> Option<&dyn Scorer> {
        Some(self)
    }
}

impl Scorer for NeuralModel {
    fn n_items(&self) -> usize {
        self.parameters.n_items()
    }

    fn score(&self, user: UserId, _: Option<&[ItemId]>, out: &mut [f32]) {
        self.score_block(&[user], out);
    }

    fn score_block(&self, users: &[UserId], out: &mut [f32]) {
        let n = self.n_items();
        if let Some(factors) = &self.gmf {
            let rows: Vec<&[f32]> = users.iter().map(|u| factors.users.row(u.index())).collect();
            factors.panels.score_block(&rows, out);
            for score in &mut *out {
                *score += factors.bias;
            }
        } else {
            out.fill(0.0);
        }
        if let Some(mlp) = &self.mlp {
            let mut chunk = mlp.chunk();
            // A chunk of items stays in the cache while all users meet it.
            for first in (0..n).step_by(CHUNK) {
                let last = n.min(first + CHUNK);
                for (user, row) in users.iter().zip(out.chunks_exact_mut(n)) {
                    mlp.add(user.0, first..last, &mut chunk, &mut row[first..last]);
                }
            }
        }
    }
}
