//! `shillproof run`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use shillproof_lab::plan::Shard;
use shillproof_lab::report::{Format as ReportFormat, Report};
use shillproof_lab::run::{RunOptions, RunSummary, run};
use shillproof_lab::spec::ExperimentSpec;
use shillproof_lab::store::{Key, Store};
use shillproof_lab::trial::Trials;

use super::plan::lay_out;
use crate::args::{Format, read};
use crate::commands::Outcome;
use crate::failure::{Failure, While};
use crate::session::{STOP, Session, print, print_json};

/// Run an experiment: only what is missing, so that it can be stopped and resumed at any moment
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shillproof run grid.toml
  shillproof run grid.toml --out results --jobs 4
  shillproof run grid.toml --shard 2/3 --out part2      one of three machines; `merge` joins them
  shillproof run grid.toml --only KEY                   one cell, as an external engine calls it

The seed of an experiment is in its file. A record is written as soon as its cell ends; running a
cell twice is harmless.")]
pub(crate) struct Run {
    /// Experiment file
    #[arg(value_name = "SPEC")]
    spec: PathBuf,
    /// Folder of records [default: results/ and the name of SPEC without its extension]
    #[arg(long, short, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Only part I of N
    #[arg(long, value_name = "I/N")]
    shard: Option<String>,
    /// Only these cells, by the keys that `shillproof plan` prints
    #[arg(long, value_name = "KEY,...", value_delimiter = ',')]
    only: Vec<String>,
    /// How to print the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

impl Run {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let options = RunOptions {
            jobs: session.jobs,
            shard: self.shard.as_deref().map(|text| read::<Shard>("shard", text)).transpose()?,
            only: self.only.iter().map(|text| read::<Key>("only", text)).collect::<Result<_, _>>()?,
        };
        let trials = Trials::default();
        let spec = ExperimentSpec::load(&self.spec).when("read the experiment")?;
        let plan = lay_out(&spec, &trials)?;
        let out = self.out.clone().unwrap_or_else(|| {
            Path::new("results").join(self.spec.file_stem().unwrap_or(self.spec.as_os_str()))
        });
        let store = Store::create(&out).when("open the records")?;
        let summary =
            run(&plan, &trials, &store, &options, &*session.observer, &STOP).when("run the experiment")?;
        let records = store.load().when("read the records")?;
        records.warnings.iter().for_each(|warning| session.say(warning));
        if !records.records.is_empty() {
            let report = Report::of(&records.records, store.spec().when("read the records")?);
            let table = report.and_then(|report| report.write(ReportFormat::Markdown)).when("report")?;
            match self.format {
                Format::Text => print(&String::from_utf8_lossy(&table))?,
                Format::Json => print_json(&json!({
                    "out": out.display().to_string(),
                    "kept": summary.kept,
                    "done": summary.done,
                    "skipped": summary.skipped,
                    "failed": summary.failed,
                    "left": summary.left,
                }))?,
            }
        }
        session
            .say(&format!("records are in {0}; `shillproof report {0}` makes a page of them", out.display()));
        ended(&summary)
    }
}

/// A grid with cells that failed or are left is not done.
fn ended(summary: &RunSummary) -> Result<Outcome, Failure> {
    let RunSummary { failed, left, .. } = *summary;
    if left > 0 {
        return Err(
            Failure::new(format!("stopped with {left} cells left")).hint("run the same command to go on")
        );
    }
    if failed > 0 {
        return Err(Failure::new(format!("{failed} cells failed"))
            .hint("the report says why; run the same command to try them again"));
    }
    Ok(Outcome::Done)
}
