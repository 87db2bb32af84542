//! Items in groups that the same users like: the actions of the agent.

use shillproof_core::{AttackError, Ctx, Interactions, ItemId, Seed};
use shillproof_kernels::{Csr, Matrix, gram};
use smartcore::cluster::kmeans::{KMeans, KMeansParameters};
use smartcore::linalg::basic::matrix::DenseMatrix;

/// Features of an item.
const RANK: usize = 32;
/// Updates of the factorisation.
const UPDATES: usize = 100;
/// Most iterations of k-means.
const ITERATIONS: usize = 50;
/// Keeps quotients finite.
const TINY: f32 = 1e-9;

/// The targets, then `count` groups of the other items, none of them empty.
pub(super) fn groups(
    data: &Interactions,
    targets: &[ItemId],
    count: usize,
    ctx: &Ctx<'_>,
) -> Result<Vec<Vec<ItemId>>, AttackError> {
    let features = features(&Csr::of(data), ctx.seed.child("features"), ctx)?;
    let others: Vec<ItemId> =
        (0..data.n_items() as u32).map(ItemId).filter(|item| !targets.contains(item)).collect();
    let mut out = vec![targets.to_vec()];
    if count < 2 || others.len() <= count {
        out.extend((!others.is_empty()).then_some(others));
        return Ok(out);
    }
    let rows: Vec<Vec<f64>> = others
        .iter()
        .map(|item| features.row(item.index()).iter().map(|&x| f64::from(x)).collect())
        .collect();
    let clusters = clusters(&rows, count, ctx.seed.child("groups"));
    let mut groups = vec![Vec::new(); count];
    for (item, cluster) in others.into_iter().zip(clusters) {
        groups[cluster].push(item);
    }
    out.extend(groups.into_iter().filter(|group| !group.is_empty()));
    Ok(out)
}

/// The cluster of each row.
fn clusters(rows: &Vec<Vec<f64>>, count: usize, seed: Seed) -> Vec<usize> {
    let n = rows.len();
    let fitted = DenseMatrix::from_2d_vec(rows).and_then(|rows| {
        let parameters = KMeansParameters { seed: Some(seed.value()), ..KMeansParameters::default() }
            .with_k(count)
            .with_max_iter(ITERATIONS);
        KMeans::<f64, usize, _, Vec<usize>>::fit(&rows, parameters)?.predict(&rows)
    });
    // The library refuses rows that are all alike: then any grouping is as good as another.
    fitted.unwrap_or_else(|_| (0..n).map(|row| row % count).collect())
}

/// Columns of B in `X ≈ A B`, X the matrix of who has what, neither A nor B negative, each of length 1 (Lee and Seung, NIPS 2000, multiplicative updates of the squared error).
///
/// # Shapes
/// Result: one row an item.
fn features(by_user: &Csr, seed: Seed, ctx: &Ctx<'_>) -> Result<Matrix, AttackError> {
    let by_item = by_user.transpose();
    let start = |rows, name| {
        let mut start = Matrix::uniform(rows, RANK, 0.5, seed.child(name));
        start.as_mut_slice().iter_mut().for_each(|x| *x += 0.5 + TINY);
        start
    };
    let (mut users, mut items) = (start(by_user.n_rows(), "users"), start(by_item.n_rows(), "items"));
    for _ in 0..UPDATES {
        ctx.check()?;
        update(by_user, &items, &mut users);
        update(&by_item, &users, &mut items);
    }
    for item in 0..items.rows() {
        let row = items.row_mut(item);
        let norm = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        for x in row {
            *x /= norm + TINY;
        }
    }
    Ok(items)
}

/// `own ← own ∘ (X other) / (own (otherᵀ other))`.
fn update(cells: &Csr, other: &Matrix, own: &mut Matrix) {
    let (n, d) = (own.rows(), own.columns());
    let (zeros, mut above) = (Matrix::zeros(n, d), Matrix::zeros(n, d));
    cells.add_product(other, &zeros, &mut above);
    let gram = gram(other, None);
    for row in 0..n {
        let below: Vec<f32> = (0..d).map(|k| shillproof_kernels::dot(own.row(row), gram.row(k))).collect();
        for ((x, above), below) in own.row_mut(row).iter_mut().zip(above.row(row)).zip(below) {
            *x *= above / (below + TINY);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shillproof_testkit::fixtures::Planted;

    #[test]
    fn planted_clusters_are_found() {
        let planted = Planted { users: 150, items: 60, clusters: 3, per_user: 15, affinity: 1.0 };
        let data = planted.implicit(Seed::new(1));
        let targets = [ItemId(0), ItemId(1)];
        let groups = groups(&data, &targets, 9, &Ctx::new(Seed::new(2))).unwrap();
        assert_eq!(groups[0], targets);
        assert_eq!(groups.iter().map(Vec::len).sum::<usize>(), 60, "each item is in one group");
        let mut pure = 0;
        for group in &groups[1..] {
            let of = |cluster| group.iter().filter(|item| item.index() % 3 == cluster).count();
            pure += (0..3).map(of).max().unwrap();
        }
        assert!(pure >= 55, "{pure} of 58 items are with their own");
    }

    #[test]
    fn few_items_are_one_group() {
        let planted = Planted { users: 9, items: 6, clusters: 2, per_user: 2, affinity: 1.0 };
        let data = planted.implicit(Seed::new(1));
        let groups = groups(&data, &[ItemId(5)], 20, &Ctx::new(Seed::new(2))).unwrap();
        assert_eq!(groups.len(), 2);
        assert_eq!(groups[1].len(), 5);
    }
}
