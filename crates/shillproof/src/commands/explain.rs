//! `shillproof explain`.

use clap::{Args, ValueEnum};
use shillproof_core::catalogue::nearest;

use super::catalogue::Kind;
use crate::commands::Outcome;
use crate::failure::Failure;
use crate::session::print;
use crate::text::plain;

/// Explain a victim, an attack or a metric: what it does, its parameters, its source
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shillproof explain wrmf
  shillproof explain bandwagon
  shillproof explain hit_ratio")]
pub(crate) struct Explain {
    /// A name that `shillproof list` prints
    #[arg(value_name = "NAME")]
    name: String,
}

impl Explain {
    pub(crate) fn run(&self) -> Result<Outcome, Failure> {
        // Metrics are spelled with underscores, algorithms with hyphens; both are taken either way.
        let same = |name: &str| name.replace('_', "-") == self.name.replace('_', "-");
        let all: Vec<_> = Kind::value_variants().iter().flat_map(|kind| kind.entries()).collect();
        let pages: Vec<String> =
            all.iter().filter(|entry| same(entry.name)).map(|entry| plain(&entry.page)).collect();
        if pages.is_empty() {
            let names: Vec<&str> = all.iter().map(|entry| entry.name).collect();
            let hint = nearest(&self.name, &names).map_or_else(
                || "`shillproof list victims` (attacks, metrics, ...) prints the names".into(),
                |name| format!("did you mean `{name}`?"),
            );
            return Err(Failure::new(format!("nothing is called `{}`", self.name)).hint(hint));
        }
        print(&pages.join("\n\n"))?;
        Ok(Outcome::Done)
    }
}
