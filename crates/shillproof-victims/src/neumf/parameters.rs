//! The parameters of a network, as plain matrices.

use shillproof_core::Seed;
use shillproof_kernels::Matrix;
use shillproof_kernels::nn::Init;

/// Deviation of embeddings before the first step.
const START: f32 = 0.01;

/// The parameters of NeuMF or of one of its parts.
///
/// The logit of user u and item i is `hᵀ[p_u ∘ q_i ; z] + b`, where z comes from `[p'_u ; q'_i]` by the dense layers with ReLU. A part that is
/// not there has no vectors and no place in h.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters {
    /// Vectors p and q of generalised matrix factorisation.
    pub gmf: Option<Vectors>,
    /// Vectors p' and q' of the perceptron.
    pub mlp: Option<Vectors>,
    /// Dense layers of the perceptron, from the input on.
    pub layers: Vec<Layer>,
    /// h: the weights of `p ∘ q`, then those of z.
    pub output: Vec<f32>,
    /// b.
    pub bias: f32,
}

/// One vector a user and one an item.
#[derive(Clone, Debug, PartialEq)]
pub struct Vectors {
    /// One row a user.
    pub users: Matrix,
    /// One row an item.
    pub items: Matrix,
}

/// A dense layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// One row an output.
    pub weights: Matrix,
    /// One number an output.
    pub bias: Vec<f32>,
}

impl Parameters {
    /// A random start: vectors from N(0, 0.01²), dense layers as PyTorch starts them. Without factors there is no matrix
    /// factorisation, without layers no perceptron. A user's vectors do not depend on how many users follow.
    ///
    /// # Shapes
    /// `layers`: sizes from the two vectors side by side to z; the first is even.
    pub fn start(users: usize, items: usize, factors: usize, layers: &[usize], seed: Seed) -> Self {
        let vectors = |name: &str, columns: usize| {
            let draw = |rows, side| {
                Init::Normal { deviation: START }.weights(rows, columns, seed.child(name).child(side))
            };
            (columns > 0).then(|| Vectors { users: draw(users, "users"), items: draw(items, "items") })
        };
        let init = Init::KaimingUniform;
        let dense = |at: usize, inputs: usize, outputs: usize| {
            let seed = seed.child("layers").index(at as u64);
            Layer {
                weights: init.weights(outputs, inputs, seed.child("weights")),
                bias: init.biases(outputs, inputs, seed.child("bias")),
            }
        };
        let last = factors + layers.last().copied().unwrap_or(0);
        let output = dense(layers.len(), last, 1);
        Self {
            gmf: vectors("gmf", factors),
            mlp: vectors("mlp", layers.first().map_or(0, |n| n / 2)),
            layers: layers.windows(2).enumerate().map(|(at, n)| dense(at, n[0], n[1])).collect(),
            output: output.weights.as_slice().to_vec(),
            bias: output.bias[0],
        }
    }

    /// Two trained parts as the start of both together: h is theirs, weighted by `share` and 1 − `share`
    /// (He et al., section 3.4.1).
    pub fn joined(gmf: Self, mlp: Self, share: f32) -> Self {
        let weighted = |h: Vec<f32>, by: f32| h.into_iter().map(move |x| by * x);
        Self {
            gmf: gmf.gmf,
            mlp: mlp.mlp,
            layers: mlp.layers,
            output: weighted(gmf.output, share).chain(weighted(mlp.output, 1.0 - share)).collect(),
            bias: share * gmf.bias + (1.0 - share) * mlp.bias,
        }
    }

    /// Number of items.
    pub fn n_items(&self) -> usize {
        self.gmf.as_ref().or(self.mlp.as_ref()).map_or(0, |vectors| vectors.items.rows())
    }

    /// Length of p and q.
    pub fn factors(&self) -> usize {
        self.gmf.as_ref().map_or(0, |vectors| vectors.items.columns())
    }

    /// Whether no number is infinite or NaN.
    pub fn is_finite(&self) -> bool {
        let vectors = |v: &Vectors| v.users.is_finite() && v.items.is_finite();
        self.gmf.iter().chain(&self.mlp).all(vectors)
            && self.layers.iter().all(|l| l.weights.is_finite() && l.bias.iter().all(|b| b.is_finite()))
            && self.output.iter().chain([&self.bias]).all(|x| x.is_finite())
    }
}
