//! `shillproof merge`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use shillproof_lab::store;

use crate::args::Format;
use crate::commands::Outcome;
use crate::failure::{Failure, While};
use crate::session::{Session, print, print_json};

/// Bring the records of several folders into one
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shillproof merge part1 part2 part3 --out results
  shillproof merge results /mnt/other-machine/results      into the first

Two folders with different results for one cell are an error, and nothing is written.")]
pub(crate) struct Merge {
    /// Folders of records
    #[arg(value_name = "DIR", required = true)]
    folders: Vec<PathBuf>,
    /// Folder to write [default: the first DIR]
    #[arg(long, short, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How to print the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

impl Merge {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let out = self.out.as_deref().unwrap_or(&self.folders[0]);
        let sources: Vec<&Path> = self.folders.iter().map(PathBuf::as_path).collect();
        let merged = store::merge(&sources, out).when("merge the records")?;
        merged.warnings.iter().for_each(|warning| session.say(warning));
        match self.format {
            Format::Json => print_json(
                &json!({ "out": out.display().to_string(), "added": merged.added, "known": merged.known }),
            )?,
            Format::Text => print(&format!(
                "{}: {} records added, {} were known\n",
                out.display(),
                merged.added,
                merged.known
            ))?,
        }
        Ok(Outcome::Done)
    }
}
