//! A data set cut for a trial: what the victim learns from, what the attacker sees, what is held out.

use std::sync::{Arc, OnceLock};

use shillproof_core::{
    Ctx, DefenseJob, FakeProfiles, Feedback, FitJob, FittedDetector, HeldOut, InteractionError, Interactions,
    ItemId, Objective, Profile, Recommender, Scorer, Seed, Ties, UserId, Victim,
};
use shillproof_data::Dataset;
use shillproof_data::split::{Split, SplitSpec};
use shillproof_defenses::{DefenseSpec, NoDefense};

use super::TrialError;
use crate::command::VictimChoice;
use crate::rankings::{Exclude, Exclusion, RankJob, Rankings};
use crate::spec::MeasureSpec;

/// A data set and its split. Everything random about a trial on it comes from one root seed.
pub struct Setup {
    /// The data set.
    pub dataset: Arc<Dataset>,
    /// Where all randomness comes from.
    pub root: Seed,
    split: Split,
    binarized: OnceLock<Split>,
}

/// A fitted victim, and the seed it was fitted with.
pub struct Fitted {
    /// The recommender.
    pub recommender: Box<dyn Recommender>,
    /// The child (root, "victim", repeat).
    pub seed: Seed,
    /// Users whom the defense removed, fake ones included, in the order of ids.
    pub removed: Vec<UserId>,
}

impl Fitted {
    /// How equal scores are ordered.
    pub fn ties(&self) -> Ties {
        Ties::hashed(self.seed.child("ties"))
    }
}

/// A defense with its detector fitted.
#[derive(Clone, Copy)]
pub struct Guard<'a> {
    /// The defense.
    pub defense: &'a DefenseSpec,
    /// Its detector, where it has one.
    pub detector: Option<&'a dyn FittedDetector>,
    /// What the attack is after, which decides whether the log has ratings (see [`Setup::attacked_part`]).
    pub objective: Objective,
}

impl Default for Guard<'_> {
    fn default() -> Self {
        const NONE: DefenseSpec = DefenseSpec::None(NoDefense {});
        Self { defense: &NONE, detector: None, objective: Objective::Promote }
    }
}

impl Setup {
    /// Splits a data set.
    ///
    /// # Errors
    /// If the data cannot be split so.
    pub fn new(dataset: Arc<Dataset>, split: &SplitSpec, root: Seed) -> Result<Self, TrialError> {
        let split = split.split_dataset(&dataset, root)?;
        Ok(Self { dataset, root, split, binarized: OnceLock::new() })
    }

    /// Number of genuine users.
    pub fn n_genuine(&self) -> usize {
        self.split.train.n_users()
    }

    /// What a victim learns from, ratings or presence.
    pub fn feedback(&self, victim: &VictimChoice) -> Feedback {
        victim.bind(&self.dataset.users, &self.dataset.items).feedback()
    }

    /// The parts in the form that a victim learns from: binarised for implicit victims.
    pub fn parts(&self, feedback: Feedback) -> &Split {
        if feedback == Feedback::Implicit && self.split.train.is_explicit() {
            self.binarized.get_or_init(|| Split {
                train: self.split.train.binarize(),
                valid: self.split.valid.as_ref().map(Interactions::binarize),
                test: self.split.test.as_ref().map(Interactions::binarize),
            })
        } else {
            &self.split
        }
    }

    /// What a person should be told about this victim on this data.
    pub fn notes(&self, feedback: Feedback) -> Vec<String> {
        let binarised = feedback == Feedback::Implicit && self.split.train.is_explicit();
        let note = "the victim takes no rating values: every rating above 0 counts as one interaction";
        binarised.then(|| note.to_owned()).into_iter().collect()
    }

    /// Trains `victim` on the genuine training part with `fakes` behind it. Repeat r has the seed child
    /// (root, "victim", r), the same with and without fakes, so that a difference is the attack's.
    ///
    /// `max_k` is the longest list that will be asked for.
    ///
    /// # Errors
    /// If the victim cannot be fitted, or the fake users do not fit the data.
    pub fn fit(
        &self,
        victim: &VictimChoice,
        fakes: Option<&FakeProfiles>,
        repeat: u64,
        max_k: usize,
        ctx: &Ctx<'_>,
    ) -> Result<Fitted, TrialError> {
        self.fit_guarded(&Guard::default(), victim, fakes, repeat, max_k, ctx)
    }

