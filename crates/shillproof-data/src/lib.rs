//! Data sets: readers, writers, known sets, filters, splits, and what an attacker knows of them.
//!
//! [`load`] takes a known name or a path and gives a [`Dataset`]: a matrix of dense ids with the labels
//! of users and items beside it. Ids follow the sorted labels and a row's order its times, so the order
//! of lines in a file changes nothing. [`demo`](demo()) is always there.
//!
//! On its way to an experiment the data passes [`filter`]s; a [`split`] divides it into what victims learn
//! from and what measures them; [`knowledge`] is the part of the training data that an attacker sees.

mod dataset;
mod demo;
mod error;
mod fake_times;
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
pub use fake_times::{Timestamps, timed_fakes};
pub use fakes::{FakeUsers, FakesFormat, FakesOptions, ItemMap, fake_labels, read_fakes};
pub use info::{Info, info};
pub use labels::Labels;
pub use load::{load, load_files};
pub use options::{DataOptions, SequenceUser, Sequences, parse_rating_scale};
pub use statistics::{RatingCount, Statistics};
#[cfg(feature = "parquet")]
pub use write::write_parquet;
pub use write::{save, write_csv, write_inter};
