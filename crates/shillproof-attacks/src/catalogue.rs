//! The closed list of attacks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::{Card, Catalogue};
use shillproof_core::{Attack, AttackError, Objective};
use shillproof_victims::VictimSpec;

use crate::{
    AopAttack, AverageAttack, BandwagonAttack, CovisAttack, LokiAttack, LoveHateAttack, NoAttack, PgaAttack,
    PoisonModelAttack, PopularAttack, PowerUserAttack, ProbeAttack, RandomAttack, RapuGAttack, RapuRAttack,
    RevAdvAttack, SAttack, SGraphAttack, SegmentAttack, SgldAttack, SrwaAttack, UniformAttack,
    WeightingAttack,
};

/// An attack by its catalogue name, with its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum AttackSpec {
    /// No fake users.
    None(NoAttack),
    /// Random fillers with ratings of everybody's taste.
    Random(RandomAttack),
    /// Random fillers with each item's own ratings.
    Average(AverageAttack),
    /// Random fillers with a share of popular items.
    Bandwagon(BandwagonAttack),
    /// Popular items next to the targets, in sets or sequences.
    Popular(PopularAttack),
    /// Noise.
    Uniform(UniformAttack),
    /// Items that the targets' audience likes.
    Segment(SegmentAttack),
    /// Love for the fillers, hate for the targets.
    LoveHate(LoveHateAttack),
    /// Copies of influential users.
    PowerUser(PowerUserAttack),
    /// Popular fillers with each item's own ratings.
    Aop(AopAttack),
    /// Items that the victim itself recommends.
    Probe(ProbeAttack),
    /// Random fillers whose ratings climb the victim's answer to them.
    Pga(PgaAttack),
    /// Fake users sampled between looking genuine and moving the victim.
    Sgld(SgldAttack),
    /// Ratings optimised against a random walk.
    Srwa(SrwaAttack),
    /// The same for its most influential users.
    SGraph(SGraphAttack),
    /// Fake co-visitations.
    Covis(CovisAttack),
    /// Fillers that a factorisation says lift the targets most.
    SAttack(SAttack),
    /// The same on all users, weighted by influence.
    Weighting(WeightingAttack),
    /// Fake users as a poisoned neural recommender would complete them.
    PoisonModel(PoisonModelAttack),
    /// Fake users that follow the gradient through a surrogate's training.
    RevAdv(RevAdvAttack),
    /// The same where data are incomplete and perturbed.
    RapuG(RapuGAttack),
    /// Popular items nearest to where the targets should go.
    RapuR(RapuRAttack),
    /// Histories that an agent composes.
    Loki(LokiAttack),
}

/// What an attack can do, for choosing attacks and for the tests that hold it to its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Capabilities {
    /// Whether every fake user rates every target. Demoting on implicit data is the exception:
    /// there every fake user holds the targets' rivals instead.
    pub rates_targets: bool,
    /// What it can be asked to do on data with ratings.
    pub explicit: &'static [Objective],
    /// What it can be asked to do on data without.
    pub implicit: &'static [Objective],
}

/// The one objective of attacks that raise and cannot lower.
pub(crate) const PROMOTE: &[Objective] = &[Objective::Promote];

/// Both objectives.
pub(crate) const BOTH: &[Objective] = &[Objective::Promote, Objective::Demote];

impl Capabilities {
    /// Everything, as most attacks can.
    pub(crate) const ALL: Self = Self { rates_targets: true, explicit: BOTH, implicit: BOTH };

    /// Sequences whose targets, and how many, are a matter of chance or choice.
    pub(crate) const SEQUENCES: Self = Self { rates_targets: false, explicit: PROMOTE, implicit: PROMOTE };

    /// Whether it can be asked to `objective` on data with (`explicit`) or without ratings.
    pub fn can(&self, objective: Objective, explicit: bool) -> bool {
        let objectives = if explicit { self.explicit } else { self.implicit };
        objectives.contains(&objective)
    }
}

