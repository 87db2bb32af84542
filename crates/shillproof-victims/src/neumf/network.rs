//! NeuMF in training: forward, backward and one step of Adam.

use shillproof_kernels::nn::{AdamSteps, Dense, Embedding, Output, Untouched, binary_cross_entropy};
use shillproof_kernels::{Matrix, Panels};

use super::parameters::{Layer, Parameters, Vectors};
use super::samples::Sample;

/// Samples that pass through the network at a time: their activations stay in the nearest caches.
const CHUNK: usize = 64;

/// A network that learns. It runs on one thread; the same calls give the same bits.
#[derive(Clone, Debug)]
pub struct Network {
    users: Embedding,
    items: Embedding,
    steps: AdamSteps,
    gmf: Option<Gmf>,
    mlp: Option<Mlp>,
    output: Output,
    logits: Vec<f32>,
    slopes: Vec<f32>,
    ids: [Vec<u32>; 2],
    slots: [Vec<u32>; 2],
}

/// Generalised matrix factorisation on one chunk.
#[derive(Clone, Debug)]
struct Gmf {
    p: Panels,
    q: Panels,
    product: Panels,
    slope: Panels,
    back: Panels,
}

/// The perceptron, and its activations on one chunk: `z[0]` is the input, `z[l]` the output of layer l.
#[derive(Clone, Debug)]
struct Mlp {
    /// Block of its vectors in the tables.
    block: usize,
    layers: Vec<Dense>,
    z: Vec<Panels>,
    slopes: Vec<Panels>,
}

impl Network {
    /// A network that starts from these parameters, before its first step.
    pub fn new(start: &Parameters, learning_rate: f32, weight_decay: f32, untouched: Untouched) -> Self {
        let table = |side: fn(&Vectors) -> &Matrix| {
            Embedding::new(&start.gmf.iter().chain(&start.mlp).map(side).collect::<Vec<_>>())
        };
        let chunk = |columns| Panels::zeros(CHUNK, columns);
        let gmf = start.gmf.as_ref().map(|vectors| {
            let own = || chunk(vectors.items.columns());
            Gmf { p: own(), q: own(), product: own(), slope: own(), back: own() }
        });
        let mlp = start.mlp.as_ref().map(|vectors| {
            let half = vectors.items.columns();
            let mut blocks = vec![half, half];
            let mut layers = Vec::with_capacity(start.layers.len());
            for layer in &start.layers {
                layers.push(Dense::new(&blocks, &layer.weights, &layer.bias));
                blocks = vec![layer.bias.len()];
            }
            let widths: Vec<usize> = layers
                .first()
                .map(Dense::padded_inputs)
                .into_iter()
                .chain(layers.iter().map(Dense::outputs))
                .collect();
            let z = || widths.iter().map(|&columns| chunk(columns)).collect();
            Mlp { block: usize::from(gmf.is_some()), z: z(), slopes: z(), layers }
        });
        let last = mlp.as_ref().map(|_| start.output.len() - start.factors());
        let parts: Vec<usize> = gmf.as_ref().map(|_| start.factors()).into_iter().chain(last).collect();
        Self {
            users: table(|vectors| &vectors.users),
            items: table(|vectors| &vectors.items),
            steps: AdamSteps::new(learning_rate, weight_decay, untouched),
            gmf,
            mlp,
            output: Output::new(&parts, &start.output, start.bias),
            logits: vec![0.0; CHUNK],
            slopes: vec![0.0; CHUNK],
            ids: Default::default(),
            slots: Default::default(),
        }
    }

    /// One step of Adam on the mean binary cross-entropy of a batch, each sample times `weights` of its user; gives that mean.
    pub fn learn(&mut self, batch: &[Sample], weights: Option<&[f32]>) -> f64 {
        let loss = self.differentiate(batch, weights);
        self.step();
        loss
    }

    /// Adds the gradient of the mean loss of a batch to what the layers hold; gives that mean.
    pub fn differentiate(&mut self, batch: &[Sample], weights: Option<&[f32]>) -> f64 {
        let (scale, mut total) = (1.0 / batch.len() as f32, 0.0);
        for chunk in batch.chunks(CHUNK) {
            self.ids[0].clear();
            self.ids[0].extend(chunk.iter().map(|sample| sample.user()));
            self.ids[1].clear();
            self.ids[1].extend(chunk.iter().map(|sample| sample.item()));
            self.forward();
            for (at, sample) in chunk.iter().enumerate() {
                let at_logit = binary_cross_entropy(self.logits[at], sample.label());
                let weight = weights.map_or(1.0, |w| w[sample.user() as usize]);
                total += f64::from(weight * at_logit.loss);
                self.slopes[at] = scale * weight * at_logit.slope;
            }
            self.backward(chunk.len());
        }
        total / batch.len() as f64
    }

    /// Adds to all gradients a loss of some logits: `slope` gets the logits of a chunk of `pairs` with the place of its first pair,
    /// and writes the loss's slopes at them.
    pub fn differentiate_logits(
        &mut self,
        pairs: &[(u32, u32)],
        mut slope: impl FnMut(usize, &[f32], &mut [f32]),
    ) {
        for (nth, chunk) in pairs.chunks(CHUNK).enumerate() {
            self.ids[0].clear();
            self.ids[0].extend(chunk.iter().map(|pair| pair.0));
            self.ids[1].clear();
            self.ids[1].extend(chunk.iter().map(|pair| pair.1));
            self.forward();
            slope(nth * CHUNK, &self.logits[..chunk.len()], &mut self.slopes[..chunk.len()]);
            self.backward(chunk.len());
        }
    }

