//! Whole jobs through the real program: files between commands, threads, orders of rows, labels.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;

use crate::place::{Place, csv, root, shuffled, tastes, timeless};
use serde_json::Value;

const WRMF: &str = "wrmf:factors=4,iterations=3";

/// A place with the tastes, sorted and shuffled.
fn place() -> Place {
    let place = Place::new();
    let rows = tastes();
    let mut sorted = rows.clone();
    sorted.sort();
    place.write("sorted.csv", &csv(&sorted)).write("shuffled.csv", &csv(&shuffled(&rows)));
    place
}

/// Everything of a measurement but the name of its file.
fn nameless(value: Value) -> Value {
    let mut value = timeless(value);
    value["dataset"]["name"] = Value::Null;
    value
}

#[test]
fn craft_then_measure_through_files_equals_the_library_to_the_last_bit() {
    use shillproof::attacks::{AttackSpec, AudienceSpec};
    use shillproof::core::catalogue::Catalogue;
    use shillproof::core::{Ctx, Seed};
    use shillproof::data::knowledge::KnowledgeSpec;
    use shillproof::data::split::SplitSpec;
    use shillproof::data::{DataOptions, load};
    use shillproof::lab::command::VictimChoice;
    use shillproof::lab::measurement::{Request, measure};
    use shillproof::lab::plan::Threat;
    use shillproof::lab::rankings::Exclude;
    use shillproof::lab::spec::MeasureSpec;
    use shillproof::lab::trial::Setup;

    let place = Place::new();
    let common = "--targets random:2 --seed 5";
    let victim = "wrmf:factors=16,iterations=3,weight=40";
    place.json(&format!(
        "craft demo --attack average --size 1% --profile-size 20 --out f.csv --victim {victim} {common}"
    ));
    let through_files =
        place.json(&format!("measure demo --fakes f.csv --victim {victim} --k 10,50 --repeats 2 {common}"));

    let data = std::sync::Arc::new(load("demo", &DataOptions::default()).unwrap());
    let setup = Setup::new(data, &SplitSpec::None, Seed::new(5)).unwrap();
    let ctx = Ctx::new(Seed::new(5));
    let victim = VictimChoice::from_inline(victim).unwrap();
    let attack = AttackSpec::from_inline("average").unwrap();
    let threat = Threat {
        targets: "random:2".parse().unwrap(),
        target: None,
        objective: shillproof::core::Objective::Promote,
        size: "1%".parse().unwrap(),
        profile_size: "20".parse().unwrap(),
        knowledge: KnowledgeSpec::default(),
        black_box: None,
        surrogate: None,
        target_users: AudienceSpec::All,
        exclude: Exclude::Train,
        targets_clicked: true,
    };
    let targets = setup.targets(&threat.targets, || unreachable!("this rule needs no predictions")).unwrap();
    let fakes = setup.craft(&attack, &threat, &victim, None, &targets, 10, &ctx).unwrap();
    let request = Request {
        guard: shillproof::lab::trial::Guard::default(),
        victim: &victim,
        fakes: Some(&fakes),
        targets: &targets,
        audience: &shillproof::core::Audience::All,
        exclude: Exclude::Train,
        measure: &MeasureSpec { hit_ratio: vec![10, 50], ..MeasureSpec::default() },
        repeats: 2,
    };
    let in_process = serde_json::to_value(measure(&setup, &request, &ctx).unwrap()).unwrap();
    for key in ["hit_ratio", "hit_ratio_eligible", "hit_ratio_any"] {
        assert_eq!(through_files[key], in_process[key], "{key}");
    }
    assert_eq!(through_files["fakes"]["users"], 10);
    assert!(
        through_files["hit_ratio"]["50"]["mean"].as_f64().unwrap() > 0.0,
        "an attack that nobody sees proves nothing"
    );
}

#[test]
fn one_thread_or_two_give_the_same_bytes() {
    let place = Place::new();
    let run = |jobs: u32| {
        let craft = format!(
            "craft demo --attack bandwagon --targets random:2 --size 1% --out f{jobs}.csv --jobs {jobs}"
        );
        place.json(&craft);
        let victim = "wrmf:factors=8,iterations=2";
        let measured = place.json(&format!(
            "measure demo --victim {victim} --fakes f{jobs}.csv --targets random:2 --split leave-one-out --jobs {jobs}"
        ));
        place.json(&format!(
            "recommend demo --victim {victim} --fakes f{jobs}.csv --out r{jobs}.csv --jobs {jobs}"
        ));
        (place.read(&format!("f{jobs}.csv")), timeless(measured), place.read(&format!("r{jobs}.csv")))
    };
    assert!(run(1) == run(2), "the number of threads shows in the results");
}

