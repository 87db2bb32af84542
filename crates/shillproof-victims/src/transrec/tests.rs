use serde_json::Value;
use shillproof_core::{ItemId, Scorer, UserId};

use super::*;
use crate::next_item::Pairwise;
use crate::next_item::tests::{apart, golden, histories, matrix, steps_of};

fn space(value: &Value, distance: Distance) -> Space {
    Space {
        users: matrix(&value[0]),
        everybody: serde_json::from_value(value[1].clone()).unwrap(),
        items: matrix(&value[2]),
        bias: serde_json::from_value(value[3].clone()).unwrap(),
        distance,
    }
}

fn all(space: &Space) -> Vec<f32> {
    [space.users.as_slice(), &space.everybody, space.items.as_slice(), &space.bias].concat()
}

#[test]
fn loss_gradient_steps_and_scores_equal_pytorch() {
    let golden = golden();
    let cases = golden["transrec"].as_array().unwrap();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let distance: Distance = serde_json::from_value(case["distance"].clone()).unwrap();
        let rates = Rates {
            learning_rate: golden["learning_rate"].as_f64().unwrap() as f32,
            regularization: case["regularization"].as_f64().unwrap() as f32,
            project: case["project"].as_bool().unwrap(),
        };
        let start = space(&case["start"], distance);
        let weights: Vec<f32> = serde_json::from_value(case["weights"].clone()).unwrap();
        let batches = case["batches"].as_array().unwrap();
        let (gradient, loss) = Network::new(&start, rates).gradient(&steps_of(&batches[0]), Some(&weights));
        assert!((loss - case["loss"].as_f64().unwrap()).abs() < 1e-6, "{distance:?}: {loss}");
        let difference = apart(&all(&gradient), &all(&space(&case["gradient"], distance)));
        assert!(difference < 2e-6, "{distance:?}, gradient: {difference}");

        let mut network = Network::new(&start, rates);
        for batch in batches {
            network.learn(&steps_of(batch), Some(&weights));
        }
        let mut after = network.space();
        if rates.project {
            // The last projection is of all items, in PyTorch of those of the last batch.
            after.items.row_mut(8).copy_from_slice(start.items.row(8));
        }
        let difference = apart(&all(&after), &all(&space(&case["after"], distance)));
        assert!(difference < 5e-5, "{distance:?}, after all steps: {difference}");

        let model = network.model(&histories());
        let mut scores = vec![0.0; 9];
        let want: Vec<f32> = serde_json::from_value(case["scores"].clone()).unwrap();
        model.score(UserId(3), Some(&[ItemId(7), ItemId(2)]), &mut scores);
        assert!(apart(&scores[..8], &want[..8]) < 2e-4, "{distance:?}: {scores:?} for {want:?}");
        let given = scores.clone();
        model.score(UserId(3), None, &mut scores);
        assert_eq!(scores, given, "user 3's own history ends with item 2");
    }
}
