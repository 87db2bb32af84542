//! `shillproof report`.

use std::fs;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use shillproof_lab::report::{Format, Report as Tables};
use shillproof_lab::store::Store;

use crate::commands::Outcome;
use crate::failure::{Failure, While};
use crate::session::{Session, print};

/// Make a page, a table or an export of the records of a run, without computing anything anew
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shillproof report results                      writes results/report.html and prints its path
  shillproof report results --format md
  shillproof report results --format csv > rows.csv
  shillproof report results --format json | jq '.rows[0]'")]
pub(crate) struct Report {
    /// Folder of records
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Form of the report; html and parquet go to a file, the others to stdout
    #[arg(long, value_name = "FORMAT", default_value = "html")]
    format: Form,
    /// File to write [default: DIR/report.html, DIR/report.parquet, or stdout]
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    Html,
    Md,
    Csv,
    Json,
    Parquet,
}

impl Form {
    fn format(self) -> Format {
        match self {
            Self::Html => Format::Html,
            Self::Md => Format::Markdown,
            Self::Csv => Format::Csv,
            Self::Json => Format::Json,
            Self::Parquet => Format::Parquet,
        }
    }
}

impl Report {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let store = Store::open(&self.folder).when("read the records")?;
        let records = store.load().when("read the records")?;
        records.warnings.iter().for_each(|warning| session.say(warning));
        let tables = Tables::of(&records.records, store.spec().when("read the records")?).when("report")?;
        let format = self.format.format();
        let bytes = tables.write(format).when("report")?;
        let to_file = matches!(self.format, Form::Html | Form::Parquet);
        let own = || to_file.then(|| self.folder.join(format!("report.{}", format.extension())));
        match self.out.clone().or_else(own) {
            Some(path) => {
                fs::write(&path, bytes).when(format!("write `{}`", path.display()))?;
                print(&format!("{}\n", path.display()))?;
            }
            None => print(&String::from_utf8_lossy(&bytes))?,
        }
        Ok(Outcome::Done)
    }
}
