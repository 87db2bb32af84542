use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use shillproof_core::RatingScale;

use super::*;

const USERS: usize = 8;
const ITEMS: usize = 12;

fn stars() -> RatingScale {
    RatingScale::new(1.0, 5.0, 1.0).unwrap()
}

fn data(pairs: &BTreeMap<(u32, u32), (u8, i64)>) -> Interactions {
    let triples = Triples {
        users: pairs.keys().map(|p| p.0).collect(),
        items: pairs.keys().map(|p| p.1).collect(),
        ratings: Some(pairs.values().map(|v| f32::from(v.0)).collect()),
        times: Some(pairs.values().map(|v| v.1).collect()),
    };
    Interactions::from_triples(USERS, ITEMS, triples, Some(stars())).unwrap()
}

fn pairs() -> impl Strategy<Value = BTreeMap<(u32, u32), (u8, i64)>> {
    let pair = (0u32..USERS as u32, 0u32..ITEMS as u32);
    prop::collection::btree_map(pair, (1u8..=5, 0i64..100), 0..90)
}

fn entries(data: &Interactions) -> BTreeSet<(u32, u32, u8, i64)> {
    let t = data.to_triples();
    let (ratings, times) = (t.ratings.unwrap(), t.times.unwrap());
    (0..data.len()).map(|k| (t.users[k], t.items[k], ratings[k] as u8, times[k])).collect()
}

fn spec(text: &str) -> KnowledgeSpec {
    text.parse().unwrap()
}

fn take(text: &str, train: &Interactions, seed: u64) -> Option<Interactions> {
    match spec(text).sample(train, &[ItemId(0)], Seed::new(seed)) {
        Ok(sample) => Some(sample),
        Err(KnowledgeError::Nothing { .. } | KnowledgeError::TooDense { .. }) => None,
        Err(other) => panic!("{other}"),
    }
}

/// Whether the rows of a compact sample are parts of rows of `train`, in its order.
fn rows_in_order(sample: &Interactions, train: &Interactions) -> bool {
    let mut rest = train.rows();
    sample.rows().all(|known| rest.any(|row| known.iter().all(|entry| row.iter().any(|e| e == entry))))
}

