//! The hypergradient against central differences of the real training, dense and in f64.

use serde_json::Value;
use shillproof_core::{Ctx, Interactions, ItemId, Seed, Ties, Triples, UserId};
use shillproof_kernels::Matrix;
use shillproof_testkit::fixtures::Planted;

use super::training::{Run, rows_of};
use super::*;

/// One step of a training as the oracle repeats it.
struct Step {
    rows: Vec<usize>,
    /// Masks of the genuine rows' cells over their mean.
    mask: Option<Vec<f64>>,
}

/// The same training over all cells.
struct Dense<'a> {
    training: &'a Training,
    /// All cells, 0 or 1, genuine users first; fake users' values may be anything.
    cells: Vec<Vec<f64>>,
    weights: Vec<Vec<f64>>,
    genuine: usize,
    start: [Vec<f64>; 2],
    epochs: Vec<Vec<Step>>,
}

fn wide(m: &Matrix) -> Vec<f64> {
    m.as_slice().iter().map(|&x| f64::from(x)).collect()
}

impl Dense<'_> {
    /// Factors after the last epoch. Fake users have the values `moved` in the unrolled epochs alone.
    fn train(&self, moved: &[Vec<f64>]) -> [Vec<f64>; 2] {
        let mut theta = self.start.clone();
        let mut m = self.start.clone().map(|x| vec![0.0; x.len()]);
        let mut v = m.clone();
        let first = self.training.epochs - self.training.unroll;
        let mut t = 0;
        for (epoch, steps) in self.epochs.iter().enumerate() {
            for step in steps {
                t += 1;
                let fakes = if epoch >= first { moved } else { &self.cells[self.genuine..] };
                let gradients = self.passed(self.gradients(&theta, step, fakes));
                for side in 0..2 {
                    for at in 0..theta[side].len() {
                        let theta = &mut theta[side][at];
                        let g = gradients[side][at] + f64::from(self.training.weight_decay) * *theta;
                        let rate = f64::from(self.training.learning_rate);
                        match self.training.optimizer {
                            Optimizer::Sgd => *theta -= rate * g,
                            Optimizer::Adam => {
                                let (m, v) = (&mut m[side][at], &mut v[side][at]);
                                *m = 0.9 * *m + 0.1 * g;
                                *v = 0.999 * *v + 0.001 * g * g;
                                let (m, v) = (*m / (1.0 - 0.9f64.powi(t)), *v / (1.0 - 0.999f64.powi(t)));
                                *theta -= rate * m / (v.sqrt() + 1e-8);
                            }
                        }
                    }
                }
            }
        }
        theta
    }

    /// Gradients after they were handed on along the cells, which are what they are at rest.
    fn passed(&self, mut of: [Vec<f64>; 2]) -> [Vec<f64>; 2] {
        let Some(passing) = self.training.passing else { return of };
        let (d, items) = (self.training.factors, self.cells[0].len());
        let edge = |u: usize, i: usize| {
            let of_user: f64 = self.cells[u].iter().sum();
            let of_item: f64 = self.cells.iter().map(|row| row[i]).sum();
            self.cells[u][i] / (of_user * of_item).max(1.0).sqrt()
        };
        let mut at = of.clone();
        for step in 0..2 * passing.pairs {
            let mut next = at.clone().map(|x| vec![0.0; x.len()]);
            for u in 0..self.cells.len() {
                for i in 0..items {
                    for k in 0..d {
                        next[0][u * d + k] += edge(u, i) * at[1][i * d + k];
                        next[1][i * d + k] += edge(u, i) * at[0][u * d + k];
                    }
                }
            }
            let weight = f64::from(if step % 2 == 0 { passing.odd } else { passing.even });
            for side in 0..2 {
                for (of, next) in of[side].iter_mut().zip(&next[side]) {
                    *of += weight * next;
                }
            }
            at = next;
        }
        of
    }

    fn gradients(&self, [p, q]: &[Vec<f64>; 2], step: &Step, fakes: &[Vec<f64>]) -> [Vec<f64>; 2] {
        let (d, items) = (self.training.factors, self.cells[0].len());
        let mut out = [vec![0.0; p.len()], vec![0.0; q.len()]];
        for (at, &row) in step.rows.iter().enumerate() {
            for i in 0..items {
                let score: f64 = (0..d).map(|k| p[row * d + k] * q[i * d + k]).sum();
                let (value, mask) = match row.checked_sub(self.genuine) {
                    Some(fake) => (fakes[fake][i], 1.0),
                    None => (self.cells[row][i], step.mask.as_ref().map_or(1.0, |m| m[at * items + i])),
                };
                let slope = -2.0 * mask * self.weights[row][i] * (value - score);
                for k in 0..d {
                    out[0][row * d + k] += slope * q[i * d + k];
                    out[1][i * d + k] += slope * p[row * d + k];
                }
            }
        }
        out
    }
}

