use std::path::Path;

use super::*;
use crate::plan::tests::{grid, record};

#[expect(clippy::needless_pass_by_value, reason = "the store hands its warnings over")]
fn no_warning(text: String) {
    panic!("{text}");
}

fn filled(folder: &Path, cells: impl IntoIterator<Item = usize>) -> Store {
    let store = Store::create(folder).unwrap();
    let plan = grid();
    for i in cells {
        store.put(&record(&plan.cells[i], 0.1 / 3.0 + i as f64)).unwrap();
    }
    store
}

#[test]
fn what_is_put_comes_back_to_the_last_bit() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path(), 0..5);
    let plan = grid();
    for (i, cell) in plan.cells.iter().take(5).enumerate() {
        let back = store.get(&cell.key, &mut no_warning).unwrap().unwrap();
        assert_eq!(back, record(cell, 0.1 / 3.0 + i as f64));
    }
    assert_eq!(store.get(&plan.cells[9].key, &mut no_warning).unwrap(), None);
    let loaded = store.load().unwrap();
    assert_eq!(loaded.records.len(), 5);
    assert!(loaded.records.is_sorted_by_key(|r| r.key.clone()));
    // Nothing of the writing is left behind.
    assert_eq!(std::fs::read_dir(folder.path().join("records")).unwrap().count(), 5);
}

#[test]
fn every_torn_or_edited_record_is_noticed_and_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path(), [0]);
    let key = grid().cells[0].key.clone();
    let path = folder.path().join("records").join(format!("{key}.json"));
    let whole = std::fs::read(&path).unwrap();
    let mut edited = whole.clone();
    let digit = edited.iter().rposition(u8::is_ascii_digit).unwrap();
    edited[digit] ^= 1;
    let cuts = (0..whole.len() - 1).step_by(97).map(|n| whole[..n].to_vec());
    for damaged in cuts.chain([edited, vec![0; 4096]]) {
        std::fs::write(&path, &damaged).unwrap();
        let mut warnings = Vec::new();
        assert_eq!(store.get(&key, &mut |w| warnings.push(w)).unwrap(), None);
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].contains("set aside") && warnings[0].contains(".json.torn"), "{warnings:?}");
        assert!(!path.exists() && path.with_extension("json.torn").exists());
        assert_eq!(store.load().unwrap().records, []);
    }
    // The record of another cell under this name is damage too.
    let other = filled(folder.path(), [1]);
    std::fs::rename(other.path(&grid().cells[1].key), &path).unwrap();
    let mut warnings = Vec::new();
    assert_eq!(store.get(&key, &mut |w| warnings.push(w)).unwrap(), None);
    assert!(warnings[0].contains("holds the record of"), "{warnings:?}");
}

#[test]
fn a_whole_record_of_another_version_is_an_error_not_damage() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path(), [0]);
    let key = grid().cells[0].key.clone();
    let body = r#"{"key":"from the future"}"#;
    let text = format!("{{\"sha256\":\"{}\",\"record\":{body}}}", checksum(body));
    std::fs::write(store.path(&key), text).unwrap();
    let error = store.get(&key, &mut no_warning).unwrap_err();
    assert!(matches!(error, StoreError::Foreign { .. }));
    assert!(error.hint().is_some() && store.path(&key).exists());
}

#[test]
fn folders_merge_to_the_whole_and_again_to_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let whole = filled(&at("whole"), 0..10);
    filled(&at("a"), 0..6).put_spec("seed = 1\n").unwrap();
    filled(&at("b"), 4..10);
    let (a, b, out) = (at("a"), at("b"), at("out"));
    let merged = merge(&[&a, &b], &out).unwrap();
    assert_eq!((merged.added, merged.known), (10, 2));
    let joined = Store::open(&out).unwrap();
    assert_eq!(joined.load().unwrap().records, whole.load().unwrap().records);
    assert_eq!(joined.spec().unwrap().as_deref(), Some("seed = 1\n"));
    let again = merge(&[&a, &b], &out).unwrap();
    assert_eq!((again.added, again.known), (0, 12));
}

#[test]
fn timings_may_differ_and_results_may_not() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b, out) = (folder.path().join("a"), folder.path().join("b"), folder.path().join("out"));
    let cell = &grid().cells[0];
    let first = record(cell, 0.5);
    let slower = Record { seconds: Seconds { total: 99.0, ..Seconds::default() }, ..first.clone() };
    let (in_a, in_b) = (Store::create(&a).unwrap(), Store::create(&b).unwrap());
    in_a.put(&first).unwrap();
    in_b.put(&slower).unwrap();
    assert_eq!(merge(&[&a, &b], &out).unwrap().added, 1);
    in_b.put(&record(cell, 0.6)).unwrap();
    let error = merge(&[&a, &b], &folder.path().join("other")).unwrap_err();
    assert!(error.to_string().contains("hit_ratio@10 (0.5 and 0.6)"), "{error}");
    assert!(error.hint().is_some());
    assert_eq!(
        Store::open(&folder.path().join("other")).unwrap().load().unwrap().records,
        [],
        "nothing is written before all is compared"
    );
    let error = merge(&[&b], &out).unwrap_err();
    assert!(matches!(error, StoreError::Conflict { .. }), "what is there already counts too");
}

#[test]
fn a_settled_cell_beats_a_failed_one_wherever_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    let cell = &grid().cells[0];
    let done = record(cell, 0.5);
    let failed = Record { status: Status::Failed { error: "out of memory".into() }, ..done.clone() };
    Store::create(&a).unwrap().put(&failed).unwrap();
    Store::create(&b).unwrap().put(&done).unwrap();
    for (order, out) in [([&a, &b], "x"), ([&b, &a], "y")] {
        let out = folder.path().join(out);
        merge(&order.map(std::path::PathBuf::as_path), &out).unwrap();
        assert_eq!(Store::open(&out).unwrap().load().unwrap().records, std::slice::from_ref(&done));
    }
}

#[test]
fn folders_without_records_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(Store::open(folder.path()), Err(StoreError::NoRecords { .. })));
    let error = merge(&[folder.path()], &folder.path().join("out")).unwrap_err();
    assert!(error.hint().unwrap().contains("shillproof run"));
    assert!(matches!(merge(&[], folder.path()), Err(StoreError::NothingToMerge)));
    std::fs::write(folder.path().join("file"), "").unwrap();
    assert!(matches!(Store::create(&folder.path().join("file")), Err(StoreError::Io { action: "make", .. })));
}

#[test]
fn only_keys_are_keys() {
    let key = grid().cells[0].key.clone();
    assert_eq!(key.to_string().parse::<Key>().unwrap(), key);
    for text in ["", "abc", "../../etc/passwd......../", "ABCDEFABCDEFABCDEFABCDEF"] {
        assert!(text.parse::<Key>().is_err(), "{text}");
    }
}
