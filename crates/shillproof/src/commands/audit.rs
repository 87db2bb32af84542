//! `shillproof audit`.

use std::path::PathBuf;

use clap::Args;
use shillproof_core::Size;
use shillproof_data::known;
use shillproof_lab::audit::{AuditSpec, Bench, Effort, Gate, audit, page, summary};
use shillproof_lab::spec::{DatasetSpec, Source};
use shillproof_lab::store::Store;

use crate::args::{DataArgs, Format, VictimArgs, list_length, read};
use crate::commands::Outcome;
use crate::failure::{Failure, While};
use crate::session::{STOP, Session, command_line, print, print_json, write_page};

/// How far can fake users move this recommender, and what does it cost them?
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shillproof audit                                   embedded demo data, the usual victim
  shillproof audit ratings.csv --victim wrmf --out audit
                                                     your data; a page and all records in audit/
  shillproof audit ratings.csv --victim 'command:python3 my_model.py --train {train} \\
        --recommend {out} --k {k} --seed {seed}'     a recommender of your own
  shillproof audit --fail-if 'hit_ratio@10 > 0.05 at 1% for any on unpopular'
                                                     a gate for a build

Exit code 1 says that a --fail-if holds; the near end of the interval decides, so that a gate does
not flap on noise. With --out, an audit that was stopped goes on where it was.")]
pub(crate) struct Audit {
    /// Known data set or file
    #[arg(value_name = "DATA", default_value = "demo")]
    data: String,
    /// Length of the lists
    #[arg(long, value_name = "K", default_value = "10", value_parser = list_length)]
    k: usize,
    /// How much to run: glance (a dozen trainings, for recommenders that take long), quick (a minute), standard (ten) or thorough
    #[arg(long, value_name = "EFFORT", default_value = "standard")]
    effort: String,
    /// Most filler items a fake user; targets come on top: a count, or a share of all items
    #[arg(long, value_name = "SIZE", default_value = "30", allow_hyphen_values = true)]
    profile_size: String,
    /// Folder for the page and the records
    #[arg(long, short, value_name = "DIR")]
    out: Option<PathBuf>,
    /// End with exit code 1 if this holds: METRIC@K OP VALUE at SIZE [for ATTACK|any] [on KIND]
    #[arg(long, value_name = "EXPR")]
    fail_if: Vec<String>,
    /// How to print the findings
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    #[command(flatten)]
    victim: VictimArgs,
    #[command(flatten)]
    read: DataArgs,
}

impl Audit {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let spec = AuditSpec {
            dataset: self.dataset()?,
            victim: self.victim.named(None)?.map(|victim| victim.choice),
            k: self.k,
            effort: read::<Effort>("effort", &self.effort)?,
            profile_size: read::<Size>("profile-size", &self.profile_size)?,
            seed: session.seed.value(),
            gates: self.fail_if.iter().map(|text| read::<Gate>("fail-if", text)).collect::<Result<_, _>>()?,
        };
        // Without --out the records live as long as the audit.
        let passing = tempfile::tempdir().when("make a folder for the records")?;
        let folder = self.out.as_deref().unwrap_or(passing.path());
        let store = Store::create(folder).when("open the records")?;
        let bench = Bench { store: &store, jobs: session.jobs, observer: &*session.observer, cancel: &STOP };
        let findings = audit(&spec, bench).when(format!("audit `{}`", self.data))?;
        if self.out.is_some() {
            let command = command_line();
            write_page(&folder.join("audit.html"), &page(&findings, &command), session)?;
        }
        match self.format {
            Format::Text => print(&summary(&findings))?,
            Format::Json => print_json(&findings)?,
        }
        Ok(if findings.failed() { Outcome::GateFailed } else { Outcome::Done })
    }

    /// DATA as an experiment file names it.
    fn dataset(&self) -> Result<DatasetSpec, Failure> {
        let known = self.data == "demo" || known::find(&self.data).is_some();
        let source = if known { Source::Known } else { Source::File };
        Ok(DatasetSpec { source: source(self.data.clone()), options: self.read.options()? })
    }
}
