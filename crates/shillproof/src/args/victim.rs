//! The recommender under attack.

use clap::Args;
use shillproof_core::catalogue::Catalogue;
use shillproof_data::Dataset;
use shillproof_lab::command::VictimChoice;
use shillproof_victims::VictimSpec;

use crate::failure::{Failure, While};

/// Which recommender, on every command that trains one.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Victim options")]
pub(crate) struct VictimArgs {
    /// Recommender under attack: `NAME`, `NAME:key=value,...` or `command:CMD` (`shillproof list victims`) [default: als for ratings, wrmf for implicit data]
    #[arg(long, value_name = "V")]
    victim: Option<String>,
    /// Time limit of one fit of a `command:` victim
    #[arg(long, value_name = "SECONDS", default_value_t = 600.0)]
    victim_timeout: f64,
}

impl VictimArgs {
    /// The victim as it was asked for (`black_box` names it instead of `--victim`), or the usual one for this kind of data.
    pub(crate) fn asked(&self, black_box: Option<&str>, data: &Dataset) -> String {
        let usual = || VictimSpec::default_for(data.interactions.is_explicit()).card().name;
        black_box.or(self.victim.as_deref()).unwrap_or_else(usual).to_owned()
    }

    /// The victim's recipe.
    pub(crate) fn choose(&self, black_box: Option<&str>, data: &Dataset) -> Result<VictimChoice, Failure> {
        self.read(&self.asked(black_box, data))
    }

    /// The recipe of `--victim`, if it is given.
    pub(crate) fn named(&self) -> Result<Option<VictimChoice>, Failure> {
        self.victim.as_deref().map(|text| self.read(text)).transpose()
    }

    fn read(&self, text: &str) -> Result<VictimChoice, Failure> {
        let mut choice = VictimChoice::from_inline(text).when("choose the victim")?;
        if let VictimChoice::Command(command) = &mut choice {
            command.timeout_seconds = self.victim_timeout;
        }
        Ok(choice)
    }
}
