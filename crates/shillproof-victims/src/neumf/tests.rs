use rand::RngExt;
use serde_json::Value;
use shillproof_core::{Interactions, Scorer, Seed, Triples, UserId};
use shillproof_kernels::nn::Untouched;
use shillproof_kernels::tape::{Table, Tape, Var};

use super::*;

// ---- by hand against the tape -------------------------------------------------------------------

const USERS: usize = 6;
const ITEMS: usize = 40;

fn table(matrix: &shillproof_kernels::Matrix) -> Table {
    let values = matrix.as_slice().iter().map(|&x| f64::from(x)).collect();
    Table::from_vec(matrix.rows(), matrix.columns(), values)
}

fn line(values: &[f32]) -> Table {
    Table::from_vec(1, values.len(), values.iter().map(|&x| f64::from(x)).collect())
}

/// Parameters and gradients as a list of tables in one order.
fn tables(of: &Parameters) -> Vec<Table> {
    let mut out = Vec::new();
    for vectors in of.gmf.iter().chain(&of.mlp) {
        out.extend([table(&vectors.users), table(&vectors.items)]);
    }
    for layer in &of.layers {
        out.extend([table(&layer.weights), line(&layer.bias)]);
    }
    out.extend([line(&of.output), line(&[of.bias])]);
    out
}

/// Logits and loss of a batch on the tape; leaves are those of [`tables`].
fn record(tape: &mut Tape, of: &Parameters, leaves: &[Var], batch: &[Sample]) -> (Var, Var) {
    let users: Vec<u32> = batch.iter().map(|s| s.user()).collect();
    let items: Vec<u32> = batch.iter().map(|s| s.item()).collect();
    let labels: Vec<f64> = batch.iter().map(|s| f64::from(u8::from(s.label()))).collect();
    let mut leaves = leaves.iter().copied();
    let mut next = || leaves.next().unwrap();
    let mut parts = Vec::new();
    let pair = |tape: &mut Tape, p, q| (tape.rows(p, &users), tape.rows(q, &items));
    if of.gmf.is_some() {
        let (p, q) = pair(tape, next(), next());
        parts.push(tape.hadamard(p, q));
    }
    if of.mlp.is_some() {
        let (p, q) = pair(tape, next(), next());
        let mut z = tape.beside(p, q);
        for _ in &of.layers {
            let product = tape.product(z, next());
            let shifted = tape.plus_row(product, next());
            z = tape.relu(shifted);
        }
        parts.push(z);
    }
    let all = parts.into_iter().reduce(|a, b| tape.beside(a, b)).unwrap();
    let product = tape.product(all, next());
    let logits = tape.plus_row(product, next());
    (logits, tape.binary_cross_entropy(logits, &labels))
}

/// A start with vectors large enough to matter.
fn start(factors: usize, layers: &[usize]) -> Parameters {
    let mut out = Parameters::start(USERS, ITEMS, factors, layers, Seed::new(4));
    for vectors in out.gmf.iter_mut().chain(&mut out.mlp) {
        for side in [&mut vectors.users, &mut vectors.items] {
            side.as_mut_slice().iter_mut().for_each(|x| *x *= 60.0);
        }
    }
    out
}

const SHAPES: [(usize, &[usize]); 4] = [(8, &[64, 32, 16, 8]), (5, &[10, 7, 3]), (19, &[]), (0, &[36, 17])];

#[test]
fn gradients_are_those_of_the_tape() {
    let mut rng = Seed::new(9).rng();
    // More than one chunk, the last one not full.
    let batch: Vec<Sample> = (0..151)
        .map(|_| {
            Sample::new(rng.random_range(0..USERS as u32), rng.random_range(0..ITEMS as u32), rng.random())
        })
        .collect();
    for (factors, layers) in SHAPES {
        let start = start(factors, layers);
        let mut network = Network::new(&start, 0.01, 0.0, Untouched::Coast);
        let loss = network.differentiate(&batch, None);
        let mut tape = Tape::default();
        let leaves: Vec<Var> = tables(&start).into_iter().map(|leaf| tape.leaf(leaf)).collect();
        let (_, end) = record(&mut tape, &start, &leaves, &batch);
        let want = tape.value(end)[(0, 0)];
        assert!((loss - want).abs() < 1e-6 * want, "{factors} {layers:?}: loss {loss} for {want}");
        let slopes = tape.backward(end);
        for (at, (got, leaf)) in tables(&network.gradient()).iter().zip(leaves).enumerate() {
            let want = slopes.of(leaf);
            let size = want.as_slice().iter().fold(0.0f64, |a, b| a.max(b.abs()));
            assert!(size > 1e-7, "{factors} {layers:?}, table {at} has a gradient");
            for (got, want) in got.as_slice().iter().zip(want.as_slice()) {
                assert!(
                    (got - want).abs() < 1e-5 * size,
                    "{factors} {layers:?}, table {at}: {got} for {want}"
                );
            }
        }
    }
}

