//! `shillproof detect`: files, numbers, and what a detector is not told.

use crate::place::Place;

/// The rows of a file of scores without its header, as (user, suspicion, flagged, reason).
fn scores(place: &Place, file: &str) -> Vec<(String, f64, bool, String)> {
    let text = std::fs::read_to_string(place.path(file)).expect("the file was written");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("user,suspicion,flagged,reason"));
    let row = |line: &str| {
        let cells: Vec<&str> = line.splitn(4, ',').collect();
        let number = cells[1].parse().expect("a number");
        (cells[0].to_owned(), number, cells[2] == "true", cells[3].to_owned())
    };
    lines.map(row).collect()
}

#[test]
fn copies_of_one_list_are_duplicates_and_nobody_else_is() {
    let place = Place::new();
    let mut fakes = String::from("user,item,rating\n");
    let items = place.ok("data info demo --format json");
    assert!(items.stdout.contains("\"users\""));
    place.json(
        "craft demo --attack popular --targets random:1 --size 12 --profile-size 20 --out made.csv --seed 3",
    );
    let made = std::fs::read_to_string(place.path("made.csv")).expect("crafted");
    let first: Vec<&str> = made.lines().filter(|line| line.starts_with("fake-0001,")).collect();
    for bot in ["zed", "yan", "xiu"] {
        for line in &first {
            fakes.push_str(&line.replace("fake-0001", bot));
            fakes.push('\n');
        }
    }
    place.write("bots.csv", &fakes);
    let summary = place.json("detect demo --fakes bots.csv --detector duplicates --out scores.csv");
    assert_eq!(summary["fakes"]["users"], 3);
    assert_eq!(summary["auroc"], 1.0);
    assert_eq!((&summary["fnr"], &summary["fpr"]), (&0.0.into(), &0.0.into()));
    assert_eq!(summary["flagged"], 3);
    assert_eq!(summary["recall_at_fpr"]["0.01"], 1.0);
    assert_eq!(summary["recall_at_fpr"]["0.001"], 1.0);
    let scores = scores(&place, "scores.csv");
    assert_eq!(scores.len(), 1003);
    let flagged: Vec<&str> = scores.iter().filter(|row| row.2).map(|row| row.0.as_str()).collect();
    // Labels are the file's own, in their order.
    assert_eq!(flagged, ["xiu", "yan", "zed"]);
    assert!(scores.iter().all(|row| row.2 != row.3.is_empty()), "whoever is flagged is told why");
}

#[test]
fn without_fakes_there_is_no_truth_to_judge_by() {
    let place = Place::new();
    let summary = place.json("detect demo --detector coin-flip --out scores.csv");
    assert_eq!(summary["flagged"], 50);
    assert!(summary["threshold"].as_f64().is_some_and(|t| t > 0.9 && t < 1.0));
    assert!(summary.get("auroc").is_none(), "{summary}");
    assert_eq!(scores(&place, "scores.csv").len(), 1000);
}

#[test]
fn a_classifier_learns_from_examples_of_attacks_by_name() {
    let place = Place::new();
    place.json("craft demo --attack random --targets random:1 --size 2% --out fakes.csv --seed 3");
    let command =
        "detect demo --fakes fakes.csv --detector svm:examples=60 --train-attack random,average --seed 8";
    let summary = place.json(&format!("{command} --out scores.csv"));
    assert!(summary["auroc"].as_f64().is_some_and(|auroc| auroc > 0.9), "{summary}");
    let again = place.json(&format!("{command} --out again.csv --jobs 1"));
    assert_eq!(summary["auroc"], again["auroc"]);
    assert_eq!(scores(&place, "scores.csv"), scores(&place, "again.csv"));
}

#[test]
fn errors_say_what_to_do() {
    let place = Place::new();
    let run = place.run("detect demo --implicit --detector svm --out scores.csv");
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("no rating values") && run.stderr.contains("hint"), "{}", run.stderr);
    let run = place.run("detect demo --detector pcx --out scores.csv");
    assert!(run.stderr.contains("did you mean `pca`?"), "{}", run.stderr);
    let run = place.run("detect demo --detector svm --train-attack rndom --out scores.csv");
    assert!(run.stderr.contains("did you mean `random`?"), "{}", run.stderr);
}
