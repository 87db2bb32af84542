//! `shillproof recommend`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use shillproof_lab::rankings::Rankings;
use shillproof_lab::spec::MeasureSpec;
use shillproof_lab::trial::Setup;

use crate::args::{DataArgs, JsonOnly, Named, ProtocolArgs, VictimArgs, list_length};
use crate::commands::{DatasetSummary, Fakes, Outcome};
use crate::failure::{Failure, While};
use crate::session::{Session, print_json};

/// Write the recommendation lists of all genuine users
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shillproof recommend demo --victim wrmf --k 10 --out lists.csv
  shillproof recommend demo --victim wrmf --k 10 --fakes fakes.csv --out attacked.csv
  shillproof recommend ratings.csv --victim als:factors=32 --out lists.csv

The file has the columns user,rank,item,score. With the same --seed, the lists are those of the
first repeat of `shillproof measure`.")]
pub(crate) struct Recommend {
    /// Known data set or file
    #[arg(value_name = "DATA")]
    data: String,
    /// Fake users to train with, as `shillproof craft` writes them in any format
    #[arg(long, value_name = "FILE")]
    fakes: Option<PathBuf>,
    /// Length of a list
    #[arg(long, value_name = "K", default_value = "10", value_parser = list_length)]
    k: usize,
    /// File to write
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// How to print the summary
    #[arg(long, value_name = "FORMAT", default_value = "json")]
    format: JsonOnly,
    #[command(flatten)]
    protocol: ProtocolArgs,
    #[command(flatten)]
    victim: VictimArgs,
    #[command(flatten)]
    read: DataArgs,
}

/// What `recommend` prints.
#[derive(Serialize)]
struct Recommended {
    dataset: DatasetSummary,
    victim: String,
    fakes: Fakes,
    k: usize,
    users: usize,
    rows: usize,
}

impl Recommend {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let split = self.protocol.split()?;
        super::check_place(&self.out)?;
        let named = self.victim.named(None)?;
        let dataset = Arc::new(self.read.load(&self.data, session)?);
        let Named { text, choice: victim } = named.unwrap_or_else(|| Named::usual(&dataset));
        let fakes = super::read_fakes_of(self.fakes.as_deref(), &dataset)?;
        let ctx = session.ctx();
        let setup = Setup::new(dataset, &split, session.seed).when("split the data")?;
        session.notes(&setup, &victim);
        let fitted = setup.fit(&victim, fakes.as_ref(), 0, self.k, &ctx).when(format!("fit `{text}`"))?;
        let spec = MeasureSpec { hit_ratio: vec![self.k], ..MeasureSpec::default() };
        let rankings = setup
            .rank(&victim, &fitted, &[], self.protocol.exclude(), &spec, &ctx)
            .when(format!("rank the items by `{text}`"))?;
        let rows = self.write(&setup, &rankings).when(format!("write `{}`", self.out.display()))?;
        print_json(&Recommended {
            dataset: DatasetSummary::of(&setup.dataset),
            victim: text,
            fakes: Fakes::of(fakes.as_ref()),
            k: self.k,
            users: rankings.n_users(),
            rows,
        })?;
        Ok(Outcome::Done)
    }

    /// Writes the lists and counts their rows.
    fn write(&self, setup: &Setup, rankings: &Rankings) -> io::Result<usize> {
        let mut out = csv::Writer::from_writer(BufWriter::new(File::create(&self.out)?));
        out.write_record(["user", "rank", "item", "score"])?;
        let mut rows = 0;
        for user in rankings.users() {
            for (at, (item, score)) in rankings.list(user).enumerate() {
                let (users, items) = (&setup.dataset.users, &setup.dataset.items);
                let (rank, score) = ((at + 1).to_string(), score.to_string());
                out.write_record([users.get(user.0), &rank, items.get(item.0), &score])?;
                rows += 1;
            }
        }
        out.into_inner().map_err(csv::IntoInnerError::into_error)?.flush()?;
        Ok(rows)
    }
}
