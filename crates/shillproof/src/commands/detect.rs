//! `shillproof detect`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use shillproof_core::catalogue::Catalogue;
use shillproof_core::{Ctx, FakeProfiles, FittedDetector, Interactions, ItemId, Size, Suspicion};
use shillproof_data::split::SplitSpec;
use shillproof_data::{FakeUsers, FakesOptions};
use shillproof_defenses::DetectorSpec;
use shillproof_lab::command::VictimChoice;
use shillproof_lab::detection::{Examples, fit, judge, suspicion, train_attacks};
use shillproof_lab::metrics::{Detection, FALSE_ALARM_SHARES};
use shillproof_lab::plan::Threat;
use shillproof_lab::trial::Setup;
use shillproof_lab::vectors::UserVectors;

use crate::args::{DataArgs, JsonOnly, Named, VictimArgs, read, split_outside_parameters};
use crate::commands::{DatasetSummary, Fakes, Outcome};
use crate::failure::{Failure, While};
use crate::session::{Session, print_json};

/// Say how suspicious each user looks, and how right that is where fake users are known
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shillproof detect ratings.csv --detector duplicates --out scores.csv
  shillproof detect demo --fakes fakes.csv --detector pca --out scores.csv
  shillproof detect demo --fakes fakes.csv --detector svm-tia --train-attack random,average --out scores.csv

The file has the columns user,suspicion,flagged,reason. The detector sees DATA and FILE as one log and is not
told which users are fake; one that learns gets examples crafted on DATA with other targets and another seed.
`shillproof explain auroc` has the definition of each number.")]
pub(crate) struct Detect {
    /// Known data set or file; taken for genuine where --fakes is given or examples are crafted
    #[arg(value_name = "DATA")]
    data: String,
    /// Fake users among the others, as `shillproof craft` writes them in any format
    #[arg(long, value_name = "FILE")]
    fakes: Option<PathBuf>,
    /// The detector: `NAME` or `NAME:key=value,...` (`shillproof list detectors`)
    #[arg(long, value_name = "D")]
    detector: String,
    /// Attacks that a detector which learns gets examples of
    #[arg(long, value_name = "A,...", default_value = "random,average,bandwagon")]
    train_attack: String,
    /// Fake users in one block of examples [default: as many as in --fakes, 1% without]
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    train_size: Option<String>,
    /// Most filler items of a fake user in the examples
    #[arg(long, value_name = "SIZE", default_value = "30", allow_hyphen_values = true)]
    train_profile_size: String,
    /// File to write
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// Draw a map of user vectors (t-SNE of a `wrmf`), fake ones marked: an SVG file
    #[arg(long, value_name = "FILE", requires = "fakes")]
    map: Option<PathBuf>,
    /// How to print the summary
    #[arg(long, value_name = "FORMAT", default_value = "json")]
    format: JsonOnly,
    #[command(flatten)]
    victim: VictimArgs,
    #[command(flatten)]
    read: DataArgs,
}

/// What `detect` prints.
#[derive(Serialize)]
struct Detected {
    dataset: DatasetSummary,
    detector: String,
    fakes: Fakes,
    flagged: usize,
    threshold: Option<f64>,
    #[serde(flatten)]
    judged: Option<Judged>,
}

/// Numbers that need the truth; null where there are too few users.
#[derive(Serialize)]
struct Judged {
    auroc: Option<f64>,
    average_precision: Option<f64>,
    fpr: Option<f64>,
    fnr: Option<f64>,
    recall_at_fpr: BTreeMap<&'static str, Option<f64>>,
}

impl Judged {
    fn of(detection: &Detection) -> Self {
        let shares = FALSE_ALARM_SHARES.iter().map(|(name, _)| *name);
        Self {
            auroc: detection.auroc,
            average_precision: detection.average_precision,
            fpr: detection.fpr,
            fnr: detection.fnr,
            recall_at_fpr: shares.zip(detection.recall_at_fpr).collect(),
        }
    }
}

/// The map of `--map`.
fn draw(
    path: &Path,
    log: &Interactions,
    fakes: &FakeProfiles,
    session: &Session,
    ctx: &Ctx<'_>,
) -> Result<(), Failure> {
    let failed = format!("draw `{}`", path.display());
    let vectors = UserVectors::train(log, fakes, session.seed.child("map"), ctx).when(&failed)?;
    let vectors = vectors.ok_or_else(|| Failure::new("a map needs two genuine and two fake users"))?;
    std::fs::write(path, vectors.draw()).when(&failed)
}

