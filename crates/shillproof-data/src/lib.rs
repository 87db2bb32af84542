//! Data sets: readers, writers, known sets, filters, splits, and what an attacker knows of them.
//!
//! [`load`] takes a known name or a path and gives a [`Dataset`]: a matrix of dense ids with the labels
//! of users and items beside it. Ids follow the sorted labels and a row's order its times, so the order
//! of lines in a file changes nothing.

mod dataset;
mod demo;
mod error;
mod fakes;
pub mod filter;
mod info;
pub mod knowledge;
pub mod known;
mod labels;
mod load;
mod options;
mod read;
pub mod split;
mod statistics;
mod text_or_table;
mod write;

pub use dataset::Dataset;
pub use demo::demo;
pub use error::{DataError, Place};
pub use fakes::{fake_labels, read_fakes, write_fakes};
pub use info::{Info, info};
pub use labels::Labels;
pub use load::{load, load_files};
pub use options::{DataOptions, SequenceUser, Sequences, parse_rating_scale};
pub use statistics::{RatingCount, Statistics};
#[cfg(feature = "parquet")]
pub use write::write_parquet;
pub use write::{save, write_csv, write_inter};