#[test]
fn weights_of_users_multiply_their_samples() {
    let start = start(3, &[6, 4]);
    let sample = |user, label| Sample::new(user, 7, label);
    let gradient = |batch: &[Sample], weights: Option<&[f32]>| {
        let mut network = Network::new(&start, 0.01, 0.0, Untouched::Coast);
        let loss = network.differentiate(batch, weights) * batch.len() as f64;
        let scaled = |t: &Table| t.map(|x| x * batch.len() as f64);
        (loss, tables(&network.gradient()).iter().map(scaled).collect::<Vec<_>>())
    };
    let weighted = gradient(&[sample(0, true), sample(1, false)], Some(&[2.0, 0.0, 1.0, 1.0, 1.0, 1.0]));
    let doubled = gradient(&[sample(0, true), sample(0, true)], None);
    assert!((weighted.0 - doubled.0).abs() < 1e-6);
    for (a, b) in weighted.1.iter().zip(&doubled.1) {
        assert!(a.as_slice().iter().zip(b.as_slice()).all(|(a, b)| (a - b).abs() < 1e-7));
    }
}

#[test]
fn a_model_scores_all_items_as_the_tape_does() {
    for (factors, layers) in SHAPES {
        let start = start(factors, layers);
        let model = NeuralModel::new(start.clone());
        let users: Vec<UserId> = (0..USERS as u32).map(UserId).collect();
        let mut block = vec![f32::NAN; USERS * ITEMS];
        model.score_block(&users, &mut block);
        let mut tape = Tape::default();
        let leaves: Vec<Var> = tables(&start).into_iter().map(|leaf| tape.leaf(leaf)).collect();
        let all: Vec<Sample> = (0..(USERS * ITEMS) as u32)
            .map(|at| Sample::new(at / ITEMS as u32, at % ITEMS as u32, true))
            .collect();
        let (logits, _) = record(&mut tape, &start, &leaves, &all);
        for (got, want) in block.iter().zip(tape.value(logits).as_slice()) {
            assert!((f64::from(*got) - want).abs() < 1e-5, "{factors} {layers:?}: {got} for {want}");
        }
        let mut row = vec![f32::NAN; ITEMS];
        model.score(UserId(3), None, &mut row);
        assert_eq!(row, block[3 * ITEMS..4 * ITEMS]);
        let mut few = [f32::NAN; 2];
        model.score_items(3, &[37, 2], &mut few);
        assert!((few[0] - row[37]).abs() < 1e-6 && (few[1] - row[2]).abs() < 1e-6);
    }
}

// ---- against PyTorch ----------------------------------------------------------------------------

fn floats(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect()
}

fn matrix(value: &Value) -> shillproof_kernels::Matrix {
    let rows: Vec<Vec<f32>> = value.as_array().unwrap().iter().map(floats).collect();
    shillproof_kernels::Matrix::from_slice(rows.len(), rows[0].len(), &rows.concat()).unwrap()
}

fn parameters(value: &Value) -> Parameters {
    let vectors = |v: &Value| {
        (!v.is_null()).then(|| Vectors { users: matrix(&v["users"]), items: matrix(&v["items"]) })
    };
    let layer = |v: &Value| Layer { weights: matrix(&v["weights"]), bias: floats(&v["bias"]) };
    Parameters {
        gmf: vectors(&value["gmf"]),
        mlp: vectors(&value["mlp"]),
        layers: value["layers"].as_array().unwrap().iter().map(layer).collect(),
        output: floats(&value["output"]),
        bias: value["bias"].as_f64().unwrap() as f32,
    }
}

