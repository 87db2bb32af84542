//! Agreement with independent implementations; the script that made each file is beside it.

// A test fails by panicking.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use shillproof_core::catalogue::Catalogue;
use shillproof_core::{Ctx, FitJob, Interactions, ItemId, RatingScale, Seed, Triples, UserId, Victim};
use shillproof_victims::random_walk::{LANES, WalkGraph};
use shillproof_victims::{ItemKnn, VictimSpec};

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as u32).collect()
}

#[test]
fn item_knn_equals_scipy_to_the_last_bit() {
    let golden: Value = serde_json::from_str(include_str!("../../../golden/item_knn_scipy.json")).unwrap();
    let (n_users, n_items) = (golden["n_users"].as_u64().unwrap(), golden["n_items"].as_u64().unwrap());
    let cells =
        Triples { users: ids(&golden["users"]), items: ids(&golden["items"]), ratings: None, times: None };
    let data = Interactions::from_triples(n_users as usize, n_items as usize, cells, None).unwrap();
    let job = FitJob::new(&data);
    let ctx = Ctx::new(Seed::new(golden["seed"].as_u64().unwrap()));
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 12);
    for case in cases {
        let text = format!(
            "item-knn:similarity={},min_support={},neighbors={}",
            case["similarity"].as_str().unwrap(),
            case["min_support"],
            golden["neighbors"]
        );
        let VictimSpec::ItemKnn(recipe): VictimSpec = VictimSpec::from_inline(&text).unwrap() else {
            panic!("{text} is another victim")
        };
        check_scores(&recipe, &job, &ctx, &ids(&golden["scored_users"]), &case["scores"], &text);
        for (&anchor, list) in ids(&golden["anchors"]).iter().zip(case["related"].as_array().unwrap()) {
            let want: Vec<(ItemId, f32)> = list
                .as_array()
                .unwrap()
                .iter()
                .map(|entry| (ItemId(entry[0].as_u64().unwrap() as u32), entry[1].as_f64().unwrap() as f32))
                .collect();
            assert_eq!(
                recipe.related(&job, ItemId(anchor), 5, &ctx).unwrap(),
                want,
                "{text}, anchor {anchor}"
            );
        }
    }
}

fn check_scores(recipe: &ItemKnn, job: &FitJob<'_>, ctx: &Ctx<'_>, users: &[u32], want: &Value, text: &str) {
    let model = recipe.fit(job, ctx).unwrap();
    let scorer = model.scorer().unwrap();
    for (&user, row) in users.iter().zip(want.as_array().unwrap()) {
        let want: Vec<f32> = row.as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect();
        let mut got = vec![f32::NAN; scorer.n_items()];
        scorer.score(UserId(user), None, &mut got);
        assert_eq!(got, want, "{text}, user {user}");
    }
}

#[test]
fn random_walk_equals_a_dense_solve() {
    let golden: Value = serde_json::from_str(include_str!("../../../golden/random_walk_numpy.json")).unwrap();
    let (n_users, n_items) = (golden["n_users"].as_u64().unwrap(), golden["n_items"].as_u64().unwrap());
    let ratings = golden["ratings"].as_array().unwrap().iter().map(|r| r.as_f64().unwrap() as f32).collect();
    let cells = Triples {
        users: ids(&golden["users"]),
        items: ids(&golden["items"]),
        ratings: Some(ratings),
        times: None,
    };
    let scale = RatingScale::new(1.0, 5.0, 1.0).unwrap();
    let explicit =
        Interactions::from_triples(n_users as usize, n_items as usize, cells, Some(scale)).unwrap();
    let users: Vec<UserId> = explicit.users().collect();
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 8);
    for case in cases {
        let text = format!(
            "random-walk:restart={},orientation={}",
            case["restart"],
            case["orientation"].as_str().unwrap()
        );
        let VictimSpec::RandomWalk(recipe) = VictimSpec::from_inline(&text).unwrap() else {
            panic!("{text} is another victim")
        };
        let data = if case["explicit"].as_bool().unwrap() { explicit.clone() } else { explicit.binarize() };
        let graph = WalkGraph::new(&data, None);
        let model = recipe.fit(&FitJob::new(&data), &Ctx::new(Seed::new(1))).unwrap();
        for block in users.chunks(LANES) {
            let p = recipe.probabilities(&graph, block);
            for (lane, user) in block.iter().enumerate() {
                let mut scores = vec![f32::NAN; data.n_items()];
                model.scorer().unwrap().score(*user, None, &mut scores);
                for (i, want) in case["items"][user.index()].as_array().unwrap().iter().enumerate() {
                    let (got, want) = (p.items[i][lane], want.as_f64().unwrap());
                    assert!((got - want).abs() < 1e-10, "{text}, user {user:?}, item {i}: {got} for {want}");
                    assert_eq!(scores[i], got as f32);
                }
            }
        }
    }
}
