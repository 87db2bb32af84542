//! `shillproof measure`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use serde_json::{Map, Value};
use shillproof_core::catalogue::Catalogue;
use shillproof_core::{Ctx, FakeProfiles, FittedDetector, ItemId, Size};
use shillproof_defenses::DefenseSpec;
use shillproof_lab::command::VictimChoice;
use shillproof_lab::detection::{Examples, fit, train_attacks};
use shillproof_lab::measurement::{Measurement, Request, measure};
use shillproof_lab::plan::Threat;
use shillproof_lab::spec::MeasureSpec;
use shillproof_lab::trial::{Guard, Setup};

use crate::args::{DataArgs, JsonOnly, Named, ProtocolArgs, TargetArgs, VictimArgs, list_length};
use crate::commands::{DatasetSummary, Fakes, Outcome};
use crate::failure::{Failure, While};
use crate::session::{Session, peak_rss_bytes, print_json};

/// Train a recommender on your data, with or without fake users, and measure what genuine users see
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shillproof measure demo --victim wrmf --targets random:10
  shillproof measure demo --victim wrmf --targets random:10 --fakes fakes.csv --repeats 5
  shillproof measure demo --targets random:10 --fakes fakes.csv --defense remove-flagged
  shillproof measure ratings.csv --targets @targets.txt --fakes fakes.csv --split leave-one-out

Hit ratio counts all genuine users and no fake one; a user who has the target cannot be hit.
`shillproof explain hit_ratio` has the definition, and so for every metric in the JSON.")]
pub(crate) struct Measure {
    /// Known data set or file
    #[arg(value_name = "DATA")]
    data: String,
    /// Fake users to train with, as `shillproof craft` writes them in any format
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
    defense: String,
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
        let defense = DefenseSpec::from_inline(&self.defense).when("choose the defense")?;
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
        let detector = guard_detector(&defense, &setup, &victim, fakes.as_ref(), &targets, &ctx)?;
        let guard = Guard { defense: &defense, detector: detector.as_deref(), ..Guard::default() };
        let request = Request {
            guard,
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
            defense: self.defense.clone(),
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

/// The detector inside a defense, taught with examples of the size of the fake users where it learns; none where there is none.
fn guard_detector(
    defense: &DefenseSpec,
    setup: &Setup,
    victim: &VictimChoice,
    fakes: Option<&FakeProfiles>,
    targets: &[ItemId],
    ctx: &Ctx<'_>,
) -> Result<Option<Box<dyn FittedDetector>>, Failure> {
    let DefenseSpec::RemoveFlagged(defense) = defense else { return Ok(None) };
    let attacks = train_attacks(&defense.train_attack, None).when("choose the attacks to learn from")?;
    let users = setup.n_genuine();
    let block = match (defense.train_size, fakes) {
        (Some(size), _) => size.of(users),
        (None, Some(fakes)) => fakes.profiles.len(),
        (None, None) => users.div_ceil(100),
    };
    let threat = Threat::promoting(Size::Count(block));
    let examples = Examples {
        attacks: &attacks,
        threat: &threat,
        victim,
        clean: None,
        block,
        avoid: targets,
        ready: Vec::new(),
    };
    fit(defense.detector.detector(), &examples, setup, ctx).map(Some).when("fit the detector of the defense")
}