/// The largest difference of two sets of parameters.
fn distance(a: &Parameters, b: &Parameters) -> f64 {
    let pairs = tables(a).into_iter().zip(tables(b));
    pairs
        .flat_map(|(a, b)| {
            assert_eq!((a.rows(), a.columns()), (b.rows(), b.columns()));
            a.zip(&b, |x, y| (x - y).abs()).as_slice().to_vec()
        })
        .fold(0.0, f64::max)
}

#[test]
fn forward_gradients_and_steps_are_those_of_pytorch() {
    let golden: Value = serde_json::from_str(include_str!("../../../../golden/neumf_torch.json")).unwrap();
    let learning_rate = golden["learning_rate"].as_f64().unwrap() as f32;
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let name = &case["name"];
        let start = parameters(&case["start"]);
        let weight_decay = case["weight_decay"].as_f64().unwrap() as f32;
        let batches: Vec<Vec<Sample>> = case["batches"]
            .as_array()
            .unwrap()
            .iter()
            .map(|batch| {
                let column = |at: usize| floats(&batch[at]);
                let rows = column(0).into_iter().zip(column(1)).zip(column(2));
                rows.map(|((u, i), y)| Sample::new(u as u32, i as u32, y > 0.5)).collect()
            })
            .collect();

        let model = NeuralModel::new(start.clone());
        for (sample, want) in batches[0].iter().zip(floats(&case["logits"])) {
            let mut got = [0.0];
            model.score_items(sample.user(), &[sample.item()], &mut got);
            assert!((got[0] - want).abs() < 1e-6, "{name}: logit {} for {want}", got[0]);
        }
        let mut network = Network::new(&start, learning_rate, weight_decay, Untouched::Coast);
        let loss = network.differentiate(&batches[0], None);
        assert!((loss - case["loss"].as_f64().unwrap()).abs() < 1e-6, "{name}: loss {loss}");
        let error = distance(&network.gradient(), &parameters(&case["gradient"]));
        assert!(error < 1e-7, "{name}: a gradient is off by {error}");

        let mut network = Network::new(&start, learning_rate, weight_decay, Untouched::Coast);
        let mut loss = 0.0;
        for (at, batch) in batches.iter().enumerate() {
            loss = network.learn(batch, None);
            if at == 2 {
                let error = distance(&network.parameters(), &parameters(&case["after_3"]));
                assert!(error < 1e-6, "{name}: after 3 steps a parameter is off by {error}");
            }
        }
        let error = distance(&network.parameters(), &parameters(&case["after_all"]));
        assert!(error < 2e-5, "{name}: after {} steps a parameter is off by {error}", batches.len());
        assert!((loss - case["last_loss"].as_f64().unwrap()).abs() < 1e-5, "{name}: last loss {loss}");
    }
}

// ---- training -----------------------------------------------------------------------------------

/// 24 users, 60 items; user u has the items that share its number modulo 3, but for one of them.
fn clusters(skip: impl Fn(u32, u32) -> bool) -> Interactions {
    let cells = (0..24u32).flat_map(|u| (0..60u32).map(move |i| (u, i)));
    let (users, items) = cells.filter(|&(u, i)| u % 3 == i % 3 && !skip(u, i)).unzip();
    Interactions::from_triples(24, 60, Triples { users, items, ratings: None, times: None }, None).unwrap()
}

fn held_out(u: u32, i: u32) -> bool {
    i / 3 == u % 20
}

fn ctx() -> Ctx<'static> {
    Ctx::new(Seed::new(3))
}

#[test]
fn divergence_names_epoch_and_learning_rate() {
    let train = clusters(held_out);
    for victim in [
        &Gmf { learning_rate: 1e30, ..Gmf::default() } as &dyn Victim,
        &NeuMf { learning_rate: 1e30, ..NeuMf::default() },
    ] {
        let Err(error) = victim.fit(&FitJob::new(&train), &ctx()) else {
            panic!("trained with steps of 1e30")
        };
        assert!(matches!(error, FitError::DivergedAt { epoch: 1..=3, learning_rate: 1e30 }), "{error}");
        assert!(error.to_string().contains("at learning rate 1000000000"), "{error}");
    }
}

