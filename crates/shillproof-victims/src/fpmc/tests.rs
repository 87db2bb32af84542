use serde_json::Value;
use shillproof_core::{ItemId, Scorer, UserId};

use super::*;
use crate::next_item::Pairwise;
use crate::next_item::tests::{apart, golden, histories, matrix, steps_of};

fn factors(value: &Value) -> Factors {
    Factors {
        users: matrix(&value[0]),
        by_user: matrix(&value[1]),
        by_last: matrix(&value[2]),
        last: matrix(&value[3]),
    }
}

fn all(factors: &Factors) -> Vec<f32> {
    [&factors.users, &factors.by_user, &factors.by_last, &factors.last].map(Matrix::as_slice).concat()
}

#[test]
fn loss_gradient_steps_and_scores_equal_pytorch() {
    let golden = golden();
    let cases = golden["fpmc"].as_array().unwrap();
    assert_eq!(cases.len(), 2);
    for case in cases {
        let rates = Rates {
            learning_rate: golden["learning_rate"].as_f64().unwrap() as f32,
            regularization: case["regularization"].as_f64().unwrap() as f32,
        };
        let start = factors(&case["start"]);
        let weights: Vec<f32> = serde_json::from_value(case["weights"].clone()).unwrap();
        let mut network = Network::new(&start, rates);
        let batches = case["batches"].as_array().unwrap();
        let (gradient, loss) = Network::new(&start, rates).gradient(&steps_of(&batches[0]), Some(&weights));
        assert!((loss - case["loss"].as_f64().unwrap()).abs() < 1e-6, "{loss}");
        let difference = apart(&all(&gradient), &all(&factors(&case["gradient"])));
        assert!(difference < 1e-6, "gradient: {difference}");
        for batch in batches {
            network.learn(&steps_of(batch), Some(&weights));
        }
        let difference = apart(&all(&network.factors()), &all(&factors(&case["after"])));
        assert!(difference < 2e-5, "after all steps: {difference}");

        let model = network.model(&histories());
        let mut scores = vec![0.0; 9];
        let want: Vec<f32> = serde_json::from_value(case["scores"].clone()).unwrap();
        model.score(UserId(3), Some(&[ItemId(7), ItemId(2)]), &mut scores);
        assert!(apart(&scores, &want) < 1e-4, "{scores:?} for {want:?}");
        // User 3's own history ends with item 2.
        let given = scores.clone();
        model.score(UserId(3), None, &mut scores);
        assert_eq!(scores, given);
    }
}
