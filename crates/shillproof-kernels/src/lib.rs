//! The arithmetic under the recommenders: dense and sparse rows, Gram products, small
//! least-squares systems, score blocks and Adam.
//!
//! Storage is `f32`; sums over many rows are combined in `f64`. Nothing here depends on the number
//! of threads: work is cut into pieces that do not know how many there are, and pieces are combined
//! in order. Vector code is chosen at run time (AVX-512, AVX2 with FMA, NEON, or plain scalar code),
//! through `pulp`, so that one binary runs everywhere; the only `unsafe` code is a prefetch and the call of a library's
//! matrix product.
//!
//! One micro-kernel does the dense products of everything but recurrent and attention layers, which call a library
//! ([`multiply`]): `aᵀb` of two panels of 16 columns. It serves the normal
//! matrices of alternating least squares, Gram products, the Cholesky factorisation and score blocks.
//! Each cell of its result is one chain of multiply-adds in a fixed order, which is why the
//! scores of one user alone equal those of the same user within a block to the last bit.

// Vector code must be inlined into the function that `pulp` compiles for the chosen instruction set,
// and there an index says more than an iterator.
#![allow(clippy::inline_always, clippy::needless_range_loop)]

pub mod adam;
mod cholesky;
pub mod csr;
mod exp;
pub mod full_cells;
mod gemm;
pub mod gram;
pub mod lanes;
pub mod least_squares;
pub mod matrix;
pub mod nn;
mod panels;
pub mod parallel;
mod prefetch;
mod products;
mod rows;
pub mod score;
mod sparse;
mod squared_error;
pub mod tape;
mod vectorized;

pub use adam::Adam;
pub use csr::Csr;
pub use exp::exp;
pub use full_cells::{CellSlopes, FullCells, Joined};
pub use gemm::{View, multiply};
pub use gram::gram;
pub use lanes::{Lane, RowPanels};
pub use least_squares::{Inner, RowSystems};
pub use matrix::{Matrix, ShapeError, axpy, dot};
pub use panels::Panels;
#[cfg(target_arch = "x86_64")]
#[doc(hidden)]
pub use pulp::x86::V3;
pub use score::ItemPanels;
pub use squared_error::squared_error;
