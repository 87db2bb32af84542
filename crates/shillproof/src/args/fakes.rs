//! Where fake users are written, and in which format.

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;

use clap::Args;
use shillproof_core::Seed;
use shillproof_data::split::Split;
use shillproof_data::{Dataset, FakeUsers, FakesFormat, Timestamps, timed_fakes, write_csv};

use crate::args::read;
use crate::commands::check_place;
use crate::failure::{Failure, While};

/// The file or folder of fake users that a command writes.
#[derive(Args, Clone, Debug)]
pub(crate) struct FakesOut {
    /// File to write; for `arlib`, a new folder
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Format to write: `csv`, `tsv`, `inter`, `arlib` or `json` [default: by the name of the output]
    #[arg(long = "as", value_name = "FORMAT")]
    written_as: Option<String>,
}

impl FakesOut {
    fn format(&self) -> Result<FakesFormat, Failure> {
        let named = self.written_as.as_deref().map(|text| read("as", text)).transpose()?;
        Ok(named.unwrap_or_else(|| FakesFormat::of_name(&self.out)))
    }

    /// Says before the work what could not be written, as far as that is known.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let format = self.format()?;
        check_place(&self.out)?;
        format.check_place(&self.out).when(self.failed())
    }

    /// As [`FakesOut::check`], where the data is known.
    pub(crate) fn check_labels(&self, data: &Dataset) -> Result<(), Failure> {
        self.format()?.check_labels(data).when(self.failed())
    }

    /// Writes `users` of `data`, of which `parts` holds something out.
    pub(crate) fn write(&self, users: &FakeUsers, data: &Dataset, parts: &Split) -> Result<(), Failure> {
        users.save(&self.out, self.format()?, data, Some(parts)).when(self.failed())
    }

    /// Says before the work that times need CSV.
    pub(crate) fn check_timed(&self, policy: Timestamps) -> Result<(), Failure> {
        if self.format()? != FakesFormat::Csv {
            return Err(Failure::new(format!(
                "--timestamps {policy}: `{}` would not be CSV, the format that holds times of fake users",
                self.out.display()
            ))
            .hint("write `--out fakes.csv`, or leave --timestamps out"));
        }
        Ok(())
    }

    /// Writes `users` as CSV with times that `policy` gives them.
    pub(crate) fn write_timed(
        &self,
        users: &FakeUsers,
        policy: Timestamps,
        data: &Dataset,
        seed: Seed,
    ) -> Result<(), Failure> {
        let log = timed_fakes(&users.fakes, policy, data, seed).when(self.failed())?;
        let file = BufWriter::new(File::create(&self.out).when(self.failed())?);
        write_csv(file, &log).when(self.failed())
    }

    fn failed(&self) -> String {
        format!("write `{}`", self.out.display())
    }
}
