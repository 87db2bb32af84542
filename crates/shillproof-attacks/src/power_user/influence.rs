//! How much a user sways the neighborhoods of the others.

use std::cmp::Reverse;

use shillproof_core::{Cancelled, Ctx, Interactions, UserId};

/// Co-rated items below which in-degree trusts a similarity less, in proportion (Herlocker et al., SIGIR 1999).
const SIGNIFICANT: f64 = 50.0;

/// Co-rated items that aggregated similarity asks for (Wilson & Seminario 2013, section 3).
const FEWEST_CO_RATED: u32 = 5;

/// How many users have each user among their `neighbors` most similar ones, similarities weighted by significance.
pub(super) fn in_degree(
    sample: &Interactions,
    neighbors: usize,
    ctx: &Ctx<'_>,
) -> Result<Vec<f64>, Cancelled> {
    let ties = ctx.seed.child("neighbors");
    let mut degree = vec![0.0; sample.n_users()];
    for_each_user(sample, ctx, |user, similar| {
        let mut nearest: Vec<(f64, u32)> = similar
            .iter()
            .map(|s| (s.value * (f64::from(s.co_rated) / SIGNIFICANT).min(1.0), s.user))
            .filter(|s| s.0 > 0.0)
            .collect();
        let ties = ties.index(u64::from(user.0));
        // Positive numbers have their bits in their order.
        nearest.sort_by_cached_key(|s| (Reverse(s.0.to_bits()), ties.index(u64::from(s.1)).value()));
        for &(_, other) in nearest.iter().take(neighbors) {
            degree[other as usize] += 1.0;
        }
    })?;
    Ok(degree)
}

/// The sum of each user's similarities to all users with enough co-rated items.
pub(super) fn aggregated_similarity(sample: &Interactions, ctx: &Ctx<'_>) -> Result<Vec<f64>, Cancelled> {
    let mut sums = vec![0.0; sample.n_users()];
    for_each_user(sample, ctx, |user, similar| {
        sums[user.index()] = similar.iter().filter(|s| s.co_rated >= FEWEST_CO_RATED).map(|s| s.value).sum();
    })?;
    Ok(sums)
}

/// One user's similarity to another who rated something in common.
struct Similar {
    user: u32,
    co_rated: u32,
    /// Pearson's correlation over co-rated items, around each user's mean of all ratings; the cosine in implicit data.
    value: f64,
}

