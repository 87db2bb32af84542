use serde_json::Value;
use shillproof_core::Triples;
use shillproof_kernels::Matrix;

use super::*;

pub(crate) fn golden() -> Value {
    serde_json::from_str(include_str!("../../../../golden/next_item_torch.json")).unwrap()
}

pub(crate) fn matrix(value: &Value) -> Matrix {
    let rows: Vec<Vec<f32>> = serde_json::from_value(value.clone()).unwrap();
    Matrix::from_slice(rows.len(), rows[0].len(), &rows.concat()).unwrap()
}

pub(crate) fn steps_of(batch: &Value) -> Vec<Step> {
    let rows: Vec<[u32; 4]> = serde_json::from_value(batch.clone()).unwrap();
    rows.iter().map(|&[user, last, next, negative]| Step { user, last, next, negative }).collect()
}

/// The largest difference of any two numbers.
pub(crate) fn apart(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// Seven users and nine items; user 3 took item 7, then item 2.
pub(crate) fn histories() -> Interactions {
    let cells = Triples { users: vec![3, 3], items: vec![7, 2], ratings: None, times: Some(vec![1, 2]) };
    Interactions::from_triples(7, 9, cells, None).unwrap()
}

#[test]
fn data_without_an_order_is_refused() {
    let cells = Triples { users: vec![0], items: vec![0], ratings: None, times: None };
    let data = Interactions::from_triples(1, 1, cells, None).unwrap();
    assert!(matches!(ordered(&data), Err(FitError::NeedsOrder)));
}