/// Every user's outer loss, dense, in f64; lists as they are for these factors.
fn losses(seekers: &Seekers<'_>, [p, q]: &[Vec<f64>; 2], d: usize) -> Vec<f64> {
    let items = q.len() / d;
    let one = |user: &UserId| {
        let u = user.index();
        let scores: Vec<f64> =
            (0..items).map(|i| (0..d).map(|k| p[u * d + k] * q[i * d + k]).sum()).collect();
        let mut list: Vec<usize> = (0..items).collect();
        list.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
        let of_target = |target: &ItemId| match seekers.loss {
            OuterLoss::CrossEntropy => {
                let sum: f64 = scores.iter().map(|s| s.exp()).sum();
                (sum.ln() - scores[target.index()]) / seekers.targets.len() as f64
            }
            OuterLoss::Wmw { width, list_length, .. } => {
                let g = |i: &usize| {
                    1.0 / (1.0 + ((scores[target.index()] - scores[*i]) / f64::from(width)).exp())
                };
                list[..list_length].iter().filter(|i| **i != target.index()).map(g).sum()
            }
        };
        seekers.targets.iter().map(of_target).sum::<f64>()
    };
    seekers.users.iter().map(one).collect()
}

const GENUINE: usize = 14;
const ITEMS: usize = 15;
const FAKES: [&[u32]; 3] = [&[0, 3, 4, 9], &[1, 2, 9, 11, 14], &[9]];

/// Relative error of the whole hypergradient, as a matrix.
fn relative_error(training: &Training, loss: OuterLoss, difficulty: Difficulty) -> f64 {
    let data = Planted { users: GENUINE, items: ITEMS, clusters: 3, per_user: 5, affinity: 0.8 }
        .implicit(Seed::new(5));
    let fakes: Vec<Vec<u32>> = FAKES.iter().map(|f| f.to_vec()).collect();
    let users: Vec<UserId> = data.users().filter(|u| u.0 != 4).collect();
    let seekers = Seekers {
        loss,
        difficulty,
        users: &users,
        targets: &[ItemId(9), ItemId(13)],
        seen: &data,
        ties: Ties::hashed(Seed::new(1)),
    };
    let seed = Seed::new(7);
    let bilevel = Bilevel { genuine: &data, training, seed };
    let found =
        bilevel.hypergradient(&fakes, &seekers, &mut Workspace::default(), &Ctx::new(Seed::new(0))).unwrap();

    // Which rows every step has, and the masks that it puts on them, are constants to the derivative.
    let run = Run::new(training, &data, &fakes, seed);
    let (mut state, mut workspace) = (run.start(), Workspace::default());
    let start = [wide(&state.factors.users), wide(&state.factors.items)];
    let mut epochs = Vec::new();
    for epoch in 0..training.epochs {
        let mut steps = Vec::new();
        for batch in run.batches(epoch).iter() {
            let mask = run.mask(epoch, batch, &state.factors);
            let rows: Vec<usize> = (0..batch.cells.by_row().n_rows()).map(|at| batch.row(at)).collect();
            let dense = mask.as_ref().map(|mask| {
                let own = rows_of(&state.factors.users, rows[..batch.genuine].iter().copied());
                batch.split(training.weight).0.dense(mask, &own, &state.factors.items)
            });
            run.step(&mut state, batch, mask.as_ref(), &mut workspace);
            steps.push(Step { rows, mask: dense });
        }
        epochs.push(steps);
    }
    let row = |items: &[u32]| (0..ITEMS as u32).map(|i| f64::from(u8::from(items.contains(&i)))).collect();
    let mut cells: Vec<Vec<f64>> =
        data.rows().map(|r| row(&r.items().iter().map(|i| i.0).collect::<Vec<_>>())).collect();
    cells.extend(FAKES.iter().map(|f| row(f)));
    let weights = cells
        .iter()
        .map(|r| r.iter().map(|&c| if c > 0.0 { f64::from(training.weight) } else { 1.0 }).collect());
    let dense =
        Dense { training, weights: weights.collect(), genuine: GENUINE, start, epochs, cells: cells.clone() };

    let at_rest = dense.train(&cells[GENUINE..]);
    for (ours, theirs) in [(&found.trained.users, &at_rest[0]), (&found.trained.items, &at_rest[1])] {
        for (ours, theirs) in ours.as_slice().iter().zip(theirs) {
            assert!((f64::from(*ours) - theirs).abs() < 1e-5, "trained to {ours} and {theirs}");
        }
    }
    let at_rest = losses(&seekers, &at_rest, training.factors);
    let weights: Vec<f64> = match difficulty {
        Difficulty::Unaware => vec![1.0; at_rest.len()],
        Difficulty::Aware { temperature } => {
            let raw: Vec<f64> = at_rest.iter().map(|l| (-l / f64::from(temperature)).exp()).collect();
            raw.iter().map(|w| w * raw.len() as f64 / raw.iter().sum::<f64>()).collect()
        }
    };
    let weighted = |losses: Vec<f64>| losses.iter().zip(&weights).map(|(l, w)| l * w).sum::<f64>();
    let loss = weighted(at_rest);
    assert!((found.loss - loss).abs() < 1e-4 * loss, "{} for {loss}", found.loss);

    let (mut error, mut size) = (0.0f64, 0.0f64);
    for v in 0..FAKES.len() {
        for i in 0..ITEMS {
            let moved = |h: f64| {
                let mut fakes = cells[GENUINE..].to_vec();
                fakes[v][i] += h;
                weighted(losses(&seekers, &dense.train(&fakes), training.factors))
            };
            let exact = (moved(1e-4) - moved(-1e-4)) / 2e-4;
            error += (f64::from(found.of_fakes.row(v)[i]) - exact).powi(2);
            size += exact.powi(2);
        }
    }
    (error / size).sqrt()
}

