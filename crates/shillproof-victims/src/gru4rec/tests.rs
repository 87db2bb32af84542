use serde_json::Value;
use shillproof_core::{ItemId, Scorer, Seed, Triples, UserId};

use shillproof_kernels::nn::Packed;

use super::network::Batch;
use super::*;
use crate::next_item::tests::{apart, matrix};

fn numbers(value: &Value) -> Vec<f32> {
    serde_json::from_value(value.clone()).unwrap()
}

fn parameters(value: &Value, output: Output) -> Parameters {
    let bias = numbers(&value[6]);
    Parameters {
        items: matrix(&value[0]),
        cell: Gru {
            input: matrix(&value[1]),
            hidden: matrix(&value[2]),
            input_bias: numbers(&value[3]),
            hidden_bias: numbers(&value[4]),
        },
        head: match output {
            Output::Shared => Head::Shared(Linear { weights: matrix(&value[5]), bias }),
            Output::Separate => Head::Separate { items: matrix(&value[5]), bias },
        },
    }
}

/// The histories, longest first, up to this many predictions each, and the weights of their users.
fn batch(histories: &[Vec<u32>], weights: &[f32], steps: usize) -> Batch {
    let mut order: Vec<usize> = (0..histories.len()).collect();
    let predictions = |at: usize| (histories[at].len() - 1).min(steps);
    order.sort_by_key(|&at| std::cmp::Reverse(predictions(at)));
    let lengths: Vec<usize> = order.iter().map(|&at| predictions(at)).collect();
    let mut out = Batch { packed: Packed::of(&lengths), ..Batch::default() };
    for step in 0..lengths[0] {
        for &at in order.iter().filter(|&&at| predictions(at) > step) {
            out.items.push(histories[at][step]);
            out.next.push(histories[at][step + 1]);
            out.weights.push(weights[at]);
        }
    }
    out
}

#[test]
fn loss_gradient_steps_and_scores_equal_pytorch() {
    let golden: Value = serde_json::from_str(include_str!("../../../../golden/gru4rec_torch.json")).unwrap();
    let histories: Vec<Vec<u32>> = serde_json::from_value(golden["histories"].clone()).unwrap();
    let rate = golden["learning_rate"].as_f64().unwrap() as f32;
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 6);
    for case in cases {
        let training: Training = serde_json::from_value(case["training"].clone()).unwrap();
        let loss: Loss = serde_json::from_value(case["loss"].clone()).unwrap();
        let output: Output = serde_json::from_value(case["output"].clone()).unwrap();
        let full = training == Training::FullHistory;
        let weights = numbers(&case["weights"]);
        let batch = batch(&histories, &weights, if full { usize::MAX } else { 1 });
        let against = if full { Against::Catalogue } else { Against::Batch };
        let mut network = Network::new(parameters(&case["start"], output), loss, against, rate, 0.0);
        let h = network.parameters.cell.width();
        let first =
            if full { vec![0.0; histories.len() * h] } else { matrix(&case["first"]).as_slice().to_vec() };
        let value = network.differentiate(&batch, &first);
        assert!((value - case["value"].as_f64().unwrap()).abs() < 1e-6, "{training:?} {loss:?}: {value}");
        let mut want = parameters(&case["gradient"], output);
        for (at, (got, want)) in network.gradient.blocks_mut().into_iter().zip(want.blocks_mut()).enumerate()
        {
            let difference = apart(got, want);
            assert!(difference < 1e-6, "{training:?} {loss:?} {output:?}, block {at}: {difference}");
        }
        if !full {
            let want = matrix(&case["last"]);
            assert!(apart(network.states(), want.as_slice()) < 1e-6);
        }
        for _ in 0..case["steps"].as_u64().unwrap() {
            network.learn(&batch, &first);
        }
        let mut want = parameters(&case["after"], output);
        for (got, want) in network.settled().blocks_mut().into_iter().zip(want.blocks_mut()) {
            let difference = apart(got, want);
            assert!(difference < 3e-5, "{training:?} {loss:?} {output:?}, after all steps: {difference}");
        }

        // One user with the first history and one with nothing.
        let times = (0..histories[0].len() as i64).collect();
        let cells =
            Triples { users: vec![0; 6], items: histories[0].clone(), ratings: None, times: Some(times) };
        let data = shillproof_core::Interactions::from_triples(2, 13, cells, None).unwrap();
        let model = network.parameters.clone().model(&data);
        let mut scores = vec![0.0; 13];
        model.score(UserId(0), None, &mut scores);
        assert!(apart(&scores, &numbers(&case["scores"])) < 2e-4, "{scores:?}");
        let own: Vec<ItemId> = histories[0].iter().map(|&i| ItemId(i)).collect();
        let mut again = vec![0.0; 13];
        model.score(UserId(1), Some(&own), &mut again);
        assert!(apart(&scores, &again) < 1e-6, "users differ by their histories alone");
    }
}

/// Data in which item k is always followed by k + 1 is learned by heart, whatever the way of training.
#[test]
fn a_chain_is_learned() {
    let mut cells = Triples { times: Some(Vec::new()), ..Triples::default() };
    for user in 0..60u32 {
        for step in 0..6u32 {
            cells.users.push(user);
            cells.items.push((user * 7 + step) % 20);
            cells.times.as_mut().unwrap().push(i64::from(step));
        }
    }
    let data = shillproof_core::Interactions::from_triples(60, 20, cells, None).unwrap();
    for (training, loss) in [
        (Training::FullHistory, Loss::CrossEntropy),
        (Training::FullHistory, Loss::Bpr),
        (Training::SessionParallel, Loss::Top1),
        (Training::SessionParallel, Loss::Bpr),
    ] {
        let recipe = Gru4Rec {
            factors: 16,
            units: 16,
            training,
            loss,
            learning_rate: 0.02,
            batch_size: 32,
            epochs: 40,
            ..Gru4Rec::default()
        };
        let ctx = Ctx::new(Seed::new(3));
        let model = recipe.fit_model(&FitJob::new(&data), &ctx).unwrap();
        let mut scores = vec![0.0; 20];
        let right = (0..20).filter(|&last| {
            let history = [ItemId((last + 19) % 20), ItemId(last)];
            model.score(UserId(0), Some(&history), &mut scores);
            let best = (0..20).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
            best == (last as usize + 1) % 20
        });
        let right = right.count();
        assert!(right >= 18, "{training:?} {loss:?}: {right} of 20");
    }
}
