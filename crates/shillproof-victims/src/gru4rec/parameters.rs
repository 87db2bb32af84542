//! What GRU4Rec learns, and how a history becomes a query.

use shillproof_core::{Interactions, ItemId, UserId};
use shillproof_kernels::Matrix;
use shillproof_kernels::nn::{Gru, Linear, Packed, Trace};

use crate::next_item::{Catalogue, Encoder, NextItemModel};

/// What turns a state into scores.
#[derive(Clone, Debug, PartialEq)]
pub enum Head {
    /// Items have vectors of their own: s_i = o_iᵀh + β_i.
    Separate {
        /// o, one row an item.
        items: Matrix,
        /// β, one an item.
        bias: Vec<f32>,
    },
    /// Items are met as they are read: s_i = e_iᵀ(P h + p).
    Shared(Linear),
}

/// All parameters; also the shape of a gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters {
    /// e, one row an item.
    pub items: Matrix,
    /// The recurrent unit.
    pub cell: Gru,
    /// What turns a state into scores.
    pub head: Head,
}

impl Parameters {
    /// The block of the vectors with which items are read.
    pub(super) const ITEMS: usize = 0;
    /// The block of the head's weights: of a separate head, one row an item.
    pub(super) const MET: usize = 5;
    /// The block of the head's biases: of a separate head, one an item.
    pub(super) const MET_BIAS: usize = 6;

    /// Zeros of the same shape.
    pub(super) fn zeros(&self) -> Self {
        let zeros = |m: &Matrix| Matrix::zeros(m.rows(), m.columns());
        let head = match &self.head {
            Head::Separate { items, bias } => {
                Head::Separate { items: zeros(items), bias: vec![0.0; bias.len()] }
            }
            Head::Shared(layer) => Head::Shared(layer.zeros()),
        };
        Self { items: zeros(&self.items), cell: self.cell.zeros(), head }
    }

    /// All numbers, block by block.
    pub(super) fn blocks_mut(&mut self) -> [&mut [f32]; 7] {
        let Gru { input, hidden, input_bias, hidden_bias } = &mut self.cell;
        let (weights, bias) = match &mut self.head {
            Head::Separate { items: weights, bias } | Head::Shared(Linear { weights, bias }) => {
                (weights, bias)
            }
        };
        [
            self.items.as_mut_slice(),
            input.as_mut_slice(),
            hidden.as_mut_slice(),
            input_bias,
            hidden_bias,
            weights.as_mut_slice(),
            bias,
        ]
    }

    /// Length of what meets the items.
    pub(super) fn query_width(&self) -> usize {
        match self.head {
            Head::Separate { .. } => self.cell.width(),
            Head::Shared(_) => self.items.columns(),
        }
    }

    /// What meets the items, one row a state.
    pub(super) fn queries<'a>(&self, states: &'a [f32], spare: &'a mut Vec<f32>) -> &'a [f32] {
        let Head::Shared(layer) = &self.head else { return states };
        layer.forward(states, spare);
        spare
    }

    /// What is met, one row an item.
    pub(super) fn met(&self) -> &Matrix {
        match &self.head {
            Head::Separate { items, .. } => items,
            Head::Shared(_) => &self.items,
        }
    }

    /// What is met, with its biases.
    pub(super) fn catalogue(&self) -> Catalogue<'_> {
        let bias = match &self.head {
            Head::Separate { bias, .. } => Some(&bias[..]),
            Head::Shared(_) => None,
        };
        Catalogue { items: self.met(), bias }
    }

    /// The input rows of these items.
    pub(super) fn gather(&self, items: &[u32], out: &mut Vec<f32>) {
        out.clear();
        for &item in items {
            out.extend_from_slice(self.items.row(item as usize));
        }
    }

    /// These parameters with the users' histories.
    pub(super) fn model(self, histories: &Interactions) -> NextItemModel<Self> {
        let items = match &self.head {
            Head::Shared(_) => self.items.clone(),
            Head::Separate { items, bias } => {
                let mut out = Matrix::zeros(items.rows(), items.columns() + 1);
                for (i, bias) in bias.iter().enumerate() {
                    let (row, last) = out.row_mut(i).split_at_mut(items.columns());
                    row.copy_from_slice(items.row(i));
                    last[0] = *bias;
                }
                out
            }
        };
        NextItemModel::new(self, &items, histories)
    }
}

impl Encoder for Parameters {
    fn width(&self) -> usize {
        match self.head {
            Head::Separate { .. } => self.query_width() + 1,
            Head::Shared(_) => self.query_width(),
        }
    }

    fn encode(&self, user: UserId, history: &[ItemId], out: &mut [f32]) {
        self.encode_all(&[(user, history)], out);
    }

    fn encode_all(&self, histories: &[(UserId, &[ItemId])], out: &mut [f32]) {
        let mut order: Vec<usize> = (0..histories.len()).collect();
        let length = |at: &usize| histories[*at].1.len();
        order.sort_by_key(|at| std::cmp::Reverse(length(at)));
        let lengths: Vec<usize> = order.iter().map(length).collect();
        let packed = Packed::of(&lengths);
        let mut items = Vec::with_capacity(packed.len());
        for step in 0..lengths.first().copied().unwrap_or(0) {
            let alive = order.iter().take_while(|at| length(at) > step);
            items.extend(alive.map(|&at| histories[at].1[step].0));
        }
        let (mut inputs, mut trace, h) = (Vec::new(), Trace::default(), self.cell.width());
        self.gather(&items, &mut inputs);
        let first = vec![0.0; histories.len() * h];
        self.cell.forward(&inputs, &packed, &first, &mut trace);
        let mut last = vec![0.0; histories.len() * h];
        for (at, (&history, &length)) in order.iter().zip(&lengths).enumerate() {
            if length > 0 {
                let state = &trace.states[(packed.starts[length - 1] + at) * h..][..h];
                last[history * h..][..h].copy_from_slice(state);
            }
        }
        let mut spare = Vec::new();
        let queries = self.queries(&last, &mut spare);
        let width = self.query_width();
        for (query, out) in queries.chunks_exact(width).zip(out.chunks_exact_mut(self.width())) {
            out[..width].copy_from_slice(query);
            if let [constant] = &mut out[width..] {
                *constant = 1.0;
            }
        }
    }
}
