use super::*;
use shillproof_core::Seed;

const WEIGHT: f64 = 20.0;

struct Toy {
    cells: FullCells,
    rows: usize,
    columns: usize,
    d: usize,
}

/// Not a multiple of anything that the kernels work with.
fn toys() -> Vec<Toy> {
    [(7, 11, 5, true), (23, 37, 19, false), (6, 40, 32, true), (40, 9, 208, false)]
        .map(|(rows, columns, d, weighted)| {
            let stored = |r: usize, c: usize| (r * 3 + c * c) % 4 < 2;
            let cells: Vec<Vec<(u32, f32)>> = (0..rows)
                .map(|r| (0..columns).filter(|&c| stored(r, c)).map(|c| (c as u32, 1.0)).collect())
                .collect();
            let weights = weighted.then(|| (0..rows).map(omega).collect());
            let csr = Csr::from_rows(columns, &cells);
            Toy { cells: FullCells::new(csr, WEIGHT as f32, weights), rows, columns, d }
        })
        .into()
}

fn omega(r: usize) -> f32 {
    [1.0, 0.5, 0.0, 2.0][r % 4]
}

fn wide(m: &Matrix) -> Vec<f64> {
    m.as_slice().iter().map(|&x| f64::from(x)).collect()
}

/// The loss and both gradients over all cells, dense, in f64.
fn dense(toy: &Toy, p: &[f64], q: &[f64]) -> (f64, Vec<f64>, Vec<f64>) {
    let d = toy.d;
    let (mut loss, mut of_p, mut of_q) = (0.0, vec![0.0; p.len()], vec![0.0; q.len()]);
    for r in 0..toy.rows {
        for c in 0..toy.columns {
            let score: f64 = (0..d).map(|k| p[r * d + k] * q[c * d + k]).sum();
            let stored = toy.cells.by_row.columns(r).contains(&(c as u32));
            let (y, w) = if stored { (1.0, WEIGHT) } else { (0.0, 1.0) };
            let w = w * f64::from(toy.cells.row_weight(r));
            loss += w * (y - score).powi(2);
            let slope = -2.0 * w * (y - score);
            for k in 0..d {
                of_p[r * d + k] += slope * q[c * d + k];
                of_q[c * d + k] += slope * p[r * d + k];
            }
        }
    }
    (loss, of_p, of_q)
}

fn assert_close(got: &Matrix, want: &[f64]) {
    let size = want.iter().fold(0.0f64, |a, b| a.max(b.abs()));
    for (&got, want) in got.as_slice().iter().zip(want) {
        assert!((f64::from(got) - want).abs() < 3e-6 * size, "{got} for {want} (largest {size})");
    }
}

#[test]
fn gradients_and_hessian_products_are_those_over_all_cells() {
    for toy in toys() {
        let random = |rows, seed| Matrix::normal(rows, toy.d, 0.5, Seed::new(seed));
        let (p, q, dp, dq) =
            (random(toy.rows, 1), random(toy.columns, 2), random(toy.rows, 3), random(toy.columns, 4));
        let mut first = CellSlopes::default();
        toy.cells.gradient(&p, &q, &mut first);
        let exact = dense(&toy, &wide(&p), &wide(&q));
        assert!((toy.cells.loss(&p, &q) - exact.0).abs() < 1e-5 * exact.0);
        assert_close(&first.of_p, &exact.1);
        assert_close(&first.of_q, &exact.2);

        // Central differences of the dense gradient along the tangent. It is cubic, so they are exact but for rounding
        // once the two step sizes are combined.
        let along = |h: f64| {
            let moved = |x: &Matrix, dx: &Matrix, h: f64| -> Vec<f64> {
                wide(x).iter().zip(wide(dx)).map(|(x, dx)| x + h * dx).collect()
            };
            let (up, down) = (
                dense(&toy, &moved(&p, &dp, h), &moved(&q, &dq, h)),
                dense(&toy, &moved(&p, &dp, -h), &moved(&q, &dq, -h)),
            );
            let slope = |up: Vec<f64>, down: Vec<f64>| -> Vec<f64> {
                up.iter().zip(down).map(|(up, down)| (up - down) / (2.0 * h)).collect()
            };
            [slope(up.1, down.1), slope(up.2, down.2)]
        };
        let ([fine_p, fine_q], [coarse_p, coarse_q]) = (along(0.01), along(0.02));
        let limit = |fine: Vec<f64>, coarse: Vec<f64>| -> Vec<f64> {
            fine.iter().zip(coarse).map(|(f, c)| (4.0 * f - c) / 3.0).collect()
        };
        let mut second = CellSlopes::default();
        toy.cells.second(&Joined::new(&p, &dp), &Joined::new(&q, &dq), &mut second);
        assert_close(&second.of_p, &limit(fine_p, coarse_p));
        assert_close(&second.of_q, &limit(fine_q, coarse_q));
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let toy = &toys()[1];
    let (p, q) = (Matrix::normal(23, 19, 0.5, Seed::new(1)), Matrix::normal(37, 19, 0.5, Seed::new(2)));
    let run = |n| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
        pool.install(|| {
            let (mut first, mut second) = (CellSlopes::default(), CellSlopes::default());
            toy.cells.gradient(&p, &q, &mut first);
            let (jp, jq) = (Joined::new(&p, &first.of_p), Joined::new(&q, &first.of_q));
            // Whatever was there before is written over.
            for _ in 0..2 {
                toy.cells.second(&jp, &jq, &mut second);
            }
            (second.of_p, second.of_q)
        })
    };
    assert_eq!(run(1), run(3));
}
