//! The documentation keeps its word: links lead somewhere, commands run, lists are complete, and the worked example
//! compiles.
#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod commands;
mod example;
mod html;
mod links;
mod lists;
mod page;
mod tree;

use std::path::PathBuf;

/// The folder of the repository.
fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).canonicalize().unwrap()
}
