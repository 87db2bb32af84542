use std::collections::BTreeMap;

use proptest::prelude::*;
use shillproof_core::{Triples, UserId};

use super::*;
use crate::Labels;

fn timed(pairs: &BTreeMap<(u32, u32), i64>, times: bool) -> Interactions {
    let triples = Triples {
        users: pairs.keys().map(|p| p.0).collect(),
        items: pairs.keys().map(|p| p.1).collect(),
        ratings: None,
        times: times.then(|| pairs.values().copied().collect()),
    };
    Interactions::from_triples(6, 30, triples, None).unwrap()
}

fn pairs() -> impl Strategy<Value = BTreeMap<(u32, u32), i64>> {
    prop::collection::btree_map((0u32..6, 0u32..30), 0i64..5, 0..90)
}

fn flat(parts: &[&Interactions]) -> Vec<(u32, u32)> {
    let mut all: Vec<(u32, u32)> = parts
        .iter()
        .flat_map(|part| {
            let t = part.to_triples();
            t.users.into_iter().zip(t.items).collect::<Vec<_>>()
        })
        .collect();
    all.sort_unstable();
    all
}

/// Disjoint parts whose union is the data, no emptied row, the same matrix shape.
fn check_partition(data: &Interactions, split: &Split) -> Result<(), TestCaseError> {
    let parts: Vec<&Interactions> =
        [Some(&split.train), split.valid.as_ref(), split.test.as_ref()].into_iter().flatten().collect();
    prop_assert_eq!(flat(&parts), flat(&[data]));
    for part in parts {
        prop_assert_eq!((part.n_users(), part.n_items()), (data.n_users(), data.n_items()));
    }
    for user in data.users() {
        prop_assert_eq!(split.train.row(user).is_empty(), data.row(user).is_empty());
    }
    Ok(())
}

fn fraction(value: f64) -> shillproof_core::Fraction {
    shillproof_core::Fraction::new(value).unwrap()
}

fn every_spec() -> Vec<SplitSpec> {
    let mut all = vec![SplitSpec::None, SplitSpec::Sequence];
    for validation in [false, true] {
        for pick in [Pick::Auto, Pick::Latest, Pick::Random] {
            all.push(SplitSpec::LeaveOneOut(LeaveOneOut { pick, validation }));
        }
    }
    for per in [Per::Interactions, Per::User] {
        for (train, valid, test) in [(0.8, 0.1, 0.1), (0.2, 0.5, 0.3), (0.6, 0.0, 0.4)] {
            let (train, valid, test) = (fraction(train), fraction(valid), fraction(test));
            all.push(SplitSpec::Ratio(Ratio { train, valid, test, per, order: Order::Shuffled }));
        }
    }
    all
}

proptest! {
    #[test]
    fn a_split_is_a_partition(pairs in pairs(), times: bool, seed: u64) {
        let data = timed(&pairs, times);
        for spec in every_spec() {
            match spec.split(&data, Seed::new(seed)) {
                Ok(split) => {
                    check_partition(&data, &split)?;
                    prop_assert_eq!(&split, &spec.split(&data, Seed::new(seed)).unwrap());
                }
                Err(SplitError::NoTimes { .. }) => prop_assert!(!times),
                Err(SplitError::TooFew { longest, .. }) => prop_assert!(longest < 10),
                Err(other) => return Err(TestCaseError::fail(other.to_string())),
            }
        }
    }

    #[test]
    fn leave_one_out_holds_out_exactly_one_a_user(pairs in pairs(), latest: bool, seed: u64) {
        let data = timed(&pairs, true);
        let pick = if latest { Pick::Latest } else { Pick::Random };
        let split = |validation| {
            SplitSpec::LeaveOneOut(LeaveOneOut { pick, validation }).split(&data, Seed::new(seed))
        };
        let Ok(one) = split(false) else { return Ok(()) };
        let two = split(true).unwrap();
        prop_assert!(one.valid.is_none());
        prop_assert_eq!(&one.test, &two.test);
        let (test, valid) = (two.test.unwrap(), two.valid.unwrap());
        for user in data.users() {
            let (row, held) = (data.row(user), test.row(user));
            prop_assert_eq!(held.len(), usize::from(row.len() >= 2));
            prop_assert_eq!(valid.row(user).len(), usize::from(row.len() >= 3));
            if latest && row.len() >= 2 {
                prop_assert_eq!(held.items()[0], *row.items().last().unwrap());
                prop_assert!(row.times().unwrap().iter().all(|t| *t <= held.times().unwrap()[0]));
            }
            if latest && row.len() >= 3 {
                prop_assert_eq!(valid.row(user).items()[0], row.items()[row.len() - 2]);
            }
        }
    }

    #[test]
    fn ratio_counts_are_rounded_down_and_rows_stay(pairs in pairs(), seed: u64) {
        let data = timed(&pairs, false);
        let spec = |per| SplitSpec::Ratio(Ratio { per, ..Ratio::default() });
        if let Ok(split) = spec(Per::User).split(&data, Seed::new(seed)) {
            for user in data.users() {
                let held = data.row(user).len() / 10;
                prop_assert_eq!(split.valid.as_ref().unwrap().row(user).len(), held);
                prop_assert_eq!(split.test.as_ref().unwrap().row(user).len(), held);
            }
        }
        if let Ok(split) = spec(Per::Interactions).split(&data, Seed::new(seed)) {
            let held = data.len() / 10;
            let [valid, test] = [split.valid, split.test].map(|part| part.unwrap().len());
            prop_assert!(valid <= held && test <= held && valid + test + data.n_users() >= 2 * held);
        }
    }
}

