//! The sealed call: grants are checked before an attack runs, budgets after it, and only then is anything injected.

use shillproof_core::{
    Attack, Ctx, FakeProfiles, Goal, Interactions, ItemId, ThreatCase, UserId, VictimAccess,
};

use crate::error::PoisonError;

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
