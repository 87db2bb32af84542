//! `shillproof data get`.

use std::path::PathBuf;

use clap::Args;
use shillproof_data::known;

use crate::args::Format;
use crate::failure::{Failure, While};
use crate::session::{print, print_json};
use crate::text::columns;

/// Put a known data set where Shillproof finds it
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shillproof data get ml-100k --from ~/Downloads/ml-100k.zip
  shillproof data get ml-1m --from ~/Downloads/ml-1m/

What is put there is checked against the known content first.")]
pub(super) struct Get {
    /// Name of a known data set
    #[arg(value_name = "NAME")]
    name: String,
    /// File or folder to take it from
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// How to print the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

impl Get {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let got = known::get(&self.name, self.from.as_deref()).when(format!("get `{}`", self.name))?;
        match self.format {
            Format::Json => print_json(&got),
            Format::Text => {
                let files = got.files.iter().map(|file| vec![file.display().to_string()]);
                print(&columns(&files.collect::<Vec<_>>()))
            }
        }
    }
}
