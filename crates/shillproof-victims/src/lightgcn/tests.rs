use serde_json::Value;
use shillproof_core::{Seed, Ties, Triples};
use shillproof_kernels::Matrix;

use super::*;

fn matrix(value: &Value) -> Matrix {
    let rows: Vec<Vec<f32>> = serde_json::from_value(value.clone()).unwrap();
    Matrix::from_slice(rows.len(), rows[0].len(), &rows.concat()).unwrap()
}

fn pair(value: &Value) -> Vectors {
    Vectors { users: matrix(&value[0]), items: matrix(&value[1]) }
}

/// The largest difference of any two numbers.
fn apart(a: &Vectors, b: &Vectors) -> f32 {
    let both = [(&a.users, &b.users), (&a.items, &b.items)];
    let differences = both.iter().flat_map(|(a, b)| a.as_slice().iter().zip(b.as_slice()));
    differences.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn data(users: usize, items: usize, cells: &[(u32, u32)]) -> Interactions {
    let (users_of, items_of) = cells.iter().copied().unzip();
    let triples = Triples { users: users_of, items: items_of, ratings: None, times: None };
    Interactions::from_triples(users, items, triples, None).unwrap()
}

#[test]
fn ends_loss_gradient_and_steps_equal_pytorch() {
    let golden: Value = serde_json::from_str(include_str!("../../../../golden/lightgcn_torch.json")).unwrap();
    let size = |name: &str| golden[name].as_u64().unwrap() as usize;
    let cells: Vec<(u32, u32)> = serde_json::from_value(golden["cells"].clone()).unwrap();
    let data = data(size("n_users"), size("n_items"), &cells);
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 3);
    for case in cases {
        let start = Vectors { users: matrix(&case["users"]), items: matrix(&case["items"]) };
        let rates = Rates {
            learning_rate: golden["learning_rate"].as_f64().unwrap() as f32,
            regularization: case["regularization"].as_f64().unwrap() as f32,
            penalty: serde_json::from_value(case["penalty"].clone()).unwrap(),
        };
        let layers = case["layers"].as_u64().unwrap() as usize;
        let mut network = Network::new(Graph::new(&data), start, layers, rates);
        assert!(apart(network.ends(), &pair(&case["ends"])) < 1e-6);
        for (at, batch) in case["batches"].as_array().unwrap().iter().enumerate() {
            let batch: Vec<[u32; 3]> = serde_json::from_value(batch.clone()).unwrap();
            let batch: Vec<Triple> =
                batch.iter().map(|&[user, positive, negative]| Triple { user, positive, negative }).collect();
            let loss = network.learn(&batch, None);
            if at == 0 {
                assert!((loss - case["loss"].as_f64().unwrap()).abs() < 1e-6, "{loss}");
                let difference = apart(network.gradient(), &pair(&case["gradient"]));
                assert!(difference < 1e-6, "gradient: {difference}");
            }
        }
        let difference = apart(network.start(), &pair(&case["after"]));
        assert!(difference < 2e-5, "after all steps: {difference}");
    }
}

/// Central differences of the loss itself, at some of the numbers, with weights.
#[test]
fn the_gradient_is_that_of_the_loss() {
    let cells: Vec<(u32, u32)> = (0..40).map(|k| (k % 8, (k * k + k / 8) % 7)).collect();
    let cells: Vec<(u32, u32)> = std::collections::BTreeSet::from_iter(cells).into_iter().collect();
    let data = data(8, 7, &cells);
    let weights: Vec<f32> = (0..8).map(|u| 0.5 + u as f32 / 4.0).collect();
    let batch = triples(&data, Seed::new(3));
    assert!(batch.len() > 10);
    for penalty in [Penalty::Norm, Penalty::Squared] {
        let rates = Rates { learning_rate: 0.1, regularization: 2.0, penalty };
        let start = Vectors {
            users: Matrix::normal(8, 5, 0.5, Seed::new(1)),
            items: Matrix::normal(7, 5, 0.5, Seed::new(2)),
        };
        let network = |start: &Vectors| Network::new(Graph::new(&data), start.clone(), 2, rates);
        let mut at = network(&start);
        at.differentiate(&batch, Some(&weights));
        for cell in 0..40 {
            let moved = |by: f32| {
                let mut moved = start.clone();
                moved.users.as_mut_slice()[cell] += by;
                if cell < 35 {
                    moved.items.as_mut_slice()[cell] += by;
                }
                network(&moved).differentiate(&batch, Some(&weights))
            };
            let h = 1.0 / 256.0;
            let slope = (moved(h) - moved(-h)) / f64::from(2.0 * h);
            let of_item = if cell < 35 { at.gradient().items.as_slice()[cell] } else { 0.0 };
            let got = at.gradient().users.as_slice()[cell] + of_item;
            assert!((f64::from(got) - slope).abs() < 2e-4, "{penalty:?}, {cell}: {got} for {slope}");
        }
    }
}

#[test]
fn comparisons_are_with_items_the_user_does_not_have() {
    // User 1 has everything.
    let data = data(3, 3, &[(0, 1), (1, 0), (1, 1), (1, 2), (2, 0), (2, 2)]);
    let mut counts = [0; 3];
    for seed in 0..3000 {
        let all = triples(&data, Seed::new(seed));
        assert_eq!(all.iter().map(|t| (t.user, t.positive)).collect::<Vec<_>>(), [(0, 1), (2, 0), (2, 2)]);
        counts[all[0].negative as usize] += 1;
        assert_eq!((all[1].negative, all[2].negative), (1, 1));
    }
    // 1,500 expected; the standard deviation is 27.
    assert!(counts[1] == 0 && (1_390..1_610).contains(&counts[0]), "{counts:?}");
}

#[test]
fn the_best_epoch_on_the_validation_part_is_kept() {
    let board = shillproof_testkit::fixtures::Planted {
        users: 60,
        items: 45,
        clusters: 3,
        per_user: 9,
        affinity: 0.9,
    };
    let all = board.implicit(Seed::new(5));
    let train = all.filter(|_, at, _| at % 3 != 0);
    let valid = all.filter(|_, at, _| at % 3 == 0);
    let job = FitJob { valid: Some(&valid), ..FitJob::new(&train) };
    let ctx = Ctx::new(Seed::new(1));
    let score = |model: &FactorModel| recall(model, &train, &valid, 10, Ties::hashed(Seed::new(2)));
    let fit = |selection, epochs| {
        let recipe = LightGcn {
            selection,
            epochs,
            patience: 100,
            batch_size: 64,
            learning_rate: 0.05,
            ..LightGcn::default()
        };
        recipe.fit_model(&job, &ctx).unwrap()
    };
    let kept = score(&fit(EarlySelection::Validation, 40));
    // Ties are drawn otherwise inside: a hair of slack.
    for epochs in [1, 10, 40] {
        assert!(kept >= score(&fit(EarlySelection::None, epochs)) - 1e-9, "{epochs}");
    }
}

#[test]
fn divergence_names_epoch_and_rate() {
    let wild = LightGcn { learning_rate: 1e30, ..LightGcn::default() };
    let data = data(3, 3, &[(0, 1), (1, 0), (2, 2)]);
    let result = wild.fit_model(&FitJob::new(&data), &Ctx::new(Seed::new(1)));
    assert!(matches!(result, Err(FitError::DivergedAt { epoch: 1..=5, learning_rate: 1e30 })));
}
