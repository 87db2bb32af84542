//! Nuclear-norm completion against dense singular value thresholding in NumPy, and the conditions of optimality.

#![allow(clippy::unwrap_used)] // what fails to load fails the test

use nalgebra::DMatrix;
use serde_json::Value;
use shillproof_core::seed::mix;
use shillproof_core::{Ctx, FitError, FitJob, ItemId, Scorer, Seed, UserId, Victim};
use shillproof_testkit::fixtures::Planted;
use shillproof_victims::{Center, Completion, NuclearNorm, Observed};

fn ctx() -> Ctx<'static> {
    Ctx::new(Seed::new(3).child("victim"))
}

/// The matrix of `golden/nuclear_norm_numpy.py`.
fn golden() -> (Value, Observed) {
    let golden: Value =
        serde_json::from_str(include_str!("../../../golden/nuclear_norm_numpy.json")).unwrap();
    let (rows, columns) = (golden["rows"].as_u64().unwrap(), golden["columns"].as_u64().unwrap());
    let row = |u: u64| {
        let cell = |i: u64| {
            let h = mix((u * columns + i).wrapping_add(0x9E37_79B9_7F4A_7C15));
            let taste = if u % 3 == i % 3 { 1 } else { -1 } + i64::from((u % 7 < 3) == (i % 5 < 2));
            let noise = (h >> 8) % 3;
            h.is_multiple_of(4).then(|| (i as u32, (2 + taste + noise as i64).clamp(1, 5) as f64))
        };
        (0..columns).filter_map(cell).collect()
    };
    let cells = Observed::new(columns as usize, (0..rows).map(row));
    assert_eq!(cells.values().len() as u64, golden["cells"].as_u64().unwrap());
    assert_eq!(cells.values().iter().sum::<f64>(), golden["sum"].as_f64().unwrap());
    (golden, cells)
}

fn recipe(regularization: f64) -> NuclearNorm {
    NuclearNorm {
        regularization: regularization as f32,
        tolerance: 1e-9,
        iterations: 5000,
        ..NuclearNorm::default()
    }
}

/// How far `x` is from optimal: the residual must be λ(UVᵀ + W) with W orthogonal to U and V and of norm at most 1. Returns the
/// relative error of the part along U and V, and ‖W‖₂.
fn optimality(x: &Completion, cells: &Observed, regularization: f64) -> (f64, f64) {
    let mut residual = DMatrix::zeros(cells.n_rows(), cells.n_columns());
    let (fitted, mut at) = (x.at(cells), 0);
    for row in 0..cells.n_rows() {
        for &column in cells.columns(row) {
            residual[(row, column as usize)] = (cells.values()[at] - fitted[at]) / regularization;
            at += 1;
        }
    }
    // Along U the residual is Vᵀ, along V it is U.
    let along = (&x.left * &residual - &x.right).norm()
        + (&residual * x.right.transpose() - x.left.transpose()).norm();
    let rest = &residual - x.left.transpose() * &x.right;
    (along / (x.rank() as f64).sqrt(), rest.singular_values().max())
}

#[test]
fn objective_rank_and_singular_values_equal_dense_thresholding() {
    let (golden, cells) = golden();
    let mut last: Option<Completion> = None;
    for run in golden["runs"].as_array().unwrap() {
        let regularization = run["regularization"].as_f64().unwrap();
        let cold = recipe(regularization).complete(&cells, &ctx()).unwrap();
        let warm = match last.take() {
            Some(start) => recipe(regularization).fit_from(start, &cells, &ctx()).unwrap(),
            None => cold.clone(),
        };
        let singular: Vec<f64> =
            run["singular"].as_array().unwrap().iter().map(|s| s.as_f64().unwrap()).collect();
        for x in [&cold, &warm] {
            let objective = run["objective"].as_f64().unwrap();
            assert!((x.objective / objective - 1.0).abs() < 1e-6, "{} against {objective}", x.objective);
            assert_eq!(x.rank(), singular.len(), "rank at {regularization}");
            for (ours, theirs) in x.singular.iter().zip(&singular) {
                assert!((ours - theirs).abs() < 1e-4 * singular[0], "{ours} against {theirs}");
            }
            let (along, norm) = optimality(x, &cells, regularization);
            assert!(along < 1e-5 && norm < 1.0 + 1e-6, "optimality at {regularization}: {along}, {norm}");
        }
        last = Some(warm);
    }
}

