//! Users who took nearly the same items.

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{
    Ctx, DetectError, Detector, FittedDetector, Interactions, LabelledProfiles, Suspicion, UserId,
};
use shillproof_kernels::Csr;

use crate::catalogue::Described;
use crate::flag::{flag, in_range};

/// Flags users whose set of items is nearly that of somebody else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DuplicatesDetector {
    /// Jaccard similarity above which two users are duplicates.
    pub similarity: f64,
    /// Fewest items of a user who can be a duplicate.
    pub min_items: usize,
}

impl Default for DuplicatesDetector {
    fn default() -> Self {
        Self { similarity: 0.8, min_items: 5 }
    }
}

impl Detector for DuplicatesDetector {
    fn fit(
        &self,
        _: Option<&LabelledProfiles<'_>>,
        _: &Ctx<'_>,
    ) -> Result<Box<dyn FittedDetector>, DetectError> {
        in_range("similarity", self.similarity, 0.0, 1.0, "0 to 1")?;
        Ok(Box::new(self.clone()))
    }
}

/// The nearest other user of somebody.
#[derive(Clone, Copy, Default)]
struct Nearest {
    similarity: f64,
    duplicates: usize,
}

impl FittedDetector for DuplicatesDetector {
    fn inspect(&self, log: &Interactions, ctx: &Ctx<'_>) -> Result<Suspicion, DetectError> {
        let takers = Csr::of(log).transpose();
        let users: Vec<UserId> = log.users().collect();
        let nearest = users
            .par_iter()
            .map_init(
                || (vec![0u32; log.n_users()], Vec::new()),
                |(common, met), &user| {
                    ctx.check()?;
                    Ok(self.nearest(log, &takers, user, common, met))
                },
            )
            .collect::<Result<Vec<Nearest>, DetectError>>()?;
        let score = nearest.iter().map(|n| n.similarity).collect();
        let reason = |user: usize| {
            let Nearest { similarity, duplicates } = nearest[user];
            Some(format!("{duplicates} others have nearly the same items (Jaccard up to {similarity:.2})"))
        };
        Ok(flag(log, score, Some(self.similarity), |_, score| score > self.similarity, &reason))
    }
}

impl DuplicatesDetector {
    /// `common` is zero everywhere before and after; `met` is scratch.
    fn nearest(
        &self,
        log: &Interactions,
        takers: &Csr,
        user: UserId,
        common: &mut [u32],
        met: &mut Vec<u32>,
    ) -> Nearest {
        let own = log.row(user);
        let mut nearest = Nearest::default();
        if own.len() < self.min_items {
            return nearest;
        }
        met.clear();
        for item in own.sorted() {
            for &other in takers.columns(item.index()) {
                if common[other as usize] == 0 {
                    met.push(other);
                }
                common[other as usize] += 1;
            }
        }
        for &other in met.iter() {
            let shared = std::mem::take(&mut common[other as usize]) as usize;
            let length = log.row(UserId(other)).len();
            if other == user.0 || length < self.min_items {
                continue;
            }
            let similarity = shared as f64 / (own.len() + length - shared) as f64;
            nearest.similarity = nearest.similarity.max(similarity);
            nearest.duplicates += usize::from(similarity > self.similarity);
        }
        nearest
    }
}

impl Described for DuplicatesDetector {
    const CARD: Card = Card {
        name: "duplicates",
        summary: "users who took nearly the same items as somebody else",
        doc: include_str!("../../../docs/detectors/duplicates.md"),
        reference: "-",
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use shillproof_core::{Seed, Triples};

    fn log(rows: &[&[u32]]) -> Interactions {
        let mut cells = Triples::default();
        for (user, items) in rows.iter().enumerate() {
            cells.users.extend(items.iter().map(|_| user as u32));
            cells.items.extend_from_slice(items);
        }
        Interactions::from_triples(rows.len(), 20, cells, None).unwrap()
    }

    fn inspect(detector: &DuplicatesDetector, log: &Interactions) -> Suspicion {
        let ctx = Ctx::new(Seed::new(1));
        detector.fit(None, &ctx).unwrap().inspect(log, &ctx).unwrap()
    }

    #[test]
    fn similarity_is_that_of_sets_and_the_limit_is_strict() {
        let log =
            log(&[&[0, 1, 2, 3, 4], &[0, 1, 2, 3, 5], &[0, 1, 2, 3, 4, 6], &[10, 11, 12, 13, 14], &[0]]);
        let found = inspect(&DuplicatesDetector::default(), &log);
        assert_eq!(found.score, [5.0 / 6.0, 4.0 / 6.0, 5.0 / 6.0, 0.0, 0.0]);
        assert_eq!(found.flagged, [true, false, true, false, false]);
        assert_eq!(
            found.reason[0].as_deref(),
            Some("1 others have nearly the same items (Jaccard up to 0.83)")
        );
        let strict = DuplicatesDetector { similarity: 5.0 / 6.0, ..DuplicatesDetector::default() };
        assert_eq!(inspect(&strict, &log).count(), 0);
        let short = DuplicatesDetector { min_items: 6, ..DuplicatesDetector::default() };
        assert_eq!(inspect(&short, &log).score, [0.0; 5]);
    }

    #[test]
    fn a_similarity_beyond_one_is_refused() {
        for similarity in [f64::NAN, -0.1, 1.1] {
            let detector = DuplicatesDetector { similarity, ..DuplicatesDetector::default() };
            assert!(detector.fit(None, &Ctx::new(Seed::new(1))).is_err());
        }
    }
}
