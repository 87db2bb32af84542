//! Item neighbourhood: "who has this also has that".

mod covisits;

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{
    Cancelled, Ctx, Feedback, FitError, FitJob, ItemId, Recommender, Scorer, Ties, UserId, Victim,
};
use shillproof_kernels::Csr;

use crate::input;
use covisits::{CoVisits, Counter};

/// What co-visits are divided by. c_ij counts the users who have both items, c_i those who have i.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Similarity {
    /// c_ij / √(c_i c_j).
    #[default]
    Cosine,
    /// c_ij / (c_i c_j).
    Product,
    /// c_ij / max(c_i, c_j).
    Max,
    /// c_ij / min(c_i, c_j).
    Min,
    /// c_ij itself.
    None,
    /// c_ij / c_j, the confidence of the association rule j → i for an item j of the user.
    Confidence,
}

impl Similarity {
    /// How much having `j` speaks for `i`, from c_ij, c_i and c_j.
    pub fn of(self, c_ij: f64, c_i: f64, c_j: f64) -> f64 {
        match self {
            Self::Cosine => c_ij / (c_i * c_j).sqrt(),
            Self::Product => c_ij / (c_i * c_j),
            Self::Max => c_ij / c_i.max(c_j),
            Self::Min => c_ij / c_i.min(c_j),
            Self::None => c_ij,
            Self::Confidence => c_ij / c_j,
        }
    }
}

/// Scores an item by its similarity to those items of the user that are among its nearest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ItemKnn {
    /// What co-visits are divided by.
    pub similarity: Similarity,
    /// Nearest items kept for each item; at least 1.
    pub neighbors: usize,
    /// Pairs with fewer common users have no similarity; at least 1.
    pub min_support: usize,
}

impl Default for ItemKnn {
    fn default() -> Self {
        Self { similarity: Similarity::Cosine, neighbors: 50, min_support: 1 }
    }
}

pub(crate) const CARD: Card = Card {
    name: "item-knn",
    summary: "items that share users with the user's own: co-visitation and association rules",
    doc: include_str!("../../../../docs/victims/item-knn.md"),
    reference: "Deshpande and Karypis, Item-based top-N recommendation algorithms, TOIS 2004",
};

impl Victim for ItemKnn {
    fn feedback(&self) -> Feedback {
        Feedback::Implicit
    }

    fn fit(&self, job: &FitJob<'_>, ctx: &Ctx<'_>) -> Result<Box<dyn Recommender>, FitError> {
        let covisits = self.covisits(job, ctx)?;
        let nearest =
            self.lists(&covisits, self.neighbors, ctx, |c_ij, i, j| self.similarity.of(c_ij, i, j))?;
        Ok(Box::new(Fitted::new(&nearest, covisits.into_profiles())))
    }

    fn as_any(&self) -> Option<&dyn std::any::Any> {
        Some(self)
    }
}

impl ItemKnn {
    /// The item-to-item list of `anchor`: the `n` items that having `anchor` speaks for most, best
    /// first, fewer where fewer share users with it. This is what "who has this also has" shelves show.
    ///
    /// # Errors
    /// As [`Victim::fit`].
    pub fn related(
        &self,
        job: &FitJob<'_>,
        anchor: ItemId,
        n: usize,
        ctx: &Ctx<'_>,
    ) -> Result<Vec<(ItemId, f32)>, FitError> {
        let covisits = self.covisits(job, ctx)?;
        let k = anchor.index();
        let similarity = |i: usize, c_ik| self.similarity.of(c_ik, covisits.count[i], covisits.count[k]);
        Ok(self.strongest(&covisits, &mut covisits.counter(), k, n, ties(ctx), similarity))
    }

    /// [`ItemKnn::related`] of every item, in order.
    ///
    /// # Errors
    /// As [`Victim::fit`].
    pub fn related_to_each(
        &self,
        job: &FitJob<'_>,
        n: usize,
        ctx: &Ctx<'_>,
    ) -> Result<Vec<Vec<(ItemId, f32)>>, FitError> {
        let covisits = self.covisits(job, ctx)?;
        Ok(self.lists(&covisits, n, ctx, |c_ik, k, i| self.similarity.of(c_ik, i, k))?)
    }

