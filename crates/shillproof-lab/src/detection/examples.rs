//! Labelled examples: the attacks by name, on other targets, with other seeds.

use rand::seq::SliceRandom;
use shillproof_attacks::AttackSpec;
use shillproof_core::catalogue::{Catalogue, CatalogueError};
use shillproof_core::{Ctx, FakeProfiles, ItemId};
use shillproof_defenses::RemoveFlagged;

use crate::command::VictimChoice;
use crate::plan::Threat;
use crate::trial::{Fitted, Setup, TrialError};

/// What a detector is to learn from.
#[derive(Clone)]
pub struct Examples<'a> {
    /// Attacks, in turn; those that cannot do what the threat wants on this data are left out.
    pub attacks: &'a [AttackSpec],
    /// What the attacker wants and knows. Its targets are not looked at.
    pub threat: &'a Threat,
    /// Victim that attacks may be granted access to.
    pub victim: &'a VictimChoice,
    /// The same, fitted on clean data, for attacks that ask it.
    pub clean: Option<&'a Fitted>,
    /// Fake users in one block: those of one attack.
    pub block: usize,
    /// Items that are no targets of examples: those under evaluation.
    pub avoid: &'a [ItemId],
    /// Blocks that are there already.
    pub ready: Vec<FakeProfiles>,
}

/// In the place of an attack: the fake users that the attack under evaluation makes for the other targets.
pub const OTHERS: &str = "others";

/// The attacks of these names; `same` is `own`, and [`OTHERS`] none, or the usual ones where there is no attack under evaluation.
///
/// # Errors
/// If an attack or a parameter does not exist.
pub fn train_attacks(names: &[String], own: Option<&AttackSpec>) -> Result<Vec<AttackSpec>, CatalogueError> {
    let mut attacks = Vec::new();
    for name in names {
        match (name.as_str(), own) {
            ("same", Some(own)) => attacks.push(own.clone()),
            (OTHERS, Some(_)) => {}
            ("same" | OTHERS, None) => {
                for usual in RemoveFlagged::default().train_attack {
                    attacks.push(AttackSpec::from_inline(&usual)?);
                }
            }
            (name, _) => attacks.push(AttackSpec::from_inline(name)?),
        }
    }
    Ok(attacks)
}

impl Examples<'_> {
    /// The blocks that are there, and blocks of at least `wanted` fake users together with them, each with a target and a seed of its own. Every attack gives
    /// at least one.
    ///
    /// # Errors
    /// If an attack needs more than the threat grants, or fails.
    pub fn craft(
        &self,
        wanted: usize,
        setup: &Setup,
        ctx: &Ctx<'_>,
    ) -> Result<Vec<FakeProfiles>, TrialError> {
        let log = setup.log(self.threat.objective, self.victim);
        let can = |attack: &&AttackSpec| {
            !matches!(attack, AttackSpec::None(_))
                && attack.capabilities().can(self.threat.objective, log.is_explicit())
        };
        let attacks: Vec<&AttackSpec> = self.attacks.iter().filter(can).collect();
        let seed = setup.root.child("detector-examples");
        let counts = log.item_counts();
        let mut targets: Vec<ItemId> = (0..log.n_items() as u32)
            .map(ItemId)
            .filter(|item| counts[item.index()] > 0 && !self.avoid.contains(item))
            .collect();
        targets.shuffle(&mut seed.child("targets").rng());
        let mut made = self.ready.clone();
        if attacks.is_empty() || targets.is_empty() {
            return Ok(made);
        }
        let block = self.block.max(1);
        let missing = wanted.saturating_sub(made.iter().map(|fakes| fakes.profiles.len()).sum());
        let blocks = missing.div_ceil(block).max(attacks.len());
        for b in 0..blocks {
            ctx.observer.progress("examples", b as u64, blocks as u64);
            let (attack, target) = (attacks[b % attacks.len()], targets[b % targets.len()]);
            let at = ctx.at(seed.child("block").index(b as u64));
            made.push(setup.craft(attack, self.threat, self.victim, self.clean, &[target], block, &at)?);
        }
        Ok(made)
    }
}