#[test]
fn shuffled_rows_with_string_labels_give_the_same_numbers() {
    let place = place();
    let run = |file: &str| {
        place.json(&format!(
            "craft {file} --attack average --targets unpopular:2 --size 10% --profile-size 4 --out fakes.csv"
        ));
        let fakes = place.read("fakes.csv");
        let measured = place.json(&format!(
            "measure {file} --victim {WRMF} --fakes fakes.csv --targets unpopular:2 --k 3,5 --split leave-one-out"
        ));
        place.json(&format!("recommend {file} --victim {WRMF} --fakes fakes.csv --k 3 --out lists.csv"));
        (fakes, nameless(measured), place.read("lists.csv"))
    };
    let (sorted, shuffled) = (run("sorted.csv"), run("shuffled.csv"));
    assert_eq!(sorted.0, shuffled.0);
    assert_eq!(sorted.1, shuffled.1);
    assert_eq!(sorted.2, shuffled.2);
}

#[test]
fn labels_survive_every_round_trip() {
    let place = place();
    let users: BTreeSet<String> = tastes().into_iter().map(|row| row[0].clone()).collect();
    let items: BTreeSet<String> = tastes().into_iter().map(|row| row[1].clone()).collect();
    place.json("craft shuffled.csv --attack random --targets 'ids:film 17' --size 3 --profile-size 5 --out fakes.csv");
    let mut fakes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in place.read("fakes.csv").lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        assert!(items.contains(cells[1]), "{line}");
        fakes.entry(cells[0].into()).or_default().insert(cells[1].into());
    }
    assert_eq!(fakes.keys().collect::<Vec<_>>(), ["fake-0001", "fake-0002", "fake-0003"]);
    assert!(fakes.values().all(|items| items.contains("film 17") && items.len() == 6));

    place.json(&format!("recommend shuffled.csv --victim {WRMF} --fakes fakes.csv --k 4 --out lists.csv"));
    let mut seen = BTreeSet::new();
    for line in place.read("lists.csv").lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        seen.insert(cells[0].to_owned());
        assert!(users.contains(cells[0]) && items.contains(cells[2]), "{line}");
        assert!(!tastes().iter().any(|row| row[0] == cells[0] && row[1] == cells[2]), "a seen item: {line}");
    }
    assert_eq!(seen, users, "every genuine user has a list, no fake one has");

    for file in ["copy.csv", "copy.inter"] {
        place.ok(&format!("data convert shuffled.csv --out {file}"));
        let measure = |file: &str| {
            nameless(place.json(&format!("measure {file} --victim {WRMF} --targets 'ids:film 17' --k 3")))
        };
        assert_eq!(measure(file), measure("sorted.csv"), "{file}");
    }
}

#[test]
fn bug_4_a_target_is_the_same_item_after_write_and_reload() {
    // Rows not grouped by user: ids by first appearance would name other items after the reload.
    let place = place();
    place.json(
        "craft shuffled.csv --attack random --targets 'ids:film 3' --size 8 --profile-size 3 --out fakes.csv",
    );
    let fakes = place.read("fakes.csv");
    let poisoned: Vec<String> = fakes.lines().skip(1).map(|line| format!("{line},2000")).collect();
    let genuine = csv(&shuffled(&tastes()));
    let (header, rows) = genuine.split_once('\n').unwrap();
    place.write("poisoned.csv", &format!("{header}\n{}\n{rows}", poisoned.join("\n")));
    // Popularity, so that the answer can be counted by hand: the target got 8 more interactions and nothing else moved.
    let counts = |file: &str| {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for line in place.read(file).lines().skip(1) {
            *counts.entry(line.split(',').nth(1).unwrap().into()).or_default() += 1;
        }
        counts
    };
    let fakes_count = counts("fakes.csv");
    assert_eq!(fakes_count["film 3"], 8);
    let together = counts("poisoned.csv");
    let by_popularity = |user: &str| -> Option<String> {
        let own: BTreeSet<String> =
            tastes().into_iter().filter(|row| row[0] == user).map(|row| row[1].clone()).collect();
        let best =
            together.iter().filter(|(item, _)| !own.contains(*item)).max_by_key(|(_, count)| **count)?;
        let tied = together.iter().filter(|(item, count)| !own.contains(*item) && *count == best.1).count();
        (tied == 1).then(|| best.0.clone())
    };
    for (data, fakes) in [("shuffled.csv", "--fakes fakes.csv"), ("poisoned.csv", "")] {
        place.json(&format!("recommend {data} --victim popularity {fakes} --k 1 --out lists.csv"));
        let mut checked = 0;
        for line in place.read("lists.csv").lines().skip(1).filter(|line| !line.starts_with("fake")) {
            let cells: Vec<&str> = line.split(',').collect();
            if let Some(best) = by_popularity(cells[0]) {
                assert_eq!(cells[2], best, "{data}: {line}");
                checked += 1;
            }
        }
        assert!(checked > 10, "{checked} users without a tie");
    }
}