/// Calls `with` for every user with all users who share an item, in ascending order. O(Σ countᵢ²) over items.
fn for_each_user(
    sample: &Interactions,
    ctx: &Ctx<'_>,
    mut with: impl FnMut(UserId, &[Similar]),
) -> Result<(), Cancelled> {
    let n = sample.n_users();
    let means: Vec<f64> = sample
        .rows()
        .map(|row| row.iter().map(|e| f64::from(e.1)).sum::<f64>() / row.len().max(1) as f64)
        .collect();
    let centred = |user: UserId, rating: f32| {
        if sample.is_explicit() { f64::from(rating) - means[user.index()] } else { 1.0 }
    };
    let mut columns: Vec<Vec<(u32, f64)>> = vec![Vec::new(); sample.n_items()];
    for user in sample.users() {
        for (item, rating) in sample.row(user).iter() {
            columns[item.index()].push((user.0, centred(user, rating)));
        }
    }
    // Per other user: co-rated items, Σ xy, Σ x², Σ y².
    let mut sums = vec![(0u32, 0f64, 0f64, 0f64); n];
    let mut similar = Vec::new();
    for user in sample.users() {
        ctx.check()?;
        for (item, rating) in sample.row(user).iter() {
            let x = centred(user, rating);
            for &(other, y) in &columns[item.index()] {
                let sum = &mut sums[other as usize];
                *sum = (sum.0 + 1, sum.1 + x * y, sum.2 + x * x, sum.3 + y * y);
            }
        }
        similar.clear();
        let own = sample.row(user).len() as f64;
        for (other, sum) in sums.iter_mut().enumerate() {
            let (co_rated, xy, xx, yy) = std::mem::take(sum);
            if co_rated == 0 || other == user.index() {
                continue;
            }
            let norm = if sample.is_explicit() {
                (xx * yy).sqrt()
            } else {
                (own * sample.row(UserId(other as u32)).len() as f64).sqrt()
            };
            let value = if norm > 0.0 { xy / norm } else { 0.0 };
            similar.push(Similar { user: other as u32, co_rated, value });
        }
        with(user, &similar);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use shillproof_core::{Row, Seed};
    use shillproof_testkit::fixtures::Planted;

    fn mean(row: Row<'_>) -> f64 {
        row.iter().map(|e| f64::from(e.1)).sum::<f64>() / row.len() as f64
    }

    /// Similarity and co-rated items of one pair, straight from the definition.
    fn pair(data: &Interactions, u: UserId, v: UserId) -> (f64, u32) {
        let (a, b) = (data.row(u), data.row(v));
        let co: Vec<(f64, f64)> = a
            .iter()
            .flat_map(|(item, x)| {
                b.iter().filter(move |e| e.0 == item).map(move |e| (f64::from(x), f64::from(e.1)))
            })
            .collect();
        if !data.is_explicit() {
            return (co.len() as f64 / ((a.len() * b.len()) as f64).sqrt(), co.len() as u32);
        }
        let (mu, mv) = (mean(a), mean(b));
        let sum = |f: &dyn Fn(&(f64, f64)) -> f64| co.iter().map(f).sum::<f64>();
        let xy = sum(&|c| (c.0 - mu) * (c.1 - mv));
        let norm = (sum(&|c| (c.0 - mu).powi(2)) * sum(&|c| (c.1 - mv).powi(2))).sqrt();
        (if norm > 0.0 { xy / norm } else { 0.0 }, co.len() as u32)
    }

    #[test]
    fn both_measures_equal_their_definitions() {
        let planted = Planted { users: 30, items: 36, clusters: 3, per_user: 11, affinity: 0.7 };
        let ctx = Ctx::new(Seed::new(1));
        for data in [planted.explicit(Seed::new(2)), planted.implicit(Seed::new(2))] {
            let (mut surely, mut perhaps, mut aggregated) = (vec![0.0; 30], vec![0.0; 30], vec![0.0; 30]);
            let mut total = 0.0;
            for u in data.users() {
                let mut others: Vec<(f64, UserId)> = Vec::new();
                for v in data.users().filter(|&v| v != u) {
                    let (similarity, co_rated) = pair(&data, u, v);
                    if co_rated >= 5 {
                        aggregated[u.index()] += similarity;
                    }
                    others.push((similarity * (f64::from(co_rated) / 50.0).min(1.0), v));
                }
                others.retain(|o| o.0 > 0.0);
                others.sort_by(|a, b| b.0.total_cmp(&a.0));
                // Where the list ends among equals, whom it leaves out is drawn.
                let last = others.get(5).map_or(0.0, |o| o.0);
                total += others.len().min(6) as f64;
                for (similarity, v) in others {
                    surely[v.index()] += f64::from(similarity > last + 1e-12);
                    perhaps[v.index()] += f64::from(similarity > last - 1e-12);
                }
            }
            let sums = aggregated_similarity(&data, &ctx).unwrap();
            assert!(
                sums.iter().zip(&aggregated).all(|(a, b)| (a - b).abs() < 1e-9),
                "{sums:?} {aggregated:?}"
            );
            let degree = in_degree(&data, 6, &ctx).unwrap();
            let bounds = surely.iter().zip(&perhaps);
            assert!(degree.iter().zip(bounds).all(|(d, (low, high))| low <= d && d <= high), "{degree:?}");
            assert_eq!(degree.iter().sum::<f64>(), total);
        }
    }
}
