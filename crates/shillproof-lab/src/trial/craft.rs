//! From a threat to fake users.

use shillproof_attacks::{AttackSpec, AudienceSpec, PoisonError, TargetSpec, poison};
use shillproof_core::catalogue::Catalogue;
use shillproof_core::{
    Audience, Budget, Ctx, FakeProfiles, Feedback, Goal, Grant, Interactions, ItemId, ItemStats, Knowledge,
    Objective, QueryOracle, ThreatCase, VictimAccess,
};

use super::{Fitted, Setup, TrialError};
use crate::command::VictimChoice;
use crate::plan::Threat;
use crate::spec::Surrogate;

/// The attack, with the threat's models where it simulates a black box by several.
///
/// # Errors
/// If it can only train one, or names models of its own.
pub fn simulating(attack: &AttackSpec, surrogate: Option<&Surrogate>) -> Result<AttackSpec, TrialError> {
    let Some(Surrogate::Together { together }) = surrogate else { return Ok(attack.clone()) };
    match attack.with_models(together) {
        Some(attack) => Ok(attack.map_err(PoisonError::from)?),
        None if attack.attack().needs().victim == Grant::Recipe => {
            Err(TrialError::OneSurrogate { attack: attack.card().name.into(), found: together.len() })
        }
        None => Ok(attack.clone()),
    }
}

impl Setup {
    /// The targets that a rule selects from the genuine data, whole whatever the split. `clean` is
    /// asked for a victim fitted on clean data only by rules that look at predictions.
    ///
    /// # Errors
    /// If there are no such items, or the rule needs predicted ratings and the victim has none.
    pub fn targets(
        &self,
        rule: &TargetSpec,
        clean: impl FnOnce() -> Result<std::sync::Arc<Fitted>, TrialError>,
    ) -> Result<Vec<ItemId>, TrialError> {
        let predictions =
            if rule.needs_predictions() { Some(self.mean_predictions(clean()?.as_ref())?) } else { None };
        let label = |item: ItemId| self.dataset.items.get(item.0);
        Ok(rule.select(&self.dataset.interactions, &label, predictions.as_deref(), self.root)?)
    }

    /// Labels of items.
    pub fn labels(&self, items: &[ItemId]) -> Vec<String> {
        items.iter().map(|item| self.dataset.items.get(item.0).to_owned()).collect()
    }

    /// The users whose lists count.
    ///
    /// # Errors
    /// If there are no such users.
    pub fn audience(&self, rule: &AudienceSpec) -> Result<Audience, TrialError> {
        let label = |user: shillproof_core::UserId| self.dataset.users.get(user.0);
        Ok(rule.select(self.n_genuine(), &label, self.root)?)
    }

    /// The training part as the attacker sees it: with ratings where there are any. Demoting under a
    /// victim that takes no ratings is the exception: a bad rating would be one more interaction there.
    pub fn attacked_part(&self, objective: Objective, feedback: Feedback) -> &Interactions {
        let seen = if objective == Objective::Demote { feedback } else { Feedback::Either };
        &self.parts(seen).train
    }

    /// The log of genuine users that a detector sees: that of [`Setup::attacked_part`], so that fake users fit it.
    pub fn log(&self, objective: Objective, victim: &VictimChoice) -> &Interactions {
        let bound = victim.bind(&self.dataset.users, &self.dataset.items);
        self.attacked_part(objective, shillproof_core::Victim::feedback(&bound))
    }

    /// Makes `fake_users` fake users that go for `targets`, with the child ("attack", targets) of the context's seed.
    ///
    /// `clean` is the victim on clean data; attacks that ask or read the victim need it.
    ///
    /// # Errors
    /// If the attack needs more than the threat grants, fails, or breaks its budget.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is another side of one situation, and no two belong together"
    )]
    pub fn craft(
        &self,
        attack: &AttackSpec,
        threat: &Threat,
        victim: &VictimChoice,
        clean: Option<&Fitted>,
        targets: &[ItemId],
        fake_users: usize,
        ctx: &Ctx<'_>,
    ) -> Result<FakeProfiles, TrialError> {
        let attack = &simulating(attack, threat.surrogate.as_ref())?;
        let bound = victim.bind(&self.dataset.users, &self.dataset.items);
        let feedback = shillproof_core::Victim::feedback(&bound);
        let train = self.attacked_part(threat.objective, feedback);
        let sample = threat.knowledge.sample(train, targets, self.root)?;
        let oracle = match (threat.black_box, clean) {
            (Some(box_), Some(clean)) => {
                Some(QueryOracle::new(&*clean.recommender, clean.ties(), box_.queries.lists(train)))
            }
            _ => None,
        };
        let access = match (attack.attack().needs().victim, &oracle, clean, &threat.surrogate) {
            (Grant::Queries, Some(oracle), ..) => VictimAccess::Queries(oracle),
            (Grant::Recipe, _, _, Some(Surrogate::One(believed))) => VictimAccess::Recipe(believed.victim()),
            (Grant::Recipe, None, ..) => VictimAccess::Recipe(bound.recipe()),
            (Grant::Full, None, Some(clean), _) => VictimAccess::Full(&*clean.recommender),
            _ => VictimAccess::Hidden,
        };
        let case = ThreatCase {
            goal: Goal {
                targets: targets.to_vec(),
                objective: threat.objective,
                audience: self.audience(&threat.target_users)?,
            },
            budget: Budget {
                fake_users,
                profile_size: threat.profile_size.of(train.n_items()),
                targets_included: false,
            },
            known: Knowledge { items: &ItemStats::of(&sample), sample: Some(&sample), victim: access },
        };
        let seed = ctx.seed.child("attack").child(&self.labels(targets).join("\n"));
        let mut fakes = poison(attack.attack(), train, &case, &ctx.at(seed))?.fakes;
        if !threat.targets_clicked {
            for profile in &mut fakes.profiles {
                profile.entries.retain(|(item, _)| !targets.contains(item));
            }
        }
        Ok(fakes)
    }

    /// Mean predicted rating of every item over all genuine users.
    fn mean_predictions(&self, clean: &Fitted) -> Result<Vec<f64>, TrialError> {
        let users = self.n_genuine().max(1) as f64;
        let mean = |item| {
            let ratings = self.dataset.interactions.users().map(|user| clean.recommender.rating(user, item));
            let sum: Option<f64> = ratings.map(|r| r.map(f64::from)).sum();
            sum.map(|sum| sum / users).ok_or(TrialError::NoPredictions)
        };
        (0..self.dataset.items.len() as u32).map(ItemId).map(mean).collect()
    }
}
