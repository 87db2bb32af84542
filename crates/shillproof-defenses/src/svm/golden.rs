//! Agreement with NumPy and scikit-learn; the script that made the file is golden/svm_sklearn.py.

use serde_json::Value;
use shillproof_core::{Interactions, RatingScale, Triples};

use super::classifier::{Classifier, Scaling, Setting};
use super::examples::Labelled;
use crate::ProfileFeatures;

fn golden() -> Value {
    serde_json::from_str(include_str!("../../../../golden/svm_sklearn.json")).unwrap()
}

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as u32).collect()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn log(golden: &Value) -> Interactions {
    let size = |key: &str| golden[key].as_u64().unwrap() as usize;
    let ratings = ids(&golden["ratings"]).iter().map(|&r| r as f32).collect();
    let cells = Triples {
        users: ids(&golden["users"]),
        items: ids(&golden["items"]),
        ratings: Some(ratings),
        times: None,
    };
    let stars = RatingScale::new(1.0, 5.0, 1.0).unwrap();
    Interactions::from_triples(size("n_users"), size("n_items"), cells, Some(stars)).unwrap()
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn features_equal_numpy_in_every_variant() {
    let golden = golden();
    let log = log(&golden);
    let genuine = log.first_rows(golden["n_genuine"].as_u64().unwrap() as usize);
    let variants = golden["variants"].as_array().unwrap();
    assert_eq!(variants.len(), 16);
    for variant in variants {
        let features = ProfileFeatures {
            extreme: read(&variant["extreme"]),
            mean_var: read(&variant["mean_var"]),
            objective: read(&variant["objective"]),
        };
        let reference = if variant["statistics"] == "genuine" { &genuine } else { &log };
        let found = features.of(&log, reference).unwrap();
        for (got, want) in found.iter().step_by(7).zip(variant["features"].as_array().unwrap()) {
            let (got, want) = (got.unwrap(), numbers(want));
            for (feature, (got, want)) in got.iter().zip(&want).enumerate() {
                assert!((got - want).abs() < 1e-12, "{features:?}, feature {feature}: {got} and {want}");
            }
        }
    }
}

#[test]
fn decision_values_equal_scikit_learn() {
    let golden = golden();
    let log = log(&golden);
    let features = ProfileFeatures {
        extreme: crate::Extreme::System,
        mean_var: crate::MeanVar::All,
        objective: shillproof_core::Objective::Promote,
    };
    let rows = features.of(&log, &log).unwrap();
    let first = golden["first_example"].as_u64().unwrap() as usize;
    let n_genuine = golden["n_genuine"].as_u64().unwrap() as usize;
    let examples = Labelled {
        rows: rows[first..].iter().map(|row| row.unwrap().to_vec()).collect(),
        fake: (first..rows.len()).map(|user| user >= n_genuine).collect(),
    };
    let machines = golden["machines"].as_array().unwrap();
    assert_eq!(machines.len(), 8);
    for machine in machines {
        let setting =
            Setting { penalty: machine["c"].as_f64().unwrap(), width: machine["gamma"].as_f64().unwrap() };
        let scaling: Scaling = read(&machine["scaling"]);
        let classifier = Classifier::with_setting(&examples, scaling, setting).unwrap();
        let got = classifier.decision_values(&rows, 6);
        let want = numbers(&machine["decision"]);
        let apart = got.iter().zip(&want).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(apart < 1e-3, "{scaling:?}, {setting:?}: decision values {apart} apart");
    }
}
