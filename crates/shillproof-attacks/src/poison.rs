//! The sealed call: grants are checked before an attack runs, budgets after it, and only then is anything injected.

use shillproof_core::{
    Attack, AttackError, Ctx, FakeProfiles, Goal, Grant, InteractionError, Interactions, ItemId, RatingScale,
    ThreatCase, UserId, VictimAccess,
};
use thiserror::Error;

/// Training data with fake users at its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Poisoned {
    /// What the attack made.
    pub fakes: FakeProfiles,
    /// Genuine rows, then one row a fake user.
    pub train: Interactions,
    /// Row of the first fake user: the number of genuine users.
    pub first_fake: UserId,
}

/// Runs `attack` in the situation `case` and injects its fake users into `train`.
///
/// The attack makes as many fake users as the budget says or none at all. Queries to a black box
/// are counted here, whatever the attack reports.
///
/// ```
/// use shillproof_attacks::{RandomAttack, poison};
/// use shillproof_core::{Audience, Budget, Ctx, Goal, Interactions, ItemId, ItemStats, Knowledge, Objective};
/// use shillproof_core::{Seed, ThreatCase, UserId, VictimAccess};
///
/// let train = Interactions::empty(100, 50, None);
/// let case = ThreatCase {
///     goal: Goal { targets: vec![ItemId(7)], objective: Objective::Promote, audience: Audience::All },
///     budget: Budget { fake_users: 2, profile_size: 10, targets_included: false },
///     known: Knowledge { items: &ItemStats::of(&train), sample: None, victim: VictimAccess::Hidden },
/// };
/// let poisoned = poison(&RandomAttack::default(), &train, &case, &Ctx::new(Seed::new(1)))?;
/// assert_eq!(poisoned.first_fake, UserId(100));
/// assert_eq!(poisoned.train.row(UserId(101)).len(), 11);
/// # Ok::<(), shillproof_attacks::PoisonError>(())
/// ```
///
/// # Errors
/// If the case is not one, the attack needs more than is granted or fails, or what it made breaks a rule.
pub fn poison(
    attack: &dyn Attack,
    train: &Interactions,
    case: &ThreatCase<'_>,
    ctx: &Ctx<'_>,
) -> Result<Poisoned, PoisonError> {
    check_case(train, case)?;
    check_grant(attack, case)?;
    let asked = || if let VictimAccess::Queries(oracle) = case.known.victim { oracle.used() } else { 0 };
    let before = asked();
    let mut fakes = attack.craft(&case.goal, &case.budget, &case.known, ctx)?;
    fakes.queries = asked() - before;
    check_fakes(&fakes, train, case)?;
    let train_and_fakes = train.append(&fakes)?;
    Ok(Poisoned { fakes, train: train_and_fakes, first_fake: UserId(train.n_users() as u32) })
}

fn check_case(train: &Interactions, case: &ThreatCase<'_>) -> Result<(), PoisonError> {
    let n_items = train.n_items();
    let mut targets = case.goal.targets.clone();
    targets.sort_unstable();
    if targets.is_empty() {
        return Err(PoisonError::NoTargets);
    }
    if let Some(&target) = targets.last().filter(|t| t.index() >= n_items) {
        return Err(PoisonError::UnknownTarget { target, n_items });
    }
    if let Some(pair) = targets.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(PoisonError::TargetTwice { target: pair[0] });
    }
    let known = case.known;
    let widths = [Some(known.items.n_items()), known.sample.map(Interactions::n_items)];
    if let Some(known) = widths.into_iter().flatten().find(|&w| w != n_items) {
        return Err(PoisonError::OtherCatalogue { known, train: n_items });
    }
    if known.items.scale != train.scale() {
        return Err(PoisonError::OtherScale { known: known.items.scale, train: train.scale() });
    }
    Ok(())
}

