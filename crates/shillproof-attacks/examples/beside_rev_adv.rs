//! Our half of `bench/compare_rev_adv.py`: reads commands from standard input, answers each with one line of JSON.
//!
//!     beside_rev_adv TRAIN
//!
//! TRAIN holds three little-endian u64 (users, items, interactions), then the users and the items as u32. Commands:
//!
//!     outer FACTORS EPOCHS UNROLL BATCH FAKES START GRADIENT       one hypergradient
//!     craft ATTACK FAKES                                           an attack of the catalogue
//!     peak                                                         peak memory
//!
//! FAKES is a file in the format of TRAIN for `outer` and a number for `craft`. START holds the factors of all users, then of all items, as
//! f32; the hypergradient is written to GRADIENT in the same way. `-` for either is none.

use std::error::Error;
use std::io::{BufRead, Write};
use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use shillproof_attacks::AttackSpec;
use shillproof_attacks::bilevel::{
    Bilevel, Difficulty, Optimizer, OuterLoss, Seekers, Trained, Training, Workspace,
};
use shillproof_core::catalogue::Catalogue;
use shillproof_core::{
    Audience, Budget, Ctx, Goal, Interactions, ItemId, ItemStats, Knowledge, Objective, Seed, Ties, Triples,
    UserId, VictimAccess,
};
use shillproof_kernels::Matrix;

/// The targets of every measurement: the public ones of MovieLens 100K.
const TARGETS: [ItemId; 5] = [ItemId(516), ItemId(575), ItemId(597), ItemId(946), ItemId(1018)];

fn cpu() -> f64 {
    let cpu = clock_gettime(ClockId::ProcessCPUTime);
    cpu.tv_sec as f64 + cpu.tv_nsec as f64 * 1e-9
}

fn read(path: &str) -> Result<Interactions, Box<dyn Error>> {
    let bytes = std::fs::read(path)?;
    let (head, rest) = bytes.split_at(24);
    let number =
        |at: usize| u64::from_le_bytes(head[8 * at..8 * at + 8].try_into().unwrap_or_default()) as usize;
    let ids: Vec<u32> = rest.as_chunks::<4>().0.iter().map(|&b| u32::from_le_bytes(b)).collect();
    let (users, items) = ids.split_at(number(2));
    let triples = Triples { users: users.to_vec(), items: items.to_vec(), ratings: None, times: None };
    Ok(Interactions::from_triples(number(0), number(1), triples, None)?)
}

fn numbers(path: &str) -> Result<Vec<f32>, Box<dyn Error>> {
    Ok(std::fs::read(path)?.as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b)).collect())
}

fn outer(words: &[&str], train: &Interactions, workspace: &mut Workspace) -> Result<Value, Box<dyn Error>> {
    let [factors, epochs, unroll, batch_size, fakes, start, gradient] = words else {
        return Err("outer FACTORS EPOCHS UNROLL BATCH FAKES START GRADIENT".into());
    };
    let training = Training {
        factors: factors.parse()?,
        weight: 20.0,
        optimizer: Optimizer::Adam,
        learning_rate: 0.01,
        weight_decay: 1e-5,
        batch_size: batch_size.parse()?,
        epochs: epochs.parse()?,
        unroll: unroll.parse()?,
        pgm: None,
        passing: None,
    };
    let fakes: Vec<Vec<u32>> =
        read(fakes)?.rows().map(|row| row.items().iter().map(|item| item.0).collect()).collect();
    let users: Vec<UserId> = train.users().collect();
    let seekers = Seekers {
        loss: OuterLoss::CrossEntropy,
        difficulty: Difficulty::Unaware,
        users: &users,
        targets: &TARGETS,
        seen: train,
        ties: Ties::hashed(Seed::new(1)),
    };
    let bilevel = Bilevel { genuine: train, training: &training, seed: Seed::new(1) };
    let ctx = Ctx::new(Seed::new(1));
    let start_factors = if *start == "-" {
        None
    } else {
        let (d, all) = (training.factors, numbers(start)?);
        let (users, items) = all.split_at((train.n_users() + fakes.len()) * d);
        Some(Trained {
            users: Matrix::from_slice(users.len() / d, d, users)?,
            items: Matrix::from_slice(items.len() / d, d, items)?,
        })
    };
    let clock = (Instant::now(), cpu());
    let found = match start_factors {
        None => bilevel.hypergradient(&fakes, &seekers, workspace, &ctx)?,
        Some(start) => bilevel.hypergradient_from(start, &fakes, &seekers, workspace, &ctx)?,
    };
    let (wall, cpu) = (clock.0.elapsed().as_secs_f64(), cpu() - clock.1);
    if *gradient != "-" {
        let bytes: Vec<u8> = found.of_fakes.as_slice().iter().flat_map(|x| x.to_le_bytes()).collect();
        std::fs::write(gradient, bytes)?;
    }
    Ok(json!({ "wall": wall, "cpu": cpu, "loss": found.loss }))
}

fn craft(words: &[&str], train: &Interactions) -> Result<Value, Box<dyn Error>> {
    let [attack, fakes] = words else { return Err("craft ATTACK FAKES".into()) };
    let attack = AttackSpec::from_inline(attack)?;
    let goal = Goal { targets: TARGETS.to_vec(), objective: Objective::Promote, audience: Audience::All };
    let budget = Budget { fake_users: fakes.parse()?, profile_size: 100, targets_included: false };
    let items = ItemStats::of(train);
    let known = Knowledge { items: &items, sample: Some(train), victim: VictimAccess::Hidden };
    let clock = (Instant::now(), cpu());
    let made = attack.attack().craft(&goal, &budget, &known, &Ctx::new(Seed::new(1)))?;
    let (wall, cpu) = (clock.0.elapsed().as_secs_f64(), cpu() - clock.1);
    Ok(json!({ "wall": wall, "cpu": cpu, "interactions": made.interactions() }))
}

fn peak_mb() -> Result<f64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).ok_or("no VmHWM in /proc/self/status")?;
    Ok(line.split_whitespace().nth(1).ok_or("VmHWM without a number")?.parse::<f64>()? / 1024.0)
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: beside_rev_adv TRAIN")?;
    let (train, mut workspace) = (read(&path)?, Workspace::default());
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let answer = match words.first() {
            Some(&"outer") => outer(&words[1..], &train, &mut workspace)?,
            Some(&"craft") => craft(&words[1..], &train)?,
            Some(&"peak") => json!({ "mb": peak_mb()? }),
            other => return Err(format!("no command {other:?}").into()),
        };
        println!("{answer}");
        std::io::stdout().flush()?;
    }
    Ok(())
}
