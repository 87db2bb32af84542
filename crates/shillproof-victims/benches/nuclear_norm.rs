//! Nuclear-norm completion of generated ratings of the shape of MovieLens 100K, from zero and from a neighbouring solution.

use divan::Bencher;
use shillproof_core::{Ctx, Seed};
use shillproof_testkit::fixtures::Planted;
use shillproof_victims::{NuclearNorm, Observed};

fn main() {
    divan::main();
}

fn cells() -> Observed {
    let data = Planted { users: 943, items: 1682, clusters: 8, per_user: 106, affinity: 0.6 };
    Observed::of(&data.explicit(Seed::new(1)), 3.0)
}

fn recipe(regularization: f32) -> NuclearNorm {
    NuclearNorm { regularization, ..NuclearNorm::default() }
}

#[divan::bench(args = [40.0, 20.0], sample_count = 3, sample_size = 1)]
fn cold(bencher: Bencher<'_, '_>, regularization: f32) {
    let (cells, ctx) = (cells(), Ctx::new(Seed::new(1)));
    bencher.bench(|| recipe(regularization).complete(&cells, &ctx).map(|x| x.rank()));
}

#[divan::bench(args = [40.0, 20.0], sample_count = 3, sample_size = 1)]
fn warm(bencher: Bencher<'_, '_>, regularization: f32) {
    let (cells, ctx) = (cells(), Ctx::new(Seed::new(1)));
    let start = recipe(1.1 * regularization).complete(&cells, &ctx).expect("generated data is not empty");
    bencher.bench(|| recipe(regularization).fit_from(start.clone(), &cells, &ctx).map(|x| x.rank()));
}