    /// For each item the `n` others of largest similarity, where `similarity` is given the common count, that of
    /// the item itself, and that of the other.
    fn lists(
        &self,
        covisits: &CoVisits,
        n: usize,
        ctx: &Ctx<'_>,
        similarity: impl Fn(f64, f64, f64) -> f64 + Sync,
    ) -> Result<Vec<Vec<(ItemId, f32)>>, Cancelled> {
        let (ties, count) = (ties(ctx), &covisits.count);
        (0..covisits.n_items())
            .into_par_iter()
            .map_init(
                || covisits.counter(),
                |counter, item| {
                    ctx.check()?;
                    let similarity = |other: usize, shared| similarity(shared, count[item], count[other]);
                    Ok(self.strongest(covisits, counter, item, n, ties, similarity))
                },
            )
            .collect()
    }

    fn covisits(&self, job: &FitJob<'_>, ctx: &Ctx<'_>) -> Result<CoVisits, FitError> {
        ctx.check()?;
        input::at_least_one("neighbors", self.neighbors)?;
        input::at_least_one("min_support", self.min_support)?;
        let weights = input::user_weight(job)?;
        Ok(CoVisits::of(&*input::positives(job.train)?, weights))
    }

    /// The `n` largest similarities to `item`, best first.
    fn strongest(
        &self,
        covisits: &CoVisits,
        counter: &mut Counter,
        item: usize,
        n: usize,
        ties: Ties,
        similarity: impl Fn(usize, f64) -> f64,
    ) -> Vec<(ItemId, f32)> {
        let mut found = Vec::new();
        covisits.with(item, counter, |other, shared| {
            if shared >= self.min_support as f64 {
                let key = ties.key(UserId(item as u32), ItemId(other));
                found.push((similarity(other as usize, shared), key, other));
            }
        });
        let order = |a: &(f64, u64, u32), b: &(f64, u64, u32)| {
            b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2))
        };
        if found.len() > n {
            found.select_nth_unstable_by(n, order);
            found.truncate(n);
        }
        found.sort_unstable_by(order);
        found.into_iter().map(|(similarity, _, other)| (ItemId(other), similarity as f32)).collect()
    }
}

/// How equal similarities are ordered: by a hash of (seed, item, other), so that neither ids nor users decide.
fn ties(ctx: &Ctx<'_>) -> Ties {
    Ties::hashed(ctx.seed.child("neighbors"))
}

/// For each item j the items that have j among their nearest, and how much j speaks for them.
struct Fitted {
    profiles: Csr,
    start: Vec<usize>,
    votes: Vec<(u32, f32)>,
}

impl Fitted {
    fn new(nearest: &[Vec<(ItemId, f32)>], profiles: Csr) -> Self {
        let mut start = vec![0usize; nearest.len() + 1];
        for (j, _) in nearest.iter().flatten() {
            start[j.index() + 1] += 1;
        }
        for j in 0..nearest.len() {
            start[j + 1] += start[j];
        }
        let (mut next, mut votes) = (start.clone(), vec![(0, 0.0); start[nearest.len()]]);
        for (i, list) in nearest.iter().enumerate() {
            for &(j, similarity) in list {
                let slot = &mut next[j.index()];
                votes[*slot] = (i as u32, similarity);
                *slot += 1;
            }
        }
        Self { profiles, start, votes }
    }
}

impl Recommender for Fitted {
    fn scorer(&self) -> Option<&dyn Scorer> {
        Some(self)
    }
}

impl Scorer for Fitted {
    fn n_items(&self) -> usize {
        self.start.len() - 1
    }

