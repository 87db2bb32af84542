use serde_json::Value;
use shillproof_core::{ItemId, Scorer, Seed, Triples};

use super::*;
use crate::next_item::tests::{apart, matrix};

fn numbers(value: &Value) -> Vec<f32> {
    serde_json::from_value(value.clone()).unwrap()
}

fn golden() -> Value {
    serde_json::from_str(include_str!("../../../../golden/sasrec_torch.json")).unwrap()
}

fn parameters(parts: &Value, heads: usize, norm_first: bool) -> Parameters {
    let parts = parts.as_array().unwrap();
    let norm = |at: usize| LayerNorm { gain: numbers(&parts[at]), shift: numbers(&parts[at + 1]) };
    let layer = |at: usize| Linear { weights: matrix(&parts[at]), bias: numbers(&parts[at + 1]) };
    let activation = if norm_first { Activation::Relu } else { Activation::Gelu };
    let block = |at: usize| Block {
        first: norm(at),
        attention: Attention { input: layer(at + 2), output: layer(at + 4), heads },
        second: norm(at + 6),
        inner: layer(at + 8),
        outer: layer(at + 10),
    };
    Parameters {
        items: matrix(&parts[0]),
        places: matrix(&parts[1]),
        blocks: vec![block(2), block(14)],
        outside: norm(26),
        form: Form { norm_first, activation },
    }
}

fn batch(histories: &[Vec<u32>], weights: &[f32]) -> Batch {
    let mut out = Batch::default();
    for (history, &weight) in histories.iter().zip(weights) {
        let n = history.len() - 1;
        out.lengths.push(n);
        out.asked.push(n);
        out.items.extend(&history[..n]);
        out.next.extend(&history[1..]);
        out.weights.extend(vec![weight; n]);
    }
    out
}

#[test]
fn loss_gradient_steps_and_scores_equal_pytorch() {
    let golden = golden();
    let histories: Vec<Vec<u32>> = serde_json::from_value(golden["histories"].clone()).unwrap();
    let rate = golden["learning_rate"].as_f64().unwrap() as f32;
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 3);
    let mut drops = Drops { rows: 0.0, attention: 0.0, draws: &mut Seed::new(1).rng() };
    for case in cases {
        let heads = case["heads"].as_u64().unwrap() as usize;
        let norm_first = case["norm_first"].as_bool().unwrap();
        let name = format!("{heads} heads, norm first: {norm_first}");
        let weights = numbers(&case["weights"]);
        // In two parts, which make one step.
        let batches = [batch(&histories[..2], &weights[..2]), batch(&histories[2..], &weights[2..])];
        let read = |parts| parameters(parts, heads, norm_first);
        let mut network = Network::new(read(&case["start"]), Loss::CrossEntropy, rate, 0.0);
        let value = network.differentiate(&batches, &mut drops);
        assert!((value - case["value"].as_f64().unwrap()).abs() < 1e-6, "{name}: {value}");
        let mut want = read(&case["gradient"]);
        for (at, (got, want)) in network.gradient.parts_mut().into_iter().zip(want.parts_mut()).enumerate() {
            let difference = apart(got, want);
            assert!(difference < 2e-6, "{name}, part {at}: {difference}");
        }
        for _ in 0..golden["steps"].as_u64().unwrap() {
            network.learn(&batches, &mut drops);
        }
        let mut want = read(&case["after"]);
        for (at, (got, want)) in network.parameters.parts_mut().into_iter().zip(want.parts_mut()).enumerate()
        {
            let difference = apart(got, want);
            // A slope of a key's bias is 0 but for rounding, and Adam makes steps of any slope.
            let rounding = [5, 17].contains(&at);
            assert!(difference < if rounding { 0.07 } else { 1e-4 }, "{name}, part {at}: {difference}");
        }

        let own: Vec<ItemId> = histories[0].iter().map(|&i| ItemId(i)).collect();
        let model = network.parameters.clone().model(&crate::next_item::tests::histories());
        let mut scores = vec![0.0; 13];
        model.score(UserId(1), Some(&own), &mut scores);
        assert!(apart(&scores, &numbers(&case["scores"])) < 2e-3, "{scores:?}");
    }
}

