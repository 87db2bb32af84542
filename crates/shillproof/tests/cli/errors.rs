//! What a person reads when something is wrong. Every case ends with exit code 2 and prints nothing on stdout.

use crate::place::{Place, csv, tastes};

/// A place with a data set with ratings, the same without, and fake users of the first.
fn place() -> Place {
    let place = Place::new();
    let rows = tastes();
    place.write("ratings.csv", &csv(&rows));
    let clicks: Vec<String> = rows.iter().map(|row| row[..2].join(",")).collect();
    place.write("clicks.csv", &format!("user,item\n{}\n", clicks.join("\n")));
    place.write("fakes.csv", "user,item,rating\nfake-0001,film 3,5\n");
    place
}

const MEASURE: &str = "measure ratings.csv --victim popularity --targets random:1";

macro_rules! told {
    ($($test:ident: $line:expr;)*) => {
        $(#[test]
        fn $test() {
            let run = place().fails($line, &["error: "]);
            insta::assert_snapshot!(stringify!($test), format!("$ shillproof {}\n{}", $line, run.stderr));
        })*
    };
}

told! {
    unknown_data: "measure raitings.csv --targets random:1";
    unknown_known_set: "data info ml-100kk";
    unknown_victim: "measure ratings.csv --victim popularty --targets random:1";
    unknown_victim_parameter: "measure ratings.csv --victim wrmf:factor=3 --targets random:1";
    victim_parameter_of_the_wrong_type: "measure ratings.csv --victim wrmf:factors=many --targets random:1";
    victim_parameter_out_of_range: "measure ratings.csv --victim wrmf:factors=0 --targets random:1";
    unknown_attack: "craft ratings.csv --attack bandwagn --targets random:1 --size 1 --out f.csv";
    unknown_attack_parameter: "craft ratings.csv --attack bandwagon:fraction=1 --targets random:1 --size 1 --out f.csv";
    unknown_target: "measure ratings.csv --victim popularity --targets 'ids:film 33'";
    unknown_target_rule: "measure ratings.csv --victim popularity --targets popular:3";
    too_many_targets: "measure ratings.csv --victim popularity --targets random:500";
    explicit_victim_on_implicit_data: "measure clicks.csv --victim als --targets random:1";
    budget_larger_than_the_catalogue: "craft ratings.csv --attack random --targets random:1 --size 1 --profile-size 1000 --out f.csv";
    size_that_rounds_to_nobody: "craft ratings.csv --attack random --targets random:1 --size 0.00001% --out f.csv";
    unknown_knowledge: "craft ratings.csv --attack random --targets random:1 --size 1 --knowledge some --out f.csv";
    knowledge_out_of_range: "craft ratings.csv --attack random --targets random:1 --size 1 --knowledge ratings:1.5 --out f.csv";
    unknown_split: "measure ratings.csv --victim popularity --targets random:1 --split leave-two-out";
    nonsense_gate: "audit ratings.csv --fail-if 'hit_ratio > lots'";
    unknown_page: "explain bandwagn";
    command_victim_that_is_not_there: "measure ratings.csv --victim 'command:no-such-model {train} {out}' --targets random:1";
    command_victim_that_fails: "measure ratings.csv --victim \"command:sh -c 'echo cannot import torch >&2; exit 3' x {train} {out}\" --targets random:1";
    no_records: "report .";
    unknown_flag: "measure ratings.csv --target random:1";
}

#[test]
fn numbers_that_are_none() {
    let place = place();
    let craft = "craft ratings.csv --attack random --targets random:1 --out f.csv";
    for size in ["nan%", "NaN", "-1", "inf%", "1.5", "", "ten"] {
        place.fails(
            &format!("{craft} --size '{size}'"),
            &["failed to read --size", "expected a share from 0% to 100% such as 1% or a count such as 12"],
        );
        place.fails(&format!("{craft} --size 1 --profile-size '{size}'"), &["failed to read --profile-size"]);
    }
    for k in ["0", "-1", "ten", "10,0", "", "99999999999999999999999"] {
        place.fails(&format!("{MEASURE} --k='{k}'"), &["for '--k <K,...>'", "whole number of at least 1"]);
    }
    place.fails("recommend ratings.csv --k 0 --out r.csv", &["whole number of at least 1"]);
    place.fails("audit --k 0", &["whole number of at least 1"]);
    place.fails(&format!("{MEASURE} --repeats 0"), &["--repeats"]);
    place.fails(&format!("{MEASURE} --jobs 0"), &["--jobs"]);
    place.fails(&format!("{MEASURE} --seed=-1"), &["--seed"]);
    place.fails(&format!("{MEASURE} --min-rating nan"), &["--min-rating", "expected a finite number"]);
    for scale in ["5:1", "nan:5", "1", "1:5:0", "a:b"] {
        place.fails(
            &format!("{MEASURE} --rating-scale {scale}"),
            &["--rating-scale", "expected MIN:MAX", "hint: "],
        );
    }
    for timeout in ["nan", "0", "-3", "inf"] {
        let line = "measure ratings.csv --victim 'command:true {train} {out}' --targets random:1";
        place.fails(
            &format!("{line} --victim-timeout={timeout}"),
            &["timeout_seconds", "a finite number above 0"],
        );
    }
    assert!(!place.path("f.csv").exists() && !place.path("r.csv").exists(), "never a partial result");
}