fn training(optimizer: Optimizer) -> Training {
    Training {
        factors: 4,
        weight: 20.0,
        optimizer,
        learning_rate: if optimizer == Optimizer::Adam { 0.03 } else { 1e-3 },
        weight_decay: 0.5,
        batch_size: 2048,
        epochs: 12,
        unroll: 5,
        pgm: None,
        passing: None,
    }
}

fn pgm(em: Em) -> Pgm {
    Pgm { em, sigma: 0.3, noise_mean: 0.5, start: 0.8 }
}

#[test]
fn hypergradients_match_central_differences_of_the_real_training() {
    let wmw = OuterLoss::Wmw { width: 0.3, list_length: 6, skip_seen: false };
    for optimizer in [Optimizer::Adam, Optimizer::Sgd] {
        for (mask, batch_size) in [
            (None, 2048),
            (None, 5),
            (Some((pgm(Em::Hard), 3)), 2048),
            (Some((pgm(Em::Soft), 2)), 2048),
            (Some((pgm(Em::Soft), 3)), 6),
        ] {
            for loss in [OuterLoss::CrossEntropy, wmw] {
                let training = Training { pgm: mask, batch_size, ..training(optimizer) };
                let error = relative_error(&training, loss, Difficulty::Unaware);
                println!("{optimizer:?}, {mask:?}, batches of {batch_size}, {loss:?}: {error:.1e}");
                assert!(error < 1e-4, "{error:.1e} with {training:?} and {loss:?}");
            }
        }
    }
}