proptest! {
    #[test]
    fn full_is_everything(pairs in pairs(), seed: u64) {
        let train = data(&pairs);
        let sample = take("full", &train, seed);
        prop_assert_eq!(sample.is_none(), train.is_empty());
        prop_assert!(sample.is_none_or(|s| s == train));
    }

    #[test]
    fn ratings_is_an_exact_share_and_keeps_every_user(pairs in pairs(), f in 0.0f64..=1.0, seed: u64) {
        let train = data(&pairs);
        let quota = Fraction::new(f).unwrap().round_of(train.len());
        let sample = take(&format!("ratings:{f}"), &train, seed);
        prop_assert_eq!(sample.is_none(), quota == 0);
        if let Some(sample) = sample {
            prop_assert_eq!((sample.len(), sample.n_users(), sample.n_items()), (quota, USERS, ITEMS));
            prop_assert!(entries(&sample).is_subset(&entries(&train)));
        }
    }

    #[test]
    fn users_are_an_exact_share_with_whole_rows(pairs in pairs(), f in 0.0f64..=1.0, seed: u64) {
        let train = data(&pairs);
        if let Some(sample) = take(&format!("users:{f}"), &train, seed) {
            prop_assert_eq!(sample.n_users(), Fraction::new(f).unwrap().round_of(USERS));
            prop_assert_eq!(sample.n_items(), ITEMS);
            let mut rest = train.rows();
            for known in sample.rows() {
                prop_assert!(rest.any(|row| row.items() == known.items() && row.times() == known.times()));
            }
        }
    }

    #[test]
    fn bfs_takes_whole_levels_before_deeper_ones(pairs in pairs(), f in 0.0f64..=1.0, seed: u64) {
        let train = data(&pairs);
        let quota = Fraction::new(f).unwrap().round_of(train.len());
        let sample = take(&format!("bfs:{f}"), &train, seed);
        prop_assert_eq!(sample.is_none(), quota == 0);
        let Some(sample) = sample else { return Ok(()) };
        prop_assert_eq!((sample.len(), sample.n_items()), (quota, ITEMS));
        prop_assert!(sample.rows().all(|row| !row.is_empty()));
        prop_assert!(rows_in_order(&sample, &train));
        // Level of each edge = steps from the target to its nearer end, by an independent search.
        let level = edge_levels(&train, 0);
        let by_level = |l: usize| level.values().filter(|x| **x == l).count();
        // Which edges were seen: users are renumbered, so compare how many edges of each level item by item.
        let mut left = quota;
        for l in 0..=20 {
            let whole = by_level(l);
            let seen = left.min(whole);
            left -= seen;
            if seen == whole && l % 2 == 0 {
                // Edges of even levels hang on items nearer to the target: those items are seen with all their users.
                for item in items_at(&level, l) {
                    prop_assert_eq!(sample.item_counts()[item as usize], train.item_counts()[item as usize]);
                }
            }
        }
        let reachable: usize = level.len();
        prop_assert!(left == 0 || quota > reachable);
    }

    #[test]
    fn noisy_quotas_are_exact_in_both_generators(
        pairs in pairs(), keep in 0.0f64..=1.0, perturb in 0.0f64..=1.0, walk: bool, seed: u64,
    ) {
        let train = data(&pairs);
        let end = if walk { ":walk-jump" } else { "" };
        let text = format!("noisy:{keep}:{perturb}{end}");
        let quota = |f: f64| Fraction::new(f).unwrap().round_of(train.len());
        let sample = take(&text, &train, seed);
        let fits = quota(perturb) <= USERS * ITEMS - train.len();
        prop_assert_eq!(sample.is_none(), !fits || quota(keep) + quota(perturb) == 0);
        let Some(sample) = sample else { return Ok(()) };
        prop_assert_eq!((sample.n_users(), sample.n_items()), (USERS, ITEMS));
        let truth = entries(&train);
        let known = entries(&sample);
        let (mut yes, mut no) = (0, 0);
        for entry in &known {
            if train.row(UserId(entry.0)).contains(ItemId(entry.1)) {
                prop_assert!(truth.contains(entry));
                yes += 1;
            } else {
                prop_assert!(stars().contains(f32::from(entry.2)));
                prop_assert!(truth.iter().any(|t| t.3 == entry.3));
                no += 1;
            }
        }
        prop_assert_eq!((yes, no), (quota(keep), quota(perturb)));
        prop_assert_eq!(Some(sample), take(&text, &train, seed));
    }
}

/// Steps from item `start` to the nearer end of each edge; edges out of reach are missing.
fn edge_levels(train: &Interactions, start: u32) -> BTreeMap<(u32, u32), usize> {
    let mut level = BTreeMap::new();
    let (mut users, mut items) = (BTreeSet::new(), BTreeSet::from([start]));
    for l in 0.. {
        let before = level.len();
        for user in train.users() {
            for item in train.row(user).items() {
                let near = if l % 2 == 0 { items.contains(&item.0) } else { users.contains(&user.0) };
                if near {
                    level.entry((user.0, item.0)).or_insert(l);
                }
            }
        }
        for (&(user, item), _) in level.iter().filter(|(_, at)| **at == l) {
            users.insert(user);
            items.insert(item);
        }
        if level.len() == before {
            return level;
        }
    }
    unreachable!("the loop ends when a level is empty")
}

fn items_at(level: &BTreeMap<(u32, u32), usize>, l: usize) -> BTreeSet<u32> {
    level.iter().filter(|(_, at)| **at == l).map(|((_, item), _)| *item).collect()
}

/// Item 0 - users 0, 1; user 0 - items 1, 2; item 1 - user 2; user 3 - item 3 lies apart.
fn chain() -> Interactions {
    let pairs = [(0, 0), (1, 0), (0, 1), (0, 2), (2, 1), (3, 3)];
    data(&pairs.into_iter().map(|p| (p, (4, 0))).collect())
}

