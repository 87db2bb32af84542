//! The closed list of detectors.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::Detector;
use shillproof_core::catalogue::{Card, Catalogue};

use crate::{
    CoinFlipDetector, CrossSpotDetector, DuplicatesDetector, PcaDetector, ProfileShapeDetector, SvmDetector,
    SvmTiaDetector,
};

/// A detector by its catalogue name, with its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum DetectorSpec {
    /// Chance.
    CoinFlip(CoinFlipDetector),
    /// Users with nearly the same items.
    Duplicates(DuplicatesDetector),
    /// Unusual length or item popularity.
    ProfileShape(ProfileShapeDetector),
    /// Little in common with the main directions of taste.
    Pca(PcaDetector),
    /// Dense blocks of users and items.
    CrossSpot(CrossSpotDetector),
    /// A classifier of rating profiles.
    Svm(SvmDetector),
    /// The classifier, then the items its suspects push together.
    SvmTia(SvmTiaDetector),
}

/// What the file of a detector says about it.
pub(crate) trait Described: Detector {
    const CARD: Card;

    /// Whether rating values are what it looks at.
    const NEEDS_RATINGS: bool = false;
}

impl DetectorSpec {
    /// The detector itself.
    pub fn detector(&self) -> &dyn Detector {
        self.parts().0
    }

    /// Whether it needs data with rating values.
    ///
    /// ```
    /// use shillproof_core::catalogue::Catalogue;
    /// use shillproof_defenses::DetectorSpec;
    /// assert!(DetectorSpec::from_inline("svm-tia")?.needs_ratings());
    /// assert!(!DetectorSpec::from_inline("pca")?.needs_ratings());
    /// # Ok::<(), shillproof_core::catalogue::CatalogueError>(())
    /// ```
    pub fn needs_ratings(&self) -> bool {
        self.parts().2
    }

    fn parts(&self) -> (&dyn Detector, Card, bool) {
        fn of<D: Described>(detector: &D) -> (&dyn Detector, Card, bool) {
            (detector, D::CARD, D::NEEDS_RATINGS)
        }
        match self {
            Self::CoinFlip(d) => of(d),
            Self::Duplicates(d) => of(d),
            Self::ProfileShape(d) => of(d),
            Self::Pca(d) => of(d),
            Self::CrossSpot(d) => of(d),
            Self::Svm(d) => of(d),
            Self::SvmTia(d) => of(d),
        }
    }
}

impl Catalogue for DetectorSpec {
    const KIND: &'static str = "detector";

    fn all() -> Vec<Self> {
        vec![
            Self::CoinFlip(CoinFlipDetector::default()),
            Self::Duplicates(DuplicatesDetector::default()),
            Self::ProfileShape(ProfileShapeDetector::default()),
            Self::Pca(PcaDetector::default()),
            Self::CrossSpot(CrossSpotDetector::default()),
            Self::Svm(SvmDetector::default()),
            Self::SvmTia(SvmTiaDetector::default()),
        ]
    }

    fn card(&self) -> Card {
        self.parts().1
    }
}