impl Detect {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let spec = DetectorSpec::from_inline(&self.detector).when("choose the detector")?;
        super::check_place(&self.out)?;
        self.map.as_deref().map_or(Ok(()), super::check_place)?;
        let named = self.victim.named(None)?;
        let dataset = Arc::new(self.read.load(&self.data, session)?);
        let Named { choice: victim, .. } = named.unwrap_or_else(|| Named::usual(&dataset));
        let read_fakes = |path: &PathBuf| {
            FakeUsers::read(path, &dataset, &FakesOptions::default())
                .when(format!("read the fake users in `{}`", path.display()))
        };
        let users = self.fakes.as_ref().map(read_fakes).transpose()?;
        let (labels, fakes) = users.map(|users| (users.labels, users.fakes)).unzip();
        let ctx = session.ctx();
        let setup = Setup::new(dataset, &SplitSpec::None, session.seed).when("read the data")?;
        let log = &setup.dataset.interactions;
        let detector = self.fit(&spec, &setup, &victim, fakes.as_ref(), &ctx)?;
        let failed = format!("detect with `{}`", self.detector);
        let clean = suspicion(&*detector, log, &ctx).when(&failed)?;
        let (found, judged) = match &fakes {
            Some(fakes) if !fakes.profiles.is_empty() => {
                let (found, detection) = judge(&*detector, log, &clean, fakes, &ctx).when(&failed)?;
                (found, Some(Judged::of(&detection)))
            }
            _ => (clean, None),
        };
        if let (Some(path), Some(fakes)) = (&self.map, &fakes) {
            draw(path, log, fakes, session, &ctx)?;
        }
        let labels = setup.dataset.users.iter().chain(labels.iter().flatten().map(String::as_str));
        self.write(labels, &found).when(format!("write `{}`", self.out.display()))?;
        print_json(&Detected {
            dataset: DatasetSummary::of(&setup.dataset),
            detector: self.detector.clone(),
            fakes: Fakes::of(fakes.as_ref()),
            flagged: found.count(),
            threshold: found.threshold,
            judged,
        })?;
        Ok(Outcome::Done)
    }

    /// The detector, taught where it has to be.
    fn fit(
        &self,
        spec: &DetectorSpec,
        setup: &Setup,
        victim: &VictimChoice,
        fakes: Option<&FakeProfiles>,
        ctx: &Ctx<'_>,
    ) -> Result<Box<dyn FittedDetector>, Failure> {
        let names = split_outside_parameters(&self.train_attack);
        let attacks = train_attacks(&names, None).when("choose the attacks to learn from")?;
        let users = setup.n_genuine();
        let block = match &self.train_size {
            Some(size) => read::<Size>("train-size", size)?.of(users),
            None => fakes.map_or_else(|| users.div_ceil(100), |fakes| fakes.profiles.len()),
        };
        let threat = Threat {
            profile_size: read("train-profile-size", &self.train_profile_size)?,
            ..Threat::promoting(Size::Count(block))
        };
        let avoid = fakes.map(most_pushed).unwrap_or_default();
        let examples = Examples {
            attacks: &attacks,
            threat: &threat,
            victim,
            clean: None,
            block,
            avoid: &avoid,
            ready: Vec::new(),
        };
        fit(spec.detector(), &examples, setup, ctx).when(format!("fit `{}`", self.detector))
    }

    fn write<'a>(
        &self,
        labels: impl Iterator<Item = &'a str>,
        found: &Suspicion,
    ) -> Result<(), std::io::Error> {
        let mut out = csv::Writer::from_writer(BufWriter::new(File::create(&self.out)?));
        out.write_record(["user", "suspicion", "flagged", "reason"])?;
        for (user, label) in labels.enumerate() {
            let reason = found.reason[user].as_deref().unwrap_or_default();
            out.write_record([
                label,
                &found.score[user].to_string(),
                &found.flagged[user].to_string(),
                reason,
            ])?;
        }
        out.into_inner().map_err(csv::IntoInnerError::into_error)?.flush()
    }
}

/// What most of the fake users have: their targets, which examples are not to share.
fn most_pushed(fakes: &FakeProfiles) -> Vec<ItemId> {
    let mut counts = BTreeMap::<ItemId, usize>::new();
    for (item, _) in fakes.profiles.iter().flat_map(|profile| &profile.entries) {
        *counts.entry(*item).or_default() += 1;
    }
    counts.into_iter().filter(|&(_, n)| 2 * n > fakes.profiles.len()).map(|(item, _)| item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_most_fake_users_have_is_a_target() {
        let profile = |items: &[u32]| shillproof_core::Profile {
            entries: items.iter().map(|&i| (ItemId(i), 1.0)).collect(),
        };
        let profiles = vec![profile(&[1, 2]), profile(&[1, 3]), profile(&[1])];
        assert_eq!(most_pushed(&FakeProfiles { profiles, ..FakeProfiles::default() }), [ItemId(1)]);
    }
}
