use super::*;
use crate::plan::PlannedCell;
use crate::plan::tests::{plan, record};
use crate::spec::ExperimentSpec;

const SPEC: &str = r#"
dataset = "d"
victim = "als"
split = "none"
measure = { hit_ratio = [10] }
attack = ["none", "random", "average", "segment"]
[[defense]]
none = {}
[[defense]]
remove-flagged = { detector = { pca = {} } }
[threat]
targets = { random = { count = 8 } }
size = { fraction = 0.02 }
"#;

/// `average` is far above the others, `random` and `segment` differ by noise; behind the defense `segment` is left.
fn hit_ratio(planned: &PlannedCell) -> f64 {
    let cell = &planned.cell;
    let target = cell.threat.target.unwrap_or(0) as f64;
    let noise = 0.01 * (target * 2.7).sin();
    let guarded = Setting::of(&record(planned, 0.0)).defense != "none";
    0.3 + match (cell.attack_name(), guarded) {
        ("average", false) => 0.4 + noise,
        ("random", false) => 0.1 + noise,
        ("segment", false) => 0.1 - noise,
        ("segment", true) => 0.05,
        _ => 0.0,
    }
}

fn board() -> Board {
    let plan = plan(SPEC);
    let records: Vec<_> = plan.cells.iter().map(|cell| record(cell, hit_ratio(cell))).collect();
    let mut boards = Leaderboard::of(&records).unwrap().boards;
    assert_eq!(boards.len(), 1);
    boards.remove(0)
}

#[test]
fn what_cannot_be_told_apart_shares_a_place() {
    let board = board();
    let places: Vec<(&str, usize)> = board.attacks.iter().map(|s| (s.attack.as_str(), s.place)).collect();
    assert_eq!(places[0], ("average", 1));
    let mut shared = vec![places[1], places[2]];
    shared.sort_unstable();
    assert_eq!(shared, [("random", 2), ("segment", 2)]);
    assert!(board.attacks[1].p_holm.unwrap() < 0.001, "the second place is really below the first");
    assert!(board.attacks[2].p_holm.unwrap() > 0.05, "and its two are not told apart");
    let gain = board.attacks[0].gain.as_ref().unwrap();
    assert!((gain.difference.mean - 0.4).abs() < 0.01 && gain.difference.n == 8);
}

#[test]
fn a_defense_is_as_good_as_its_worst_case() {
    let board = board();
    assert_eq!(board.defenses.len(), 2);
    let [good, open] = [&board.defenses[0], &board.defenses[1]];
    assert_eq!((good.worst.as_str(), open.worst.as_str()), ("segment", "average"));
    assert!(good.defense.starts_with("remove-flagged") && open.defense == "none");
    assert!((good.hit_ratio.mean - 0.35).abs() < 1e-9);
}

#[test]
fn text_keeps_to_eighty_columns_and_names_everybody() {
    let plan = plan(SPEC);
    let records: Vec<_> = plan.cells.iter().map(|cell| record(cell, hit_ratio(cell))).collect();
    let text = Leaderboard::of(&records).unwrap().text();
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    for name in ["random", "average", "segment", "remove-flagged"] {
        assert!(text.contains(name), "{text}");
    }
}

#[test]
fn the_protocol_that_is_there_is_an_experiment() {
    let spec = ExperimentSpec::parse(QUICK, "quick").unwrap();
    assert_eq!(spec.seed, 7);
}