#[test]
fn a_measurement_has_the_keys_of_the_contract() {
    let place = place();
    place.json(
        "craft sorted.csv --attack random --targets random:2 --size 5% --profile-size 3 --out fakes.csv",
    );
    let json = place.json(&format!(
        "measure sorted.csv --victim {WRMF} --fakes fakes.csv --targets random:2 --k 3,5 --repeats 3 --split leave-one-out"
    ));
    assert_eq!(json["dataset"]["users"], 40);
    assert_eq!(json["dataset"]["items"], 20);
    assert_eq!(json["dataset"]["interactions"], tastes().len());
    assert_eq!(json["dataset"]["checksum"].as_str().unwrap().len(), 64);
    assert_eq!(json["victim"], WRMF);
    assert_eq!(json["fakes"]["users"], 2);
    assert_eq!(json["targets"].as_array().unwrap().len(), 2);
    assert_eq!(json["k"], serde_json::json!([3, 5]));
    assert_eq!(json["repeats"], 3);
    for key in ["hit_ratio", "hit_ratio_eligible"] {
        let one = &json[key]["3"];
        assert!(one["mean"].is_f64() && one["std"].is_f64() && one["ci95"][1].is_f64(), "{key}: {one}");
        assert_eq!(one["n"], 6);
        assert_eq!(one["per_target"].as_object().unwrap().len(), 2);
    }
    assert_eq!(json["hit_ratio_any"]["5"]["n"], 3);
    assert!(json["accuracy"]["hit_ratio@3"]["mean"].is_f64() && json["accuracy"]["ndcg@5"]["mean"].is_f64());
    assert!(json["seconds"]["fit"].as_f64().unwrap() > 0.0 && json["seconds"]["rank"].is_f64());
    if cfg!(target_os = "linux") {
        assert!(json["peak_rss_bytes"].as_u64().unwrap() > 1_000_000);
    }
    assert!(json.get("display_rate_any").is_none());
    let some = place.json(&format!(
        "{} --target-users random:5",
        "measure sorted.csv --victim popularity --targets random:2"
    ));
    assert!(
        some["display_rate_any"]["10"]["mean"].is_f64() && some["display_rate_pair"]["10"]["mean"].is_f64()
    );
}

#[test]
fn craft_prints_what_the_contract_says_and_grows_by_prefixes() {
    let place = place();
    let craft = |size: u32| {
        let json = place.json(&format!("craft sorted.csv --attack average --targets random:2 --size {size} --profile-size 4 --out f{size}.csv"));
        (json, place.read(&format!("f{size}.csv")))
    };
    let (json, small) = craft(2);
    assert_eq!(json["fakes"], serde_json::json!({"users": 2, "interactions": 12}));
    assert!(json["seconds"].is_f64());
    assert_eq!(json["targets"].as_array().unwrap().len(), 2);
    assert_eq!((&json["knowledge"], &json["queries"]), (&"full".into(), &0.into()));
    let (_, large) = craft(5);
    assert!(large.starts_with(&small), "a smaller attack is the prefix of a larger one");
}

#[test]
fn repeat_0_of_measure_is_recommend() {
    let place = place();
    let json = place.json(&format!("measure sorted.csv --victim {WRMF} --targets random:3 --k 3 --seed 9"));
    place.json(&format!("recommend sorted.csv --victim {WRMF} --k 3 --out lists.csv --seed 9"));
    let lists = place.read("lists.csv");
    for (target, mean) in json["hit_ratio"]["3"]["per_target"].as_object().unwrap() {
        let hits = lists.lines().filter(|line| line.split(',').nth(2) == Some(target)).count();
        assert_eq!(mean.as_f64().unwrap(), hits as f64 / 40.0, "{target}");
    }
}

#[test]
fn an_implicit_victim_says_that_it_takes_no_ratings() {
    let place = place();
    let run = place.ok(&format!("measure sorted.csv --victim {WRMF} --targets random:1"));
    assert!(run.stderr.contains("every rating above 0 counts as one interaction"), "{}", run.stderr);
    let quiet = place.ok(&format!("measure sorted.csv --victim {WRMF} --targets random:1 --quiet"));
    assert_eq!(quiet.stderr, "");
}

