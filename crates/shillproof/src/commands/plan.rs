//! `shillproof plan`.

use std::collections::BTreeMap;
use std::path::Path;

use clap::Args;
use serde_json::json;
use shillproof_core::catalogue::Catalogue;
use shillproof_lab::plan::{Plan as Cells, PlannedCell, Share, Trainings};
use shillproof_lab::report::seconds;
use shillproof_lab::reproduce::{self, Layout};
use shillproof_lab::spec::ExperimentSpec;
use shillproof_lab::trial::Trials;

use crate::args::{Format, ScaleArg};
use crate::commands::Outcome;
use crate::failure::{Failure, While};
use crate::session::{Session, print, print_json};
use crate::text::columns;

/// Print the cells of an experiment before anything runs, or how long it will take
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shillproof plan grid.toml
  shillproof plan grid.toml --format json      every cell with its key, cost and what it shares
  shillproof plan grid.toml --time             trainings and hours, by victim and data
  shillproof plan ndss21/table-1 --scale paper --time

A cell's key is what `shillproof run --only KEY` takes, so any engine can drive the grid.

`--time` trains every victim once on clean data and counts. A training with fake users takes longer
by their interactions. A copy that an attack trains counts as one training, which is too much where
it is only trained further; examples for detectors that learn are not counted.")]
pub(crate) struct Plan {
    /// Experiment file, or a table of a paper such as `www20/table-1`
    #[arg(value_name = "SPEC")]
    spec: String,
    /// Of a paper's table: how much of the published protocol
    #[arg(long, value_name = "SCALE", default_value = "small")]
    scale: ScaleArg,
    /// Print trainings and an estimate of their time instead of the cells
    #[arg(long)]
    time: bool,
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
        let trials = Trials::default();
        let plan = self.cells(&trials)?;
        if self.time {
            self.print_time(&plan, &trials, session)?;
            return Ok(Outcome::Done);
        }
        match self.format {
            Format::Json => print_json(&plan)?,
            Format::Text => print(&table(&plan))?,
        }
        session.say(&format!("{} cells", plan.cells.len()));
        Ok(Outcome::Done)
    }

    fn cells(&self, trials: &Trials) -> Result<Cells, Failure> {
        let path = Path::new(&self.spec);
        let is_table = !path.exists() && path.extension().is_none();
        let Some(names) = is_table.then(|| reproduce::select(&self.spec).ok()).flatten() else {
            return lay_out(&ExperimentSpec::load(path).when("read the experiment")?, trials);
        };
        let facts = &mut |dataset: &_| trials.facts(dataset).when("load the data of a table");
        let of_table = |name: &String| {
            let table = reproduce::table(name).when("plan")?;
            Layout::new::<Failure>(table, self.scale.into(), &BTreeMap::new(), facts)
                .map(|layout| layout.plan)
        };
        let plans = names.iter().map(of_table).collect::<Result<Vec<_>, _>>()?;
        Ok(Cells::join(String::new(), &plans))
    }

    fn print_time(&self, plan: &Cells, trials: &Trials, session: &Session) -> Result<(), Failure> {
        let (shares, mut rows) = (plan.workload(), Vec::new());
        let count = shares.len() as u64;
        for (done, share) in (0..).zip(shares) {
            session.observer.progress("victims trained once", done, count);
            let ctx = session.ctx().at(share.example.cell.root());
            let each = trials.seconds_of_training(share.example, &ctx).when("train a victim")?;
            rows.push((share, each));
        }
        let whole: f64 = rows.iter().map(|(share, each)| share.trainings.total * each).sum();
        let wall = whole / session.jobs as f64;
        match self.format {
            Format::Json => {
                let of = |(share, each): &(Share<'_>, f64)| {
                    json!({
                        "data": share.example.data.name, "victim": share.example.cell.victim,
                        "trainings": share.trainings, "seconds_each": each,
                    })
                };
                let shares: Vec<_> = rows.iter().map(of).collect();
                print_json(&json!({
                    "cells": plan.cells.len(), "shares": shares, "processor_seconds": whole,
                    "jobs": session.jobs, "seconds": wall,
                }))
            }
            Format::Text => {
                print(&times(&rows))?;
                print(&format!(
                    "about {} of computing for {} cells: {} with {} jobs\n",
                    seconds(whole),
                    plan.cells.len(),
                    seconds(wall),
                    session.jobs
                ))
            }
        }
    }
}

/// One line a victim and data set.
fn times(rows: &[(Share<'_>, f64)]) -> String {
    let head = ["data", "victim", "clean", "attacked", "attacks", "their trainings", "seconds each", "time"];
    let mut table = vec![head.map(str::to_owned).to_vec()];
    table.extend(rows.iter().map(|(share, each)| {
        let Trainings { clean, attacked, crafted, crafting, total } = &share.trainings;
        vec![
            share.example.data.name.clone(),
            share.example.cell.victim.card().name.to_owned(),
            clean.to_string(),
            attacked.to_string(),
            crafted.to_string(),
            crafting.to_string(),
            format!("{each:.2}"),
            seconds(total * each),
        ]
    }));
    columns(&table)
}

/// One line a cell; its cost as a share of the whole. What the attacker knows, and the defense, where that differs between cells.
fn table(plan: &Cells) -> String {
    type Column<'a> = (&'a str, bool, &'a dyn Fn(&PlannedCell) -> String);
    let total: f64 = plan.cells.iter().map(|planned| planned.cost).sum();
    let or = |text: Option<String>, absent: &str| text.unwrap_or_else(|| absent.to_owned());
    let one_of_targets =
        |planned: &PlannedCell| or(planned.cell.threat.target.map(|place| (place + 1).to_string()), "all");
    let shown: [Column<'_>; 12] = [
        ("key", true, &|planned| planned.key.to_string()),
        ("data", true, &|planned| planned.data.name.clone()),
        ("victim", true, &|planned| planned.cell.victim.card().name.to_owned()),
        ("defense", false, &|planned| planned.cell.defense.card().name.to_owned()),
        ("attack", true, &|planned| planned.cell.attack_name().to_owned()),
        ("size", true, &|planned| planned.cell.threat.size.to_string()),
        ("knowledge", false, &|planned| planned.cell.threat.knowledge.to_string()),
        ("queries", false, &|planned| {
            or(planned.cell.threat.black_box.map(|b| b.queries.0.to_string()), "none")
        }),
        ("surrogate", false, &|planned| {
            or(planned.cell.threat.surrogate.as_ref().map(ToString::to_string), "default")
        }),
        ("target", true, &one_of_targets),
        ("repeat", true, &|planned| (planned.cell.repeat + 1).to_string()),
        ("cost", true, &|planned| format!("{:.1}%", 100.0 * planned.cost / total)),
    ];
    let mut rows = vec![Vec::new(); plan.cells.len() + 1];
    for (name, always, value) in shown {
        let values: Vec<String> = plan.cells.iter().map(value).collect();
        if always || values.windows(2).any(|pair| pair[0] != pair[1]) {
            rows[0].push(name.to_owned());
            for (row, value) in rows[1..].iter_mut().zip(values) {
                row.push(value);
            }
        }
    }
    columns(&rows)
}
