//! Fake users brought from other tools and taken to them.

use serde_json::Value;

use crate::place::{Place, csv, tastes, timeless};

const CRAFT: &str = "craft demo --attack bandwagon --targets random:3 --size 1% --profile-size 15 --seed 4";

/// What `measure` says of fake users, seconds aside.
fn measure(place: &Place, fakes: &str) -> Value {
    timeless(place.json(&format!(
        "measure demo --fakes {fakes} --targets random:3 --victim wrmf:factors=8,iterations=3 --seed 4 --split leave-one-out"
    )))
}

#[test]
fn every_format_gives_the_same_measurement_to_the_last_bit() {
    let place = Place::new();
    let crafted = place.json(&format!("{CRAFT} --out fakes.csv"));
    let from_csv = measure(&place, "fakes.csv");
    assert!(
        from_csv["hit_ratio"]["50"]["mean"].as_f64().unwrap() > 0.0,
        "an attack that nobody sees proves nothing"
    );
    for (out, how) in [
        ("f.tsv", ""),
        ("f.inter", ""),
        ("f.json", ""),
        ("poison/", ""),
        ("held-out/", "--split leave-one-out"),
        ("named", "--as arlib"),
        ("f.txt", "--as json"),
    ] {
        let summary = place
            .json(&format!("data convert-fakes demo fakes.csv --out {out} {how} --seed 4 --format json"));
        assert_eq!(summary, crafted["fakes"], "{out}");
        assert_eq!(measure(&place, out), from_csv, "{out}");
        place.ok(&format!("data convert-fakes demo {out} --out back.csv"));
        assert_eq!(place.read("back.csv"), place.read("fakes.csv"), "{out}");
    }
    let lines = |name: &str| place.read(name).lines().count();
    let demo = shillproof::data::demo().interactions.len();
    assert_eq!(
        (lines("poison/train.txt"), lines("poison/val.txt"), lines("poison/test.txt")),
        (demo + 180, 0, 0)
    );
    assert_eq!(lines("held-out/train.txt") + lines("held-out/test.txt"), demo + 180);
    assert!(lines("held-out/test.txt") > 900);
}

#[test]
fn crafted_in_a_format_is_crafted_and_converted() {
    let place = Place::new();
    place.json(&format!("{CRAFT} --out fakes.csv"));
    for (out, file) in
        [("f.tsv", "f.tsv"), ("f.inter", "f.inter"), ("f.json", "f.json"), ("poison/", "poison/train.txt")]
    {
        place.json(&format!("{CRAFT} --out crafted-{out}"));
        place.ok(&format!("data convert-fakes demo fakes.csv --targets random:3 --seed 4 --out {out}"));
        assert_eq!(place.read(&format!("crafted-{file}")), place.read(file), "{out}");
    }
    place.json(&format!("{CRAFT} --split leave-one-out --out held-out/"));
    assert!(place.read("held-out/test.txt").lines().count() > 900);
    let json: Value = serde_json::from_str(&place.read("f.json")).unwrap();
    assert_eq!(json["target_items"].as_array().unwrap().len(), 3);
    for items in json["fake_users"].as_object().unwrap().values() {
        let items = items.as_array().unwrap();
        assert!(json["target_items"].as_array().unwrap().iter().all(|target| items.contains(target)));
    }
}

#[test]
fn a_detector_names_the_users_of_a_folder() {
    let place = Place::new();
    place.json(&format!("{CRAFT} --out fakes.csv"));
    place.ok("data convert-fakes demo fakes.csv --out poison/");
    let detect = |fakes: &str| {
        let summary =
            place.json(&format!("detect demo --fakes {fakes} --detector profile-shape --out scores.csv"));
        (summary, place.read("scores.csv"))
    };
    let (from_csv, from_folder) = (detect("fakes.csv"), detect("poison"));
    assert_eq!(from_csv, from_folder);
    assert!(from_folder.1.contains("\nfake-0010,"));
}

#[test]
fn order_goes_where_there_is_one() {
    let place = Place::new();
    place.write("ratings.csv", &csv(&tastes()));
    place.write("f.csv", "user,item,rating,position\nbot,film 3,5,0\nbot,film 1,4,1\n");
    place.ok("data convert-fakes ratings.csv f.csv --out f.inter");
    assert_eq!(
        place.read("f.inter"),
        "user_id:token\titem_id:token\trating:float\ttimestamp:float\nbot\tfilm 3\t5\t0\nbot\tfilm 1\t4\t1\n"
    );
    place.ok("data convert-fakes ratings.csv f.inter --out f.json");
    place.ok("data convert-fakes ratings.csv f.json --out back.csv");
    assert_eq!(place.read("back.csv"), place.read("f.csv"));
}

