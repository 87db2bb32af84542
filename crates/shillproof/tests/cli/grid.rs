//! Grids and audits through the real program.

use serde_json::Value;

use crate::place::{Place, csv, shuffled, tastes};

const GRID: &str = r#"
seed = 3
repeats = 2
dataset = { file = { path = "ratings.csv" } }
split = { leave-one-out = {} }
victim = { wrmf = { factors = 4, iterations = 2 } }
threat = { targets = { random = { count = 2 } }, size = [{ count = 2 }, { count = 4 }], profile_size = { count = 4 } }
measure = { hit_ratio = [3] }

[[attack]]
none = {}
[[attack]]
average = {}
"#;

/// Clean cells: targets x repeats. Attacked ones: that x sizes.
const CELLS: usize = 2 * 2 + 2 * 2 * 2;

fn place() -> Place {
    let place = Place::new();
    place.write("ratings.csv", &csv(&tastes())).write("grid.toml", GRID);
    place
}

fn keys(plan: &Value) -> Vec<String> {
    plan["cells"].as_array().unwrap().iter().map(|cell| cell["key"].as_str().unwrap().to_owned()).collect()
}

/// The tidy rows of a folder's report: everything that was measured.
fn rows(place: &Place, folder: &str) -> Value {
    place.json(&format!("report {folder} --format json"))["rows"].clone()
}

#[test]
fn a_plan_is_checked_laid_out_run_and_reported() {
    let place = place();
    assert!(place.ok("check grid.toml").stdout.contains("12 cells, no mistakes"));
    let plan = place.json("plan grid.toml --format json");
    let cell = &plan["cells"][0];
    assert_eq!(keys(&plan).len(), CELLS);
    assert!(cell["cost"].as_f64().unwrap() > 0.0 && cell["shares"]["clean_fit"].is_string());
    let table = place.ok("plan grid.toml").stdout;
    assert_eq!(table.lines().count(), 1 + CELLS);
    assert!(!table.contains("knowledge"), "the same in all cells\n{table}");
    place
        .write("knows.toml", &GRID.replace("size = [", r#"knowledge = ["full", { users = 0.5 }], size = ["#));
    let table = place.ok("plan knows.toml").stdout;
    assert!(table.contains("knowledge") && table.contains("users:0.5"), "{table}");

    let run = place.ok("run grid.toml");
    assert!(run.stdout.contains("hit_ratio@3"), "{}", run.stdout);
    let again = place.json("run grid.toml --format json");
    assert_eq!((&again["kept"], &again["done"]), (&CELLS.into(), &0.into()));

    let page = place.ok("report results/grid");
    let path = std::path::PathBuf::from(page.stdout.trim());
    assert_eq!(path, std::path::Path::new("results/grid/report.html"));
    assert!(place.read("results/grid/report.html").contains("</html>"));
    assert!(place.ok("report results/grid --format md").stdout.contains("| "));
    assert!(place.ok("report results/grid --format csv").stdout.lines().count() > 4);
    place.ok("report results/grid --format csv --out rows.csv");
    assert_eq!(place.read("rows.csv"), place.ok("report results/grid --format csv").stdout);
    assert!(place.read("results/grid/spec.toml").contains("seed = 3"));
}

#[test]
fn shards_single_cells_and_one_run_give_the_same_records() {
    let place = place();
    place.ok("run grid.toml --out whole --jobs 2");
    place.ok("run grid.toml --out a --shard 1/2 --jobs 1");
    place.ok("run grid.toml --out b --shard 2/2 --jobs 1");
    let merged = place.json("merge a b --out parts --format json");
    assert_eq!(merged["added"], CELLS);
    assert_eq!(rows(&place, "parts"), rows(&place, "whole"));
    for key in keys(&place.json("plan grid.toml --format json")).iter().rev() {
        place.ok(&format!("run grid.toml --out cells --only {key}"));
    }
    assert_eq!(rows(&place, "cells"), rows(&place, "whole"));
    place.ok("merge cells whole");
    assert_eq!(rows(&place, "cells"), rows(&place, "whole"));
}

#[test]
fn the_example_experiment_is_in_order() {
    let place = Place::new();
    let spec = crate::place::root().join("examples/experiment.toml");
    let plan = place.ok(&format!("check '{}'", spec.display()));
    assert!(plan.stdout.contains("no mistakes"));
}

#[test]
fn a_failed_cell_is_told_and_the_others_are_kept() {
    let place = place();
    let broken = GRID.replace(
        "victim = { wrmf = { factors = 4, iterations = 2 } }",
        "victim = [{ popularity = {} }, { command = { run = \"sh -c 'exit 3' x {train} {out}\" } }]",
    );
    place.write("grid.toml", &broken);
    let run = place.run("run grid.toml --out r");
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(
        run.stderr.contains("error: 12 cells failed") && run.stderr.contains("exit code 3"),
        "{}",
        run.stderr
    );
    assert!(run.stdout.contains("popularity"), "{}", run.stdout);
    assert_eq!(place.json("report r --format json")["done"], CELLS);
}

#[test]
fn an_audit_speaks_and_its_gates_decide_the_exit_code() {
    let place = place();
    let audit = "audit ratings.csv --victim wrmf:factors=4,iterations=2 --effort quick --k 3 --profile-size 4 --out audit";
    let text = place.ok(audit).stdout;
    assert!(text.contains("ratings") && text.contains("wrmf"), "{text}");
    assert!(place.read("audit/audit.html").contains("</html>"));
    let json = place.json(&format!("{audit} --format json"));
    assert_eq!(json["dataset"]["users"], 40);
    assert!(json["curves"].as_array().is_some_and(|curves| !curves.is_empty()), "{json}");
    let gate = |expression: &str| place.run(&format!("{audit} --fail-if '{expression}'"));
    let broken = gate("hit_ratio@3 >= 0 at 5%");
    assert_eq!(broken.code, 1, "{}", broken.stderr);
    assert!(broken.stdout.contains("gate      BROKEN: hit_ratio@3"), "{}", broken.stdout);
    let held = gate("hit_ratio@3 > 0.99 at 5%");
    assert_eq!(held.code, 0, "{}", held.stderr);
    assert!(held.stdout.contains("gate      held: hit_ratio@3"), "{}", held.stdout);
}

#[test]
fn an_audit_does_not_see_the_order_of_rows() {
    let place = place();
    let mut sorted = tastes();
    sorted.sort();
    place.write("sorted.csv", &csv(&sorted)).write("shuffled.csv", &csv(&shuffled(&tastes())));
    let audit = |file: &str, jobs: u32| {
        let line = format!(
            "audit {file} --victim wrmf:factors=4,iterations=2 --effort quick --k 3 --profile-size 4 --format json --jobs {jobs}"
        );
        let mut json = place.json(&line);
        json["dataset"]["name"] = Value::Null;
        let experiment = json["experiment"].as_str().unwrap().replace(file, "DATA");
        json["experiment"] = experiment.into();
        json
    };
    assert_eq!(audit("sorted.csv", 1), audit("shuffled.csv", 2));
}

#[test]
fn the_verdict_is_eight_lines_and_a_small_chart() {
    let text = Place::new().ok("audit --victim popularity --effort quick --seed 3").stdout;
    insta::assert_snapshot!("verdict", text);
}