    /// As [`Setup::fit`], under a defense.
    ///
    /// # Errors
    /// As [`Setup::fit`], and if the defense fails.
    pub fn fit_guarded(
        &self,
        guard: &Guard<'_>,
        victim: &VictimChoice,
        fakes: Option<&FakeProfiles>,
        repeat: u64,
        max_k: usize,
        ctx: &Ctx<'_>,
    ) -> Result<Fitted, TrialError> {
        let victim = victim.bind(&self.dataset.users, &self.dataset.items);
        let parts = self.parts(victim.feedback());
        let poisoned = fakes.map(|fakes| parts.train.append(fakes)).transpose()?;
        let train = poisoned.as_ref().unwrap_or(&parts.train);
        let seed = self.root.child("victim").index(repeat);
        let valid = match (held_out(parts, victim.selects_on()), fakes) {
            (Some(valid), Some(fakes)) => Some(with_empty_rows(valid, fakes.profiles.len())?),
            (valid, _) => valid.cloned(),
        };
        let job = FitJob { train, valid: valid.as_ref(), user_weight: None, max_k };
        let log = self.attacked_part(guard.objective, victim.feedback());
        // Only a detector looks at it.
        let seen = fakes.filter(|_| guard.detector.is_some()).map(|fakes| log.append(fakes)).transpose()?;
        let job = DefenseJob { fit: job, log: seen.as_ref().unwrap_or(log), detector: guard.detector };
        let defended = guard.defense.defense().fit(&victim, &job, &ctx.at(seed))?;
        Ok(Fitted { recommender: defended.recommender, seed, removed: defended.removed })
    }

    /// What the genuine users see after all they have done but for what tests: their lists, the places of the targets, and their held-out items.
    ///
    /// # Errors
    /// If a score is not finite, or a list breaks the rules of a list.
    pub fn rank(
        &self,
        victim: &VictimChoice,
        fitted: &Fitted,
        targets: &[ItemId],
        exclude: Exclude,
        measure: &MeasureSpec,
        ctx: &Ctx<'_>,
    ) -> Result<Rankings, TrialError> {
        let parts = self.parts(self.feedback(victim));
        let held_out: Vec<&Interactions> = parts.valid.iter().chain(&parts.test).collect();
        let k = measure.hit_ratio.iter().copied().max().unwrap_or(0);
        let reads = fitted.recommender.scorer().is_none_or(Scorer::reads_history);
        let known = parts.valid.as_ref().filter(|_| reads);
        let histories = known.map(|valid| parts.train.union(valid)).transpose()?;
        let job = RankJob {
            targets,
            histories: histories.as_ref(),
            held_out: parts.test.as_ref(),
            sampled_negatives: measure.sampled,
            target_ties: measure.ties,
            ..RankJob::new(
                &*fitted.recommender,
                self.n_genuine(),
                Exclusion::new(exclude, &parts.train, &held_out),
                k,
            )
        };
        let mut rankings = Rankings::compute(&job, &ctx.at(fitted.seed))?;
        rankings.remove(&fitted.removed);
        Ok(rankings)
    }
}

/// What a victim may select an epoch by.
fn held_out(parts: &Split, part: HeldOut) -> Option<&Interactions> {
    match part {
        HeldOut::Validation => parts.valid.as_ref(),
        HeldOut::Test => parts.test.as_ref(),
    }
}

/// A held-out part with a row for each fake user. They hold nothing out: selecting an epoch never looks at poison.
fn with_empty_rows(held_out: &Interactions, fake_users: usize) -> Result<Interactions, InteractionError> {
    held_out
        .append(&FakeProfiles { profiles: vec![Profile::default(); fake_users], ..FakeProfiles::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use shillproof_core::Triples;
    use shillproof_core::catalogue::Catalogue;
    use shillproof_data::demo;

    #[test]
    fn bug_17_no_fake_interaction_is_in_the_validation_part() {
        let triples = Triples { users: vec![0, 1], items: vec![0, 1], ratings: None, times: None };
        let valid = Interactions::from_triples(2, 3, triples, None).unwrap();
        let job = with_empty_rows(&valid, 2).unwrap();
        assert_eq!((job.n_users(), job.len()), (4, 2));
        assert!(job.row(UserId(2)).is_empty() && job.row(UserId(3)).is_empty());
        assert_eq!(job.first_rows(2), valid);
    }

    #[test]
    fn bug_14_what_a_victim_learns_from_holds_no_test_interaction() {
        let setup = Setup::new(Arc::new(demo()), &SplitSpec::default(), Seed::new(3)).unwrap();
        for feedback in [Feedback::Explicit, Feedback::Implicit] {
            let parts = setup.parts(feedback);
            let test = parts.test.as_ref().unwrap();
            assert!(test.len() > 900, "one interaction a user is held out");
            for user in test.users() {
                let held_out = test.row(user).items();
                let seen = |part: &Interactions| held_out.iter().any(|&item| part.row(user).contains(item));
                assert!(!seen(&parts.train) && !parts.valid.as_ref().is_some_and(seen));
            }
            // Unless it says, by a parameter that stands in every record, that it selects on the test part.
            for (text, part) in [("neumf", parts.valid.as_ref()), ("neumf:selection=test", Some(test))] {
                let victim = VictimChoice::from_inline(text).unwrap();
                let selects_on = victim.bind(&setup.dataset.users, &setup.dataset.items).selects_on();
                assert_eq!(held_out(parts, selects_on), part);
            }
        }
    }
}
