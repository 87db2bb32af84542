//! `shillproof measure`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use serde_json::{Map, Value};
use shillproof_core::catalogue::Catalogue;
use shillproof_lab::measurement::{Measurement, Request, measure};
use shillproof_lab::spec::MeasureSpec;
use shillproof_lab::trial::Setup;

use crate::args::{DataArgs, JsonOnly, Named, ProtocolArgs, TargetArgs, VictimArgs, list_length};
use crate::commands::{DatasetSummary, Fakes, Outcome};
use crate::failure::{Failure, While};
use crate::session::{Session, peak_rss_bytes, print_json};

/// Train a recommender on your data, with or without fake users, and measure what genuine users see
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shillproof measure demo --victim wrmf --targets random:10
  shillproof measure demo --victim wrmf --targets random:10 --fakes fakes.csv --repeats 5
  shillproof measure ratings.csv --targets @targets.txt --fakes fakes.csv --split leave-one-out

Hit ratio counts all genuine users and no fake one; a user who has the target cannot be hit.
`shillproof explain hit_ratio` has the definition, and so for every metric in the JSON.")]
pub(crate) struct Measure {
    /// Known data set or file
    #[arg(value_name = "DATA")]
    data: String,
    /// Fake users to train with, as `shillproof craft` writes them
    #[arg(long, value_name = "FILE")]
    fakes: Option<PathBuf>,
    /// List lengths
    #[arg(long, value_name = "K,...", default_value = "10,50", value_delimiter = ',', value_parser = list_length)]
    k: Vec<usize>,
    /// Trainings, each with a seed of its own
    #[arg(long, value_name = "R", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    repeats: u64,
    /// Also measures accuracy against N sampled items instead of all (99 is customary)
    #[arg(long, value_name = "N")]
    sampled: Option<usize>,
    /// Defense in front of the victim (`shillproof list defenses`)
    #[arg(long, value_name = "D", default_value = "none")]
    defense: String,
    /// How to print the result
    #[arg(long, value_name = "FORMAT", default_value = "json")]
    format: JsonOnly,
    #[command(flatten)]
    targets: TargetArgs,
    #[command(flatten)]
    protocol: ProtocolArgs,
    #[command(flatten)]
    victim: VictimArgs,
    #[command(flatten)]
    read: DataArgs,
}

/// What `measure` prints.
#[derive(Serialize)]
struct Measured {
    dataset: DatasetSummary,
    victim: String,
    victim_parameters: Map<String, Value>,
    fakes: Fakes,
    targets: Vec<String>,
    k: Vec<usize>,
    repeats: u64,
    #[serde(flatten)]
    measurement: Measurement,
    peak_rss_bytes: Option<u64>,
}

impl Measure {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        if self.defense != "none" {
            return Err(Failure::new(format!("no defense is called `{}`", self.defense))
                .hint("`shillproof list defenses` prints the names"));
        }
        let (rule, audience, split) =
            (self.targets.rule()?, self.targets.audience()?, self.protocol.split()?);
        let named = self.victim.named(None)?;
        let dataset = Arc::new(self.read.load(&self.data, session)?);
        let Named { text, choice: victim } = named.unwrap_or_else(|| Named::usual(&dataset));
        let fakes = super::read_fakes_of(self.fakes.as_deref(), &dataset)?;
        let ctx = session.ctx();
        let setup = Setup::new(dataset, &split, session.seed).when("split the data")?;
        session.notes(&setup, &victim);
        let targets = setup
            .targets(&rule, || setup.fit(&victim, None, 0, 0, &ctx).map(Arc::new))
            .when("select the targets")?;
        let mut k = self.k.clone();
        k.sort_unstable();
        k.dedup();
        let spec = MeasureSpec { hit_ratio: k, sampled: self.sampled, ..MeasureSpec::default() };
        let request = Request {
            victim: &victim,
            fakes: fakes.as_ref(),
            targets: &targets,
            audience: &setup.audience(&audience).when("select the target users")?,
            exclude: self.protocol.exclude(),
            measure: &spec,
            repeats: self.repeats,
        };
        let measurement = measure(&setup, &request, &ctx).when(format!("measure `{text}`"))?;
        print_json(&Measured {
            dataset: DatasetSummary::of(&setup.dataset),
            victim: text,
            victim_parameters: victim.parameters(),
            fakes: Fakes::of(fakes.as_ref()),
            targets: setup.labels(&targets),
            k: spec.hit_ratio,
            repeats: self.repeats,
            measurement,
            peak_rss_bytes: peak_rss_bytes(),
        })?;
        Ok(Outcome::Done)
    }
}
