//! What a plan costs before it runs.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;

use serde::Serialize;

use super::{Plan, PlannedCell};
use crate::store::Key;

/// Trainings of one victim on one data set. Those for the examples that a detector learns from are not in it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Trainings {
    /// On genuine users alone; several attacks share one.
    pub clean: usize,
    /// With fake users.
    pub attacked: usize,
    /// Sets of fake users that are crafted; several cells share one.
    pub crafted: usize,
    /// Trainings of a copy of the victim that crafting begins, at most.
    pub crafting: usize,
    /// All of them, in trainings on clean data: those with fake users count by their interactions.
    pub total: f64,
}

impl AddAssign<&Self> for Trainings {
    fn add_assign(&mut self, other: &Self) {
        self.clean += other.clean;
        self.attacked += other.attacked;
        self.crafted += other.crafted;
        self.crafting += other.crafting;
        self.total += other.total;
    }
}

/// The trainings of one victim on one data set, and a cell that trains it so.
#[derive(Clone, Debug)]
pub struct Share<'a> {
    /// A cell with this victim and this data.
    pub example: &'a PlannedCell,
    /// How many.
    pub trainings: Trainings,
}

impl Plan {
    /// The trainings of every victim on every data set, in the order of the plan.
    pub fn workload(&self) -> Vec<Share<'_>> {
        let mut shares: Vec<Share<'_>> = Vec::new();
        let mut places = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for planned in &self.cells {
            let cell = &planned.cell;
            let victim = Key::of(&(&planned.data.checksum, &cell.victim));
            let place = *places.entry(victim).or_insert_with(|| {
                shares.push(Share { example: planned, trainings: Trainings::default() });
                shares.len() - 1
            });
            let trainings = &mut shares[place].trainings;
            if seen.insert(&planned.shares.clean_fit) {
                trainings.clean += 1;
                trainings.total += 1.0;
            }
            let fakes = planned.shares.craft_size * cell.threat.profile_size.of(planned.data.items);
            let larger = 1.0 + fakes as f64 / planned.data.interactions.max(1) as f64;
            if !cell.is_clean() {
                trainings.attacked += 1;
                trainings.total += larger;
            }
            if let Some(crafted) = &planned.shares.crafted
                && seen.insert(crafted)
            {
                let begun = cell.attack.attack().trainings(planned.shares.craft_size);
                trainings.crafted += 1;
                trainings.crafting += begun;
                trainings.total += begun as f64 * larger;
            }
        }
        shares
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::{grid, plan};

    #[test]
    fn shared_work_counts_once() {
        let plan = grid();
        let [share] = &plan.workload()[..] else { panic!("one victim on one data set") };
        let Trainings { clean, attacked, crafted, crafting, total } = share.trainings;
        // 2 repeats; 2 attacks x 3 targets x 2 sizes x 2 repeats; smaller attacks are parts of larger ones.
        assert_eq!((clean, attacked, crafted, crafting), (2, 24, 6, 0));
        assert!(total > 26.0);
    }

    #[test]
    fn crafting_that_trains_is_counted_at_its_largest_size() {
        let text = r#"
            dataset = { demo = {} }
            victim = "als"
            attack = [{ pga = { iterations = 7 } }, { s-attack = { batch = 4, iterations = 3 } }]
            [threat]
            targets = { random = { count = 1 } }
            size = [{ count = 2 }, { count = 9 }]
        "#;
        let plan = plan(text);
        // PGA makes each size anew: 2 x (1 + 7). The S-attack makes nine at once: 1 + 3 x 3.
        assert_eq!(plan.workload()[0].trainings.crafting, 16 + 10);
    }
}
