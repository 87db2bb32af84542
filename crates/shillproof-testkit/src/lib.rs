//! What the tests of every crate share: real data where it is there, small data with a known
//! answer, reference metrics, and the contracts that every victim and attack must keep.
//!
//! Functions here panic with a message when something is wrong: they run inside tests only.

pub mod accuracy;
pub mod anchor;
pub mod contracts;
pub mod fixtures;

use std::path::PathBuf;

/// The folder of a real data set, `$SHILLPROOF_DATA/NAME`. Without it the test says so and has nothing to do.
pub fn real_data(name: &str) -> Option<PathBuf> {
    let Some(root) = std::env::var_os("SHILLPROOF_DATA").filter(|root| !root.is_empty()) else {
        eprintln!("skipped: SHILLPROOF_DATA not set");
        return None;
    };
    let folder = PathBuf::from(root).join(name);
    if folder.is_dir() {
        Some(folder)
    } else {
        eprintln!("skipped: {} is not there", folder.display());
        None
    }
}