#[test]
fn the_best_epoch_on_what_is_held_out_is_kept() {
    let train = clusters(held_out);
    let valid = clusters(|u, i| !held_out(u, i));
    let recipe = |epochs, selection, patience| {
        // Steps so long that training goes to and fro.
        Gmf { learning_rate: 0.3, epochs, selection, patience, factors: 4, ..Gmf::default() }
    };
    let job = FitJob { valid: Some(&valid), ..FitJob::new(&train) };
    let contest = selection::Contest::new(&train, &valid, ctx().seed.child("candidates"));
    let last = |epochs| recipe(epochs, EarlySelection::None, 1).fit_model(&job, &ctx()).unwrap();
    let reached: Vec<f64> = (1..=12).map(|epochs| contest.hit_ratio(&last(epochs))).collect();
    let highest = reached.iter().copied().fold(0.0, f64::max);
    let best = reached.iter().position(|&hit| hit == highest).unwrap() + 1;
    assert!(best < 12 && reached[11] < highest, "the case is one in which selecting matters: {reached:?}");
    let kept = recipe(12, EarlySelection::Validation, 12).fit_model(&job, &ctx()).unwrap();
    assert_eq!(kept.parameters(), last(best).parameters(), "{reached:?}");
    // The same choice by what is called the test part: which part it is, is said by `selects_on`.
    let on_test = recipe(12, EarlySelection::Test, 12);
    assert_eq!(
        (on_test.selects_on(), recipe(1, EarlySelection::None, 1).selects_on()),
        (HeldOut::Test, HeldOut::Validation)
    );
    assert_eq!(on_test.fit_model(&job, &ctx()).unwrap().parameters(), kept.parameters());
    // Without patience the first epoch that is not better ends it.
    let first_fall = (1..12).find(|&at| reached[at] <= reached[at - 1]).unwrap();
    let hasty = recipe(12, EarlySelection::Validation, 1).fit_model(&job, &ctx()).unwrap();
    assert_eq!(hasty.parameters(), last(first_fall).parameters(), "{reached:?}");
    // With nothing held out the last epoch is kept.
    let blind = recipe(5, EarlySelection::Validation, 1).fit_model(&FitJob::new(&train), &ctx()).unwrap();
    assert_eq!(blind.parameters(), last(5).parameters());
}

#[test]
fn trained_parts_start_the_whole() {
    let train = clusters(held_out);
    let job = FitJob::new(&train);
    let recipe = NeuMf {
        epochs: 1,
        learning_rate: 1e-12,
        pretrain_epochs: 4,
        pretrain_share: 0.25,
        ..NeuMf::default()
    };
    // A step this short leaves the start as it was, for the parts as for the whole.
    let whole = recipe.fit_model(&job, &ctx()).unwrap();
    let seed = ctx().seed;
    let gmf = Gmf { epochs: 4, learning_rate: 1e-12, ..Gmf::default() };
    let mlp = Mlp { epochs: 4, learning_rate: 1e-12, ..Mlp::default() };
    let gmf = gmf.fit_model(&job, &ctx().at(seed.child("gmf"))).unwrap().into_parameters();
    let mlp = mlp.fit_model(&job, &ctx().at(seed.child("mlp"))).unwrap().into_parameters();
    let joined = Parameters::joined(gmf.clone(), mlp.clone(), 0.25);
    assert!(distance(whole.parameters(), &joined) < 1e-7);
    assert_eq!((joined.gmf, joined.mlp, joined.layers), (gmf.gmf, mlp.mlp, mlp.layers));
    assert_eq!((joined.output[0], joined.output[8]), (0.25 * gmf.output[0], 0.75 * mlp.output[0]));
    assert_eq!(joined.bias, 0.25 * gmf.bias + 0.75 * mlp.bias);
}

#[test]
fn bad_sizes_are_refused() {
    let train = clusters(held_out);
    for layers in [vec![], vec![8], vec![7, 4], vec![8, 0, 4]] {
        let refused = Mlp { layers: layers.clone(), ..Mlp::default() }.fit(&FitJob::new(&train), &ctx());
        assert!(matches!(refused, Err(FitError::Parameter { name: "layers", .. })), "{layers:?}");
    }
    for pretrain_share in [-0.1, 1.1, f32::NAN] {
        let refused = NeuMf { pretrain_share, ..NeuMf::default() }.fit(&FitJob::new(&train), &ctx());
        assert!(
            matches!(refused, Err(FitError::Parameter { name: "pretrain_share", .. })),
            "{pretrain_share}"
        );
    }
}
