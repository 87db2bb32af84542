//! How much an audit runs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use shillproof_attacks::AttackSpec;
use shillproof_core::catalogue::Catalogue;
use shillproof_core::{Fraction, Grant, Objective, Size};
use shillproof_defenses::DetectorSpec;
use thiserror::Error;

/// A preset of attacks, sizes, targets and repeats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effort {
    /// Two attacks at one size, two targets of a kind, one training each and no prices: about a dozen trainings, for recommenders that take long.
    Glance,
    /// Four attacks, three sizes, five targets of a kind, one training each: under a minute on a small data set.
    Quick,
    /// Every suitable attack at five sizes, and of those that train copies of the victim the S-attack at one, ten targets of a kind, two trainings each.
    #[default]
    Standard,
    /// Every suitable attack at five sizes, twenty targets of a kind, five trainings each, and prices for every attack.
    Thorough,
}

/// A name that is no effort.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not an effort, expected glance, quick, standard or thorough")]
pub struct EffortError(String);

impl FromStr for Effort {
    type Err = EffortError;

    fn from_str(text: &str) -> Result<Self, EffortError> {
        match text {
            "glance" => Ok(Self::Glance),
            "quick" => Ok(Self::Quick),
            "standard" => Ok(Self::Standard),
            "thorough" => Ok(Self::Thorough),
            other => Err(EffortError(other.to_owned())),
        }
    }
}

impl fmt::Display for Effort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Glance => "glance",
            Self::Quick => "quick",
            Self::Standard => "standard",
            Self::Thorough => "thorough",
        })
    }
}

/// The four attacks of a quick audit, by what the data carries: cheap ones that differ in what they know.
const QUICK: [&str; 4] = ["random", "bandwagon", "segment", "power-user"];

/// The two of a glance.
const GLANCE: [&str; 2] = ["random", "power-user"];

/// The attack that stands for those that train copies of the victim where not all of them can be afforded:
/// the cheapest of them, measured on MovieLens 100K (3 seconds a target, PGA 9 and SGLD 20 on a busy machine).
const STRONG: &str = "s-attack";

impl Effort {
    /// Targets of each kind.
    pub fn targets(self) -> usize {
        match self {
            Self::Glance => 2,
            Self::Quick => 5,
            Self::Standard => 10,
            Self::Thorough => 20,
        }
    }

    /// Trainings with other seeds.
    pub fn repeats(self) -> u64 {
        match self {
            Self::Glance | Self::Quick => 1,
            Self::Standard => 2,
            Self::Thorough => 5,
        }
    }

    /// Attack sizes, as shares of the genuine users.
    pub fn sizes(self) -> Vec<Size> {
        let shares: &[f64] = match self {
            Self::Glance => &[0.01],
            Self::Quick => &[0.005, 0.01, 0.03],
            Self::Standard | Self::Thorough => &[0.003, 0.005, 0.01, 0.03, 0.05],
        };
        let share = |&s| Size::Fraction(Fraction::new(s).expect("invariant: the shares above are fractions"));
        shares.iter().map(share).collect()
    }

    /// The attacks of the catalogue that can promote on data with (`explicit`) or without ratings.
    pub fn attacks(self, explicit: bool) -> Vec<AttackSpec> {
        let few: Option<&[&str]> = match self {
            Self::Glance => Some(&GLANCE),
            Self::Quick => Some(&QUICK),
            Self::Standard | Self::Thorough => None,
        };
        let suits = |attack: &AttackSpec| {
            let name = attack.card().name;
            name != "none"
                && few.is_none_or(|few| few.contains(&name))
                && (self == Self::Thorough
                    || attack.attack().needs().victim != Grant::Recipe
                    || name == STRONG)
                && attack.capabilities().can(Objective::Promote, explicit)
        };
        AttackSpec::all().into_iter().filter(suits).collect()
    }

    /// The detectors that look at the attacks, chance first. The classifier needs rating values and says nothing without. The search for dense blocks
    /// costs a second a look on MovieLens 100K, where the others cost milliseconds, and is left to the thorough.
    pub fn detectors(self) -> Vec<DetectorSpec> {
        let learns = |detector: &DetectorSpec| detector.detector().examples() > 0;
        let suits = |detector: &DetectorSpec| match detector {
            DetectorSpec::CrossSpot(_) => self == Self::Thorough,
            DetectorSpec::SvmTia(_) => !matches!(self, Self::Glance | Self::Quick),
            other => !learns(other),
        };
        DetectorSpec::all().into_iter().filter(suits).collect()
    }

    /// Whether attacks that train a copy of the victim are run at every size. One of their profiles costs as
    /// much as several trainings of the victim, so otherwise they are run at the one size where items and
    /// users are compared.
    pub fn trains_copies_at_every_size(self) -> bool {
        self == Self::Thorough
    }

    /// Whether prices are searched at all: each takes some ten trainings a target.
    pub fn searches_prices(self) -> bool {
        self != Self::Glance
    }

    /// Whether the defense meets every attack, or only the strongest.
    pub fn defends_against_all(self) -> bool {
        self != Self::Glance
    }

    /// Whether the price is searched for every attack, or only for those that are strongest at some size.
    pub fn prices_every_attack(self) -> bool {
        self == Self::Thorough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quick_has_four_attacks_whatever_the_data() {
        for explicit in [true, false] {
            assert_eq!(Effort::Glance.attacks(explicit).len(), 2);
            assert_eq!(Effort::Quick.attacks(explicit).len(), 4);
            assert!(Effort::Standard.attacks(explicit).len() > 4);
            let has = |effort: Effort, name| effort.attacks(explicit).iter().any(|a| a.card().name == name);
            assert!(has(Effort::Standard, STRONG) && !has(Effort::Standard, "pga"));
            assert!(has(Effort::Thorough, "pga"));
            let looks = |effort: Effort| effort.detectors().iter().any(|d| d.card().name == "cross-spot");
            assert!(looks(Effort::Thorough) && !looks(Effort::Standard) && !looks(Effort::Quick));
        }
    }

    #[test]
    fn names_read_back() {
        for effort in [Effort::Glance, Effort::Quick, Effort::Standard, Effort::Thorough] {
            assert_eq!(effort.to_string().parse(), Ok(effort));
        }
        assert!("fast".parse::<Effort>().is_err());
    }
}
