//! Dense blocks of users and items that chance does not explain.

mod search;

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{
    Ctx, DetectError, Detector, FittedDetector, Interactions, LabelledProfiles, Suspicion, UserId,
};

use crate::catalogue::Described;
use crate::flag::flag;
use search::{Block, Cells};

/// CrossSpot: flags the users of the blocks that are least likely under uniform density
/// (Jiang et al., ICDM 2015), as long as data without blocks has none like them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CrossSpotDetector {
    /// Random sets of items that a search starts from, besides the users of each item.
    pub seeds: usize,
    /// Most blocks whose users are flagged; at least 1.
    pub blocks: usize,
    /// Shuffled copies of the log that say how suspicious a block by chance can be; at least 1.
    pub shuffles: usize,
}

impl Default for CrossSpotDetector {
    fn default() -> Self {
        Self { seeds: 100, blocks: 5, shuffles: 20 }
    }
}

impl Detector for CrossSpotDetector {
    fn fit(
        &self,
        _: Option<&LabelledProfiles<'_>>,
        _: &Ctx<'_>,
    ) -> Result<Box<dyn FittedDetector>, DetectError> {
        for (name, value) in [("blocks", self.blocks), ("shuffles", self.shuffles)] {
            if value == 0 {
                return Err(DetectError::Parameter { name, got: "0".into(), expected: "at least 1" });
            }
        }
        Ok(Box::new(self.clone()))
    }
}

impl FittedDetector for CrossSpotDetector {
    fn inspect(&self, log: &Interactions, ctx: &Ctx<'_>) -> Result<Suspicion, DetectError> {
        let seed = ctx.seed.child("cross-spot");
        let all = Cells::of(log);
        let by_chance = (0..self.shuffles)
            .into_par_iter()
            .map(|at| {
                let seed = seed.child("shuffle").index(at as u64);
                Ok(all.shuffled(seed).best(self.seeds, self.seeds, seed.child("starts"), ctx)?.suspicion)
            })
            .collect::<Result<Vec<f64>, DetectError>>()?;
        let threshold = percentile_99(by_chance);
        let (mut cells, mut found) = (all.clone(), Vec::<Block>::new());
        let mut first = None;
        while found.len() < self.blocks {
            let starts = seed.child("starts").index(found.len() as u64);
            let block = cells.best(usize::MAX, self.seeds, starts, ctx)?;
            let over = block.suspicion > threshold;
            first.get_or_insert_with(|| block.clone());
            if !over {
                break;
            }
            cells = cells.without(&block);
            found.push(block);
        }
        let block_of = |user: usize| found.iter().position(|block| block.has(UserId(user as u32)));
        // Users of no block are ordered by what they have of the densest one.
        let mut score = first.map_or_else(|| vec![0.0; log.n_users()], |block| all.overlap(&block));
        for (user, score) in score.iter_mut().enumerate() {
            if let Some(at) = block_of(user) {
                *score += 1.0 + found[at].suspicion;
            }
        }
        let reason = |user: usize| {
            let block = &found[block_of(user)?];
            Some(format!(
                "one of {} users who share {} of the {} cells with {} items, {} expected by chance",
                block.users.len(),
                block.mass,
                block.users.len() * block.items.len(),
                block.items.len(),
                (log.len() as f64 * block.users.len() as f64 / log.n_users() as f64
                    * block.items.len() as f64
                    / log.n_items() as f64)
                    .round()
            ))
        };
        Ok(flag(log, score, Some(1.0 + threshold), |user, _| block_of(user).is_some(), &reason))
    }
}

/// The smallest value that 99 % of the values do not exceed.
fn percentile_99(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (values.len() * 99).div_ceil(100);
    values[rank.max(1) - 1]
}

impl Described for CrossSpotDetector {
    const CARD: Card = Card {
        name: "cross-spot",
        summary: "users in blocks of users and items that are denser than chance allows",
        doc: include_str!("../../../../docs/detectors/cross-spot.md"),
        reference: "M. Jiang, A. Beutel, P. Cui, B. Hooi, S. Yang, C. Faloutsos: A general suspiciousness metric for \
                    dense blocks in multimodal data. ICDM 2015",
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use shillproof_core::{FakeProfiles, ItemId, Profile, Seed, Triples};

    fn inspect(log: &Interactions) -> Suspicion {
        let ctx = Ctx::new(Seed::new(1));
        CrossSpotDetector::default().fit(None, &ctx).unwrap().inspect(log, &ctx).unwrap()
    }

    /// 200 users with 12 of 150 items each, by chance alone.
    fn chance(seed: u64) -> Interactions {
        let mut cells = Triples::default();
        for user in 0..200 {
            let mut rng = Seed::new(seed).index(user).rng();
            for item in rand::seq::index::sample(&mut rng, 150, 12) {
                cells.users.push(user as u32);
                cells.items.push(item as u32);
            }
        }
        Interactions::from_triples(200, 150, cells, None).unwrap()
    }

    #[test]
    fn two_planted_blocks_are_found() {
        let profile =
            |first: u32| Profile { entries: (first..first + 25).map(|i| (ItemId(i), 1.0)).collect() };
        let profiles = [vec![profile(100); 12], vec![profile(60); 5]].concat();
        let log = chance(2).append(&FakeProfiles { profiles, ..FakeProfiles::default() }).unwrap();
        let found = inspect(&log);
        assert!(found.flagged[200..].iter().all(|&f| f), "{:?}", found.flagged);
        assert_eq!(found.count(), 17);
        let [first, second, genuine] = [200, 215, 0].map(|user| found.score[user]);
        assert!(first > second && second > 1.0 + genuine, "{first} {second} {genuine}");
        let reason = found.reason[200].as_deref().unwrap();
        assert!(
            reason.starts_with("one of 12 users who share 300 of the 300 cells with 25 items"),
            "{reason}"
        );
    }

    #[test]
    fn chance_is_seldom_flagged() {
        // One in 21 by construction; three or more of ten come up once in a hundred times.
        let alarms = (10..20).filter(|&seed| inspect(&chance(seed)).count() > 0).count();
        assert!(alarms <= 2, "{alarms} of 10");
    }

    #[test]
    fn nothing_to_look_for_is_refused() {
        for detector in [
            CrossSpotDetector { blocks: 0, ..Default::default() },
            CrossSpotDetector { shuffles: 0, ..Default::default() },
        ] {
            assert!(detector.fit(None, &Ctx::new(Seed::new(1))).is_err());
        }
    }

    #[test]
    fn the_99th_percentile_of_twenty_is_the_largest() {
        assert_eq!(percentile_99((0..20).map(f64::from).collect()), 19.0);
        assert_eq!(percentile_99((0..200).map(f64::from).collect()), 197.0);
    }
}
