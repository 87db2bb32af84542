//! Targets, what the attacker knows, whose lists count, and what is held out.

use std::str::FromStr;

use clap::Args;
use shillproof_attacks::{AudienceSpec, TargetSpec};
use shillproof_data::knowledge::{KnowledgeSpec, QueryBudget};
use shillproof_data::split::SplitSpec;
use shillproof_lab::rankings::Exclude;
use shillproof_lab::spec::{BlackBox, Surrogate};

use crate::failure::{Failure, Hint, While};

/// Which items, whose lists, and what is held out.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Target options")]
pub(crate) struct TargetArgs {
    /// Target items: `random:10`, `unpopular:10[:max=5]`, `near:0.8:tol=0.05:10`, `band:20-40:10`, `ids:L1,L2` or `@FILE` (one label a line)
    #[arg(long, value_name = "T")]
    targets: String,
    /// Genuine users whose lists count: `all`, `random:20`, `ids:U1,U2` or `@FILE`
    #[arg(long, value_name = "USERS", default_value = "all")]
    target_users: String,
}

/// What is held out, and what a list leaves out.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Protocol options")]
pub(crate) struct ProtocolArgs {
    /// What is held out of the training: `none`, `leave-one-out`, `ratio` or `sequence` (accuracy is measured on it)
    #[arg(long, value_name = "SPLIT", default_value = "none")]
    split: String,
    /// Which of a user's own items are no candidates for the user's list
    #[arg(long, value_name = "WHICH", default_value = "train", value_parser = ["train", "all-rated", "none"])]
    exclude: String,
}

/// What the attacker knows.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Knowledge options")]
pub(crate) struct KnowledgeArgs {
    /// Part of the training data the attacker sees: `full`, `ratings:0.3`, `users:0.3`, `bfs:0.2` or `noisy:0.9:0.1[:walk-jump]`
    #[arg(long, value_name = "KNOWLEDGE", default_value = "full")]
    knowledge: String,
    /// The victim is V, and the attacker may ask it for lists but knows nothing else of it
    #[arg(long, value_name = "V", conflicts_with = "victim")]
    pub(crate) black_box: Option<String>,
    /// How many lists, as a share of the training interactions
    #[arg(long, value_name = "SHARE", default_value = "1%", requires = "black_box")]
    queries: String,
    /// Model the attacker trains in place of the victim; several, `V,V,...`, for attacks that simulate a black box by them together
    #[arg(long, value_name = "V[,V...]")]
    surrogate: Option<String>,
}

impl TargetArgs {
    pub(crate) fn rule(&self) -> Result<TargetSpec, Failure> {
        read("targets", &self.targets)
    }

    pub(crate) fn audience(&self) -> Result<AudienceSpec, Failure> {
        read("target-users", &self.target_users)
    }
}

impl ProtocolArgs {
    pub(crate) fn split(&self) -> Result<SplitSpec, Failure> {
        read("split", &self.split)
    }

    pub(crate) fn exclude(&self) -> Exclude {
        match self.exclude.as_str() {
            "all-rated" => Exclude::AllRated,
            "none" => Exclude::None,
            _ => Exclude::Train,
        }
    }
}

impl KnowledgeArgs {
    pub(crate) fn knowledge(&self) -> Result<KnowledgeSpec, Failure> {
        read("knowledge", &self.knowledge)
    }

    pub(crate) fn queries(&self) -> Result<Option<BlackBox>, Failure> {
        let queries: QueryBudget = read("queries", &self.queries)?;
        Ok(self.black_box.as_ref().map(|_| BlackBox { queries }))
    }

    pub(crate) fn surrogate(&self) -> Result<Option<Surrogate>, Failure> {
        let names = self.surrogate.as_deref().map(split_outside_parameters).unwrap_or_default();
        Surrogate::from_inline(&names).when("read --surrogate")
    }
}

/// The value of a flag that has a language of its own.
pub(crate) fn read<T>(flag: &str, text: &str) -> Result<T, Failure>
where
    T: FromStr<Err: Hint>,
{
    text.parse().when(format!("read --{flag}"))
}

/// The length of a list, on the command line.
pub(crate) fn list_length(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&k| k > 0).ok_or_else(|| "expected a whole number of at least 1".into())
}

/// Names between commas; a comma that belongs to parameters (`a:x=1,y=2,b`) is followed by `key=`.
pub(crate) fn split_outside_parameters(text: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let is_parameter = part.find('=').is_some_and(|at| !part[..at].contains(':'));
        match names.last_mut().filter(|_| is_parameter) {
            Some(name) => *name = format!("{name},{part}"),
            None => names.push(part.trim().to_owned()),
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_stay_with_their_name() {
        assert_eq!(split_outside_parameters("random,average"), ["random", "average"]);
        assert_eq!(
            split_outside_parameters("bandwagon:popular_fraction=0.2,min_count=3,random"),
            ["bandwagon:popular_fraction=0.2,min_count=3", "random"]
        );
        assert!(split_outside_parameters("").is_empty());
    }
}
