//! Groups of arguments that several commands share.

mod data;
mod fakes;
mod scale;
mod threat;
mod victim;

pub(crate) use data::DataArgs;
pub(crate) use fakes::FakesOut;
pub(crate) use scale::ScaleArg;
pub(crate) use threat::{
    KnowledgeArgs, ProtocolArgs, TargetArgs, list_length, read, split_outside_parameters,
};
pub(crate) use victim::{Named, VictimArgs};

use clap::ValueEnum;

/// How a command prints what it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

/// The `--format` of commands that print a JSON object and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum JsonOnly {
    Json,
}