    /// The logits of one user and every item, as the parameters are now; no gradient.
    ///
    /// # Shapes
    /// `out`: one cell an item.
    pub fn logits(&mut self, user: u32, out: &mut [f32]) {
        self.users.settle(&self.steps);
        self.items.settle(&self.steps);
        for (nth, out) in out.chunks_mut(CHUNK).enumerate() {
            let first = (nth * CHUNK) as u32;
            self.ids[0].clear();
            self.ids[0].resize(out.len(), user);
            self.ids[1].clear();
            self.ids[1].extend(first..first + out.len() as u32);
            self.evaluate();
            out.copy_from_slice(&self.logits[..out.len()]);
        }
    }

    /// The logits of the pairs in `ids`, whose rows get their slots.
    fn forward(&mut self) {
        let Self { users, items, steps, ids, slots, .. } = self;
        users.touch(&ids[0], steps, &mut slots[0]);
        items.touch(&ids[1], steps, &mut slots[1]);
        self.evaluate();
    }

    /// The logits of the pairs in `ids`, whose rows are up to date.
    fn evaluate(&mut self) {
        let Self { users, items, gmf, mlp, output, logits, ids, .. } = self;
        let rows = ids[0].len();
        let mut parts: Vec<&Panels> = Vec::with_capacity(2);
        if let Some(Gmf { p, q, product, .. }) = gmf {
            users.gather(&ids[0], 0, p, 0);
            items.gather(&ids[1], 0, q, 0);
            product.set_product(p, q, rows);
            parts.push(product);
        }
        if let Some(Mlp { block, layers, z, .. }) = mlp {
            let half = z[0].count() / 2;
            users.gather(&ids[0], *block, &mut z[0], 0);
            items.gather(&ids[1], *block, &mut z[0], half);
            for (l, layer) in layers.iter().enumerate() {
                let (below, above) = z.split_at_mut(l + 1);
                layer.forward(&below[l], rows, &mut above[0]);
                above[0].relu(rows);
            }
            parts.extend(z.last());
        }
        output.forward(&parts, &mut logits[..rows]);
    }

    /// Adds to all gradients, given the slopes at the logits of the last forward pass.
    fn backward(&mut self, rows: usize) {
        let Self { users, items, gmf, mlp, output, slopes, slots, .. } = self;
        let mut parts: Vec<&Panels> = Vec::with_capacity(2);
        let mut backs: Vec<&mut Panels> = Vec::with_capacity(2);
        if let Some(Gmf { product, slope, .. }) = gmf {
            parts.push(product);
            backs.push(slope);
        }
        if let Some(Mlp { z, slopes, .. }) = mlp {
            parts.extend(z.last());
            backs.extend(slopes.last_mut());
        }
        output.backward(&parts, &slopes[..rows], &mut backs);
        if let Some(Gmf { p, q, slope, back, .. }) = gmf {
            back.set_product(slope, q, rows);
            users.scatter(&slots[0], 0, back, 0);
            back.set_product(slope, p, rows);
            items.scatter(&slots[1], 0, back, 0);
        }
        if let Some(Mlp { block, layers, z, slopes }) = mlp {
            for (l, layer) in layers.iter_mut().enumerate().rev() {
                let (below, above) = slopes.split_at_mut(l + 1);
                above[0].relu_backward(&z[l + 1], rows);
                layer.backward(&z[l], &above[0], rows, Some(&mut below[l]));
            }
            let half = z[0].count() / 2;
            users.scatter(&slots[0], *block, &slopes[0], 0);
            items.scatter(&slots[1], *block, &slopes[0], half);
        }
    }

    /// One step of Adam along the gradient that the layers hold.
    pub fn step(&mut self) {
        self.steps.advance();
        let update = self.steps.update();
        for layer in self.mlp.iter_mut().flat_map(|mlp| &mut mlp.layers) {
            layer.step(update);
        }
        self.output.step(update);
        self.users.step(&self.steps);
        self.items.step(&self.steps);
    }

    /// The parameters as they are now.
    pub fn parameters(&mut self) -> Parameters {
        self.users.settle(&self.steps);
        self.items.settle(&self.steps);
        let vectors =
            |block: usize| Vectors { users: self.users.block(block), items: self.items.block(block) };
        let (output, bias) = self.output.weights();
        let layer = |dense: &Dense| Layer { weights: dense.weights(), bias: dense.bias() };
        Parameters {
            gmf: self.gmf.as_ref().map(|_| vectors(0)),
            mlp: self.mlp.as_ref().map(|mlp| vectors(mlp.block)),
            layers: self.mlp.iter().flat_map(|mlp| mlp.layers.iter().map(layer)).collect(),
            output,
            bias,
        }
    }

    /// The gradient that the layers hold, in the form of parameters; zero rows where the batch was not.
    #[cfg(test)]
    pub(super) fn gradient(&self) -> Parameters {
        let spread = |table: &Embedding, block: usize| {
            let mut out = Matrix::zeros(table.rows(), table.block(block).columns());
            for (row, values) in table.gradient(block) {
                out.row_mut(row as usize).copy_from_slice(&values);
            }
            out
        };
        let vectors =
            |block: usize| Vectors { users: spread(&self.users, block), items: spread(&self.items, block) };
        let (output, bias) = self.output.gradient();
        let layer = |dense: &Dense| {
            let (weights, bias) = dense.gradient();
            Layer { weights, bias }
        };
        Parameters {
            gmf: self.gmf.as_ref().map(|_| vectors(0)),
            mlp: self.mlp.as_ref().map(|mlp| vectors(mlp.block)),
            layers: self.mlp.iter().flat_map(|mlp| mlp.layers.iter().map(layer)).collect(),
            output,
            bias,
        }
    }
}
