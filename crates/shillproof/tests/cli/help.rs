//! Help pages, word for word.

use crate::place::Place;

macro_rules! help {
    ($($test:ident: $command:literal),* $(,)?) => {
        $(#[test]
        fn $test() {
            let run = Place::new().ok(concat!($command, " --help"));
            assert_eq!(run.stderr, "");
            insta::assert_snapshot!(stringify!($test), run.stdout);
        })*
    };
}

help! {
    top: "",
    audit: "audit",
    craft: "craft",
    measure: "measure",
    recommend: "recommend",
    detect: "detect",
    run: "run",
    plan: "plan",
    check: "check",
    merge: "merge",
    report: "report",
    reproduce: "reproduce",
    leaderboard: "leaderboard",
    data: "data",
    data_list: "data list",
    data_info: "data info",
    data_get: "data get",
    data_convert: "data convert",
    data_convert_fakes: "data convert-fakes",
    list: "list",
    explain: "explain",
    schema: "schema",
    completions: "completions",
}

#[test]
fn nothing_at_all_shows_the_help() {
    let run = Place::new().run("");
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    assert!(run.stderr.contains("Usage: shillproof"));
}

#[test]
fn the_version_is_printed() {
    let run = Place::new().ok("--version");
    assert_eq!(run.stdout, format!("shillproof {}\n", env!("CARGO_PKG_VERSION")));
}