#[test]
fn bfs_grows_from_the_target_and_jumps_only_at_the_end() {
    let sample = |f: f64| take(&format!("bfs:{f}"), &chain(), 5).unwrap();
    let shape = |f: f64| {
        let s = sample(f);
        s.rows().map(|row| row.sorted().iter().map(|i| i.0).collect()).collect::<Vec<Vec<u32>>>()
    };
    assert_eq!(shape(2.0 / 6.0), [vec![0], vec![0]]);
    assert_eq!(shape(4.0 / 6.0), [vec![0, 1, 2], vec![0]]);
    assert_eq!(shape(5.0 / 6.0), [vec![0, 1, 2], vec![0], vec![1]]);
    assert_eq!(shape(1.0), [vec![0, 1, 2], vec![0], vec![1], vec![3]]);
}

#[test]
fn bfs_starts_from_all_targets_at_once() {
    let spec = spec("bfs:0.5");
    let sample = spec.sample(&chain(), &[ItemId(3), ItemId(0)], Seed::new(1)).unwrap();
    assert_eq!(sample.item_counts()[..4], [2, 0, 0, 1]);
}

/// 40 users of 5 items and one of 200: the paper's generator knows pairs of each user alike, the walk favors the active one.
fn lopsided() -> Interactions {
    let triples = Triples {
        users: (0..40).flat_map(|u| [u; 5]).chain([40; 200]).collect(),
        items: (0..200).chain(0..200).collect(),
        ratings: None,
        times: None,
    };
    Interactions::from_triples(41, 200, triples, None).unwrap()
}

#[test]
fn the_generators_differ_in_whom_they_know() {
    let train = lopsided();
    let active = |text: &str| take(text, &train, 3).unwrap().row(UserId(40)).len();
    // 120 true pairs: uniform over 41 users gives the active one about 3, a walk about half.
    assert!(active("noisy:0.3:0") <= 12, "{}", active("noisy:0.3:0"));
    assert!(active("noisy:0.3:0:walk-jump") >= 40, "{}", active("noisy:0.3:0:walk-jump"));
}

#[test]
fn per_user_draws_false_pairs_uniformly() {
    let train = lopsided();
    let sample = take("noisy:0:0.5", &train, 3).unwrap();
    // 200 false pairs over the 40 users that have any: 5 expected, and none for whoever has all items.
    let counts: Vec<usize> = sample.rows().map(|row| row.len()).collect();
    assert_eq!(counts[40], 0);
    assert!(counts[..40].iter().all(|n| *n <= 16));
    assert!(counts[..40].iter().filter(|n| **n > 0).count() >= 36);
}

#[test]
fn false_ratings_follow_the_item() {
    // Item 0 has mean 4.5, item 1 mean 1.5, both deviation 0.5; users 6 and 7 know neither.
    let pairs =
        (0..6).flat_map(|u| [((u, 0), (4 + u as u8 % 2, 1)), ((u, 1), (1 + u as u8 % 2, 1))]).collect();
    let train = data(&pairs);
    let (mut sum, mut count) = ([0.0; 2], [0.0; 2]);
    for seed in 0..200 {
        let sample = take("noisy:0:1", &train, seed).unwrap();
        for (item, rating) in sample.rows().flat_map(shillproof_core::Row::iter).filter(|e| e.0.0 < 2) {
            sum[item.index()] += rating;
            count[item.index()] += 1.0;
        }
    }
    assert!(count[0] > 30.0 && (sum[0] / count[0] - 4.5f32).abs() < 0.2, "{sum:?} {count:?}");
    assert!(count[1] > 30.0 && (sum[1] / count[1] - 1.5f32).abs() < 0.2, "{sum:?} {count:?}");
}

#[test]
fn seeds_differ() {
    let train = lopsided();
    for text in ["ratings:0.3", "users:0.3", "bfs:0.3", "noisy:0.9:0.1", "noisy:0.9:0.1:walk-jump"] {
        assert_ne!(take(text, &train, 1), take(text, &train, 2), "{text}");
    }
}