#[test]
fn a_recommender_of_the_users_own_is_measured_like_any_other() {
    let place = place();
    let script = root().join("examples/my_model.py");
    let victim = format!(
        "command:python3 {} --train {{train}} --recommend {{out}} --k {{k}} --seed {{seed}}",
        script.display()
    );
    place.json(
        "craft sorted.csv --attack random --targets 'ids:film 5' --size 20% --profile-size 5 --out fakes.csv",
    );
    let line =
        |rest: &str| format!("measure sorted.csv --victim '{victim}' --targets 'ids:film 5' --k 3,5 {rest}");
    let clean = place.json(&line(""));
    let attacked = place.json(&line("--fakes fakes.csv"));
    assert_eq!(attacked["victim"], victim);
    let hit = |json: &Value| json["hit_ratio"]["5"]["mean"].as_f64().unwrap();
    assert!(hit(&attacked) > hit(&clean), "{} after {}", hit(&attacked), hit(&clean));
    assert_eq!(timeless(attacked), timeless(place.json(&line("--fakes fakes.csv"))));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = Place::new();
    let mut child = place
        .command()
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let out = child.wait_with_output().unwrap();
    assert_eq!((out.status.code(), String::from_utf8(out.stderr).unwrap().as_str()), (Some(0), ""));
}

#[test]
fn data_sets_are_listed_described_and_fetched() {
    let place = place();
    let list = place.json("data list --format json");
    assert_eq!((&list[0]["name"], &list[0]["here"]), (&"demo".into(), &true.into()));
    assert!(list.as_array().unwrap().iter().any(|set| set["name"] == "ml-100k" && set["here"] == false));
    assert_eq!(place.ok("data list").stdout.lines().count(), list.as_array().unwrap().len());
    let info = place.json("data info sorted.csv --format json");
    assert_eq!((&info["statistics"]["users"], &info["statistics"]["items"]), (&40.into(), &20.into()));
    let text = place.ok("data info sorted.csv").stdout;
    assert!(text.contains("users            40\n"), "{text}");
    place.fails("data get ml-100k", &["hint: "]);
    place.fails("data get ml-100k --from sorted.csv", &["ml-100k"]);
    place.fails("data get ml-100", &["ml-100", "hint: "]);
}

#[test]
fn the_demo_stands_beside_the_real_movielens() {
    let place = Place::new();
    let beside: Vec<[String; 2]> = place
        .ok("data info demo")
        .stdout
        .lines()
        .filter_map(|line| line.split_once("  MovieLens 100K: "))
        .map(|(row, theirs)| [row[..17].trim().to_owned(), theirs.to_owned()])
        .collect();
    assert_eq!(beside.len(), 13);
    let Some(folder) = shillproof_testkit::real_data("ml-100k") else { return };
    let info = place
        .command()
        .args(["data", "info", "ml-100k"])
        .env("SHILLPROOF_DATA", folder.parent().unwrap())
        .output();
    let info = String::from_utf8(info.unwrap().stdout).unwrap();
    for [row, theirs] in &beside {
        let line =
            info.lines().find(|line| line[..17].trim() == row).unwrap_or_else(|| panic!("{row} in {info}"));
        assert!(line[17..].split(';').next() == Some(theirs), "{row}: {theirs} or {line}");
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_cleanly() {
    let place = place();
    let child = place
        .command()
        .args([
            "measure",
            "sorted.csv",
            "--targets",
            "random:1",
            "--victim",
            "command:sh -c 'sleep 60' {train} {out}",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let start = std::time::Instant::now();
    std::thread::sleep(std::time::Duration::from_millis(700));
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let out = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(2), "{stderr}");
    assert!(
        stderr.contains("stopping; press Ctrl-C again") && stderr.contains("stopped before the end"),
        "{stderr}"
    );
    assert!(start.elapsed().as_secs() < 30, "the command was waited for");
}

#[test]
fn lists_explanations_schema_and_completions_are_there() {
    let place = Place::new();
    for kind in ["victims", "attacks", "detectors", "defenses", "metrics"] {
        let list = place.json(&format!("list {kind} --format json"));
        let text = place.ok(&format!("list {kind}")).stdout;
        assert_eq!(text.lines().count(), list.as_array().unwrap().len(), "{kind}");
        for entry in list.as_array().unwrap() {
            let name = entry["name"].as_str().unwrap();
            let page = place.ok(&format!("explain {name}")).stdout;
            assert!(page.lines().count() > 2 && !page.contains("**") && !page.contains("```"), "{page}");
        }
    }
    let names = place.ok("list victims").stdout;
    assert!(names.lines().any(|line| line.starts_with("command ")), "{names}");
    let schema = place.json("schema");
    assert!(schema["properties"]["victim"].is_object(), "{schema}");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(place.ok(&format!("completions {shell}")).stdout.contains("shillproof"));
    }
}
