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
    /// The victim as it was asked for, if it was (`black_box` names it instead of `--victim`).
    pub(crate) fn named(&self, black_box: Option<&str>) -> Result<Option<Named>, Failure> {
        let Some(text) = black_box.or(self.victim.as_deref()) else { return Ok(None) };
        let mut choice = VictimChoice::from_inline(text).when("choose the victim")?;
        if let VictimChoice::Command(command) = &mut choice {
            command.timeout_seconds = self.victim_timeout;
        }
        Ok(Some(Named { text: text.to_owned(), choice }))
    }
}

/// A victim and how it was asked for.
pub(crate) struct Named {
    pub(crate) text: String,
    pub(crate) choice: VictimChoice,
}

impl Named {
    /// The usual one for this kind of data.
    pub(crate) fn usual(data: &Dataset) -> Self {
        let spec = VictimSpec::default_for(data.interactions.is_explicit());
        Self { text: spec.card().name.to_owned(), choice: VictimChoice::Listed(spec) }
    }
}