    fn score(&self, user: UserId, _: Option<&[ItemId]>, out: &mut [f32]) {
        out.fill(0.0);
        for &j in self.profiles.columns(user.index()) {
            for &(i, similarity) in &self.votes[self.start[j as usize]..self.start[j as usize + 1]] {
                out[i as usize] += similarity;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shillproof_core::{Interactions, Seed, Triples};

    /// Items 0 and 1 share users 0 and 1, items 0 and 2 share user 0; c = [3, 2, 1, 1].
    fn data() -> Interactions {
        let cells = Triples {
            users: vec![0, 0, 0, 1, 1, 2, 3],
            items: vec![0, 1, 2, 0, 1, 0, 3],
            ratings: None,
            times: None,
        };
        Interactions::from_triples(4, 4, cells, None).unwrap()
    }

    fn ctx() -> Ctx<'static> {
        Ctx::new(Seed::new(3))
    }

    fn score(recipe: &ItemKnn, user: u32) -> Vec<f32> {
        let data = data();
        let mut out = vec![f32::NAN; 4];
        recipe.fit(&FitJob::new(&data), &ctx()).unwrap().scorer().unwrap().score(
            UserId(user),
            None,
            &mut out,
        );
        out
    }

    #[test]
    fn every_similarity_by_hand() {
        // User 2 has item 0 alone, so a score is one similarity: s(1, 0) and s(2, 0).
        for (similarity, one, two) in [
            (Similarity::Cosine, 2.0 / 6f64.sqrt(), 1.0 / 3f64.sqrt()),
            (Similarity::Product, 2.0 / 6.0, 1.0 / 3.0),
            (Similarity::Max, 2.0 / 3.0, 1.0 / 3.0),
            (Similarity::Min, 1.0, 1.0),
            (Similarity::None, 2.0, 1.0),
            (Similarity::Confidence, 2.0 / 3.0, 1.0 / 3.0),
        ] {
            let recipe = ItemKnn { similarity, ..ItemKnn::default() };
            assert_eq!(score(&recipe, 2), [0.0, one as f32, two as f32, 0.0], "{similarity:?}");
        }
    }

    #[test]
    fn confidence_is_that_of_the_rule_from_the_users_item() {
        let recipe = ItemKnn { similarity: Similarity::Confidence, ..ItemKnn::default() };
        // User 1 has 0 and 1: s(0, 1) = c_01 / c_1 = 1, s(2, 0) + s(2, 1) = 1/3 + 1/2.
        assert_eq!(score(&recipe, 1), [1.0, (2.0 / 3.0f64) as f32, 1.0f32 / 3.0 + 0.5, 0.0]);
        let data = data();
        let list = recipe.related(&FitJob::new(&data), ItemId(1), 5, &ctx()).unwrap();
        assert_eq!(list, [(ItemId(0), 1.0), (ItemId(2), 0.5)]);
    }

    #[test]
    fn only_the_nearest_and_supported_count() {
        let nearest = ItemKnn { neighbors: 1, similarity: Similarity::None, ..ItemKnn::default() };
        // The nearest of 0 is 1, of 1 is 0; user 0 also has 2, whose one vote is for nobody.
        assert_eq!(score(&nearest, 0)[..2], [2.0, 2.0]);
        let supported = ItemKnn { min_support: 2, similarity: Similarity::None, ..ItemKnn::default() };
        assert_eq!(score(&supported, 0), [2.0, 2.0, 0.0, 0.0]);
    }

    #[test]
    fn a_weight_of_two_is_the_user_twice() {
        let data = data();
        let job = FitJob { user_weight: Some(&[2.0, 1.0, 1.0, 1.0]), ..FitJob::new(&data) };
        let mut cells = data.to_triples();
        cells.users.extend([4, 4, 4]);
        cells.items.extend([0, 1, 2]);
        let doubled = Interactions::from_triples(5, 4, cells, None).unwrap();
        let recipe = ItemKnn::default();
        for anchor in (0..4).map(ItemId) {
            let list = recipe.related(&job, anchor, 3, &ctx()).unwrap();
            assert_eq!(list, recipe.related(&FitJob::new(&doubled), anchor, 3, &ctx()).unwrap());
            assert_eq!(list, recipe.related_to_each(&job, 3, &ctx()).unwrap()[anchor.index()]);
        }
    }

    #[test]
    fn equal_similarities_are_not_ordered_by_id() {
        // One user has everything: all similarities are equal.
        let n = 40;
        let cells = Triples { users: vec![0; n], items: (0..n as u32).collect(), ratings: None, times: None };
        let data = Interactions::from_triples(1, n, cells, None).unwrap();
        let list = |anchor| {
            let kept = ItemKnn::default().related(&FitJob::new(&data), ItemId(anchor), 10, &ctx()).unwrap();
            kept.into_iter().map(|entry| entry.0.0).collect::<Vec<_>>()
        };
        assert!(!list(0).is_sorted() && list(0) != list(1));
        let mean = (0..40).flat_map(list).map(f64::from).sum::<f64>() / 400.0;
        assert!((mean - 19.5).abs() < 2.0, "mean id {mean}");
    }
}