#[test]
fn every_error_has_its_case_and_a_hint() {
    let train = chain();
    let error =
        |text: &str, targets: &[ItemId]| spec(text).sample(&train, targets, Seed::new(1)).unwrap_err();
    let errors = [
        error("ratings:0.01", &[]),
        error("bfs:0.5", &[]),
        error("bfs:0.5", &[ItemId(12)]),
        data_full().unwrap_err(),
    ];
    assert_eq!(errors[0], KnowledgeError::Nothing { knowledge: spec("ratings:0.01"), interactions: 6 });
    assert_eq!(errors[1], KnowledgeError::NoTarget);
    assert_eq!(errors[2], KnowledgeError::Target { target: 12, items: 12 });
    assert_eq!(errors[3], KnowledgeError::TooDense { quota: 10, free: 0 });
    assert!(errors.iter().all(|e| e.hint().is_some()));
}

fn data_full() -> Result<Interactions, KnowledgeError> {
    let pairs = (0..USERS as u32).flat_map(|u| (0..ITEMS as u32).map(move |i| ((u, i), (3, 0)))).collect();
    spec("noisy:0.9:0.1").sample(&data(&pairs), &[], Seed::new(1))
}

#[test]
fn text_and_tables_mean_the_same() {
    let read = |text: &str| -> Result<KnowledgeSpec, toml::de::Error> {
        toml::from_str::<BTreeMap<String, KnowledgeSpec>>(&format!("k = {text}"))
            .map(|mut m| m.remove("k").unwrap())
    };
    let equal = [
        ("full", "{ full = {} }"),
        ("ratings:0.3", "{ ratings = 0.3 }"),
        ("users:0.3", "{ users = 0.3 }"),
        ("bfs:1", "{ bfs = 1 }"),
        ("noisy:0.9:0.1", "{ noisy = {} }"),
        ("noisy:0.5:0.1:walk-jump", "{ noisy = { keep = 0.5, perturb = 0.1, generator = \"walk-jump\" } }"),
    ];
    for (text, table) in equal {
        assert_eq!(spec(text), read(table).unwrap(), "{text}");
        assert_eq!(spec(text), read(&format!("\"{text}\"")).unwrap());
        assert_eq!(spec(text).to_string(), text);
        let json = serde_json::to_string(&spec(text)).unwrap();
        assert_eq!(spec(text), serde_json::from_str(&json).unwrap(), "{json}");
    }
    for wrong in ["{ noisy = { kep = 0.5 } }", "{ bsf = 0.2 }", "{ bfs = nan }", "{ users = 1.5 }", "0.3"] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
    assert!(read("\"bsf:0.2\"").unwrap_err().to_string().contains("no knowledge is called `bsf`"));
}

#[test]
fn wrong_text_says_what_was_meant() {
    let error = |text: &str| text.parse::<KnowledgeSpec>().unwrap_err();
    assert_eq!(error("noisi:0.9").hint().unwrap(), "did you mean `noisy`?");
    assert_eq!(error("noisy:0.9:0.1:jump-walk"), KnowledgeTextError::Generator { name: "jump-walk".into() });
    assert_eq!(error("noisy:0.9:0.1:walk-jmp").hint().unwrap(), "did you mean `walk-jump`?");
    assert!(matches!(error("noisy:0.9"), KnowledgeTextError::Parts { got: 1, expected: 2, .. }));
    assert!(matches!(error("full:1"), KnowledgeTextError::Parts { got: 1, expected: 0, .. }));
    assert!(matches!(error("bfs:NaN"), KnowledgeTextError::Fraction { .. }));
    assert!(error("bfs:NaN").hint().is_some());
}

#[test]
fn a_query_budget_is_a_share_of_the_training_interactions() {
    assert_eq!("1%".parse::<QueryBudget>().unwrap(), QueryBudget::default());
    assert_eq!("50%".parse::<QueryBudget>().unwrap().lists(&chain()), 3);
    assert!("2".parse::<QueryBudget>().is_err());
    assert_eq!(serde_json::from_str::<QueryBudget>("0.01").unwrap(), QueryBudget::default());
}
