//! Rules that select targets and audiences.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use shillproof_attacks::{AudienceSpec, SelectError, TargetSpec};
use shillproof_core::{Audience, Interactions, ItemId, Seed, Triples, UserId};

/// Item `i` has `i / 2` interactions; 20 items, 10 users.
fn staircase() -> Interactions {
    let pairs = (0..20u32).flat_map(|i| (0..i / 2).map(move |u| (u, i)));
    let (users, items) = pairs.unzip();
    Interactions::from_triples(10, 20, Triples { users, items, ratings: None, times: None }, None).unwrap()
}

fn names() -> Vec<String> {
    (0..20).map(|i| format!("film {i}")).collect()
}

fn select_with(rule: &str, seed: u64, predictions: Option<&[f64]>) -> Result<Vec<u32>, SelectError> {
    let names = names();
    let label = |i: ItemId| names[i.index()].as_str();
    let chosen = rule.parse::<TargetSpec>()?.select(&staircase(), &label, predictions, Seed::new(seed))?;
    Ok(chosen.into_iter().map(|i| i.0).collect())
}

fn select(rule: &str, seed: u64) -> Result<Vec<u32>, SelectError> {
    select_with(rule, seed, None)
}

fn every(rule: &str) -> BTreeSet<u32> {
    (0..400).flat_map(|seed| select(rule, seed).unwrap()).collect()
}

#[test]
fn random_targets_are_any_items() {
    assert_eq!(every("random:3"), (0..20).collect());
    let one = select("random:20", 1).unwrap();
    assert_eq!(one.iter().copied().collect::<BTreeSet<_>>(), (0..20).collect());
    assert_eq!(one, select("random:20", 1).unwrap());
    assert_ne!(one, select("random:20", 2).unwrap());
}

#[test]
fn unpopular_targets_have_fewest_interactions_and_ties_follow_the_seed() {
    // Items 0 and 1 have none, 2 and 3 one each: of these the seed chooses.
    let thirds: BTreeSet<u32> = (0..50).map(|seed| select("unpopular:3", seed).unwrap()[2]).collect();
    assert_eq!(thirds, [2, 3].into());
    assert!((0..50).all(|seed| select("unpopular:3", seed).unwrap()[..2].iter().all(|&i| i < 2)));
}

#[test]
fn unpopular_with_a_bound_is_uniform_below_it_and_includes_items_without_interactions() {
    assert_eq!(every("unpopular:2:max=3"), (0..8).collect());
    assert!(matches!(select("unpopular:9:max=3", 1), Err(SelectError::TooFew { wanted: 9, found: 8, .. })));
}

#[test]
fn bands_are_percentiles_of_popularity() {
    assert_eq!(every("band:0-20:2"), (0..4).collect());
    assert_eq!(every("band:80-100:4"), (16..20).collect());
    assert_eq!(every("band:20-40:1"), (4..8).collect());
    assert!(matches!(select("band:20-40:5", 1), Err(SelectError::TooFew { found: 4, .. })));
}

#[test]
fn near_targets_have_their_average_prediction_near_the_value() {
    let averages: Vec<f64> = (0..20).map(|i| f64::from(i) / 10.0).collect();
    let seen: BTreeSet<u32> =
        (0..100).flat_map(|s| select_with("near:0.8:tol=0.15:2", s, Some(&averages)).unwrap()).collect();
    assert_eq!(seen, [7, 8, 9].into());
    assert_eq!(select_with("near:0.8:1", 1, Some(&averages)).unwrap(), [8]);
    assert!(matches!(select("near:0.8:1", 1), Err(SelectError::NeedsPredictions)));
    assert!("near:0.8:1".parse::<TargetSpec>().unwrap().needs_predictions());
}

#[test]
fn labels_are_found_exactly_and_the_nearest_is_named_otherwise() {
    assert_eq!(select("ids:film 7,film 3", 1).unwrap(), [7, 3]);
    let unknown = select("ids:film 7,fil 3", 1).unwrap_err();
    assert_eq!(unknown.to_string(), "`ids`: the data has no item `fil 3`");
    assert_eq!(unknown.hint().unwrap(), "did you mean `film 3`?");
    assert!(select("ids:x", 1).unwrap_err().hint().unwrap().contains("exactly"));
    assert!(matches!(select("ids:film 7,film 7", 1), Err(SelectError::Twice { .. })));
}

#[test]
fn files_hold_one_label_a_line() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(file, "\u{feff}film 2\r\n\r\nfilm 11\nfilm 4").unwrap();
    let rule = format!("@{}", file.path().display());
    assert_eq!(select(&rule, 1).unwrap(), [2, 11, 4]);
    write!(file, "\nflim 5\n").unwrap();
    let unknown = select(&rule, 1).unwrap_err();
    assert!(unknown.to_string().contains(":5: the data has no item `flim 5`"), "{unknown}");
    assert_eq!(unknown.hint().unwrap(), "did you mean `film 5`?");
    let empty = tempfile::NamedTempFile::new().unwrap();
    assert!(matches!(
        select(&format!("@{}", empty.path().display()), 1),
        Err(SelectError::Nothing { kind: "item" })
    ));
    assert!(matches!(select("@/no/such/file", 1), Err(SelectError::File { .. })));
}

