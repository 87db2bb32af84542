//! `shillproof check`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use shillproof_lab::spec::ExperimentSpec;
use shillproof_lab::trial::Trials;

use super::plan::lay_out;
use crate::args::Format;
use crate::commands::Outcome;
use crate::failure::{Failure, While};
use crate::session::{print, print_json};

/// Check an experiment file: its keys, names and values, and that its data can be read
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shillproof check grid.toml
  shillproof check grid.toml && sbatch run-grid.sh")]
pub(crate) struct Check {
    /// Experiment file
    #[arg(value_name = "SPEC")]
    spec: PathBuf,
    /// How to print the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

impl Check {
    pub(crate) fn run(&self) -> Result<Outcome, Failure> {
        let spec = ExperimentSpec::load(&self.spec).when("read the experiment")?;
        let plan = lay_out(&spec, &Trials::default())?;
        match self.format {
            Format::Json => print_json(&json!({ "cells": plan.cells.len(), "spec": spec }))?,
            Format::Text => {
                print(&format!("{}: {} cells, no mistakes\n", self.spec.display(), plan.cells.len()))?;
            }
        }
        Ok(Outcome::Done)
    }
}