/// What is dropped in training is dropped on the way back too: a slope is what a small step does under the same draws.
#[test]
fn dropout_is_in_the_gradient() {
    let golden = golden();
    let histories: Vec<Vec<u32>> = serde_json::from_value(golden["histories"].clone()).unwrap();
    let mut batch = batch(&histories, &[1.0; 5]);
    // Read only to know what was before.
    batch.asked[0] -= 2;
    batch.next.drain(..2);
    batch.weights.drain(..2);
    for (case, norm_first) in [(1, true), (2, false)] {
        let start = parameters(&golden["cases"][case]["start"], 2, norm_first);
        let value = |parameters: Parameters| {
            let mut network = Network::new(parameters, Loss::CrossEntropy, 0.1, 0.0);
            let mut drops = Drops { rows: 0.4, attention: 0.3, draws: &mut Seed::new(8).rng() };
            let value = network.differentiate(std::slice::from_ref(&batch), &mut drops);
            (value, network.gradient)
        };
        let (_, mut gradient) = value(start.clone());
        for part in [0, 1, 4, 12, 22] {
            let slope = f64::from(gradient.parts_mut()[part][1]);
            let moved = |by: f32| {
                let mut moved = start.clone();
                moved.parts_mut()[part][1] += by;
                value(moved).0
            };
            let difference = (moved(1e-2) - moved(-1e-2)) / 2e-2;
            assert!(
                (difference - slope).abs() < 2e-3,
                "norm first: {norm_first}, part {part}: {slope} against {difference}"
            );
        }
    }
}

/// Data in which what comes next follows from the item before the last one, not from the last.
#[test]
fn an_item_further_back_is_seen() {
    let mut cells = Triples { times: Some(Vec::new()), ..Triples::default() };
    for user in 0..80u32 {
        // x, then one of four that say nothing, then x + 1.
        let x = user % 6;
        for (step, item) in [x, 12 + user / 6 % 4, 6 + x].into_iter().enumerate() {
            cells.users.push(user);
            cells.items.push(item);
            cells.times.as_mut().unwrap().push(step as i64);
        }
    }
    let data = Interactions::from_triples(80, 16, cells, None).unwrap();
    let recipe = SasRec {
        factors: 16,
        inner: 32,
        dropout: Fraction::new(0.0).unwrap(),
        attention_dropout: Fraction::new(0.0).unwrap(),
        learning_rate: 0.01,
        batch_size: 64,
        epochs: 60,
        ..SasRec::default()
    };
    let model = recipe.fit_model(&FitJob::new(&data), &Ctx::new(Seed::new(3))).unwrap();
    let mut scores = vec![0.0; 16];
    for x in 0..6 {
        for between in 12..16 {
            model.score(UserId(0), Some(&[ItemId(x), ItemId(between)]), &mut scores);
            let best = (0..16).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
            assert_eq!(best as u32, 6 + x, "after {x} and {between}");
        }
    }
    // Only the last items are read.
    let long: Vec<ItemId> = (0..60).map(|k| ItemId(k % 12)).chain([ItemId(2), ItemId(13)]).collect();
    let mut cut = vec![0.0; 16];
    model.score(UserId(0), Some(&long), &mut scores);
    model.score(UserId(0), Some(&long[12..]), &mut cut);
    assert_eq!(scores, cut);
}

#[test]
fn long_histories_are_cut_into_parts_that_have_every_prediction_once() {
    let lengths = [0u32, 1, 2, 6, 8];
    let pairs: Vec<(u32, u32)> = (0..).zip(lengths).flat_map(|(u, n)| (0..n).map(move |i| (u, i))).collect();
    let cells = Triples {
        users: pairs.iter().map(|pair| pair.0).collect(),
        items: pairs.iter().map(|pair| pair.1).collect(),
        ratings: None,
        times: Some(pairs.iter().map(|pair| i64::from(pair.1)).collect()),
    };
    let data = Interactions::from_triples(lengths.len(), 8, cells, None).unwrap();
    let of = |most, stride| -> Vec<_> {
        parts(&data, most, stride)
            .into_iter()
            .map(|part| (part.user.0, part.first, part.predictions))
            .collect()
    };
    assert_eq!(of(1, 1)[..4], [(2, 0, 0..1), (3, 4, 4..5), (3, 3, 3..4), (3, 2, 2..3)]);
    assert_eq!(
        of(3, 2),
        [(2, 0, 0..1), (3, 2, 3..5), (3, 0, 0..3), (4, 4, 5..7), (4, 2, 3..5), (4, 0, 0..3)]
    );
    assert_eq!(of(4, 1)[..3], [(2, 0, 0..1), (3, 1, 4..5), (3, 0, 0..4)]);
    let apart = [(2, 0, 0..1), (3, 1, 1..5), (3, 0, 0..1), (4, 3, 3..7), (4, 0, 0..3)];
    assert_eq!(of(4, 4), apart);
    assert_eq!(of(4, 50), apart);
    assert_eq!(of(9, 1), [(2, 0, 0..1), (3, 0, 0..5), (4, 0, 0..7)]);
}
