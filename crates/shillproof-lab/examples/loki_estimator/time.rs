//! How long it takes to judge candidate histories, in processor time.

use rustix::time::{ClockId, clock_gettime};
use shillproof_attacks::loki::estimator::{Aim, Estimator};
use shillproof_core::catalogue::Catalogue;
use shillproof_core::{Ctx, FitJob, ItemId, Seed};
use shillproof_data::{DataOptions, load};
use shillproof_victims::VictimSpec;

use crate::correlation::LISSA;
use crate::{Failure, history, pairs, with};

/// Targets, with a candidate history each.
const TARGETS: [usize; 5] = [1, 5, 10, 20, 40];
/// Genuine users whom the targets should reach.
const USERS: usize = 20;
/// Fits again whose mean counts, and passes over the candidates.
const FITS: usize = 3;
const PASSES: usize = 100;

/// Seconds that all threads of the program have computed: what others do on the machine does not count.
fn computed() -> f64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    now.tv_sec as f64 + now.tv_nsec as f64 * 1e-9
}

pub(crate) fn run(data: &str, model: &str, length: usize) -> Result<(), Failure> {
    let data = load(data, &DataOptions::default())?.interactions.binarize();
    let recipe = VictimSpec::from_inline(model)?;
    let ctx = Ctx::new(Seed::new(1));
    println!("{model}; {} users, {} items, {} interactions", data.n_users(), data.n_items(), data.len());
    let (audience, _) = pairs(&data, USERS);
    let (_, all) = pairs(&data, TARGETS[TARGETS.len() - 1]);
    let mut rng = Seed::new(3).rng();
    let (_, estimator) = Estimator::fit(&recipe, &data, &ctx)?;
    let mut fits = Vec::new();
    for _ in 0..FITS {
        let items = history(&all, data.n_items(), length, &mut rng);
        let poisoned = with(&data, &[items])?;
        let start = computed();
        recipe.victim().fit(&FitJob::new(&poisoned), &ctx)?;
        fits.push(computed() - start);
    }
    let fit = fits.iter().sum::<f64>() / FITS as f64;
    println!("a fit with one history more: {fit:.2} s, the mean of {fits:.2?}");
    println!("| targets | once, s | a candidate, s | estimator, s | training, s | training / estimator |");
    for n in TARGETS {
        let targets = &all[..n.min(all.len())];
        let start = computed();
        let aim = Aim { data: &data, audience: &audience, targets };
        let direction = estimator.direction(&LISSA, &aim, &ctx)?;
        let once = computed() - start;
        let candidates: Vec<Vec<ItemId>> =
            (0..n).map(|_| history(targets, data.n_items(), length, &mut rng)).collect();
        let candidates: Vec<&[ItemId]> = candidates.iter().map(Vec::as_slice).collect();
        let start = computed();
        let mut total = 0.0;
        for _ in 0..PASSES {
            total += estimator.effects(&candidates, &direction, &mut rng).concat().iter().sum::<f64>();
        }
        std::hint::black_box(total);
        let each = (computed() - start) / (PASSES * n) as f64;
        let (ours, theirs) = (once + each * n as f64, fit * n as f64);
        println!("| {n} | {once:.2} | {each:.1e} | {ours:.2} | {theirs:.1} | {:.2} |", theirs / ours);
        if n == 20 {
            println!(
                "   beyond {:.0} candidates the estimator is faster; one more is {:.0} times cheaper",
                once / (fit - each),
                fit / each
            );
        }
    }
    Ok(())
}
