//! Evaluation bugs of public tools that readers and filters could have.

use std::fs;

use shillproof_data::{DataOptions, load};

#[test]
fn bug_12_a_core_holds_for_users_and_items_and_ids_follow_labels() {
    // b and c have enough items only as long as x is there, and x enough users only as long as a is.
    let rows = ["a,x", "b,x", "b,y", "c,y", "c,z", "d,y", "d,z", "e,y", "e,z", "f,w"];
    let folder = tempfile::tempdir().unwrap();
    let read = |name: &str, rows: &[&str]| {
        let path = folder.path().join(name);
        fs::write(&path, format!("user,item\n{}\n", rows.join("\n"))).unwrap();
        let options = DataOptions { min_user: Some(2), min_item: Some(2), ..DataOptions::default() };
        load(path.to_str().unwrap(), &options).unwrap()
    };
    let straight = read("straight.csv", &rows);
    let mut turned = rows;
    turned.reverse();
    assert_eq!(straight.checksum, read("turned.csv", &turned).checksum);
    assert_eq!(straight.users.iter().collect::<Vec<_>>(), ["c", "d", "e"]);
    assert_eq!(straight.items.iter().collect::<Vec<_>>(), ["y", "z"]);
    for row in straight.interactions.rows() {
        assert!(row.len() >= 2);
    }
    assert!(straight.interactions.item_counts().iter().all(|&count| count >= 2));
}
