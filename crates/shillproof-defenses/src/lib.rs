//! Detectors and defenses: who looks fake, and what is done about it.
//!
//! A detector is a struct of parameters that implements [`shillproof_core::Detector`]; all of them are
//! entries of [`DetectorSpec`]. It sees the log as an operator has it. A defense implements
//! [`shillproof_core::Defense`] and owns the whole training of a victim ([`DefenseSpec`]).

mod catalogue;
mod coin_flip;
mod cross_spot;
mod defense;
mod duplicates;
mod features;
mod flag;
mod pca;
mod profile_shape;
mod svm;

pub use catalogue::DetectorSpec;
pub use coin_flip::CoinFlipDetector;
pub use cross_spot::CrossSpotDetector;
pub use defense::{DefenseSpec, NoDefense, RemoveFlagged};
pub use duplicates::DuplicatesDetector;
pub use features::{Extreme, FEATURES, FeatureSet, MeanVar, ProfileFeatures};
pub use pca::{PcaDetector, ZScore};
pub use profile_shape::ProfileShapeDetector;
pub use svm::{Scaling, Statistics, SvmDetector, SvmTiaDetector, TargetCount};
