//! `shillproof list`.

use clap::Args;
use serde_json::Value;

use super::catalogue::{Entry, Kind};
use crate::args::Format;
use crate::commands::Outcome;
use crate::failure::Failure;
use crate::session::{print, print_json};
use crate::text::columns;

/// List what there is: victims, attacks, detectors, defenses, metrics
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shillproof list attacks
  shillproof list victims --format json     with every parameter and its default
  shillproof explain bandwagon              the page of one of them")]
pub(crate) struct List {
    /// What to list
    #[arg(value_name = "KIND")]
    kind: Kind,
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

impl List {
    pub(crate) fn run(&self) -> Result<Outcome, Failure> {
        let entries = self.kind.entries();
        match self.format {
            Format::Json => {
                let list: Vec<Value> = entries.into_iter().map(|entry| entry.json).collect();
                print_json(&list)?;
            }
            Format::Text => {
                let row = |entry: &Entry| vec![entry.name.to_owned(), entry.summary.to_owned()];
                print(&columns(&entries.iter().map(row).collect::<Vec<_>>()))?;
            }
        }
        Ok(Outcome::Done)
    }
}
