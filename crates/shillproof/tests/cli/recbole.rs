//! Next-item recommenders beside what RecBole's own reach on the same data (`golden/next_item_recbole.py`).

use serde_json::Value;

use crate::place::Place;

/// How far below RecBole a mean may be.
const BEHIND: f64 = 0.05;

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn comparing_models_rank_next_items_as_well_as_recboles() {
    let Some(folder) = shillproof_testkit::real_data("amazon-2014-5core-seq") else { return };
    let golden: Value =
        serde_json::from_str(include_str!("../../../../golden/next_item_recbole.json")).unwrap();
    let rates = "factors=64,learning_rate=0.001,regularization=0,batch_size=2048,negatives=others";
    for (model, form) in [("fpmc", ""), ("transrec", ",distance=l2,project=false")] {
        let runs = golden["runs"].as_array().unwrap();
        let theirs = runs.iter().find(|run| run["model"] == model).unwrap();
        let numbers = |name: &str| serde_json::from_value::<Vec<f64>>(theirs[name].clone()).unwrap();
        let recipe = format!("{model}:{rates}{form},epochs={},selection=none", theirs["epochs"]);
        let data = theirs["data"].as_str().unwrap();
        let place = Place::new();
        let measured: Vec<Value> = numbers("seeds")
            .into_iter()
            .map(|seed| {
                let line = format!(
                    "measure {data} --victim {recipe} --split sequence --exclude none --targets random:1 --k 10 --seed {seed} --format json --quiet"
                );
                let out = place
                    .command()
                    .args(line.split(' '))
                    .env("SHILLPROOF_DATA", folder.parent().unwrap())
                    .output()
                    .unwrap();
                assert!(out.status.success(), "{line}\n{}", String::from_utf8_lossy(&out.stderr));
                serde_json::from_slice(&out.stdout).unwrap()
            })
            .collect();
        for (ours, metric) in [("hit_ratio@10", "hit@10"), ("ndcg@10", "ndcg@10")] {
            let reached: Vec<f64> =
                measured.iter().map(|m| m["accuracy"][ours]["mean"].as_f64().unwrap()).collect();
            let gap = mean(&reached) / mean(&numbers(metric)) - 1.0;
            println!("{model}, {metric}: {reached:.4?}, {:+.1} % of RecBole's", 100.0 * gap);
            assert!(gap > -BEHIND, "{model}, {metric}: {reached:?} here, {:?} in RecBole", numbers(metric));
        }
    }
}
