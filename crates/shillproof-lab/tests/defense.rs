//! Defenses and detectors inside grids: what they see, whom they remove, and what is counted then.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use shillproof_core::Silent;
use shillproof_lab::plan::Plan;
use shillproof_lab::run::{RunOptions, run};
use shillproof_lab::spec::ExperimentSpec;
use shillproof_lab::store::{Record, Status, Store};
use shillproof_lab::trial::Trials;

const GRID: &str = r#"
seed = 3
dataset = { demo = {} }
victim = { als = { factors = 4, iterations = 3 } }
attack = ["none", { popular = { popular_fraction = 0.02, selected_fraction = 1.0 } }, "random"]
[[defense]]
none = {}
[[defense]]
remove-flagged = { detector = "duplicates" }
[[defense]]
remove-flagged = { detector = { svm-tia = { svm = { examples = 60 } } }, train_attack = ["average", "same"] }
[threat]
targets = { random = { count = 2 } }
size = { fraction = 0.02 }
[measure]
hit_ratio = [10]
detectors = ["duplicates", { pca = { zscore = "item" } }, { svm = { examples = 60 } }]
stealth = ["paired-t", "popularity-profile"]
"#;

fn records(text: &str, jobs: usize) -> Vec<Record> {
    let spec = ExperimentSpec::parse(text, "grid.toml").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(folder.path()).unwrap();
    let trials = Trials::default();
    let plan = Plan::new(&spec, &mut |dataset| trials.facts(dataset)).unwrap();
    let options = RunOptions { jobs, ..RunOptions::default() };
    run(&plan, &trials, &store, &options, &Silent, &AtomicBool::new(false)).unwrap();
    let get = |key| store.get(key, &mut |_| ()).unwrap().unwrap().comparable();
    plan.cells.iter().map(|planned| get(&planned.key)).collect()
}

/// Rows without a target by metric, and the hit ratios.
fn values(record: &Record) -> BTreeMap<&str, f64> {
    let Status::Done { measures, .. } = &record.status else { panic!("{:?}", record.status) };
    measures.iter().map(|row| (row.metric.as_str(), row.value)).collect()
}

fn of<'r>(records: &'r [Record], attack: &str, defense: &str) -> Vec<&'r Record> {
    let is = |record: &&Record| {
        let text = serde_json::to_string(&record.cell.defense).unwrap();
        record.cell.attack_name() == attack && text.contains(defense)
    };
    records.iter().filter(is).collect()
}

#[test]
fn bug_7_the_detector_of_a_defense_sees_the_fake_users() {
    let records = records(GRID, 1);
    assert_eq!(records.len(), 3 * 3 * 2);
    for record in of(&records, "popular", "duplicates") {
        let row = values(record);
        assert_eq!(row["fake_users"], 20.0);
        // Fake users of one list find one another; on clean data nobody was removed.
        assert_eq!(row["removed_fake"], 20.0, "{row:?}");
        assert!(row["auroc/duplicates"] > 0.99, "{row:?}");
    }
    for record in of(&records, "none", "duplicates") {
        assert_eq!(values(record)["removed_fake"], 0.0);
    }
    for record in of(&records, "random", "svm-tia") {
        let row = values(record);
        assert!(row["removed_fake"] > 10.0 && row["auroc/svm:examples=60"] > 0.9, "{row:?}");
        // Removed users are not hit and stay in the denominator, or leave it.
        let (all, left) = (row["hit_ratio"], row["hit_ratio_remaining"]);
        let share = (1000.0 - row["removed_genuine"]) / 1000.0;
        assert!((all - left * share).abs() < 1e-12, "{row:?}");
    }
    let chance: std::collections::BTreeSet<u64> = of(&records, "random", "none")
        .into_iter()
        .map(|record| values(record)["auroc/coin-flip"].to_bits())
        .collect();
    assert_eq!(chance.len(), of(&records, "random", "none").len(), "chance is another one in every cell");
    for record in of(&records, "random", "none") {
        let row = values(record);
        assert!(!row.contains_key("removed_fake") && !row.contains_key("hit_ratio_remaining"));
        assert!(row.contains_key("auroc/coin-flip"), "chance is always there: {row:?}");
        assert!(
            row.contains_key("auroc/pca:zscore=item") && row.contains_key("recall_at_fpr/0.01/duplicates")
        );
        assert!((0.0..=1.0).contains(&row["paired_t/user-matched"]), "{row:?}");
        assert!(row["popularity_profile/fake"] < row["popularity_profile/genuine"], "{row:?}");
    }
}

#[test]
fn a_defended_grid_is_the_same_with_one_job_and_two() {
    assert_eq!(records(GRID, 1), records(GRID, 2));
}

#[test]
fn bug_13_a_name_that_does_not_exist_is_an_error_and_never_a_default() {
    let misspelled = GRID.replace("detector = \"duplicates\"", "detector = \"duplicate\"");
    let error = ExperimentSpec::parse(&misspelled, "grid.toml").unwrap_err().to_string();
    assert!(error.contains("duplicate"), "{error}");
    let misspelled = GRID.replace("\"popularity-profile\"", "\"popularity\"");
    assert!(ExperimentSpec::parse(&misspelled, "grid.toml").is_err());
}

#[test]
fn detectors_learn_from_the_fake_users_of_the_other_targets() {
    let text = GRID
        .replace("count = 2 }", "count = 3 }")
        .replace(r#"train_attack = ["average", "same"]"#, r#"train_attack = ["others"]"#)
        .replace("stealth = ", "train_attack = [\"others\"]\nstealth = ");
    let one = records(&text, 1);
    assert_eq!(one, records(&text, 2), "whichever target is crafted first");
    let auroc = |record: &Record| {
        let row = values(record);
        row.iter().find(|(name, _)| name.starts_with("auroc/svm")).map(|(_, value)| *value)
    };
    let popular: Vec<f64> = of(&one, "popular", "none").into_iter().filter_map(auroc).collect();
    assert_eq!(popular.len(), 3);
    assert!(popular.iter().all(|&auroc| auroc > 0.9), "{popular:?}");
    for record in of(&one, "popular", "remove-flagged")
        .into_iter()
        .filter(|r| serde_json::to_string(&r.cell.defense).unwrap().contains("svm-tia"))
    {
        assert!(values(record)["removed_fake"] > 10.0, "{:?}", values(record));
    }
}
