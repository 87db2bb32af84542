//! Products with the Hessian, in time linear in the observed cells.

use shillproof_kernels::parallel::{balanced, for_each_range};

use super::blocks::Side;
use super::factors::{Factors, Theta};
use super::problem::Problem;
use super::vector::{dot, two_axpys, two_dots, vectorized};

/// Half of ∇²J at a point: the block A_u of a user, B_j of an item, and `w(y_jx_uᵀ − e_uj I)` between the two of an observed
/// cell (`w₀(y_jx_uᵀ + x_uᵀy_j I)` of another one), e being the residual.
pub struct Hessian<'a> {
    problem: &'a Problem,
    theta: &'a Theta,
    by_user: Cells,
    by_item: Cells,
}

/// What a product needs of each cell.
struct Cells {
    /// w − w₀.
    outer: Vec<f64>,
    /// wr − (w − w₀) x·y, which is we + w₀ x·y.
    identity: Vec<f64>,
    gram: Option<Vec<f64>>,
}

impl Cells {
    fn of(side: &Side<'_>, own: &Factors) -> Self {
        let cells = side.cells;
        let n = cells.cells();
        let (mut outer, mut identity) = (vec![0.0; n], vec![0.0; n]);
        let ranges = balanced(cells.starts(), 1);
        // Two columns of one number a cell, in the cells' own order.
        let spans: Vec<_> = ranges.iter().map(|r| cells.starts()[r.start]..cells.starts()[r.end]).collect();
        let row_of = |span: &std::ops::Range<usize>| cells.starts().partition_point(|&s| s <= span.start) - 1;
        for_each_range(
            &spans,
            1,
            &mut outer,
            || (),
            |(), span, out| {
                for (at, out) in span.zip(out) {
                    *out = cells.at(at).2 - side.base;
                }
            },
        );
        for_each_range(
            &spans,
            1,
            &mut identity,
            || (),
            |(), span, out| {
                let mut row = if span.is_empty() { 0 } else { row_of(&span) };
                vectorized!(|| {
                    for (at, out) in span.zip(out) {
                        while cells.starts()[row + 1] <= at {
                            row += 1;
                        }
                        let (index, value, weight) = cells.at(at);
                        let score = dot(own.row(row), side.other.row(index as usize));
                        *out = weight * value - (weight - side.base) * score;
                    }
                });
            },
        );
        Self { outer, identity, gram: side.base_gram() }
    }
}

impl<'a> Hessian<'a> {
    /// The Hessian of the problem's objective at `theta`.
    pub fn new(problem: &'a Problem, theta: &'a Theta) -> Self {
        Self {
            problem,
            theta,
            by_user: Cells::of(&Side::users(problem, &theta.items), &theta.users),
            by_item: Cells::of(&Side::items(problem, &theta.users), &theta.items),
        }
    }

    /// The problem.
    pub fn problem(&self) -> &'a Problem {
        self.problem
    }

    /// The point.
    pub fn theta(&self) -> &'a Theta {
        self.theta
    }

    /// `out ← (∇²J/2 + μ_k D) p_k`, D the diagonal blocks, for each of the `damping.len()` directions interleaved in `p`.
    ///
    /// # Shapes
    /// `p`, `out`: rows as in θ, `damping.len()` times as wide.
    pub fn product(&self, p: &Theta, damping: &[f64], out: &mut Theta) {
        let users = Side::users(self.problem, &self.theta.items);
        let items = Side::items(self.problem, &self.theta.users);
        let (x, y) = (&self.theta.users, &self.theta.items);
        product(&users, &self.by_user, x, &p.users, &p.items, damping, &mut out.users);
        product(&items, &self.by_item, y, &p.items, &p.users, damping, &mut out.items);
    }
}

fn product(
    side: &Side<'_>,
    cells: &Cells,
    own: &Factors,
    p: &Factors,
    p_other: &Factors,
    damping: &[f64],
    out: &mut Factors,
) {
    let d = own.width();
    let width = d * damping.len();
    // w₀(YᵀQ + QᵀY), by which all cells couple the sides.
    let coupling: Option<Vec<Vec<f64>>> = (side.base > 0.0).then(|| {
        let cross = Factors::cross(side.other, p_other, p_other.rows());
        let one = |k: usize| {
            let at = |i: usize, j: usize| cross[i * width + k * d + j];
            (0..d * d).map(|c| side.base * (at(c / d, c % d) + at(c % d, c / d))).collect()
        };
        (0..damping.len()).map(one).collect()
    });
    let ranges = balanced(side.cells.starts(), 2);
    for_each_range(
        &ranges,
        width,
        out.as_mut_slice(),
        || (),
        |(), rows, out| {
            vectorized!(|| {
                for (row, out) in rows.zip(out.chunks_exact_mut(width.max(1))) {
                    let x = own.row(row);
                    let parts = out.chunks_exact_mut(d.max(1)).zip(p.row(row).chunks_exact(d.max(1)));
                    for (k, (out, p)) in parts.enumerate() {
                        let damped = 1.0 + damping[k];
                        for (out, p) in out.iter_mut().zip(p) {
                            *out = damped * side.ridge * p;
                        }
                        if let (Some(gram), Some(coupling)) = (&cells.gram, &coupling) {
                            for i in 0..d {
                                let line = i * d..(i + 1) * d;
                                two_axpys(damped * p[i], &gram[line.clone()], x[i], &coupling[k][line], out);
                            }
                        }
                        for at in side.cells.span(row) {
                            let j = side.cells.at(at).0 as usize;
                            let (y, q) = (side.other.row(j), &p_other.row(j)[k * d..(k + 1) * d]);
                            let c = cells.outer[at] * two_dots(damped, y, p, x, q);
                            two_axpys(c, y, -cells.identity[at], q, out);
                        }
                    }
                }
            });
        },
    );
}
