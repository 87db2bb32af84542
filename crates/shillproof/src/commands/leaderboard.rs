//! `shillproof leaderboard`.

use std::path::{Path, PathBuf};

use clap::Args;
use shillproof_lab::leaderboard::{Behind, Leaderboard as Boards, QUICK};
use shillproof_lab::run::{RunOptions, run};
use shillproof_lab::spec::ExperimentSpec;
use shillproof_lab::store::Store;
use shillproof_lab::trial::Trials;

use super::plan::lay_out;
use crate::args::Format;
use crate::commands::Outcome;
use crate::failure::{Failure, While};
use crate::session::{STOP, Session, command_line, print, print_json, write_page};

/// Attacks, defenses and detectors on equal terms: who is strongest at one budget, and what cannot be told apart
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shillproof leaderboard                          eight attacks on the demo data, minutes
  shillproof leaderboard --protocol > mine.toml   the experiment file behind it, to change
  shillproof leaderboard mine.toml --out boards
  shillproof leaderboard mine.toml --format json | jq '.boards[0].attacks'

A leaderboard is a run: any experiment file makes one, and what was computed is kept. Its page,
leaderboard.html, is left beside the records. Attacks stand on
one board if they have the same data, victim, targets, size, fillers and knowledge. A defense or a
detector is judged by the attack that is worst for it.")]
pub(crate) struct Leaderboard {
    /// Experiment file [default: the one that `--protocol` prints]
    #[arg(value_name = "SPEC")]
    spec: Option<PathBuf>,
    /// Print the experiment file that is run where none is named
    #[arg(long, conflicts_with = "spec")]
    protocol: bool,
    /// Folder of records [default: results/ and the name of SPEC without its extension, or results/leaderboard]
    #[arg(long, short, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How to print the boards
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

impl Leaderboard {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        if self.protocol {
            print(QUICK)?;
            return Ok(Outcome::Done);
        }
        let (spec, stem) = match &self.spec {
            Some(path) => (ExperimentSpec::load(path), path.file_stem().unwrap_or(path.as_os_str())),
            None => (ExperimentSpec::parse(QUICK, "quick.toml"), "leaderboard".as_ref()),
        };
        let trials = Trials::default();
        let experiment = spec.when("read the experiment")?;
        let plan = lay_out(&experiment, &trials)?;
        let out = self.out.clone().unwrap_or_else(|| Path::new("results").join(stem));
        let store = Store::create(&out).when("open the records")?;
        let options = RunOptions { jobs: session.jobs, ..RunOptions::default() };
        let summary =
            run(&plan, &trials, &store, &options, &*session.observer, &STOP).when("run the experiment")?;
        if summary.left > 0 {
            return Err(Failure::new(format!("stopped with {} cells left", summary.left))
                .hint("run the same command to go on"));
        }
        let records = store.load().when("read the records")?;
        records.warnings.iter().for_each(|warning| session.say(warning));
        let own: Vec<_> = records
            .records
            .into_iter()
            .filter(|record| plan.cells.iter().any(|cell| cell.key == record.key))
            .collect();
        let boards = Boards::of(&own).when("make the boards")?;
        match self.format {
            Format::Text => print(&boards.text())?,
            Format::Json => print_json(&boards)?,
        }
        let mut datasets: Vec<_> = own.iter().map(|record| record.data.clone()).collect();
        datasets.sort();
        datasets.dedup();
        let experiment = experiment.to_toml();
        let command = command_line();
        let behind = Behind { datasets: &datasets, experiment: &experiment, command: &command };
        write_page(&out.join("leaderboard.html"), &boards.page(behind), session)?;
        Ok(Outcome::Done)
    }
}
