use super::*;
use crate::attack::Profile;
use proptest::prelude::*;

fn stars() -> RatingScale {
    RatingScale::new(1.0, 5.0, 1.0).unwrap()
}

fn triples(pairs: &std::collections::BTreeMap<(u32, u32), (u8, i64)>) -> Triples {
    Triples {
        users: pairs.keys().map(|p| p.0).collect(),
        items: pairs.keys().map(|p| p.1).collect(),
        ratings: Some(pairs.values().map(|v| f32::from(v.0)).collect()),
        times: Some(pairs.values().map(|v| v.1).collect()),
    }
}

proptest! {
    #[test]
    fn rows_are_time_ordered_whatever_the_order_of_columns(
        pairs in prop::collection::btree_map((0u32..7, 0u32..9), (1u8..=5, 0i64..4), 0..40),
        rotate in 0usize..40,
    ) {
        let straight = Interactions::from_triples(7, 9, triples(&pairs), Some(stars())).unwrap();
        let mut turned = triples(&pairs);
        let n = turned.users.len().max(1);
        turned.users.rotate_left(rotate % n);
        turned.items.rotate_left(rotate % n);
        turned.ratings.as_mut().unwrap().rotate_left(rotate % n);
        turned.times.as_mut().unwrap().rotate_left(rotate % n);
        prop_assert_eq!(&straight, &Interactions::from_triples(7, 9, turned, Some(stars())).unwrap());
        for row in straight.rows() {
            let keys: Vec<_> = row.times().unwrap().iter().zip(row.items()).collect();
            prop_assert!(keys.is_sorted());
            prop_assert!(row.sorted().is_sorted());
        }
        let again = Interactions::from_triples(7, 9, straight.to_triples(), Some(stars())).unwrap();
        prop_assert_eq!(again, straight);
    }

    #[test]
    fn appended_rows_leave_genuine_rows_alone(
        pairs in prop::collection::btree_map((0u32..7, 0u32..9), (1u8..=5, 0i64..4), 0..40),
        fake in prop::collection::btree_set(0u32..9, 0..9),
    ) {
        let clean = Interactions::from_triples(7, 9, triples(&pairs), Some(stars())).unwrap();
        let entries = fake.iter().map(|&i| (ItemId(i), 5.0)).collect();
        let fakes = FakeProfiles { profiles: vec![Profile { entries }; 2], ordered: false, queries: 0 };
        let poisoned = clean.append(&fakes).unwrap();
        prop_assert_eq!(poisoned.n_users(), 9);
        prop_assert_eq!(poisoned.row(UserId(8)).len(), fake.len());
        prop_assert_eq!(poisoned.first_rows(7), clean);
    }
}

#[test]
fn a_union_is_in_the_order_of_time() {
    let part = |items: Vec<u32>, times: Vec<i64>| {
        let cells = Triples { users: vec![0; items.len()], items, ratings: None, times: Some(times) };
        Interactions::from_triples(1, 4, cells, None).unwrap()
    };
    let both = part(vec![3, 1], vec![1, 9]).union(&part(vec![2], vec![5])).unwrap();
    assert_eq!(both, part(vec![3, 2, 1], vec![1, 5, 9]));
    assert!(both.union(&part(vec![1], vec![10])).is_err(), "item 1 twice");
    let unordered = Interactions::empty(1, 4, None);
    assert_eq!(unordered.union(&unordered).unwrap(), unordered);
}

#[test]
fn binarize_drops_what_is_not_positive() {
    let data = Interactions::from_triples(
        1,
        3,
        Triples { users: vec![0; 3], items: vec![0, 1, 2], ratings: Some(vec![-2.0, 0.0, 1.0]), times: None },
        Some(RatingScale::new(-2.0, 2.0, 1.0).unwrap()),
    )
    .unwrap();
    let implicit = data.binarize();
    assert_eq!(implicit.row(UserId(0)).items(), [ItemId(2)]);
    assert!(!implicit.is_explicit());
}

#[test]
fn every_error_names_the_place() {
    let columns = |users: Vec<u32>, items: Vec<u32>| Triples { users, items, ratings: None, times: None };
    let build = |t| Interactions::from_triples(2, 2, t, None).unwrap_err();
    assert!(matches!(build(columns(vec![0], vec![])), InteractionError::Ragged { .. }));
    assert!(matches!(build(columns(vec![2], vec![0])), InteractionError::OutOfRange { at: 0, .. }));
    assert_eq!(build(columns(vec![1, 1], vec![0, 0])), InteractionError::Duplicate { user: 1, item: 0 });
    let rated = Triples { ratings: Some(vec![1.0]), ..columns(vec![0], vec![0]) };
    assert_eq!(build(rated), InteractionError::ScaleWithoutRatings);
}
