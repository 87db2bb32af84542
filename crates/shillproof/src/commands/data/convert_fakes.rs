//! `shillproof data convert-fakes`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use shillproof_attacks::TargetSpec;
use shillproof_core::Feedback;
use shillproof_data::split::SplitSpec;
use shillproof_data::{FakeUsers, FakesOptions, ItemMap};
use shillproof_lab::trial::Setup;

use crate::args::{DataArgs, FakesOut, Format, Named, read};
use crate::commands::Fakes;
use crate::failure::{Failure, While};
use crate::session::{Session, print, print_json};

/// Write fake users in another format, for other tools or from them
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shillproof craft demo --attack bandwagon --targets random:5 --size 1% --out fakes.csv
  shillproof data convert-fakes demo fakes.csv --out poison/ --split leave-one-out
  shillproof data convert-fakes demo poison/ --targets random:5 --out fakes.json
  shillproof data convert-fakes demo fakes.json --out fakes.inter

Labels, profiles, ratings and order come back as they were; what a format cannot hold is an error. A new folder
(`poison/`, or `--as arlib`) is a poisoned data set of ARLib, with the rows of DATA; with --split, what is held out
goes to val.txt and test.txt. docs/formats.md shows every format.")]
pub(super) struct ConvertFakes {
    /// Known data set or file that the fake users are for
    #[arg(value_name = "DATA")]
    data: String,
    /// File or folder of fake users; its format is found out
    #[arg(value_name = "FAKES")]
    fakes: PathBuf,
    #[command(flatten)]
    out: FakesOut,
    /// What the items of FAKES are called in DATA: a file of one label a line for ids from 0, or of `org_id remap_id`
    #[arg(long, value_name = "FILE")]
    item_map: Option<PathBuf>,
    /// Of an item that a fake user has several times, keep the first instead of refusing
    #[arg(long)]
    first_of_repeated: bool,
    /// Give the order within profiles up, for a format that has none
    #[arg(long)]
    drop_order: bool,
    /// Target items that a JSON file is to name: as `--targets` of `craft` [default: those that FAKES names]
    #[arg(long, value_name = "T")]
    targets: Option<String>,
    /// What an ARLib folder holds out: `none`, `leave-one-out`, `ratio` or `sequence`
    #[arg(long, value_name = "SPLIT", default_value = "none")]
    split: String,
    /// How to print the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    #[command(flatten)]
    read: DataArgs,
}

impl ConvertFakes {
    pub(super) fn run(&self, session: &Session) -> Result<(), Failure> {
        self.out.check()?;
        let split: SplitSpec = read("split", &self.split)?;
        let rule: Option<TargetSpec> =
            self.targets.as_deref().map(|text| read("targets", text)).transpose()?;
        let map = |path: &PathBuf| ItemMap::read(path).when(format!("read `{}`", path.display()));
        let item_map = self.item_map.as_ref().map(map).transpose()?;
        let dataset = Arc::new(self.read.load(&self.data, session)?);
        let options = FakesOptions { item_map, first_of_repeated: self.first_of_repeated };
        let mut users = FakeUsers::read(&self.fakes, &dataset, &options)
            .when(format!("read the fake users in `{}`", self.fakes.display()))?;
        users.fakes.ordered &= !self.drop_order;
        users.notes.iter().for_each(|note| session.say(note));
        let setup = Setup::new(dataset, &split, session.seed).when("split the data")?;
        if let Some(rule) = rule {
            let Named { choice, .. } = Named::usual(&setup.dataset);
            let fit = || setup.fit(&choice, None, 0, 0, &session.ctx()).map(Arc::new);
            users.targets = setup.targets(&rule, fit).when("select the targets")?;
        }
        self.out.write(&users, &setup.dataset, setup.parts(Feedback::Either))?;
        match self.format {
            Format::Json => print_json(&Fakes::of(Some(&users.fakes))),
            Format::Text => print(&format!("{}\n", self.out.out.display())),
        }
    }
}
