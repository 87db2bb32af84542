use std::collections::BTreeMap;

use shillproof_core::Seed;
use shillproof_core::catalogue::Catalogue;

use super::claim::Test;
use super::*;
use crate::plan::tests::facts;
use crate::stats::Grouped;

const TABLE: &str = r#"
paper = "Somebody, 2020"
reference = "Table 9"
title = "a small table"
note = "made up"
metric = "hit_ratio@10"
experiment = { victim = "als", measure = { hit_ratio = [10] }, threat = { targets = { random = { count = 2 } } } }
block = [{ name = "A", with = { dataset = "a" } }, { name = "B", stand_in = "b for B", with = { dataset = "b" } }]
column = [{ name = "1%", with = { threat = { size = { fraction = 0.01 } } } }, { name = "3%", with = { threat = { size = { fraction = 0.03 } } } }]
row = [
    { name = "None", with = { attack = "none" }, published = { B = [0.5, 0.5] } },
    { name = "Random", with = { attack = { random = {} } } },
]
claim = [{ text = "random grows", test = { growing = { rows = ["Random"] } } }]
[scale.smoke]
blocks = ["A"]
columns = ["3%"]
with = { threat = { targets = { random = { count = 1 } } }, victim = "popularity" }
"#;

fn parse(text: &str) -> Result<PaperTable, ReproduceError> {
    PaperTable::parse("x/table-9", text, &|_| Ok(TABLE))
}

fn layout(scale: Scale, from: &[(&str, &str)]) -> Result<Layout, ReproduceError> {
    let from: BTreeMap<String, String> = from.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect();
    let table = parse(TABLE)?;
    Layout::new(table, scale, &from, &mut |dataset| Ok(facts(&dataset.label())))
}

#[test]
fn every_table_is_made_of_experiments_at_every_scale() {
    for name in names() {
        for scale in [Scale::Smoke, Scale::Small, Scale::Paper] {
            let table = table(&name).unwrap_or_else(|error| panic!("{name}: {error}"));
            let layout = Layout::new::<ReproduceError>(table, scale, &BTreeMap::new(), &mut |dataset| {
                Ok(facts(&dataset.label()))
            });
            let layout = layout.unwrap_or_else(|error| panic!("{name} at {scale}: {error}"));
            assert!(layout.places.iter().all(|place| !place.keys.is_empty()), "{name} at {scale}");
        }
    }
}

#[test]
fn cells_that_are_the_same_are_computed_once() {
    let layout = layout(Scale::Small, &[]).unwrap();
    assert_eq!(layout.places.len(), 8);
    // Two targets: one clean cell each a data set, whatever the column; two sizes of `random`.
    assert_eq!(layout.plan.cells.len(), 2 * (2 + 4));
    let clean: Vec<_> = layout.places.iter().filter(|p| p.row == "None" && p.block == "B").collect();
    assert_eq!(clean[0].keys, clean[1].keys);
    assert_eq!((clean[0].published, layout.places[0].published), (Some(0.5), None));
    let largest = layout.plan.cells.iter().map(|cell| cell.shares.craft_size).max();
    assert!(
        layout
            .plan
            .cells
            .iter()
            .filter(|c| c.cell.attack_name() == "random")
            .all(|c| Some(c.shares.craft_size) == largest)
    );
}

#[test]
fn a_scale_leaves_out_and_overrides() {
    let layout = layout(Scale::Smoke, &[]).unwrap();
    assert_eq!(
        layout.places.iter().map(|p| (&p.block[..], &p.column[..])).collect::<Vec<_>>(),
        [("A", "3%"); 2]
    );
    assert!(layout.plan.cells.iter().all(|cell| cell.cell.victim.card().name == "popularity"));
    assert!(layout.plan.cells.iter().all(|cell| cell.cell.threat.target == Some(0)));
}

#[test]
fn a_table_takes_what_it_lacks_from_the_one_it_is_like() {
    let table = parse("like = \"x/table-8\"\nreference = \"Figure 1\"\nmetric = \"fnr\"").unwrap();
    assert_eq!(
        (table.reference.as_str(), table.metric.to_string().as_str(), table.rows.len()),
        ("Figure 1", "fnr", 2)
    );
}

