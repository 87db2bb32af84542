//! `shillproof data`.

mod convert;
mod convert_fakes;
mod get;
mod info;
mod list;

use clap::{Args, Subcommand};

use crate::commands::Outcome;
use crate::failure::Failure;
use crate::session::Session;

/// Look at data sets, get known ones, convert files
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shillproof data list                              known data sets, and which are on this machine
  shillproof data info ratings.csv                  what was found in a file
  shillproof data get ml-100k --from ml-100k.zip
  shillproof data convert ratings.dat --out ratings.csv
  shillproof data convert-fakes demo fakes.csv --out poison/     a poisoned data set of ARLib")]
pub(crate) struct Data {
    #[command(subcommand)]
    command: DataCommand,
}

#[derive(Subcommand, Debug)]
enum DataCommand {
    List(list::List),
    Info(info::Describe),
    Get(get::Get),
    Convert(convert::Convert),
    ConvertFakes(convert_fakes::ConvertFakes),
}

impl Data {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        match &self.command {
            DataCommand::List(list) => list.run(),
            DataCommand::Info(describe) => describe.run(session),
            DataCommand::Get(get) => get.run(),
            DataCommand::Convert(convert) => convert.run(session),
            DataCommand::ConvertFakes(convert) => convert.run(session),
        }?;
        Ok(Outcome::Done)
    }
}