#[test]
fn what_does_not_fit_the_data() {
    let place = place();
    place.fails(
        "measure ratings.csv --targets random:0 --victim popularity",
        &["expected at least one target"],
    );
    place.fails("measure ratings.csv --targets @nobody.txt --victim popularity", &["nobody.txt", "hint: "]);
    place.fails(&format!("{MEASURE} --target-users random:4000"), &["asks for 4000 users"]);
    place.fails(&format!("{MEASURE} --target-users ids:Zoe"), &["the data has no user `Zoe`"]);
    place.fails(&format!("{MEASURE} --min-user 1000"), &["--min-user 1000", "hint: "]);
    place.fails(&format!("{MEASURE} --columns user,thing"), &["failed to load `ratings.csv`", "hint: "]);
    place.fails(&format!("{MEASURE} --defense armour"), &["no defense is called `armour`", "hint: "]);
    place.fails(
        "craft ratings.csv --attack probe --targets random:1 --size 1 --out f.csv --queries 1%",
        &["--black-box"],
    );
    place.fails(
        "craft ratings.csv --attack random --targets random:1 --size 1 --out f.csv --black-box wrmf --victim als",
        &["cannot be used with"],
    );
    place.fails(
        "craft ratings.csv --attack random --targets random:1 --size 1 --profile-size 3 --out no/such/folder/f.csv",
        &["failed to write `no/such/folder/f.csv`", "there is no folder `no/such/folder`", "hint: "],
    );
}

#[test]
fn fake_users_that_are_not_of_this_data() {
    let place = place();
    let with = |name: &str| format!("{MEASURE} --fakes {name}");
    place.fails(&with("none.csv"), &["failed to read the fake users in `none.csv`"]);
    for (name, text, part) in [
        ("empty.csv", "", "an empty file"),
        ("item.csv", "user,item,rating\nfake-0001,film 99,5\n", "film 99"),
        ("scale.csv", "user,item,rating\nfake-0001,film 3,9\n", "item.csv:2"),
        ("genuine.csv", "user,item,rating\nÜ1,film 3,5\n", "who is a genuine user"),
        ("twice.csv", "user,item,rating\nfake-1,film 3,5\nfake-1,film 3,4\n", "twice.csv:3"),
    ] {
        let part = if part == "item.csv:2" { "scale.csv:2" } else { part };
        place.write(name, text);
        place.fails(&with(name), &["failed to read the fake users", part]);
    }
}

#[test]
fn experiment_files_with_mistakes() {
    let place = place();
    let good = "victim = { popularity = {} }\nattack = { random = {} }\n";
    for (text, parts) in [
        ("", &["dataset"][..]),
        (
            &format!("dataset = {{ demo = {{}} }}\n{good}repeat = 3\n"),
            &["grid.toml:4", "repeat", "did you mean `repeats`?"],
        ),
        ("dataset = { demo = {} }\nvictim = { popularty = {} }\nattack = {}", &["grid.toml:2", "popularity"]),
        (
            &format!("dataset = {{ demo = {{}} }}\n{good}[threat]\nsize = {{ fraction = nan }}\n"),
            &["grid.toml:5", "size"],
        ),
        (&format!("dataset = {{ demo = {{}} }}\n{good}repeats = 0\n"), &["grid.toml:4", "at least 1"]),
        (&format!("dataset = {{ file = {{ path = \"no.csv\" }} }}\n{good}"), &["failed to load `no.csv`"]),
        ("dataset = [", &["grid.toml:1"]),
    ] {
        place.write("grid.toml", text);
        for command in ["check", "plan", "run"] {
            place.fails(&format!("{command} grid.toml"), &[&["error: failed to "], parts].concat());
        }
    }
    place.fails("check nowhere.toml", &["nowhere.toml", "hint: "]);
    let rest = "dataset = { file = { path = \"ratings.csv\" } }\n";
    place.write("grid.toml", &format!("{rest}{good}"));
    place.fails("run grid.toml --shard 3/2", &["`3/2` is not a shard", "1 <= I <= N"]);
    place.fails("run grid.toml --only deadbeef", &["`deadbeef` is not a key"]);
    place.fails("run grid.toml --only 0123456789abcdef01234567", &["no cell of this experiment", "hint: "]);
    place.fails("merge nothing", &["failed to merge the records"]);
}

#[test]
fn gates_with_mistakes() {
    for (gate, part) in [
        ("hit_ratio@10 > 0.05", "no attack size"),
        ("hit_ratio@10 0.05 at 1%", "no comparison"),
        ("hit_ratio@10 > nan at 1%", "not a number"),
        ("ndcg@10 > 0.05 at 1%", "no audited metric"),
    ] {
        place().fails(
            &format!("audit ratings.csv --fail-if '{gate}'"),
            &["failed to read --fail-if", part, "hint: "],
        );
    }
}

#[test]
fn no_color_off_a_terminal_or_where_it_is_unwanted() {
    let place = place();
    let out = place.command().args(["explain", "nothing-like-it"]).env("NO_COLOR", "1").output().unwrap();
    let text = String::from_utf8(out.stderr).unwrap();
    assert!(text.starts_with("error: ") && !text.contains('\x1b'), "{text:?}");
    assert!(!place.run("explain nothing-like-it").stderr.contains('\x1b'));
}
