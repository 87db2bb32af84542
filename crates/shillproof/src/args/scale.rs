//! The scale of a reproduction.

use clap::ValueEnum;
use shillproof_lab::reproduce::Scale;

/// How much of a published protocol.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ScaleArg {
    Smoke,
    Small,
    Paper,
}

impl From<ScaleArg> for Scale {
    fn from(scale: ScaleArg) -> Self {
        match scale {
            ScaleArg::Smoke => Self::Smoke,
            ScaleArg::Small => Self::Small,
            ScaleArg::Paper => Self::Paper,
        }
    }
}
