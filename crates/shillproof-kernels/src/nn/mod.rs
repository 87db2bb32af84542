//! Layers of small networks, with forward and backward passes by hand.
//!
//! A batch is a [`Panels`] matrix, one row a sample. A layer's `forward` reads the layer below, its `backward` takes the slope of the
//! loss at its output, adds to the gradient of its parameters, and gives the slope at its input. Layers own their gradients and Adam's
//! moments; [`AdamSteps`] is the clock that all layers of a network share:
//!
//! 1. `forward` and `backward` of all layers, as often as the batch is long,
//! 2. [`AdamSteps::advance`],
//! 3. `step` of all layers, which moves the parameters and clears the gradients.
//!
//! At these sizes a framework spends most of its time on allocation and on Adam over embedding rows that no sample touches. Here buffers
//! are reused, and rows that coast are caught up, exactly, when they are next needed ([`Untouched`]). What is written by hand
//! is checked against the [`tape`](crate::tape), and that against finite differences. One network runs on one thread.

mod attention;
mod chunks;
mod coast;
mod dense;
mod embedding;
mod gru;
mod init;
mod late_rows;
mod linear;
mod loss;
mod norm;
mod output;
#[cfg(test)]
mod tests;

pub use attention::{Attention, AttentionTrace, Histories};
pub use chunks::{dot_padded, squared_distance_padded};
pub use coast::{AdamSteps, Untouched};
pub use dense::Dense;
pub use embedding::{Embedding, Rows, Slopes};
pub use gru::{Gru, Packed, Trace, plain_sigmoid};
pub use init::Init;
pub use late_rows::LateRows;
pub use linear::{Linear, add_columns};
pub use loss::{LogitLoss, binary_cross_entropy, sigmoid};
pub use norm::{LayerNorm, NormTrace};
pub use output::Output;

#[cfg(doc)]
use crate::panels::Panels;
