//! `shillproof plan`.

use std::path::PathBuf;

use clap::Args;
use shillproof_core::catalogue::Catalogue;
use shillproof_lab::plan::Plan as Cells;
use shillproof_lab::spec::ExperimentSpec;
use shillproof_lab::trial::Trials;

use crate::args::Format;
use crate::commands::Outcome;
use crate::failure::{Failure, While};
use crate::session::{Session, print, print_json};
use crate::text::columns;

/// Print the cells of an experiment before anything runs
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shillproof plan grid.toml
  shillproof plan grid.toml --format json      every cell with its key, cost and what it shares

A cell's key is what `shillproof run --only KEY` takes, so any engine can drive the grid.")]
pub(crate) struct Plan {
    /// Experiment file
    #[arg(value_name = "SPEC")]
    spec: PathBuf,
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// The cells of an experiment. Data sets are read once, by `trials`.
pub(super) fn lay_out(spec: &ExperimentSpec, trials: &Trials) -> Result<Cells, Failure> {
    Cells::new(spec, &mut |dataset| trials.facts(dataset).when(format!("load `{}`", dataset.data())))
}

impl Plan {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let spec = ExperimentSpec::load(&self.spec).when("read the experiment")?;
        let plan = lay_out(&spec, &Trials::default())?;
        match self.format {
            Format::Json => print_json(&plan)?,
            Format::Text => print(&table(&plan))?,
        }
        session.say(&format!("{} cells", plan.cells.len()));
        Ok(Outcome::Done)
    }
}

/// One line a cell; its cost as a share of the whole.
fn table(plan: &Cells) -> String {
    let total: f64 = plan.cells.iter().map(|planned| planned.cost).sum();
    let head = ["key", "data", "victim", "attack", "size", "target", "repeat", "cost"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(plan.cells.iter().map(|planned| {
        let cell = &planned.cell;
        vec![
            planned.key.to_string(),
            planned.data.name.clone(),
            cell.victim.card().name.to_owned(),
            cell.attack_name().to_owned(),
            cell.threat.size.to_string(),
            cell.threat.target.map_or_else(|| "all".to_owned(), |place| (place + 1).to_string()),
            (cell.repeat + 1).to_string(),
            format!("{:.1}%", 100.0 * planned.cost / total),
        ]
    }));
    columns(&rows)
}