#[test]
fn parameters_of_the_same_attack_add_up_and_another_attack_replaces() {
    let text = TABLE
        .replace("{ attack = { random = {} } }", "{ attack = { bandwagon = { selected_fraction = 0.3 } } }")
        .replace(
            "with = { threat = { size = { fraction = 0.03 } } }",
            "with = { attack = { bandwagon = { popular_fraction = 0.2 } } }",
        );
    let from = BTreeMap::new();
    let facts = &mut |dataset: &crate::spec::DatasetSpec| Ok::<_, ReproduceError>(facts(&dataset.label()));
    let layout = Layout::new(parse(&text).unwrap(), Scale::Paper, &from, facts).unwrap();
    let place =
        |column: &str| layout.places.iter().find(|p| p.row == "Random" && p.column == column).unwrap();
    let parameters = |column: &str| {
        let cell = layout.plan.cells.iter().find(|cell| cell.key == place(column).keys[0]).unwrap();
        serde_json::to_value(&cell.cell.attack).unwrap()["bandwagon"].clone()
    };
    assert_eq!(
        (&parameters("3%")["selected_fraction"], &parameters("3%")["popular_fraction"]),
        (&0.3.into(), &0.2.into())
    );
    assert_eq!(
        (&parameters("1%")["selected_fraction"], &parameters("1%")["popular_fraction"]),
        (&0.3.into(), &0.1.into())
    );
}

#[test]
fn a_scale_tunes_the_attack_it_names_and_takes_targets_away() {
    let text = TABLE.replace(
        "with = { threat = { targets = { random = { count = 1 } } }, victim = \"popularity\" }",
        "targets = 1\nwith = { attack = { bandwagon = { popular_fraction = 0.2 } } }",
    );
    let other = text.replace("{ attack = { random = {} } }", "{ attack = { bandwagon = {} } }");
    for (text, tuned) in [(text, "random"), (other, "bandwagon")] {
        let facts = &mut |d: &crate::spec::DatasetSpec| Ok::<_, ReproduceError>(facts(&d.label()));
        let layout = Layout::new(parse(&text).unwrap(), Scale::Smoke, &BTreeMap::new(), facts).unwrap();
        let names: Vec<&str> = layout.plan.cells.iter().map(|cell| cell.cell.attack_name()).collect();
        assert_eq!(names, ["none", tuned], "one target, and no row has become another");
        if tuned == "bandwagon" {
            let attack = serde_json::to_value(&layout.plan.cells[1].cell.attack).unwrap();
            assert_eq!(attack["bandwagon"]["popular_fraction"], 0.2);
        }
    }
}

#[test]
fn data_of_the_users_own_takes_a_blocks_place() {
    let layout = super::tests::layout(Scale::Small, &[("B", "mine.csv")]).unwrap();
    let labels: Vec<String> = layout.plan.cells.iter().map(|cell| cell.cell.dataset.label()).collect();
    assert!(labels.contains(&"mine.csv".into()) && !labels.contains(&"b".into()));
    let error = super::tests::layout(Scale::Small, &[("C", "mine.csv")]).unwrap_err();
    assert_eq!(error.to_string(), "replace the data of `C`: the table has A, B");
}

#[test]
fn unknown_names_are_refused_where_they_stand() {
    assert_eq!(select("www20/tabel-1").unwrap_err().hint().unwrap(), "did you mean `www20/table-1`?");
    for (from, to, problem) in [
        ("rows = [\"Random\"]", "rows = [\"Average\"]", "nothing in the table is called `Average`"),
        (
            "published = { B = [0.5, 0.5] }",
            "published = { B = [0.5] }",
            "row None: expected one number a column",
        ),
        ("columns = [\"3%\"]", "columns = [\"4%\"]", "nothing in the table is called `4%`"),
        ("hit_ratio@10", "hit_ratio@ten", "expected one such as hit_ratio@10"),
    ] {
        let error = parse(&TABLE.replace(from, to)).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }
}

