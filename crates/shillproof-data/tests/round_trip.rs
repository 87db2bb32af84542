//! What is written reads back the same, and the canonical content is what its page says.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use shillproof_core::{Interactions, RatingScale, Triples};
use shillproof_data::{DataOptions, Dataset, Labels, load, save};

fn labels() -> impl Strategy<Value = Labels> {
    prop::collection::btree_set("[ -~äß€]{1,6}|[0-9]{1,4}", 2..9).prop_map(Labels::sorted)
}

fn datasets() -> impl Strategy<Value = Dataset> {
    (labels(), labels(), any::<bool>(), any::<bool>()).prop_flat_map(|(users, items, explicit, timed)| {
        let cell = (0..users.len() as u32, 0..items.len() as u32);
        prop::collection::btree_map(cell, (0u8..10, -5i64..5), 1..30)
            .prop_map(move |cells| dataset(users.clone(), items.clone(), cells, explicit, timed))
    })
}

/// These cells, and more until every user and item has one.
fn dataset(
    users: Labels,
    items: Labels,
    mut cells: BTreeMap<(u32, u32), (u8, i64)>,
    explicit: bool,
    timed: bool,
) -> Dataset {
    let (n_users, n_items) = (users.len(), items.len());
    for k in 0..n_users.max(n_items) {
        cells.entry(((k % n_users) as u32, (k % n_items) as u32)).or_insert(((k % 10) as u8, 0));
    }
    let scale = RatingScale::new(0.5, 5.0, 0.5).unwrap();
    let triples = Triples {
        users: cells.keys().map(|k| k.0).collect(),
        items: cells.keys().map(|k| k.1).collect(),
        ratings: explicit.then(|| cells.values().map(|v| 0.5 + 0.5 * f32::from(v.0)).collect()),
        times: timed.then(|| cells.values().map(|v| v.1).collect()),
    };
    let matrix = Interactions::from_triples(n_users, n_items, triples, explicit.then_some(scale)).unwrap();
    Dataset::new("data".into(), users, items, matrix)
}

proptest! {
    #[test]
    fn written_data_reads_back_the_same(data in datasets()) {
        let folder = tempfile::tempdir().unwrap();
        let mut names = vec!["data.csv", "data.inter", "data.csv.gz", "data.inter.xz", "data.csv.zst"];
        if cfg!(feature = "parquet") {
            names.push("data.parquet");
        }
        for name in names {
            let path = folder.path().join(name);
            save(&path, &data).unwrap();
            let options = DataOptions { rating_scale: data.interactions.scale(), ..DataOptions::default() };
            let again = load(path.to_str().unwrap(), &options).unwrap();
            prop_assert_eq!(&again, &data, "{}", name);
        }
    }
}

/// Found by the property above: with `"` for a label, blanks seemed to be what separates columns.
#[test]
fn a_lone_quote_and_a_leading_blank_are_labels_like_others() {
    let labels = || Labels::sorted([" \\a", "\""]);
    let cells = BTreeMap::from([((0, 1), (1, 0)), ((1, 0), (1, 0))]);
    let data = dataset(labels(), labels(), cells, false, true);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.inter");
    save(&path, &data).unwrap();
    assert_eq!(load(path.to_str().unwrap(), &DataOptions::default()).unwrap(), data);
}

#[test]
fn canonical_content_is_what_the_page_says() {
    let triples = Triples {
        users: vec![0, 1, 1],
        items: vec![1, 0, 1],
        ratings: Some(vec![0.5, 4.0, 2.5]),
        times: Some(vec![-3, 20, 10]),
    };
    let scale = RatingScale::new(0.5, 5.0, 0.5).unwrap();
    let matrix = Interactions::from_triples(2, 2, triples, Some(scale)).unwrap();
    let data = Dataset::new("tiny".into(), Labels::sorted(["10", "9"]), Labels::sorted(["b", "ä"]), matrix);
    let mut text = Vec::new();
    data.canonical(true, |piece| text.extend_from_slice(piece));
    let said = "shillproof data 1\n2 users, 2 items, 3 interactions, ratings, times\n\
                9\tä\t0.5\t-3\n10\tb\t4\t20\n10\tä\t2.5\t10\n";
    assert_eq!(String::from_utf8(text).unwrap(), said);
    // By Python: hashlib.sha256(said.encode()).hexdigest().
    assert_eq!(data.checksum, "56e49e23372a61405ba7af05f2b18cedaf111065d57eb6cb28db2525341e9da5");
    assert_eq!(
        data.checksum_without_times(),
        "ecfad8c9fa4ecb471fe32d0339d406e1233b96ccca601ab89d6b2e6287958e4e"
    );
}