/// User 0 has five interactions in time order 4, 2, 0, 1, 3 (two last at one time), user 1 two, user 2 one.
fn three_users() -> Interactions {
    let times = [
        ((0, 4), 1),
        ((0, 2), 2),
        ((0, 0), 3),
        ((0, 1), 9),
        ((0, 3), 9),
        ((1, 5), 8),
        ((1, 6), 7),
        ((2, 7), 1),
    ];
    timed(&times.into_iter().collect(), true)
}

fn items(part: Option<&Interactions>, user: u32) -> Vec<u32> {
    part.unwrap().row(UserId(user)).items().iter().map(|i| i.0).collect()
}

#[test]
fn latest_is_latest_in_time_and_ties_go_by_item() {
    let split = SplitSpec::default().split(&three_users(), Seed::new(1)).unwrap();
    assert_eq!(items(Some(&split.train), 0), [4, 2, 0, 1]);
    assert_eq!([0, 1, 2].map(|u| items(split.test.as_ref(), u)), [vec![3], vec![5], vec![]]);
    assert_eq!(items(Some(&split.train), 2), [7]);
}

#[test]
fn sequence_takes_the_last_two_of_those_who_have_three() {
    let split = SplitSpec::Sequence.split(&three_users(), Seed::new(1)).unwrap();
    assert_eq!([0, 1, 2].map(|u| items(split.valid.as_ref(), u)), [vec![1], vec![], vec![]]);
    assert_eq!([0, 1, 2].map(|u| items(split.test.as_ref(), u)), [vec![3], vec![], vec![]]);
    assert_eq!(items(Some(&split.train), 1), [6, 5]);
}

#[test]
fn no_split_keeps_everything() {
    let split = SplitSpec::None.split(&three_users(), Seed::new(1)).unwrap();
    assert_eq!((split.train, split.valid, split.test), (three_users(), None, None));
}

#[test]
fn auto_without_times_is_random_and_seeds_differ() {
    let data = timed(&(0..30).map(|item| ((0, item), 0)).collect(), false);
    let held = |pick, seed| {
        let spec = SplitSpec::LeaveOneOut(LeaveOneOut { pick, validation: false });
        items(spec.split(&data, Seed::new(seed)).unwrap().test.as_ref(), 0)[0]
    };
    let drawn: Vec<u32> = (0..20).map(|seed| held(Pick::Auto, seed)).collect();
    assert_eq!(drawn, (0..20).map(|seed| held(Pick::Random, seed)).collect::<Vec<_>>());
    assert!(drawn.iter().any(|item| *item != drawn[0]));
}

#[test]
fn random_leave_one_out_is_uniform() {
    let data = timed(&(0..5).map(|item| ((0, item), 0)).collect(), false);
    let spec = SplitSpec::LeaveOneOut(LeaveOneOut { pick: Pick::Random, validation: true });
    let (mut test, mut valid) = ([0u32; 5], [0u32; 5]);
    for seed in 0..5000 {
        let split = spec.split(&data, Seed::new(seed)).unwrap();
        test[items(split.test.as_ref(), 0)[0] as usize] += 1;
        valid[items(split.valid.as_ref(), 0)[0] as usize] += 1;
    }
    // 1000 expected, standard deviation 28.
    assert!(test.iter().chain(&valid).all(|n| (880..1120).contains(n)), "{test:?} {valid:?}");
}

/// Users and items whose labels are numbers out of step with their ids.
fn labelled() -> Dataset {
    let triples = Triples {
        users: vec![0; 20].into_iter().chain(vec![1; 10]).collect(),
        items: (0..20).chain(0..10).collect(),
        ratings: None,
        times: None,
    };
    let users = Labels::sorted(["7", "40"]);
    let items = Labels::sorted((1..=20).map(|i| (10 * i).to_string()));
    Dataset::new("x".into(), users, items, Interactions::from_triples(2, 20, triples, None).unwrap())
}

fn by_label() -> SplitSpec {
    SplitSpec::Ratio(Ratio { per: Per::User, order: Order::LabelHash, ..Ratio::default() })
}