fn check_grant(attack: &dyn Attack, case: &ThreatCase<'_>) -> Result<(), PoisonError> {
    let needs = attack.needs();
    if needs.sample && case.known.sample.is_none() {
        return Err(PoisonError::NeedsSample);
    }
    if needs.ratings && case.known.items.scale.is_none() {
        return Err(PoisonError::NeedsRatings);
    }
    if !case.known.victim.grants(needs.victim) {
        return Err(PoisonError::NeedsVictim { needed: needs.victim });
    }
    Ok(())
}

fn check_fakes(fakes: &FakeProfiles, train: &Interactions, case: &ThreatCase<'_>) -> Result<(), PoisonError> {
    let (goal, budget) = (&case.goal, &case.budget);
    let made = fakes.profiles.len();
    if made != budget.fake_users && made != 0 {
        return Err(PoisonError::FakeUsers { made, budget: budget.fake_users });
    }
    for (fake, profile) in fakes.profiles.iter().enumerate() {
        for &(item, rating) in &profile.entries {
            if item.index() >= train.n_items() {
                return Err(PoisonError::UnknownItem { fake, item, n_items: train.n_items() });
            }
            match train.scale() {
                _ if !rating.is_finite() => return Err(PoisonError::NotFinite { fake, item, rating }),
                Some(scale) if !scale.contains(rating) => {
                    return Err(PoisonError::OffScale { fake, item, rating, scale });
                }
                None if rating != 1.0 => return Err(PoisonError::NotOne { fake, item, rating }),
                _ => {}
            }
        }
        let mut items: Vec<ItemId> = profile.entries.iter().map(|e| e.0).collect();
        items.sort_unstable();
        if let Some(pair) = items.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(PoisonError::Duplicate { fake, item: pair[0] });
        }
        let counted = if budget.targets_included { items.len() } else { fillers(&items, goal) };
        if counted > budget.profile_size {
            return Err(PoisonError::ProfileTooLong {
                fake,
                counted,
                budget: budget.profile_size,
                targets_included: budget.targets_included,
            });
        }
    }
    Ok(())
}

fn fillers(items: &[ItemId], goal: &Goal) -> usize {
    items.iter().filter(|item| !goal.targets.contains(item)).count()
}

