//! Tables of papers through the real program.

use serde_json::Value;

use crate::place::{Place, csv, tastes};

#[test]
fn tables_are_listed_with_their_data() {
    let list = Place::new().json("reproduce --list --format json");
    let table = list.as_array().unwrap().iter().find(|t| t["name"] == "www20/table-1").unwrap();
    assert_eq!(table["reference"], "Table 1");
    assert!(Place::new().ok("reproduce --list").stdout.contains("www20/table-1"));
}

#[test]
fn a_table_is_filled_judged_and_kept() {
    let place = Place::new();
    let first = place.json("reproduce www20/table-1 --scale smoke --format json");
    let items = first.as_array().unwrap();
    let cell = items.iter().find(|item| item["row"] == "random fillers" && item["column"] == "5%").unwrap();
    assert!(cell["ours"].is_number() && cell["n"].as_u64() >= Some(2) && cell["note"].is_string(), "{cell}");
    let judged: Vec<&Value> = items.iter().filter(|item| item["claim"].is_string()).collect();
    assert!(!judged.is_empty());
    assert!(judged.iter().all(|j| ["holds", "fails", "undecided"].map(Value::from).contains(&j["verdict"])));

    let again = place.ok("reproduce www20/table-1 --scale smoke");
    assert!(again.stdout.contains("claims of the paper") && again.stdout.contains("random fillers"));
    let widest = again.stdout.lines().map(|line| line.chars().count()).max();
    assert!(widest > Some(40), "{}", again.stdout);
    let kept = place.json("reproduce www20/table-1 --scale smoke --format json");
    assert_eq!(kept, first);
}

#[test]
fn what_a_table_has_not_is_refused() {
    let place = Place::new();
    place.fails("reproduce www20/tabel-1", &["did you mean `www20/table-1`?"]);
    place.write("mine.csv", &csv(&tastes()));
    let wrong = "reproduce www20/table-1 --scale smoke --from Nowhere=mine.csv";
    place.fails(wrong, &["`Nowhere`: the table has Music", "--from NAME=FILE"]);
    place.fails("reproduce www20/table-1 --from mine.csv", &["expected NAME=FILE"]);
}