#[test]
fn the_label_order_is_that_of_any_other_language() {
    // Python: sorted(range(10, 210, 10), key=lambda i: splitmix64(7 << 32 | i))[-2:] and the two before; user 40: one each.
    let split = by_label().split_dataset(&labelled(), Seed::new(1)).unwrap();
    let labels = |part: &Option<Interactions>, user| -> Vec<u32> {
        items(part.as_ref(), user).iter().map(|i| (i + 1) * 10).collect()
    };
    assert_eq!((labels(&split.valid, 0), labels(&split.test, 0)), (vec![20, 170], vec![140, 190]));
    assert_eq!((labels(&split.valid, 1), labels(&split.test, 1)), (vec![10], vec![90]));
    assert_eq!(split, by_label().split_dataset(&labelled(), Seed::new(2)).unwrap());
}

#[test]
fn other_splits_of_a_dataset_are_those_of_its_interactions() {
    let data = labelled();
    let spec = SplitSpec::Ratio(Ratio::default());
    let whole = spec.split_dataset(&data, Seed::new(3)).unwrap();
    assert_eq!(whole, spec.split(&data.interactions, Seed::new(3)).unwrap());
    assert_eq!((whole.train.len(), whole.test.unwrap().len()), (24, 3));
}

#[test]
fn every_error_has_its_case_and_a_hint() {
    let untimed = timed(&(0..5).map(|item| ((0, item), 0)).collect(), false);
    let error = |spec: SplitSpec| spec.split(&untimed, Seed::new(1)).unwrap_err();
    let latest = SplitSpec::LeaveOneOut(LeaveOneOut { pick: Pick::Latest, validation: false });
    let ratio = |train, test| {
        SplitSpec::Ratio(Ratio { train: fraction(train), test: fraction(test), ..Ratio::default() })
    };
    let mut named = labelled();
    named.users = Labels::sorted(["a", "b"]);
    let errors = [
        error(latest),
        error(SplitSpec::Sequence),
        error(ratio(0.8, 0.2)),
        error(ratio(0.0, 0.9)),
        error(SplitSpec::Ratio(Ratio::default())),
        error(by_label()),
        by_label().split_dataset(&named, Seed::new(1)).unwrap_err(),
    ];
    assert!(matches!(errors[0], SplitError::NoTimes { split: "leave-one-out:latest" }));
    assert!(matches!(errors[1], SplitError::NoTimes { split: "sequence" }));
    assert!(matches!(errors[2], SplitError::Fractions { .. }));
    assert!(matches!(errors[3], SplitError::Fractions { .. }));
    assert_eq!(errors[4], SplitError::TooFew { split: "ratio", longest: 5 });
    assert_eq!(errors[5], SplitError::NoLabels);
    assert_eq!(errors[6], SplitError::Label { kind: "user", label: "a".into() });
    assert!(errors.iter().all(|e| e.hint().is_some() && !e.to_string().is_empty()));
}

#[test]
fn text_and_tables_mean_the_same() {
    let read = |text: &str| -> SplitSpec {
        toml::from_str::<BTreeMap<String, SplitSpec>>(&format!("s = {text}")).unwrap().remove("s").unwrap()
    };
    let equal = [
        ("none", "{ none = {} }"),
        ("sequence", "{ sequence = {} }"),
        ("leave-one-out", "{ leave-one-out = {} }"),
        ("leave-one-out:random", "{ leave-one-out = { pick = \"random\" } }"),
        ("ratio", "{ ratio = {} }"),
        ("ratio:60%:0.1:0.3:per-user", "{ ratio = { train = 0.6, test = 0.3, per = \"user\" } }"),
    ];
    for (text, table) in equal {
        let spec: SplitSpec = text.parse().unwrap();
        assert_eq!(spec, read(table), "{text}");
        assert_eq!(spec, read(&format!("\"{text}\"")));
        let json = serde_json::to_string(&spec).unwrap();
        assert_eq!(spec, serde_json::from_str(&json).unwrap(), "{json}");
    }
    for wrong in ["{ ratio = { trian = 0.6 } }", "{ leave-one-in = {} }", "{ ratio = { test = nan } }", "3"] {
        assert!(toml::from_str::<BTreeMap<String, SplitSpec>>(&format!("s = {wrong}")).is_err(), "{wrong}");
    }
    let error = |text: &str| text.parse::<SplitSpec>().unwrap_err();
    assert_eq!(error("leave-one-uot").hint().unwrap(), "did you mean `leave-one-out`?");
    assert!(matches!(error("ratio:0.5"), SplitTextError::Parts { .. }));
    assert!(matches!(error("ratio:0.5:x:0.1"), SplitTextError::Fraction { .. }));
    assert!(error("none:1").hint().is_some());
}