/// Why nothing was injected. Fragments that read well after "failed to poison".
#[derive(Debug, Error)]
pub enum PoisonError {
    /// The attack itself gave up.
    #[error(transparent)]
    Attack(#[from] AttackError),
    /// Nothing to promote or demote.
    #[error("the goal names no target")]
    NoTargets,
    /// A target that is not in the catalogue.
    #[error("target {} is not one of the {n_items} items", target.0)]
    UnknownTarget {
        /// The target.
        target: ItemId,
        /// Items there are.
        n_items: usize,
    },
    /// The same target twice.
    #[error("target {} is named twice", target.0)]
    TargetTwice {
        /// The target.
        target: ItemId,
    },
    /// Knowledge about another catalogue.
    #[error("the attacker's knowledge covers {known} items, the training data {train}")]
    OtherCatalogue {
        /// Items the attacker knows.
        known: usize,
        /// Items of the training data.
        train: usize,
    },
    /// Knowledge about other ratings.
    #[error("the attacker's knowledge has the rating scale {known:?}, the training data {train:?}")]
    OtherScale {
        /// Scale the attacker knows.
        known: Option<RatingScale>,
        /// Scale of the training data.
        train: Option<RatingScale>,
    },
    /// Item statistics are not enough.
    #[error("this attack needs interactions of genuine users, and the attacker knows item statistics only")]
    NeedsSample,
    /// Implicit data is not enough.
    #[error("this attack needs rating values, and the data has none")]
    NeedsRatings,
    /// More of the victim is needed.
    #[error("this attack needs the victim's {}, which the attacker has not been granted", noun(*needed))]
    NeedsVictim {
        /// The least access it works with.
        needed: Grant,
    },
    /// More or fewer fake users than the budget.
    #[error("{made} fake users were made for a budget of {budget}")]
    FakeUsers {
        /// How many came back.
        made: usize,
        /// How many were allowed.
        budget: usize,
    },
    /// An item that is not in the catalogue.
    #[error("fake user {fake} has item {}, which is not one of the {n_items} items", item.0)]
    UnknownItem {
        /// Which fake user, from 0.
        fake: usize,
        /// The item.
        item: ItemId,
        /// Items there are.
        n_items: usize,
    },
    /// The same item twice in a profile.
    #[error("fake user {fake} has item {} more than once", item.0)]
    Duplicate {
        /// Which fake user, from 0.
        fake: usize,
        /// The item.
        item: ItemId,
    },
    /// More items than the profile size allows.
    #[error(
        "fake user {fake} has {counted} {}, the profile size is {budget}",
        if *targets_included { "items" } else { "fillers" }
    )]
    ProfileTooLong {
        /// Which fake user, from 0.
        fake: usize,
        /// Fillers, or all items where targets count.
        counted: usize,
        /// The profile size.
        budget: usize,
        /// Whether targets count.
        targets_included: bool,
    },
    /// NaN or infinity as a rating.
    #[error("fake user {fake} rates item {} {rating}, which is not a finite number", item.0)]
    NotFinite {
        /// Which fake user, from 0.
        fake: usize,
        /// The item.
        item: ItemId,
        /// The rating.
        rating: f32,
    },
    /// A rating that no genuine user could give.
    #[error(
        "fake user {fake} rates item {} {rating}, which is not on the scale {} to {} in steps of {}",
        item.0, scale.min, scale.max, scale.step
    )]
    OffScale {
        /// Which fake user, from 0.
        fake: usize,
        /// The item.
        item: ItemId,
        /// The rating.
        rating: f32,
        /// Legal ratings.
        scale: RatingScale,
    },
    /// A rating value in implicit data.
    #[error("fake user {fake} rates item {} {rating}, but implicit data knows only 1", item.0)]
    NotOne {
        /// Which fake user, from 0.
        fake: usize,
        /// The item.
        item: ItemId,
        /// The rating.
        rating: f32,
    },
    /// The matrix refused the rows.
    #[error(transparent)]
    Append(#[from] InteractionError),
}

fn noun(grant: Grant) -> &'static str {
    match grant {
        Grant::Hidden => "existence",
        Grant::Queries => "recommendation lists",
        Grant::Recipe => "algorithm and hyper-parameters",
        Grant::Full => "fitted model",
    }
}

impl PoisonError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Attack(AttackError::TooFewItems { .. }) => "choose a smaller profile size",
            Self::Attack(AttackError::Oracle(_)) => "grant more queries, or craft fewer fake users",
            Self::Attack(AttackError::Objective { .. }) => {
                "`shillproof explain ATTACK` says what an attack can do"
            }
            Self::Attack(AttackError::Ungranted(_)) => "grant it, for example with `--knowledge users:0.3`",
            Self::Attack(_) | Self::Append(_) => return None,
            Self::NoTargets => "name one with `--targets`, for example `--targets unpopular:10`",
            Self::UnknownTarget { .. } | Self::TargetTwice { .. } => "select targets from the same data set",
            Self::OtherCatalogue { .. } | Self::OtherScale { .. } => {
                "sample the attacker's knowledge from the data that the victim trains on"
            }
            Self::NeedsSample => "grant a sample, for example `--knowledge users:0.3`",
            Self::NeedsRatings => "use data with ratings, or an attack for implicit data such as `random`",
            Self::NeedsVictim { needed: Grant::Queries } => {
                "grant queries, for example `--black-box wrmf --queries 1%`"
            }
            Self::NeedsVictim { .. } => "grant it with `--surrogate`",
            Self::FakeUsers { .. }
            | Self::UnknownItem { .. }
            | Self::Duplicate { .. }
            | Self::ProfileTooLong { .. }
            | Self::NotFinite { .. }
            | Self::OffScale { .. }
            | Self::NotOne { .. } => {
                "the attack broke its rules: this is a bug of the attack, not of your data"
            }
        };
        Some(text.into())
    }
}
