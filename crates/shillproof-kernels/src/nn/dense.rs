//! Dense layers and what stands between them.

use pulp::{Arch, Simd, WithSimd};

use crate::adam::{Motion, Update};
use crate::matrix::Matrix;
use crate::panels::{Lane, Panels, WIDTH, vectors, vectors_mut};
use crate::products::{AddTo, product, store_times};

/// `out = x Wᵀ + b`.
///
/// The input may be a concatenation: blocks of columns, each starting at a multiple of 16 columns.
#[derive(Clone, Debug)]
pub struct Dense {
    /// Columns of each block of the input.
    blocks: Vec<usize>,
    outputs: usize,
    /// Wᵀ, blocks padded to whole panels; the last row is b.
    theta: Panels,
    /// W, for the way back; rows padded to whole panels.
    back: Panels,
    gradient: Panels,
    first: Panels,
    second: Panels,
}

impl Dense {
    /// A layer with these weights.
    ///
    /// # Shapes
    /// `blocks`: columns of the blocks of the input. `weights`: one row an output, the blocks side by side without padding. `bias`: one number an output.
    ///
    /// ```
    /// use shillproof_kernels::{Matrix, Panels, nn::Dense};
    /// let layer = Dense::new(&[2], &Matrix::from_slice(1, 2, &[3.0, 5.0])?, &[0.5]);
    /// let (mut x, mut out) = (Panels::zeros(16, 2), Panels::zeros(16, 1));
    /// x.write(0, 0, &[1.0, 10.0]);
    /// layer.forward(&x, 1, &mut out);
    /// let mut got = [0.0];
    /// out.read(0, 0, &mut got);
    /// assert_eq!(got, [53.5]);
    /// # Ok::<(), shillproof_kernels::ShapeError>(())
    /// ```
    pub fn new(blocks: &[usize], weights: &Matrix, bias: &[f32]) -> Self {
        assert_eq!(blocks.iter().sum::<usize>(), weights.columns(), "invariant: one weight an input");
        assert_eq!(bias.len(), weights.rows(), "invariant: one bias an output");
        let (inputs, outputs) = (padded(blocks), weights.rows());
        let mut theta = Panels::zeros(inputs + 1, outputs);
        for o in 0..outputs {
            for (place, &value) in places(blocks).zip(weights.row(o)) {
                theta.panel_mut(o / WIDTH)[place].0[o % WIDTH] = value;
            }
        }
        theta.write(inputs, 0, bias);
        let zeros = Panels::zeros(inputs + 1, outputs);
        let mut layer = Self {
            blocks: blocks.to_vec(),
            outputs,
            back: Panels::zeros(outputs.next_multiple_of(WIDTH), inputs),
            theta,
            gradient: zeros.clone(),
            first: zeros.clone(),
            second: zeros,
        };
        layer.turn();
        layer
    }

    /// Columns of the output.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Columns of the input with its padding.
    pub fn padded_inputs(&self) -> usize {
        padded(&self.blocks)
    }

    /// Computes the output of the first `rows` samples.
    ///
    /// # Shapes
    /// `x`: at least `rows` rows (rounded up to 16) of [`Dense::padded_inputs`]. `out`: as many rows of [`Dense::outputs`].
    pub fn forward(&self, x: &Panels, rows: usize, out: &mut Panels) {
        let last = self.padded_inputs();
        Arch::new().dispatch(Times { x, w: &self.theta, bias: Some(last), rows, out });
    }

    /// Adds to the gradient, given the slope at the output; writes the slope at the input if that is wanted.
    ///
    /// # Shapes
    /// As [`Dense::forward`]: `slope` as its `out`, `back` as its `x`.
    pub fn backward(&mut self, x: &Panels, slope: &Panels, rows: usize, back: Option<&mut Panels>) {
        Arch::new().dispatch(Gradient { x, slope, rows, sum: &mut self.gradient });
        if let Some(out) = back {
            Arch::new().dispatch(Times { x: slope, w: &self.back, bias: None, rows, out });
        }
    }

    /// Moves the parameters by one step of Adam and clears the gradient.
    pub fn step(&mut self, update: Update) {
        let Self { theta, gradient, first, second, .. } = self;
        Arch::new().dispatch(Step { update, theta, gradient, first, second });
        self.turn();
    }

    /// W, one row an output, without padding.
    pub fn weights(&self) -> Matrix {
        self.unpadded(&self.theta)
    }

    /// b.
    pub fn bias(&self) -> Vec<f32> {
        self.last_row(&self.theta)
    }

    /// The gradient with respect to W and b.
    pub fn gradient(&self) -> (Matrix, Vec<f32>) {
        (self.unpadded(&self.gradient), self.last_row(&self.gradient))
    }

    fn unpadded(&self, panels: &Panels) -> Matrix {
        let mut out = Matrix::zeros(self.outputs, self.blocks.iter().sum());
        for o in 0..self.outputs {
            for (cell, place) in out.row_mut(o).iter_mut().zip(places(&self.blocks)) {
                *cell = panels.panel(o / WIDTH)[place].0[o % WIDTH];
            }
        }
        out
    }

    fn last_row(&self, panels: &Panels) -> Vec<f32> {
        let mut out = vec![0.0; self.outputs];
        panels.read(panels.rows() - 1, 0, &mut out);
        out
    }

    /// Brings `back` up to date.
    fn turn(&mut self) {
        for at in 0..self.back.count() {
            let to = self.back.panel_mut(at);
            for (o, from) in to.chunks_exact_mut(WIDTH).zip(0..) {
                let from = &self.theta.panel(from)[at * WIDTH..][..WIDTH];
                for (i, lane) in from.iter().enumerate() {
                    for (to, value) in o.iter_mut().zip(lane.0) {
                        to.0[i] = value;
                    }
                }
            }
        }
    }
}

