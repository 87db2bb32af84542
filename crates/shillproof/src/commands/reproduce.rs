//! `shillproof reproduce`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use shillproof_lab::reproduce::{self, Layout, Reproduction, Scale};
use shillproof_lab::run::{RunOptions, run};
use shillproof_lab::store::Store;
use shillproof_lab::trial::Trials;

use crate::args::{Format, ScaleArg};
use crate::commands::Outcome;
use crate::failure::{Failure, While};
use crate::session::{STOP, Session, print, print_json, write_page};
use crate::text::columns;

/// Run a table or figure of a paper again: our numbers beside the published ones, and which of its claims hold
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shillproof reproduce --list
  shillproof reproduce www20/table-1 --scale smoke     seconds, on generated data: it works
  shillproof reproduce www20/table-1                   minutes: what is visible at this n
  shillproof reproduce www20 --scale paper             every table of a paper, the full protocol
  shillproof reproduce www20/table-1 --from Music=ratings.csv

Where the data of a paper cannot be redistributed a stand-in is used and named; `--from` takes the real
one. A claim holds if the 95 % interval of every paired difference behind it lies on its side, and does
not hold if one lies on the other. A page of each table is left beside its records. What was computed
is kept: the same command goes on where it stopped.")]
pub(crate) struct Reproduce {
    /// A table such as `www20/table-1`, or a paper such as `www20`
    #[arg(value_name = "PAPER/TABLE", required_unless_present = "list")]
    wanted: Option<String>,
    /// Print the tables and figures there are
    #[arg(long)]
    list: bool,
    /// How much of the published protocol
    #[arg(long, value_name = "SCALE", default_value = "small")]
    scale: ScaleArg,
    /// Data of your own for one of a table's data sets: a known name of it and a file
    #[arg(long, value_name = "NAME=FILE")]
    from: Vec<String>,
    /// Folder of records [default: results/reproduce/PAPER-TABLE-SCALE]
    #[arg(long, short, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How to print the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

impl Reproduce {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let Some(wanted) = self.wanted.as_deref().filter(|_| !self.list) else {
            return self.print_list();
        };
        let names = reproduce::select(wanted).when("reproduce")?;
        let mut from = BTreeMap::new();
        for pair in &self.from {
            let (name, file) = pair.split_once('=').ok_or_else(|| {
                Failure::new(format!("failed to read --from: `{pair}` is no pair, expected NAME=FILE"))
                    .hint("NAME is what the table calls the data set, as `--list` prints it")
            })?;
            from.insert(name.to_owned(), file.to_owned());
        }
        let trials = Trials::default();
        let (mut list, mut failed) = (Vec::new(), 0);
        for name in &names {
            let (filled, failures) = self.one(name, &from, &trials, session)?;
            failed += failures;
            match self.format {
                Format::Text => print(&filled.text())?,
                Format::Json => list.extend(items(name, &filled)),
            }
        }
        if matches!(self.format, Format::Json) {
            print_json(&list)?;
        }
        if failed > 0 {
            return Err(Failure::new(format!("{failed} cells failed"))
                .hint("the notes say why; run the same command to try them again"));
        }
        Ok(Outcome::Done)
    }

    fn one(
        &self,
        name: &str,
        from: &BTreeMap<String, String>,
        trials: &Trials,
        session: &Session,
    ) -> Result<(Reproduction, usize), Failure> {
        let scale = Scale::from(self.scale);
        let table = reproduce::table(name).when("reproduce")?;
        let facts = &mut |dataset: &shillproof_lab::spec::DatasetSpec| {
            trials.facts(dataset).when(format!("load `{}`", dataset.data()))
        };
        let layout = Layout::new::<Failure>(table, scale, from, facts)?;
        session.say(&format!("{name}: {} trainings", layout.plan.cells.len()));
        let file = name.replace('/', "-");
        let folder = format!("{file}-{scale}");
        let out = match &self.out {
            Some(out) => out.clone(),
            None => Path::new("results").join("reproduce").join(folder),
        };
        let store = Store::create(&out).when("open the records")?;
        let options = RunOptions { jobs: session.jobs, ..RunOptions::default() };
        let summary = run(&layout.plan, trials, &store, &options, &*session.observer, &STOP)
            .when(format!("run `{name}`"))?;
        if summary.left > 0 {
            return Err(Failure::new(format!("stopped with {} cells left", summary.left))
                .hint("run the same command to go on"));
        }
        let records = store.load().when("read the records")?;
        records.warnings.iter().for_each(|warning| session.say(warning));
        let filled = Reproduction::of(layout, &records.records).when(format!("fill `{name}`"))?;
        let command = format!("shillproof reproduce {name} --scale {scale}");
        write_page(&out.join(format!("{file}.html")), &filled.page(&command), session)?;
        Ok((filled, summary.failed))
    }

    fn print_list(&self) -> Result<Outcome, Failure> {
        let tables = reproduce::names()
            .iter()
            .map(|name| reproduce::table(name))
            .collect::<Result<Vec<_>, _>>()
            .when("list the tables")?;
        match self.format {
            Format::Json => print_json(
                &tables
                    .iter()
                    .map(|t| {
                        let data: Vec<Value> =
                            t.blocks.iter().map(|b| json!({ "name": b.name, "stand_in": b.stand_in })).collect();
                        json!({ "name": t.name, "paper": t.paper, "reference": t.reference, "title": t.title, "data": data })
                    })
                    .collect::<Vec<_>>(),
            )?,
            Format::Text => {
                let mut rows = vec![["table", "data sets", "shows"].map(str::to_owned).to_vec()];
                rows.extend(tables.iter().map(|t| {
                    let data: Vec<&str> = t.blocks.iter().map(|b| b.name.as_str()).collect();
                    vec![t.name.clone(), data.join(", "), t.title.clone()]
                }));
                print(&columns(&rows))?;
            }
        }
        Ok(Outcome::Done)
    }
}

/// The cells of a table, then its claims.
fn items(name: &str, filled: &Reproduction) -> Vec<Value> {
    let tagged = |mut value: Value| {
        value["table"] = json!(name);
        value
    };
    let cells = filled.entries.iter().map(|entry| tagged(json!(entry)));
    cells.chain(filled.claims.iter().map(|claim| tagged(json!(claim)))).collect()
}
