//! `shillproof data convert`.

use std::path::PathBuf;

use clap::Args;
use shillproof_data::save;

use crate::args::{DataArgs, Format};
use crate::commands::{DatasetSummary, check_place};
use crate::failure::{Failure, While};
use crate::session::{Session, print, print_json};

/// Write a data set as another kind of file
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shillproof data convert ml-100k --out ml-100k.csv
  shillproof data convert events.tsv --columns user,item,_,timestamp --min-user 5 --out events.inter

The form follows the name of the output. Labels, ratings and times come back to the last bit.")]
pub(super) struct Convert {
    /// Known data set or file
    #[arg(value_name = "DATA")]
    data: String,
    /// File to write
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// How to print the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    #[command(flatten)]
    read: DataArgs,
}

impl Convert {
    pub(super) fn run(&self, session: &Session) -> Result<(), Failure> {
        check_place(&self.out)?;
        let dataset = self.read.load(&self.data, session)?;
        save(&self.out, &dataset).when(format!("write `{}`", self.out.display()))?;
        match self.format {
            Format::Json => print_json(&DatasetSummary::of(&dataset)),
            Format::Text => print(&format!("{}\n", self.out.display())),
        }
    }
}
