//! Predictions where as many fake users are added as an attack adds.

use rand::seq::SliceRandom;
use shillproof_attacks::loki::estimator::{Aim, Estimator};
use shillproof_core::catalogue::Catalogue;
use shillproof_core::{Ctx, FitJob, ItemId, Query, Recommender, Rng, Seed, Ties};
use shillproof_data::{DataOptions, load};
use shillproof_victims::VictimSpec;

use crate::correlation::{LISSA, report};
use crate::{Failure, pairs, with};

/// Lists that the display rate is about.
const K: usize = 40;
/// Share of fake users, and actions of each.
const FAKES: f64 = 0.03;
const LENGTH: usize = 15;
/// What stands between targets.
const FILLERS: [&str; 3] = ["any", "popular", "the audience's"];
/// Targets in a history.
const TARGETS: [usize; 5] = [1, 4, 7, 11, 14];

pub(crate) fn run(data: &str, model: &str) -> Result<(), Failure> {
    let data = load(data, &DataOptions::default())?.interactions.binarize();
    let recipe = VictimSpec::from_inline(model)?;
    let ctx = Ctx::new(Seed::new(1));
    let (audience, targets) = pairs(&data, 20);
    let aim = Aim { data: &data, audience: &audience, targets: &targets };
    let (clean, estimator) = Estimator::fit(&recipe, &data, &ctx)?;
    let direction = estimator.direction(&LISSA, &aim, &ctx)?;
    let pools = pools(&aim);
    let situations: Vec<(&str, usize, Vec<Vec<ItemId>>)> = FILLERS
        .iter()
        .zip(&pools)
        .flat_map(|(name, pool)| TARGETS.map(|n| (*name, n, pool)))
        .map(|(name, n, pool)| {
            let mut rng = Seed::new(3).child(name).index(n as u64).rng();
            let count = (FAKES * data.n_users() as f64).round() as usize;
            (name, n, (0..count).map(|_| history(&targets, pool, n, &mut rng)).collect())
        })
        .collect();
    let (before, shown) = effect(clean.as_ref(), &aim)?;
    println!(
        "{model}; {} users, {} items; targets stand {before:.3} deviations above the mean, shown {shown:.4}",
        data.n_users(),
        data.n_items()
    );
    let real = situations
        .iter()
        .map(|(.., histories)| {
            let poisoned = with(&data, histories)?;
            let fitted = recipe.victim().fit(&FitJob::new(&poisoned), &ctx)?;
            effect(fitted.as_ref(), &aim)
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    let mut said = Vec::new();
    println!("| fillers | targets | predicted | real | shown |");
    for ((name, n, histories), (score, shown)) in situations.iter().zip(&real) {
        let histories: Vec<&[ItemId]> = histories.iter().map(Vec::as_slice).collect();
        let effects = estimator.effects(&histories, &direction, &mut Seed::new(4).rng());
        let total = effects.concat().iter().sum::<f64>();
        println!("| {name} | {n} | {total:+.4} | {:+.3} | {shown:.4} |", score - before);
        said.push(total);
    }
    let all: Vec<Vec<ItemId>> = situations.iter().map(|s| s.2[0].clone()).collect();
    let risen: Vec<f64> = real.iter().map(|r| r.0 - before).collect();
    report("score", &said, &risen, &all, &targets);
    let rates: Vec<f64> = real.iter().map(|r| r.1).collect();
    report("display rate", &said, &rates, &all, &targets);
    Ok(())
}

/// Items between targets: any, the most popular tenth, and those that the audience has.
fn pools(aim: &Aim<'_>) -> [Vec<ItemId>; 3] {
    let items = || (0..aim.data.n_items() as u32).map(ItemId).filter(|i| !aim.targets.contains(i));
    let counts = aim.data.item_counts();
    let mut popular: Vec<ItemId> = items().collect();
    popular.sort_by_key(|i| std::cmp::Reverse(counts[i.index()]));
    popular.truncate(aim.data.n_items() / 10);
    let of_audience = |i: &ItemId| aim.audience.iter().any(|&u| aim.data.row(u).contains(*i));
    [items().collect(), popular, items().filter(of_audience).collect()]
}

/// Distinct items, `n` of them targets, in any order.
fn history(targets: &[ItemId], pool: &[ItemId], n: usize, rng: &mut Rng) -> Vec<ItemId> {
    let mut draw = |from: &[ItemId], count: usize| -> Vec<ItemId> {
        let chosen = rand::seq::index::sample(rng, from.len(), count.min(from.len()));
        chosen.into_iter().map(|at| from[at]).collect()
    };
    let mut out = [draw(targets, n), draw(pool, LENGTH - n)].concat();
    out.shuffle(rng);
    out
}

/// How many deviations targets stand above the mean score of an item, the mean over the audience, and the share of (user, target) pairs that are shown.
fn effect(model: &dyn Recommender, aim: &Aim<'_>) -> Result<(f64, f64), Failure> {
    let scorer = model.scorer().ok_or("scores are needed")?;
    let (mut scores, mut list) = (vec![0.0f32; scorer.n_items()], Vec::new());
    let (mut total, mut shown) = (0.0, 0);
    for &user in aim.audience {
        scorer.score(user, None, &mut scores);
        let n = scores.len() as f64;
        let mean = scores.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
        let deviation = (scores.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n).sqrt();
        total += aim.targets.iter().map(|t| (f64::from(scores[t.index()]) - mean) / deviation).sum::<f64>();
        let query = Query { user, history: None, skip: &[], k: K, ties: Ties::hashed(Seed::new(5)) };
        model.top_k(&query, &mut list);
        shown += list.iter().filter(|(item, _)| aim.targets.contains(item)).count();
    }
    let pairs = (aim.audience.len() * aim.targets.len()) as f64;
    Ok((total / pairs, shown as f64 / pairs))
}