#[test]
fn and_so_they_do_where_gradients_are_passed_on_and_users_weighed() {
    let wmw = OuterLoss::Wmw { width: 0.3, list_length: 6, skip_seen: false };
    for (optimizer, batch_size, loss, passing, difficulty) in [
        (Optimizer::Adam, 2048, OuterLoss::CrossEntropy, Some((1, 1.0, 0.5)), None),
        (Optimizer::Sgd, 2048, wmw, Some((2, 0.0, 2.0)), None),
        (Optimizer::Adam, 6, wmw, Some((2, 0.3, 0.7)), Some(2.0)),
        (Optimizer::Sgd, 2048, OuterLoss::CrossEntropy, None, Some(0.7)),
        (Optimizer::Adam, 2048, wmw, None, Some(1.5)),
    ] {
        let passing = passing.map(|(pairs, odd, even)| Passing { pairs, odd, even });
        let training = Training { batch_size, passing, ..training(optimizer) };
        let error = relative_error(&training, loss, Difficulty::of(difficulty));
        println!(
            "{optimizer:?}, {passing:?}, batches of {batch_size}, {loss:?}, {difficulty:?}: {error:.1e}"
        );
        assert!(error < 1e-4, "{error:.1e} with {training:?}, {loss:?} and {difficulty:?}");
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let data =
        Planted { users: 90, items: 60, clusters: 3, per_user: 12, affinity: 0.8 }.implicit(Seed::new(2));
    let passing = Some(Passing { pairs: 1, odd: 0.5, even: 0.5 });
    let training =
        Training { batch_size: 40, pgm: Some((pgm(Em::Hard), 2)), passing, ..training(Optimizer::Adam) };
    let users: Vec<UserId> = data.users().collect();
    let fakes = vec![vec![1, 5, 9], vec![2, 5, 8, 50]];
    let ctx = Ctx::new(Seed::new(0));
    let with = |threads, loss| {
        let seekers = Seekers {
            loss,
            difficulty: Difficulty::Aware { temperature: 1.0 },
            users: &users,
            targets: &[ItemId(5)],
            seen: &data,
            ties: Ties::hashed(Seed::new(1)),
        };
        let bilevel = Bilevel { genuine: &data, training: &training, seed: Seed::new(7) };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        // What another training has left in memory changes nothing either.
        let mut workspace = Workspace::default();
        bilevel.hypergradient(&fakes[1..], &seekers, &mut workspace, &ctx).unwrap();
        let again = pool.install(|| bilevel.hypergradient(&fakes, &seekers, &mut workspace, &ctx).unwrap());
        let found = pool
            .install(|| bilevel.hypergradient(&fakes, &seekers, &mut Workspace::default(), &ctx).unwrap());
        assert_eq!((again.loss, &again.of_fakes), (found.loss, &found.of_fakes));
        (found.loss, found.of_fakes, found.trained)
    };
    for loss in [OuterLoss::CrossEntropy, OuterLoss::Wmw { width: 0.3, list_length: 6, skip_seen: true }] {
        assert_eq!(with(1, loss), with(3, loss));
    }
}

/// `golden/rev_adv_torch.py`: PyTorch's autograd through the unrolled training.
#[test]
fn hypergradients_are_those_of_unrolled_autograd() {
    let golden: Value = serde_json::from_str(include_str!("../../../../golden/rev_adv_torch.json")).unwrap();
    let number = |name: &str| golden[name].as_f64().unwrap();
    let ids = |v: &Value| -> Vec<u32> {
        v.as_array().unwrap().iter().map(|x| x.as_u64().unwrap() as u32).collect()
    };
    let rows = |name: &str| -> Vec<Vec<u32>> { golden[name].as_array().unwrap().iter().map(ids).collect() };
    let genuine = rows("genuine");
    let triples = Triples {
        users: genuine.iter().enumerate().flat_map(|(u, row)| vec![u as u32; row.len()]).collect(),
        items: genuine.concat(),
        ratings: None,
        times: None,
    };
    let data = Interactions::from_triples(genuine.len(), number("items") as usize, triples, None).unwrap();
    let users: Vec<UserId> = data.users().collect();
    let targets: Vec<ItemId> = ids(&golden["targets"]).into_iter().map(ItemId).collect();
    let matrix = |v: &Value, columns: usize| {
        let cells: Vec<f32> = v.as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect();
        Matrix::from_slice(cells.len() / columns, columns, &cells).unwrap()
    };
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let (adam, wmw) = (case["optimizer"] == "adam", case["loss"] == "wmw");
        let training = Training {
            factors: number("factors") as usize,
            weight: number("weight") as f32,
            optimizer: if adam { Optimizer::Adam } else { Optimizer::Sgd },
            learning_rate: case["learning_rate"].as_f64().unwrap() as f32,
            weight_decay: number("weight_decay") as f32,
            batch_size: 2048,
            epochs: number("epochs") as usize,
            unroll: number("unroll") as usize,
            pgm: None,
            passing: None,
        };
        let loss = if wmw {
            let (width, list_length) = (number("width") as f32, number("list_length") as usize);
            OuterLoss::Wmw { width, list_length, skip_seen: false }
        } else {
            OuterLoss::CrossEntropy
        };
        let seekers = Seekers {
            loss,
            difficulty: Difficulty::Unaware,
            users: &users,
            targets: &targets,
            seen: &data,
            ties: Ties::hashed(Seed::new(1)),
        };
        let start = Trained {
            users: matrix(&golden["start_users"], training.factors),
            items: matrix(&golden["start_items"], training.factors),
        };
        let bilevel = Bilevel { genuine: &data, training: &training, seed: Seed::new(0) };
        let found = bilevel
            .hypergradient_from(
                start,
                &rows("fakes"),
                &seekers,
                &mut Workspace::default(),
                &Ctx::new(Seed::new(0)),
            )
            .unwrap();
        let want: Vec<f64> =
            case["gradient"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
        assert_eq!(want.len(), found.of_fakes.as_slice().len());
        // Of each fake user alone: the descent scales every row to length 1.
        for (v, want) in want.chunks_exact(data.n_items()).enumerate() {
            let (mut error, mut size) = (0.0, 0.0);
            for (&got, want) in found.of_fakes.row(v).iter().zip(want) {
                error += (f64::from(got) - want).powi(2);
                size += want.powi(2);
            }
            let relative = f64::sqrt(error / size);
            println!("{}, {}, fake user {v}: {relative:.1e}", case["optimizer"], case["loss"]);
            assert!(relative < 1e-4, "{relative:.1e} of fake user {v} in {case:?}");
        }
        let value = case["value"].as_f64().unwrap();
        assert!((found.loss - value).abs() < 1e-4 * value, "{} for {value}", found.loss);
    }
}
