//! Orders 0 and 1: the inverse Hessian by its diagonal blocks, and by one more Neumann term.
//!
//! With D the diagonal blocks and C the rest, (D + C)⁻¹ ≈ D⁻¹ − D⁻¹CD⁻¹. Removing edge (k, j) moves x_k
//! and y_j directly (order 0), and through them every user who is tied to j, and the target if k is tied to it
//! (order 1).

use rayon::prelude::*;
use shillproof_core::{Cancelled, Ctx};
use shillproof_kernels::parallel;

use super::point::Point;
use crate::mf::vector::{axpy, dot, vectorized};

/// Ranges of rows between two looks at the request to stop.
const STRIDE: usize = 32;

/// φ of every edge, user after user; `coupled` adds order 1 to order 0.
pub(super) fn edges(
    at: &Point<'_>,
    target: usize,
    coupled: bool,
    ctx: &Ctx<'_>,
) -> Result<Vec<f64>, Cancelled> {
    let users = each_row(at.problem.by_user().starts(), ctx, |k| UserSide::of(at, target, coupled, k))?;
    let by_item = each_row(at.problem.by_item().starts(), ctx, |j| item_edges(at, coupled, &users, j))?;
    let mut next = vec![0; by_item.len()];
    let mut out = Vec::with_capacity(at.problem.by_user().cells());
    for k in 0..at.problem.n_users() {
        for &j in at.problem.by_user().columns(k) {
            let place = &mut next[j as usize];
            out.push(by_item[j as usize][*place]);
            *place += 1;
        }
    }
    Ok(out)
}

/// `row(i)` of every row, in parallel.
fn each_row<T: Send>(
    starts: &[usize],
    ctx: &Ctx<'_>,
    row: impl Fn(usize) -> T + Sync,
) -> Result<Vec<T>, Cancelled> {
    let mut out = Vec::with_capacity(starts.len() - 1);
    for some in parallel::balanced(starts, 8).chunks(STRIDE) {
        ctx.check()?;
        let parts: Vec<Vec<T>> =
            some.par_iter().map(|rows| vectorized!(|| rows.clone().map(&row).collect())).collect();
        out.extend(parts.into_iter().flatten());
    }
    Ok(out)
}

/// What a user's block is needed for.
struct UserSide {
    /// a = A⁻¹y_t.
    a: Vec<f64>,
    /// For a user tied to the target, and edges to the target itself: (item, how far the removal of the edge moves
    /// y_t, in units of its lead), items ascending.
    shifts: Vec<(u32, Vec<f64>)>,
}

impl UserSide {
    fn of(at: &Point<'_>, target: usize, coupled: bool, k: usize) -> Self {
        let solved = |i: usize| at.user_solve(k, at.item(i));
        let tie = at.cell(k, target).filter(|_| coupled);
        let shift = |&j: &u32| {
            let mut v = vec![0.0; at.item(target).len()];
            if let Some((weight, residual)) = tie {
                let c = solved(j as usize);
                axpy(weight * dot(at.item(target), &c), at.user(k), &mut v);
                axpy(-residual, &c, &mut v);
            }
            if j as usize == target {
                axpy(-1.0, at.user(k), &mut v);
            }
            (tie.is_some() || j as usize == target).then_some((j, v))
        };
        let mut shifts: Vec<_> = at.problem.by_user().columns(k).iter().filter_map(shift).collect();
        shifts.sort_unstable_by_key(|s| s.0);
        for (_, v) in &mut shifts {
            *v = at.item_solve(target, v);
        }
        Self { a: solved(target), shifts }
    }

    fn shift(&self, j: usize) -> Option<&[f64]> {
        let found = self.shifts.binary_search_by_key(&(j as u32), |s| s.0).ok()?;
        Some(&self.shifts[found].1)
    }
}

/// φ of the edges of item `j`, users ascending.
fn item_edges(at: &Point<'_>, coupled: bool, users: &[UserSide], j: usize) -> Vec<f64> {
    let raters = at.problem.by_item().columns(j);
    if raters.is_empty() {
        return Vec::new();
    }
    // h_o of everybody whose cell of the item is in the objective.
    let tied: Vec<(usize, Vec<f64>)> = if coupled {
        let h = |(o, weight, residual): (usize, f64, f64)| {
            let a = &users[o].a;
            let mut h: Vec<f64> = a.iter().map(|a| -residual * a).collect();
            axpy(weight * dot(a, at.item(j)), at.user(o), &mut h);
            (o, h)
        };
        at.cells(j).map(h).collect()
    } else {
        Vec::new()
    };
    let one = |&k: &u32| {
        let k = k as usize;
        let own = dot(&users[k].a, at.item(j));
        let b = at.item_solve(j, at.user(k));
        let through = tied.iter().map(|(o, h)| (*o, dot(&b, h)));
        let sum: f64 = if let Some(v) = users[k].shift(j) {
            let mut moves: Vec<f64> = (0..users.len()).map(|o| dot(at.user(o), v)).collect();
            through.for_each(|(o, moved)| moves[o] += moved);
            moves[k] -= own;
            moves.iter().map(|m| m.abs()).sum()
        } else if coupled {
            through.map(|(o, moved)| if o == k { (moved - own).abs() } else { moved.abs() }).sum()
        } else {
            own.abs()
        };
        (at.lead(k, j) * sum).abs()
    };
    raters.iter().map(one).collect()
}