#[test]
fn rules_read_as_they_are_written_in_both_forms() {
    let rules = [
        ("random:10", "{ random = { count = 10 } }"),
        ("unpopular:10", "{ unpopular = { count = 10 } }"),
        ("unpopular:5:max=5", "{ unpopular = { count = 5, max_interactions = 5 } }"),
        ("near:0.8:tol=0.05:10", "{ near = { value = 0.8, count = 10 } }"),
        ("near:-1.5:tol=0.1:2", "{ near = { value = -1.5, tolerance = 0.1, count = 2 } }"),
        ("band:20-40:10", "{ band = { low = 20.0, high = 40.0, count = 10 } }"),
        ("ids:L1,L 2", "{ ids = ['L1', 'L 2'] }"),
        ("@targets.txt", "{ file = 'targets.txt' }"),
    ];
    for (text, toml) in rules {
        let rule: TargetSpec = text.parse().unwrap();
        assert_eq!(rule.to_string(), text);
        assert_eq!(
            toml::from_str::<BTreeMap<String, TargetSpec>>(&format!("v = {toml}")).unwrap()["v"],
            rule
        );
    }
    assert_eq!("near:0.8:10".parse::<TargetSpec>().unwrap().to_string(), "near:0.8:tol=0.05:10");
    assert_eq!("unpopular:max=5:10".parse::<TargetSpec>().unwrap().to_string(), "unpopular:10:max=5");
}

#[test]
fn nonsense_is_refused_with_the_rules_there_are() {
    for text in [
        "",
        "random",
        "random:",
        "random:x",
        "random:-1",
        "random:3:max=5",
        "popular:3",
        "unpopular:3:min=5",
        "unpopular:3:max=5:max=6",
        "band:20:3",
        "near:0.8",
        "near:0.8:tol=x:3",
        "ids:",
        "ids:a,,b",
        "@",
        "10",
    ] {
        let error = text.parse::<TargetSpec>().unwrap_err();
        assert!(matches!(error, SelectError::Rule { .. }), "{text}: {error}");
        assert!(error.hint().unwrap().contains("`unpopular:10`"));
    }
    for text in
        ["random:0", "band:40-20:1", "band:0-101:1", "near:nan:1", "near:1:tol=-1:1", "near:1:tol=nan:1"]
    {
        let error = text.parse::<TargetSpec>().unwrap_err();
        assert!(matches!(error, SelectError::Number { .. }), "{text}: {error}");
    }
    assert!(
        toml::from_str::<BTreeMap<String, TargetSpec>>("v = { random = { count = 1, max = 2 } }").is_err()
    );
}

fn audience(rule: &str, seed: u64) -> Result<Audience, SelectError> {
    let names = names();
    rule.parse::<AudienceSpec>()?.select(10, &|u: UserId| names[u.index()].as_str(), Seed::new(seed))
}

#[test]
fn audiences_are_users() {
    assert_eq!(audience("all", 1).unwrap(), Audience::All);
    assert_eq!(audience("ids:film 7,film 3", 1).unwrap(), Audience::Users(vec![UserId(3), UserId(7)]));
    let Audience::Users(users) = audience("random:4", 1).unwrap() else { panic!("not users") };
    assert!(users.len() == 4 && users.is_sorted() && users.iter().all(|u| u.0 < 10));
    assert_ne!(audience("random:4", 1).unwrap(), audience("random:4", 2).unwrap());
    assert!(matches!(audience("random:11", 1), Err(SelectError::TooFew { found: 10, what: "users", .. })));
    assert!(matches!(audience("random:0", 1), Err(SelectError::Number { .. })));
    assert!(matches!(audience("ids:film 11", 1), Err(SelectError::UnknownLabel { kind: "user", .. })));
    for text in ["everybody", "random", "@", "ids:", "all:3"] {
        let error = text.parse::<AudienceSpec>().unwrap_err();
        assert!(matches!(error, SelectError::Rule { .. }), "{text}");
    }
    for (text, toml) in [
        ("all", "'all'"),
        ("random:20", "{ random = { count = 20 } }"),
        ("ids:a", "{ ids = ['a'] }"),
        ("@f", "{ file = 'f' }"),
    ] {
        let rule: AudienceSpec = text.parse().unwrap();
        assert_eq!(rule.to_string(), text);
        assert_eq!(
            toml::from_str::<BTreeMap<String, AudienceSpec>>(&format!("v = {toml}")).unwrap()["v"],
            rule
        );
    }
}