/// What the file of an attack says about it.
pub(crate) trait Described: Attack {
    const CARD: Card;

    fn capabilities(&self) -> Capabilities;
}

impl AttackSpec {
    /// The attack itself.
    pub fn attack(&self) -> &dyn Attack {
        self.parts().0
    }

    /// What it can do.
    ///
    /// ```
    /// use shillproof_attacks::AttackSpec;
    /// use shillproof_core::{Objective, catalogue::Catalogue};
    /// let average = AttackSpec::from_inline("average")?;
    /// assert!(average.capabilities().can(Objective::Demote, true));
    /// assert!(!average.capabilities().can(Objective::Promote, false));
    /// # Ok::<(), shillproof_core::catalogue::CatalogueError>(())
    /// ```
    pub fn capabilities(&self) -> Capabilities {
        self.parts().2
    }

    /// The attack with these local models where it simulates a black box by several; none where it cannot.
    ///
    /// # Errors
    /// If it names local models of its own.
    pub fn with_models(&self, models: &[VictimSpec]) -> Option<Result<Self, AttackError>> {
        match self {
            Self::Loki(attack) => Some(attack.with_models(models).map(Self::Loki)),
            _ => None,
        }
    }

    fn parts(&self) -> (&dyn Attack, Card, Capabilities) {
        fn of<A: Described>(attack: &A) -> (&dyn Attack, Card, Capabilities) {
            (attack, A::CARD, attack.capabilities())
        }
        match self {
            Self::None(a) => of(a),
            Self::Random(a) => of(a),
            Self::Average(a) => of(a),
            Self::Bandwagon(a) => of(a),
            Self::Popular(a) => of(a),
            Self::Uniform(a) => of(a),
            Self::Segment(a) => of(a),
            Self::LoveHate(a) => of(a),
            Self::PowerUser(a) => of(a),
            Self::Aop(a) => of(a),
            Self::Probe(a) => of(a),
            Self::Pga(a) => of(a),
            Self::Sgld(a) => of(a),
            Self::Srwa(a) => of(a),
            Self::SGraph(a) => of(a),
            Self::Covis(a) => of(a),
            Self::SAttack(a) => of(a),
            Self::Weighting(a) => of(a),
            Self::PoisonModel(a) => of(a),
            Self::RevAdv(a) => of(a),
            Self::RapuG(a) => of(a),
            Self::RapuR(a) => of(a),
            Self::Loki(a) => of(a),
        }
    }
}

impl Catalogue for AttackSpec {
    const KIND: &'static str = "attack";

    fn all() -> Vec<Self> {
        vec![
            Self::None(NoAttack::default()),
            Self::Random(RandomAttack::default()),
            Self::Average(AverageAttack::default()),
            Self::Bandwagon(BandwagonAttack::default()),
            Self::Popular(PopularAttack::default()),
            Self::Uniform(UniformAttack::default()),
            Self::Segment(SegmentAttack::default()),
            Self::LoveHate(LoveHateAttack::default()),
            Self::PowerUser(PowerUserAttack::default()),
            Self::Aop(AopAttack::default()),
            Self::Probe(ProbeAttack::default()),
            Self::Pga(PgaAttack::default()),
            Self::Sgld(SgldAttack::default()),
            Self::Srwa(SrwaAttack::default()),
            Self::SGraph(SGraphAttack::default()),
            Self::Covis(CovisAttack::default()),
            Self::SAttack(SAttack::default()),
            Self::Weighting(WeightingAttack::default()),
            Self::PoisonModel(PoisonModelAttack::default()),
            Self::RevAdv(RevAdvAttack::default()),
            Self::RapuG(RapuGAttack::default()),
            Self::RapuR(RapuRAttack::default()),
            Self::Loki(LokiAttack::default()),
        ]
    }

    fn card(&self) -> Card {
        self.parts().1
    }
}
