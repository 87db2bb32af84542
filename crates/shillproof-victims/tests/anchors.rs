//! Quality on MovieLens-100K against numbers measured with other libraries on the same split.

use shillproof_core::{Ctx, FitJob, Seed, Victim};
use shillproof_testkit::accuracy::{Accuracy, accuracy};
use shillproof_testkit::anchor::{AnchorSplit, ml_100k_split};
use shillproof_victims::Popularity;

fn measure(victim: &dyn Victim, split: &AnchorSplit, seed: u64) -> Accuracy {
    let ctx = Ctx::new(Seed::new(seed).child("victim"));
    let model = victim.fit(&FitJob::new(&split.train), &ctx).unwrap();
    accuracy(&*model, &[&split.train, &split.valid], &split.test, 10)
}

#[test]
fn popularity_is_at_its_anchor() {
    let Some(split) = ml_100k_split() else { return };
    let got = measure(&Popularity {}, &split, 1);
    assert!((got.hit_ratio - 0.557).abs() < 5e-4 + 1e-9, "hit ratio {}", got.hit_ratio);
    assert!((got.ndcg - 0.137).abs() < 5e-4 + 1e-9, "NDCG {}", got.ndcg);
}
