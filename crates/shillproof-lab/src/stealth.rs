//! How far a group that is known to be fake differs from genuine users. No detector: the group is given.

use rand::seq::{SliceRandom, index};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::{Ctx, FakeProfiles, Interactions, ItemId, Seed};

use crate::metrics::Measure;
use crate::stats::{mean, t_test};
use crate::trial::TrialError;
use crate::vectors::UserVectors;

/// Pairings of fake with genuine users whose median p-value is reported.
const PAIRINGS: u64 = 100;

/// A comparison of fake with genuine users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stealth {
    /// Two-sided paired t-tests in three readings (Li et al., NIPS 2016, section 5, leave the pairing open).
    PairedT,
    /// Mean popularity of what each group has, and profile lengths.
    PopularityProfile,
    /// How far the vectors of fake users stand apart from genuine ones (Zhang et al., KDD 2021, figure 5).
    UserVectors,
}

impl Stealth {
    /// The rows about `fakes` beside the genuine users of `log`; none without fake users.
    ///
    /// # Errors
    /// If a model that is trained for it fails.
    pub fn rows(
        self,
        log: &Interactions,
        fakes: &FakeProfiles,
        seed: Seed,
        ctx: &Ctx<'_>,
    ) -> Result<Vec<Measure>, TrialError> {
        let groups = Groups::new(log, fakes);
        let values = match self {
            _ if groups.fake.is_empty() || groups.genuine.is_empty() => Vec::new(),
            Self::UserVectors => vectors(log, fakes, seed.child("user-vectors"), ctx)?,
            Self::PairedT => vec![
                ("paired_t/user-matched", groups.user_matched(seed.child("user-matched"))),
                ("paired_t/top-decile", groups.top_decile(seed.child("top-decile"))),
                ("paired_t/ratings", log.is_explicit().then(|| groups.ratings()).flatten()),
            ],
            Self::PopularityProfile => vec![
                ("popularity_profile/fake", mean(&groups.popularity(&groups.fake))),
                ("popularity_profile/genuine", mean(&groups.popularity(&groups.genuine))),
                ("popularity_profile/length-fake", mean(&lengths(&groups.fake))),
                ("popularity_profile/length-genuine", mean(&lengths(&groups.genuine))),
            ],
        };
        let row = |(metric, value): (&str, Option<f64>)| {
            value.map(|value| Measure { metric: metric.into(), k: None, target: None, value })
        };
        Ok(values.into_iter().filter_map(row).collect())
    }
}

fn vectors(
    log: &Interactions,
    fakes: &FakeProfiles,
    seed: Seed,
    ctx: &Ctx<'_>,
) -> Result<Vec<(&'static str, Option<f64>)>, TrialError> {
    let found = UserVectors::train(log, fakes, seed, ctx)?.map(|vectors| vectors.apartness(seed));
    Ok(found.map_or_else(Vec::new, |found| {
        vec![
            ("user_vectors/silhouette", Some(found.silhouette)),
            ("user_vectors/neighbours", Some(found.neighbours)),
            ("user_vectors/auroc", found.auroc),
        ]
    }))
}

type Entries = Vec<(ItemId, f32)>;

/// Profiles with at least one interaction, and how popular items are among the genuine ones.
struct Groups {
    genuine: Vec<Entries>,
    fake: Vec<Entries>,
    counts: Vec<u32>,
}

fn lengths(profiles: &[Entries]) -> Vec<f64> {
    profiles.iter().map(|profile| profile.len() as f64).collect()
}

impl Groups {
    fn new(log: &Interactions, fakes: &FakeProfiles) -> Self {
        let genuine = log.rows().filter(|row| !row.is_empty()).map(|row| {
            let mut entries: Entries = row.iter().collect();
            entries.sort_unstable_by_key(|entry| entry.0);
            entries
        });
        let fake = fakes.profiles.iter().map(|p| p.entries.clone()).filter(|entries| !entries.is_empty());
        Self { genuine: genuine.collect(), fake: fake.collect(), counts: log.item_counts() }
    }

    /// Mean share of genuine users behind the items of each profile.
    fn popularity(&self, profiles: &[Entries]) -> Vec<f64> {
        let of = |profile: &Entries| {
            let sum: f64 = profile.iter().map(|(item, _)| f64::from(self.counts[item.index()])).sum();
            sum / (profile.len() * self.genuine.len()) as f64
        };
        profiles.iter().map(of).collect()
    }

    /// Median p over pairings of each fake user with a genuine one of its own, of the mean popularity of what they have.
    fn user_matched(&self, seed: Seed) -> Option<f64> {
        let (genuine, fake) = (self.popularity(&self.genuine), self.popularity(&self.fake));
        let pairs = fake.len().min(genuine.len());
        let p = |round: u64| {
            let drawn = index::sample(&mut seed.index(round).rng(), genuine.len(), pairs);
            let differences: Vec<f64> = fake.iter().zip(drawn).map(|(f, g)| f - genuine[g]).collect();
            t_test(&differences).map(|test| test.p)
        };
        let mut found: Vec<f64> = (0..PAIRINGS).filter_map(p).collect();
        found.sort_by(f64::total_cmp);
        match found.len() {
            0 => None,
            n if n % 2 == 1 => Some(found[n / 2]),
            n => Some(f64::midpoint(found[n / 2 - 1], found[n / 2])),
        }
    }

