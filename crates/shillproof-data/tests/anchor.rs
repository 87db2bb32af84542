//! The split by labels is the one on which quality is compared with other libraries.

use shillproof_core::{Interactions, Seed};
use shillproof_data::split::{Order, Per, Ratio, Split, SplitSpec};
use shillproof_data::{DataOptions, Dataset, Labels, demo, load};
use shillproof_testkit::anchor::{AnchorSplit, anchor_split, ml_100k_split};
use shillproof_testkit::real_data;

fn by_labels(data: &Dataset) -> Split {
    let spec = SplitSpec::Ratio(Ratio { per: Per::User, order: Order::LabelHash, ..Ratio::default() });
    spec.split_dataset(data, Seed::new(1)).expect("labels are numbers")
}

fn same(split: &Split, anchor: &AnchorSplit) {
    let implicit = |part: &Option<Interactions>| part.as_ref().map(Interactions::binarize);
    assert_eq!(split.train.binarize(), anchor.train);
    assert_eq!(implicit(&split.valid).as_ref(), Some(&anchor.valid));
    assert_eq!(implicit(&split.test).as_ref(), Some(&anchor.test));
}

#[test]
fn numbers_from_one_as_labels() {
    let interactions = demo().interactions;
    let numbers = |n: usize| Labels::sorted((1..=n).map(|k| k.to_string()));
    let (users, items) = (numbers(interactions.n_users()), numbers(interactions.n_items()));
    let anchor = anchor_split(&interactions.binarize());
    same(&by_labels(&Dataset::new("numbered".into(), users, items, interactions)), &anchor);
}

#[test]
fn movielens_100k() {
    if let (Some(folder), Some(anchor)) = (real_data("ml-100k"), ml_100k_split()) {
        let path = folder.join("ml-100k.inter.gz");
        let data = load(path.to_str().unwrap(), &DataOptions::default()).unwrap();
        same(&by_labels(&data), &anchor);
    }
}
