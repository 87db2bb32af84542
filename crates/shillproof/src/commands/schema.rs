//! `shillproof schema`.

use clap::Args;
use shillproof_lab::spec;

use crate::commands::Outcome;
use crate::failure::Failure;
use crate::session::print_json;

/// Print the JSON schema of experiment files, for editors that complete and check
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shillproof schema > shillproof.schema.json
  # then, as the first line of an experiment file:
  #:schema ./shillproof.schema.json")]
pub(crate) struct Schema {}

impl Schema {
    pub(crate) fn run() -> Result<Outcome, Failure> {
        print_json(&spec::schema())?;
        Ok(Outcome::Done)
    }
}