    /// p over the most popular tenth of the items, of the shares of fake and genuine users who have them. Genuine profiles are cut
    /// to the mean length of the fake ones, at random.
    fn top_decile(&self, seed: Seed) -> Option<f64> {
        let length = mean(&lengths(&self.fake))?.round() as usize;
        let mut rng = seed.rng();
        let mut shares = vec![(0.0, 0.0); self.counts.len()];
        for profile in &self.genuine {
            let mut items: Vec<ItemId> = profile.iter().map(|entry| entry.0).collect();
            let (chosen, _) = items.partial_shuffle(&mut rng, length);
            for item in chosen {
                shares[item.index()].0 += 1.0 / self.genuine.len() as f64;
            }
        }
        for (item, _) in self.fake.iter().flatten() {
            shares[item.index()].1 += 1.0 / self.fake.len() as f64;
        }
        let mut order: Vec<usize> = (0..self.counts.len()).collect();
        order.sort_by_key(|&item| (std::cmp::Reverse(self.counts[item]), item));
        order.truncate(self.counts.len().div_ceil(10));
        let differences: Vec<f64> = order.into_iter().map(|item| shares[item].1 - shares[item].0).collect();
        t_test(&differences).map(|test| test.p)
    }

    /// p over the items that both groups rated, of the groups' mean ratings.
    fn ratings(&self) -> Option<f64> {
        let means = |profiles: &[Entries]| {
            let mut sums = vec![(0.0, 0.0); self.counts.len()];
            for &(item, rating) in profiles.iter().flatten() {
                sums[item.index()].0 += f64::from(rating);
                sums[item.index()].1 += 1.0;
            }
            sums
        };
        let (genuine, fake) = (means(&self.genuine), means(&self.fake));
        let both = genuine.iter().zip(&fake).filter(|(g, f)| g.1 > 0.0 && f.1 > 0.0);
        let differences: Vec<f64> = both.map(|(g, f)| f.0 / f.1 - g.0 / g.1).collect();
        t_test(&differences).map(|test| test.p)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shillproof_core::{Profile, RatingScale, Triples};

    /// Users 0 to 19 rate items 0 to 9 by two, popular ones more often.
    fn log() -> Interactions {
        let mut cells = Triples { ratings: Some(Vec::new()), ..Triples::default() };
        for user in 0..20u32 {
            for item in 0..10u32 {
                if (user * 7 + item * 3) % (item + 2) < 2 {
                    cells.users.push(user);
                    cells.items.push(item);
                    cells.ratings.get_or_insert_default().push(1.0 + ((user + item) % 5) as f32);
                }
            }
        }
        let stars = RatingScale::new(1.0, 5.0, 1.0).unwrap();
        Interactions::from_triples(20, 10, cells, Some(stars)).unwrap()
    }

    fn value(rows: &[Measure], metric: &str) -> f64 {
        rows.iter().find(|row| row.metric == metric).map(|row| row.value).unwrap()
    }

    #[test]
    fn copies_of_genuine_users_pass_and_users_of_one_rare_item_do_not() {
        let log = log();
        let copies =
            (0..20).map(|u| Profile { entries: log.row(shillproof_core::UserId(u)).iter().collect() });
        let copies = FakeProfiles { profiles: copies.collect(), ..FakeProfiles::default() };
        let seed = Seed::new(1);
        let ctx = Ctx::new(seed);
        let rows = Stealth::PairedT.rows(&log, &copies, seed, &ctx).unwrap();
        assert!(value(&rows, "paired_t/user-matched") > 0.3, "{rows:?}");
        assert!(rows.iter().all(|row| row.metric != "paired_t/ratings"), "equal means have no t: {rows:?}");
        let rare = FakeProfiles {
            profiles: vec![Profile { entries: vec![(ItemId(9), 5.0)] }; 8],
            ..FakeProfiles::default()
        };
        let rows = Stealth::PairedT.rows(&log, &rare, seed, &ctx).unwrap();
        assert!(value(&rows, "paired_t/user-matched") < 0.01, "{rows:?}");
    }

    #[test]
    fn popularity_is_the_share_of_genuine_users() {
        let log = log();
        let counts = log.item_counts();
        let fakes = FakeProfiles {
            profiles: vec![Profile { entries: vec![(ItemId(0), 5.0), (ItemId(9), 3.0)] }],
            ..FakeProfiles::default()
        };
        let ctx = Ctx::new(Seed::new(1));
        let rows = Stealth::PopularityProfile.rows(&log, &fakes, Seed::new(1), &ctx).unwrap();
        let want = f64::from(counts[0] + counts[9]) / 40.0;
        assert!((value(&rows, "popularity_profile/fake") - want).abs() < 1e-12);
        assert_eq!(value(&rows, "popularity_profile/length-fake"), 2.0);
        assert!(
            Stealth::PairedT.rows(&log, &FakeProfiles::default(), Seed::new(1), &ctx).unwrap().is_empty()
        );
    }
}
