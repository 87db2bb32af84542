//! Attacks side by side on the same targets and seeds: hit ratios, and paired differences to the first one.
//!
//! ```sh
//! cargo run --release -p shillproof-lab --example compare_attacks -- \
//!     ml-100k als random:5 3 1%,3% s-attack:fillers=random s-attack s-attack:grad=paper
//! ```
//!
//! Arguments: data, victim, targets, number of seeds, sizes, attacks. A profile has 30 fillers. Fake users are crafted once
//! a target and seed at the largest size; smaller attacks are its prefixes.

use std::sync::Arc;
use std::time::Instant;

use shillproof_attacks::{AttackSpec, TargetSpec, poison};
use shillproof_core::catalogue::Catalogue;
use shillproof_core::{
    Audience, Budget, Ctx, Goal, ItemId, ItemStats, Knowledge, Objective, Seed, Size, ThreatCase, Victim,
    VictimAccess,
};
use shillproof_data::split::SplitSpec;
use shillproof_data::{DataOptions, load};
use shillproof_lab::command::VictimChoice;
use shillproof_lab::measurement::{Request, measure};
use shillproof_lab::rankings::Exclude;
use shillproof_lab::spec::MeasureSpec;
use shillproof_lab::stats::{Grouped, compare};
use shillproof_lab::trial::Setup;

type Failure = Box<dyn std::error::Error>;

const FILLERS: usize = 30;
const K: usize = 10;

fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [data, victim, targets, seeds, sizes, attacks @ ..] = &words[..] else {
        return Err("say DATA VICTIM TARGETS SEEDS SIZES ATTACK...".into());
    };
    let dataset = Arc::new(load(data, &DataOptions::default())?);
    let rule: TargetSpec = targets.parse()?;
    let users = dataset.interactions.n_users();
    let mut sizes: Vec<usize> =
        sizes.split(',').map(|s| s.parse::<Size>().map(|s| s.of(users))).collect::<Result<_, _>>()?;
    sizes.sort_unstable();
    let specs: Vec<AttackSpec> =
        attacks.iter().map(|a| AttackSpec::from_inline(a)).collect::<Result<_, _>>()?;
    let mut ratios = vec![vec![Grouped::default(); sizes.len()]; specs.len()];
    let mut seconds = vec![Vec::new(); specs.len()];
    for seed in 0..seeds.parse()? {
        let setup = Setup::new(dataset.clone(), &SplitSpec::None, Seed::new(seed))?;
        let choice = VictimChoice::from_inline(victim)?;
        let label = |item: ItemId| dataset.items.get(item.0);
        // The same targets for every seed.
        for target in rule.select(&dataset.interactions, &label, None, Seed::new(0))? {
            for (spec, (ratios, seconds)) in specs.iter().zip(ratios.iter_mut().zip(&mut seconds)) {
                let bound = choice.bind(&dataset.users, &dataset.items);
                let train = &setup.parts(bound.feedback()).train;
                let case = ThreatCase {
                    goal: Goal {
                        targets: vec![target],
                        objective: Objective::Promote,
                        audience: Audience::All,
                    },
                    budget: Budget {
                        fake_users: *sizes.last().unwrap_or(&0),
                        profile_size: FILLERS,
                        targets_included: false,
                    },
                    known: Knowledge {
                        items: &ItemStats::of(train),
                        sample: Some(train),
                        victim: VictimAccess::Recipe(bound.recipe()),
                    },
                };
                let start = Instant::now();
                let ctx = Ctx::new(Seed::new(seed).child("attack").child(label(target)));
                let fakes = poison(spec.attack(), train, &case, &ctx)?.fakes;
                seconds.push(start.elapsed().as_secs_f64());
                for (&size, ratios) in sizes.iter().zip(ratios) {
                    let request = Request {
                        guard: shillproof_lab::trial::Guard::default(),
                        victim: &choice,
                        fakes: Some(&fakes.prefix(size)),
                        targets: &[target],
                        audience: &Audience::All,
                        exclude: Exclude::Train,
                        measure: &MeasureSpec { hit_ratio: vec![K], ..MeasureSpec::default() },
                        repeats: 1,
                    };
                    let measured = measure(&setup, &request, &Ctx::new(setup.root))?;
                    ratios.insert(label(target).into(), seed, measured.hit_ratio[&K].summary.mean)?;
                }
            }
        }
    }
    let first = ratios.first().ok_or("name an attack")?.clone();
    let root = Seed::new(1);
    for (at, size) in sizes.iter().enumerate() {
        println!("{size} fake users, hit_ratio@{K}");
        for ((name, ratios), seconds) in attacks.iter().zip(&ratios).zip(&seconds) {
            let summary = ratios[at].summary(root).ok_or("nothing was measured")?;
            let craft = seconds.iter().sum::<f64>() / seconds.len() as f64;
            print!("  {name}: {:.4} {}, n = {}", summary.mean, between(summary.ci95), summary.n);
            if let Some(by) = compare(&ratios[at], &first[at], root) {
                let p = by
                    .t_test
                    .map_or_else(String::new, |t| format!(", p = {:.3} over {} targets", t.p, by.units));
                print!("; less the first {:+.4} {}{p}", by.difference.mean, between(by.difference.ci95));
            }
            println!("; crafted in {craft:.1} s");
        }
    }
    Ok(())
}

fn between(ci95: Option<[f64; 2]>) -> String {
    ci95.map_or_else(|| "[n/a]".into(), |[low, high]| format!("[{low:.4}, {high:.4}]"))
}