#[test]
fn what_cannot_be_converted_says_why() {
    let place = Place::new();
    place.write("ratings.csv", &csv(&tastes()));
    let plain = csv(&tastes()).replace("film ", "film");
    place.write("plain.csv", &plain);
    place.write("f.csv", "user,item,rating\nbot,film 3,5\n");
    place.write("g.csv", "user,item,rating\nbot,film3,5\n");
    place.write("ordered.csv", "user,item,rating,position\nbot,film3,5,0\n");
    place.write(
        "vat.json",
        "{\"target_items\": [\"film3\"], \"fake_users\": {\"bot\": [\"film3\", \"film3\"]}}",
    );
    let convert = "data convert-fakes";
    place.fails(
        &format!("{convert} ratings.csv f.csv --out poison/"),
        &["the label `film", "cut at blanks", "hint: ", "--as inter"],
    );
    place.fails(
        &format!("{convert} plain.csv ordered.csv --out poison/"),
        &["profiles in order", "hint: ", "--drop-order"],
    );
    place.fails(
        &format!("{convert} plain.csv g.csv --out f.xyz --as cvs"),
        &["--as", "`cvs`", "`arlib` or `json`"],
    );
    place.fails(&format!("{convert} plain.csv vat.json --out v.csv"), &["without `ratings`", "--implicit"]);
    place.fails(
        &format!("{convert} plain.csv vat.json --out v.csv --implicit"),
        &["vat.json:1", "again", "--first-of-repeated"],
    );
    let run = place.ok(&format!("{convert} plain.csv vat.json --out v.csv --implicit --first-of-repeated"));
    assert!(run.stderr.contains("1 rows repeat an item of a fake user"), "{}", run.stderr);
    assert_eq!(place.read("v.csv"), "user,item,rating,position\nbot,film3,1,0\n");
    place.ok(&format!("{convert} plain.csv v.csv --implicit --drop-order --out bare/"));
    assert!(place.read("bare/train.txt").ends_with("\nbot film3 1\n"));

    place.ok(&format!("{convert} plain.csv g.csv --out poison/"));
    place.fails(&format!("{convert} plain.csv g.csv --out poison/"), &["the folder is not empty", "hint: "]);
    let craft = "craft ratings.csv --attack random --targets random:1 --size 1 --profile-size 3";
    place.fails(&format!("{craft} --out poison/"), &["failed to write `poison/`", "the folder is not empty"]);
    place.fails(&format!("{craft} --out new/"), &["failed to write `new/`", "cut at blanks"]);
    assert!(!place.path("new").exists());
    place.fails(
        "measure demo --victim popularity --targets random:1 --fakes poison",
        &[
            "failed to read the fake users in `poison`",
            "0 rows of users of demo",
            "are missing",
            "hint: give the DATA",
        ],
    );
    place.write("poison/val.txt", "bot film1 5\n");
    place.fails(
        "measure plain.csv --victim popularity --targets random:1 --fakes poison",
        &["val.txt:1", "fake user", "hint: "],
    );
}

#[test]
fn ids_of_another_tool_need_its_map() {
    let place = Place::new();
    place.write("ratings.csv", &csv(&tastes()));
    place.write("item_list.txt", "org_id remap_id\nfilm 3 0\nfilm 4 1\n");
    place.write("ids.csv", "user,item,rating\nbot,1,5\n");
    place.fails("data convert-fakes ratings.csv ids.csv --out f.csv", &["the item `1`", "--item-map"]);
    place.ok("data convert-fakes ratings.csv ids.csv --item-map item_list.txt --out f.csv");
    assert_eq!(place.read("f.csv"), "user,item,rating\nbot,film 4,5\n");
}

#[test]
fn the_examples_of_the_help_work_in_their_order() {
    let place = Place::new();
    let help = place.ok("data convert-fakes --help").stdout;
    let examples: Vec<&str> = help.lines().filter_map(|line| line.strip_prefix("  shillproof ")).collect();
    assert_eq!(examples.len(), 4, "{help}");
    for example in examples {
        place.ok(example);
    }
    assert_eq!(place.read("fakes.inter").lines().count(), place.read("fakes.csv").lines().count());
}