/// Two columns of one row, with values by target.
fn entries(rows: &[(&str, &str, [f64; 6])]) -> Vec<Entry> {
    let one = |(row, column, values): &(&str, &str, [f64; 6])| {
        let labelled = values.iter().enumerate().map(|(at, v)| (at.to_string(), 0, *v));
        let values = Grouped::of(labelled).unwrap();
        let seed = Seed::new(1);
        let summary = values.summary(seed).unwrap();
        Entry {
            block: "A".into(),
            data: "a".into(),
            row: (*row).into(),
            column: (*column).into(),
            metric: "hit_ratio@10".into(),
            published: None,
            ours: Some(summary.mean),
            ci95: summary.ci95,
            n: 6,
            note: None,
            values,
            seed,
        }
    };
    rows.iter().map(one).collect()
}

fn verdict(test: Test, rows: &[(&str, &str, [f64; 6])]) -> Verdict {
    Claim { text: "it is so".into(), columns: Vec::new(), test }.judge(&entries(rows)).verdict
}

#[test]
fn a_claim_is_judged_by_paired_differences() {
    let rows = |names: &[&str]| names.iter().map(|&n| n.to_owned()).collect::<Vec<_>>();
    let larger = || Test::Larger { row: "a".into(), than: rows(&["b"]) };
    // Spread over targets is far larger than the difference, which is the same for every target.
    let a = [0.1, 0.5, 0.9, 0.3, 0.2, 0.6];
    let less = a.map(|v| v - 0.01);
    assert_eq!(verdict(larger(), &[("a", "1%", a), ("b", "1%", less)]), Verdict::Holds);
    assert_eq!(verdict(larger(), &[("a", "1%", less), ("b", "1%", a)]), Verdict::Fails);
    assert_eq!(verdict(larger(), &[("a", "1%", a), ("b", "1%", a)]), Verdict::Undecided);
    let one_bad = [("a", "1%", a), ("b", "1%", less), ("a", "3%", less), ("b", "3%", a)];
    assert_eq!(verdict(larger(), &one_bad), Verdict::Fails);
    // Two targets decide nothing, however far apart.
    let few = |mut entries: Vec<Entry>| {
        for entry in &mut entries {
            entry.values =
                Grouped::of([("x", 0, entry.ours.unwrap()), ("y", 0, entry.ours.unwrap())]).unwrap();
        }
        Claim { text: "it is so".into(), columns: Vec::new(), test: larger() }.judge(&entries).verdict
    };
    assert_eq!(few(entries(&[("a", "1%", a), ("b", "1%", less)])), Verdict::Undecided);
    let growing = Test::Growing { rows: rows(&["a"]) };
    assert_eq!(verdict(growing.clone(), &[("a", "1%", less), ("a", "3%", a)]), Verdict::Holds);
    assert_eq!(
        verdict(Test::Falling { rows: rows(&["a"]) }, &[("a", "1%", less), ("a", "3%", a)]),
        Verdict::Fails
    );
    assert_eq!(verdict(growing, &[("a", "1%", a)]), Verdict::Undecided);
    let above = |value| Test::Above { rows: rows(&["a"]), value };
    assert_eq!(verdict(above(0.01), &[("a", "1%", a)]), Verdict::Holds);
    assert_eq!(verdict(above(0.95), &[("a", "1%", a)]), Verdict::Fails);
    assert_eq!(verdict(above(0.5), &[("a", "1%", a)]), Verdict::Undecided);
    assert_eq!(verdict(Test::Below { rows: rows(&["a"]), value: 0.95 }, &[("a", "1%", a)]), Verdict::Holds);
    let close = |within| Test::Close { rows: rows(&["a", "b"]), within };
    let pair = [("a", "1%", a), ("b", "1%", less)];
    assert_eq!(verdict(close(0.02), &pair), Verdict::Holds);
    assert_eq!(verdict(close(0.005), &pair), Verdict::Fails);
}