/// Columns of blocks that each start at a multiple of 16.
fn padded(blocks: &[usize]) -> usize {
    blocks.iter().map(|columns| columns.next_multiple_of(WIDTH)).sum()
}

/// Where each column of the blocks stands among the padded ones.
fn places(blocks: &[usize]) -> impl Iterator<Item = usize> {
    let starts = blocks.iter().scan(0, |start, &columns| {
        let own = *start;
        *start += columns.next_multiple_of(WIDTH);
        Some(own..own + columns)
    });
    starts.flatten()
}

struct Times<'a> {
    x: &'a Panels,
    w: &'a Panels,
    /// The row of `w` that is added to every row of the product.
    bias: Option<usize>,
    rows: usize,
    out: &'a mut Panels,
}

impl WithSimd for Times<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for at in 0..self.w.count() {
            let w = self.w.panel(at);
            let bias = self.bias.map_or(Lane::ZERO, |row| w[row]);
            store_times(simd, self.x, w, &bias, self.rows, self.out.panel_mut(at));
        }
    }
}

struct Gradient<'a> {
    x: &'a Panels,
    slope: &'a Panels,
    rows: usize,
    sum: &'a mut Panels,
}

impl WithSimd for Gradient<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for out in 0..self.slope.count() {
            let slope = &self.slope.panel(out)[..self.rows];
            let sum = self.sum.panel_mut(out);
            for (at, part) in sum.chunks_exact_mut(WIDTH).enumerate() {
                product(simd, &self.x.panel(at)[..self.rows], slope, WIDTH, &mut AddTo(part, 1.0));
            }
            let Some(bias) = sum.last_mut() else { return };
            for lane in slope {
                let pairs = vectors_mut::<S>(bias).iter_mut().zip(vectors::<S>(lane));
                for (sum, &x) in pairs {
                    *sum = simd.add_f32s(*sum, x);
                }
            }
        }
    }
}

struct Step<'a> {
    update: Update,
    theta: &'a mut Panels,
    gradient: &'a mut Panels,
    first: &'a mut Panels,
    second: &'a mut Panels,
}

impl WithSimd for Step<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let moments = self.first.lanes_mut().iter_mut().zip(self.second.lanes_mut());
        let parameters = self.theta.lanes_mut().iter_mut().zip(self.gradient.lanes_mut());
        for ((theta, g), (m, v)) in parameters.zip(moments) {
            self.update.apply(simd, Some(&g.0), &mut theta.0, &mut m.0, &mut v.0);
            *g = Lane::ZERO;
        }
    }
}

/// Entry by entry, on the first rows of a batch.
impl Panels {
    /// Negative entries become 0.
    ///
    /// # Shapes
    /// `rows`: at most as many as there are.
    pub fn relu(&mut self, rows: usize) {
        Arch::new().dispatch(Relu { at: self, rows });
    }

    /// The slope before [`Panels::relu`], given the slope behind it: 0 where the output `out` is 0.
    ///
    /// # Shapes
    /// `out`: as this.
    pub fn relu_backward(&mut self, out: &Self, rows: usize) {
        Arch::new().dispatch(ReluBackward { at: self, out, rows });
    }

    /// Row r becomes the sum of row `row` of `left` and the r-th of `rows` of `right`.
    ///
    /// # Shapes
    /// `left`, `right`: as many columns as this. `rows`: at most as many as this has.
    pub fn set_sums(&mut self, left: &Self, row: usize, right: &Self, rows: impl Iterator<Item = usize>) {
        for (at, other) in rows.enumerate() {
            for p in 0..self.count() {
                let (a, b) = (&left.panel(p)[row].0, &right.panel(p)[other].0);
                self.panel_mut(p)[at].0 = std::array::from_fn(|k| a[k] + b[k]);
            }
        }
    }

    /// `self = left ∘ right`.
    ///
    /// # Shapes
    /// `left`, `right`: as this.
    pub fn set_product(&mut self, left: &Self, right: &Self, rows: usize) {
        Arch::new().dispatch(Product { at: self, left, right, rows });
    }
}

struct Relu<'a> {
    at: &'a mut Panels,
    rows: usize,
}

impl WithSimd for Relu<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let zero = simd.splat_f32s(0.0);
        for p in 0..self.at.count() {
            for lane in &mut self.at.panel_mut(p)[..self.rows] {
                for x in vectors_mut::<S>(lane) {
                    *x = simd.max_f32s(*x, zero);
                }
            }
        }
    }
}

struct ReluBackward<'a> {
    at: &'a mut Panels,
    out: &'a Panels,
    rows: usize,
}

impl WithSimd for ReluBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let zero = simd.splat_f32s(0.0);
        for p in 0..self.at.count() {
            for (lane, out) in self.at.panel_mut(p)[..self.rows].iter_mut().zip(self.out.panel(p)) {
                for (slope, &out) in vectors_mut::<S>(lane).iter_mut().zip(vectors::<S>(out)) {
                    *slope = simd.select_f32s(simd.greater_than_f32s(out, zero), *slope, zero);
                }
            }
        }
    }
}

struct Product<'a> {
    at: &'a mut Panels,
    left: &'a Panels,
    right: &'a Panels,
    rows: usize,
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for p in 0..self.at.count() {
            let factors = self.left.panel(p).iter().zip(self.right.panel(p));
            for (lane, (left, right)) in self.at.panel_mut(p)[..self.rows].iter_mut().zip(factors) {
                let (left, right) = (vectors::<S>(left), vectors::<S>(right));
                for (cell, (&a, &b)) in vectors_mut::<S>(lane).iter_mut().zip(left.iter().zip(right)) {
                    *cell = simd.mul_f32s(a, b);
                }
            }
        }
    }
}
