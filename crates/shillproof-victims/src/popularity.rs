//! The most popular items, for everybody.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{Ctx, Feedback, FitError, FitJob, Recommender, Scorer, UserId, Victim};

use crate::input;

/// Scores an item by the number of users who have it, whoever asks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Popularity {}

pub(crate) const CARD: Card = Card {
    name: "popularity",
    summary: "the most popular items, the same for everybody",
    doc: include_str!("../../../docs/victims/popularity.md"),
    reference: "Cremonesi, Koren and Turrin, Performance of recommender algorithms on top-N recommendation tasks, RecSys 2010",
};

impl Victim for Popularity {
    fn feedback(&self) -> Feedback {
        Feedback::Implicit
    }

    fn fit(&self, job: &FitJob<'_>, ctx: &Ctx<'_>) -> Result<Box<dyn Recommender>, FitError> {
        ctx.check()?;
        let weights = input::user_weight(job)?;
        let data = input::positives(job.train)?;
        let mut counts = vec![0f64; data.n_items()];
        for (u, row) in data.rows().enumerate() {
            let weight = weights.map_or(1.0, |w| f64::from(w[u]));
            for item in row.items() {
                counts[item.index()] += weight;
            }
        }
        Ok(Box::new(Fitted { scores: counts.into_iter().map(|c| c as f32).collect() }))
    }

    fn as_any(&self) -> Option<&dyn std::any::Any> {
        Some(self)
    }
}

struct Fitted {
    scores: Vec<f32>,
}

impl Recommender for Fitted {
    fn scorer(&self) -> Option<&dyn Scorer> {
        Some(self)
    }
}

impl Scorer for Fitted {
    fn n_items(&self) -> usize {
        self.scores.len()
    }

    fn score(&self, _: UserId, _: Option<&[shillproof_core::ItemId]>, out: &mut [f32]) {
        out.copy_from_slice(&self.scores);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shillproof_core::{Interactions, Query, RatingScale, Seed, Ties, Triples};

    fn data() -> Interactions {
        let cells = Triples {
            users: vec![0, 1, 2, 0, 1, 0],
            items: vec![1, 1, 1, 2, 2, 3],
            ratings: Some(vec![1.0, 1.0, 2.0, 1.0, 1.0, 0.0]),
            times: None,
        };
        Interactions::from_triples(3, 5, cells, Some(RatingScale::new(0.0, 2.0, 1.0).unwrap())).unwrap()
    }

    #[test]
    fn counts_users_with_a_positive_rating() {
        let train = data();
        let model = Popularity {}.fit(&FitJob::new(&train), &Ctx::new(Seed::new(1))).unwrap();
        let mut out = [f32::NAN; 5];
        model.scorer().unwrap().score(UserId(2), None, &mut out);
        assert_eq!(out, [0.0, 3.0, 2.0, 0.0, 0.0]);
        let ties = Ties::hashed(Seed::new(1));
        let mut list = Vec::new();
        model.top_k(&Query { user: UserId(0), history: None, skip: &[], k: 2, ties }, &mut list);
        assert_eq!(list.iter().map(|entry| entry.0.0).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn a_weight_of_two_counts_twice() {
        let train = data();
        let job = FitJob { user_weight: Some(&[2.0, 1.0, 0.5]), ..FitJob::new(&train) };
        let model = Popularity {}.fit(&job, &Ctx::new(Seed::new(1))).unwrap();
        let mut out = [f32::NAN; 5];
        model.scorer().unwrap().score(UserId(2), None, &mut out);
        assert_eq!(out, [0.0, 3.5, 3.0, 0.0, 0.0]);
    }
}