#[test]
fn a_warm_start_is_shorter_than_a_cold_one() {
    let (_, cells) = golden();
    let (strong, weak) = (NuclearNorm { regularization: 9.0, ..recipe(9.0) }, recipe(8.0));
    let start = strong.complete(&cells, &ctx()).unwrap();
    let cold = weak.complete(&cells, &ctx()).unwrap();
    let warm = weak.fit_from(start, &cells, &ctx()).unwrap();
    assert!(warm.iterations < cold.iterations, "{} against {}", warm.iterations, cold.iterations);
    let again = weak.fit_from(warm, &cells, &ctx()).unwrap();
    assert!(again.iterations <= 2, "{} iterations from the solution itself", again.iterations);
}

#[test]
fn a_start_with_fewer_rows_is_filled_up_and_one_of_another_width_refused() {
    let (_, cells) = golden();
    let row = |r: usize| {
        cells.columns(r).iter().copied().zip(cells.values()[cells.span(r)].iter().copied()).collect()
    };
    let first = Observed::new(cells.n_columns(), (0..150).map(row));
    let start = recipe(10.0).complete(&first, &ctx()).unwrap();
    let from_part = recipe(10.0).fit_from(start, &cells, &ctx()).unwrap();
    let cold = recipe(10.0).complete(&cells, &ctx()).unwrap();
    assert!((from_part.objective / cold.objective - 1.0).abs() < 1e-9);

    let narrow = Observed::new(3, [vec![(0, 1.0)]].into_iter());
    let other = recipe(0.1).complete(&narrow, &ctx()).unwrap();
    let refused = recipe(10.0).fit_from(other, &cells, &ctx());
    assert!(matches!(refused, Err(FitError::Parameter { name: "start", .. })));
}

#[test]
fn beyond_the_largest_singular_value_nothing_is_left() {
    let cells = Observed::new(2, [vec![(0, 3.0)], vec![(1, 4.0)]].into_iter());
    let x = recipe(4.5).complete(&cells, &ctx()).unwrap();
    assert_eq!((x.rank(), x.objective), (0, 25.0));
    // A diagonal matrix: each singular value is shrunk on its own, and the cells beside them stay 0.
    let x = recipe(1.0).complete(&cells, &ctx()).unwrap();
    assert!(x.at(&cells).iter().zip([2.0, 3.0]).all(|(x, y)| (x - y).abs() < 1e-9), "{:?}", x.singular);
}

#[test]
fn predictions_are_the_completion_plus_the_center() {
    let train =
        Planted { users: 60, items: 45, clusters: 3, per_user: 15, affinity: 0.8 }.explicit(Seed::new(5));
    for center in [Center::None, Center::Global] {
        let victim = NuclearNorm { regularization: 3.0, center, ..NuclearNorm::default() };
        let model = victim.fit(&FitJob::new(&train), &ctx()).unwrap();
        let mean = train.rows().flat_map(shillproof_core::Row::iter).map(|(_, r)| f64::from(r)).sum::<f64>()
            / train.len() as f64;
        let offset = if center == Center::Global { mean } else { 0.0 };
        let x = victim.complete(&Observed::of(&train, offset), &ctx()).unwrap();
        let whole = x.scaled_left().transpose() * &x.right;
        let mut scores = vec![0.0; 45];
        for user in 0..60 {
            model.scorer().map(|s: &dyn Scorer| s.score(UserId(user), None, &mut scores)).unwrap();
            for item in 0..45 {
                let expected = whole[(user as usize, item as usize)];
                let rating = f64::from(model.rating(UserId(user), ItemId(item)).unwrap());
                assert!((f64::from(scores[item as usize]) - expected).abs() < 1e-5);
                assert!((rating - offset - expected).abs() < 1e-5);
            }
        }
    }
}
