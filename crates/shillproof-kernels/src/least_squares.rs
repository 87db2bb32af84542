//! One half of a sweep of alternating least squares: all rows against fixed factors of the other side.

use pulp::{Arch, Simd, WithSimd};

use crate::cholesky::{factorize, solve};
use crate::csr::Csr;
use crate::gram::add_symmetric;
use crate::matrix::Matrix;
use crate::panels::{Lane, Panels, WIDTH, vectors, vectors_mut};
use crate::parallel::{balanced, for_each_range};
use crate::prefetch::{CACHED, prefetch};
use crate::products::{add_multiple, combine, combine_by_dots, inner};

/// Entries gathered at a time for a normal matrix.
const CHUNK: usize = 128;
/// Rows of factors asked for before they are gathered.
const AHEAD: usize = 16;
/// Rounds of conjugate gradients: what implicit-feedback libraries use (Takács, Pilászy, Tikk, RecSys 2011).
const STEPS: usize = 3;

/// How the small system of one row is solved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inner {
    /// Exactly, by the normal matrix and its Cholesky factor.
    Cholesky,
    /// By three steps of conjugate gradients from the row's last value, for rows of at most so many
    /// entries; exactly for longer ones.
    ConjugateGradient {
        /// Longest row that is solved by conjugate gradients.
        up_to: usize,
    },
}

/// One least-squares problem a row:
/// `(base + ridge/w_r · I + Σ_c observed·w_c q_c q_cᵀ) x = Σ_c target·w_c·v_c q_c`,
/// summed over the row's stored cells `c` with values `v_c`.
///
/// With a Gram matrix as `base`, `observed = w − 1` and `target = w` this is implicit ALS
/// (Hu, Koren, Volinsky, ICDM 2008, eq. 4); without one and with both 1 it is explicit ALS.
#[derive(Clone, Copy)]
pub struct RowSystems<'a> {
    /// One row a system.
    pub entries: &'a Csr,
    /// Factors of the other side, one row a column of `entries`.
    pub other: &'a Matrix,
    /// What all systems have in common; zero if none.
    pub base: Option<&'a Matrix>,
    /// Weight of a stored cell in the matrix, on top of `base`.
    pub observed: f32,
    /// Weight of a stored cell's value on the right-hand side.
    pub target: f32,
    /// Added to the diagonal; positive.
    pub ridge: f32,
    /// Weight of each row's loss; a row of weight 0, like an empty one, becomes zero.
    pub row_weight: Option<&'a [f32]>,
    /// Weight of each column's losses.
    pub column_weight: Option<&'a [f32]>,
    /// How the systems are solved.
    pub inner: Inner,
}

impl RowSystems<'_> {
    /// Solves for all rows, in parallel; conjugate gradients start from what `out` holds. A row whose
    /// matrix is numerically not positive definite becomes NaN.
    ///
    /// # Shapes
    /// `out`: one row a row of `entries`, as many columns as `other`.
    pub fn solve(&self, out: &mut Matrix) {
        let d = self.other.columns();
        debug_assert_eq!((out.rows(), out.columns()), (self.entries.n_rows(), d));
        // A factorisation costs about as much as d/2 entries.
        let ranges = balanced(self.entries.row_starts(), d / 2 + 1);
        let base = self.base.map(Panels::square);
        let buffers = || Work::new(self, base.as_ref());
        for_each_range(&ranges, d, out.as_mut_slice(), buffers, |work, rows, part| {
            Arch::new().dispatch(Range { work, rows, out: part });
        });
    }
}

struct Range<'a, 'b> {
    work: &'a mut Work<'b>,
    rows: std::ops::Range<usize>,
    out: &'a mut [f32],
}

impl WithSimd for Range<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let work = self.work;
        let systems = work.systems;
        let d = systems.other.columns();
        for (row, x) in self.rows.zip(self.out.chunks_exact_mut(d.max(1))) {
            let weight = systems.row_weight.map_or(1.0, |w| w[row]);
            let entries = systems.entries.columns(row).len();
            // Nothing on the right-hand side.
            if weight == 0.0 || entries == 0 {
                x.fill(0.0);
                continue;
            }
            let ridge = systems.ridge / weight;
            match systems.inner {
                Inner::ConjugateGradient { up_to } if entries <= up_to => {
                    work.conjugate_gradient(simd, row, ridge, x);
                }
                _ => work.exact(simd, row, ridge, x),
            }
        }
    }
}

/// Buffers of one thread.
struct Work<'a> {
    systems: &'a RowSystems<'a>,
    d: usize,
    base: Option<&'a Panels>,
    matrix: Panels,
    inverse: Vec<f32>,
    /// Gathered rows of `other`, as they are and weighted.
    gathered: Panels,
    weighted: Panels,
    /// Weights of the gathered rows in the matrix and on the right-hand side.
    observed: Vec<f32>,
    target: Vec<f32>,
    rhs: Vec<Lane>,
    /// x, r, p and Ap of conjugate gradients.
    vectors: [Vec<Lane>; 4],
    /// What [`Work::apply`] adds when nothing is to be added, and its argument as plain numbers.
    zeros: Vec<f32>,
    flat: Vec<f32>,
}

impl<'a> Work<'a> {
    fn new(systems: &'a RowSystems<'a>, base: Option<&'a Panels>) -> Self {
        let d = systems.other.columns();
        let blocks = d.div_ceil(WIDTH);
        Self {
            systems,
            d,
            base,
            matrix: Panels::zeros(d.next_multiple_of(WIDTH), d),
            inverse: vec![0.0; d],
            gathered: Panels::zeros(CHUNK, d),
            weighted: Panels::zeros(if systems.column_weight.is_some() { CHUNK } else { 0 }, d),
            observed: Vec::new(),
            target: Vec::new(),
            rhs: vec![Lane::ZERO; blocks],
            vectors: std::array::from_fn(|_| vec![Lane::ZERO; blocks]),
            zeros: Vec::new(),
            flat: vec![0.0; blocks * WIDTH],
        }
    }

    /// Gathers the factors and weights of some stored cells of `row`.
    #[inline(always)]
    fn gather<S: Simd>(&mut self, simd: S, row: usize, cells: std::ops::Range<usize>) {
        let (systems, first) = (self.systems, cells.start);
        let columns = &systems.entries.columns(row)[cells.clone()];
        let values = systems.entries.values(row).map(|v| &v[cells]);
        self.observed.clear();
        self.target.clear();
        let weight = |column: u32| systems.column_weight.map_or(1.0, |w| w[column as usize]);
        self.observed.extend(columns.iter().map(|&c| systems.observed * weight(c)));
        match values {
            Some(values) => {
                let cells = columns.iter().zip(values);
                self.target.extend(cells.map(|(&c, &v)| systems.target * weight(c) * v));
            }
            None => self.target.extend(columns.iter().map(|&c| systems.target * weight(c))),
        }
        let cached = systems.other.as_slice().len() <= CACHED;
        for (at, &column) in columns.iter().enumerate() {
            self.gathered.set_row(simd, at, systems.other.row(column as usize), 1.0);
            if !cached && let Some(next) = systems.entries.column_ahead(row, first + at + AHEAD) {
                prefetch(systems.other.row(next));
            }
        }
    }

    #[inline(always)]
    fn exact<S: Simd>(&mut self, simd: S, row: usize, ridge: f32, x: &mut [f32]) {
        let (systems, d) = (self.systems, self.d);
        for j in 0..self.matrix.count() {
            let span = 0..(j + 1) * WIDTH;
            match self.base {
                Some(base) => self.matrix.panel_mut(j)[span.clone()].copy_from_slice(&base.panel(j)[span]),
                None => self.matrix.panel_mut(j)[span].fill(Lane::ZERO),
            }
        }
        for i in 0..d {
            self.matrix.panel_mut(i / WIDTH)[i].0[i % WIDTH] += ridge;
        }
        self.rhs.fill(Lane::ZERO);
        let entries = systems.entries.columns(row).len();
        for first in (0..entries).step_by(CHUNK) {
            let n = CHUNK.min(entries - first);
            self.gather(simd, row, first..first + n);
            combine(simd, &self.target, &self.gathered, &mut self.rhs);
            if systems.column_weight.is_some() {
                for (at, &column) in systems.entries.columns(row)[first..first + n].iter().enumerate() {
                    let factors = systems.other.row(column as usize);
                    self.weighted.set_row(simd, at, factors, self.observed[at]);
                }
                add_symmetric(simd, &self.weighted, &self.gathered, n, d, 1.0, &mut self.matrix);
            } else if systems.observed != 0.0 {
                add_symmetric(simd, &self.gathered, &self.gathered, n, d, systems.observed, &mut self.matrix);
            }
        }
        if factorize(simd, &mut self.matrix, d, &mut self.inverse) {
            solve(simd, &self.matrix, d, &self.inverse, &mut self.rhs);
            to_row(&self.rhs, x);
        } else {
            x.fill(f32::NAN);
        }
    }

    #[inline(always)]
    fn conjugate_gradient<S: Simd>(&mut self, simd: S, row: usize, ridge: f32, out: &mut [f32]) {
        let entries = self.systems.entries.columns(row).len();
        if entries > self.gathered.rows() {
            self.gathered = Panels::zeros(entries.next_multiple_of(CHUNK), self.d);
        }
        self.gather(simd, row, 0..entries);
        self.zeros.resize(entries.max(self.zeros.len()), 0.0);
        let [mut x, mut r, mut p, mut ap] = std::mem::take(&mut self.vectors);
        let mut flat = std::mem::take(&mut self.flat);
        for (lane, cells) in x.iter_mut().zip(out.chunks(WIDTH)) {
            lane.0[..cells.len()].copy_from_slice(cells);
        }
        // r = b − Ax: the right-hand side comes along with the product.
        p.fill(Lane::ZERO);
        add_multiple(simd, -1.0, &x, &mut p);
        self.apply(simd, ridge, &self.target, &p, &mut flat, &mut r);
        p.copy_from_slice(&r);
        let mut rs = inner(simd, &r, &r);
        for _ in 0..STEPS {
            // Converged (or zero): a further step would divide by nothing.
            if rs < 1e-20 {
                break;
            }
            self.apply(simd, ridge, &self.zeros[..entries], &p, &mut flat, &mut ap);
            let step = rs / inner(simd, &p, &ap);
            add_multiple(simd, step, &p, &mut x);
            add_multiple(simd, -step, &ap, &mut r);
            let next = inner(simd, &r, &r);
            let ratio = simd.splat_f32s(next / rs);
            for (p, r) in p.iter_mut().zip(&r) {
                for (p, &r) in vectors_mut::<S>(p).iter_mut().zip(vectors::<S>(r)) {
                    *p = simd.mul_add_e_f32s(*p, ratio, r);
                }
            }
            rs = next;
        }
        to_row(&x, out);
        (self.vectors, self.flat) = ([x, r, p, ap], flat);
    }

    /// `out = (base + ridge·I + Σ observed q qᵀ) p + Σ constant q` over the gathered rows.
    #[inline(always)]
    fn apply<S: Simd>(
        &self,
        simd: S,
        ridge: f32,
        constant: &[f32],
        p: &[Lane],
        flat: &mut [f32],
        out: &mut [Lane],
    ) {
        out.fill(Lane::ZERO);
        add_multiple(simd, ridge, p, out);
        if let Some(base) = self.base {
            for (cells, lane) in flat.chunks_exact_mut(WIDTH).zip(p) {
                cells.copy_from_slice(&lane.0);
            }
            // The matrix is symmetric: a combination of its rows.
            combine(simd, flat, base, out);
        }
        combine_by_dots(simd, constant, &self.observed, &self.gathered, p, out);
    }
}

/// Writes the first cells of a padded vector.
fn to_row(lanes: &[Lane], out: &mut [f32]) {
    for (cells, lane) in out.chunks_mut(WIDTH).zip(lanes) {
        cells.copy_from_slice(&lane.0[..cells.len()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gram::gram;
    use crate::matrix::dot;
    use shillproof_core::{Interactions, RatingScale, Seed, Triples};

    /// Rows of very different lengths, one empty.
    fn entries(explicit: bool) -> Csr {
        let cells: Vec<(u32, u32)> = (0..40u32)
            .flat_map(|u| (0..300u32).filter(move |i| i * (u + 3) % 41 < u).map(move |i| (u, i)))
            .collect();
        let triples = Triples {
            users: cells.iter().map(|c| c.0).collect(),
            items: cells.iter().map(|c| c.1).collect(),
            ratings: explicit.then(|| cells.iter().map(|c| ((c.0 + c.1) % 5 + 1) as f32).collect()),
            times: None,
        };
        let scale = explicit.then(|| RatingScale::new(1.0, 5.0, 1.0).unwrap());
        Csr::of(&Interactions::from_triples(40, 300, triples, scale).unwrap())
    }

    /// Largest relative residual of any row's system, in f64.
    fn residual(systems: &RowSystems<'_>, x: &Matrix) -> f64 {
        let d = x.columns();
        let mut worst = 0.0f64;
        for row in 0..x.rows() {
            let weight = systems.row_weight.map_or(1.0, |w| w[row]);
            if weight == 0.0 {
                assert!(x.row(row).iter().all(|&v| v == 0.0));
                continue;
            }
            let mut left: Vec<f64> =
                x.row(row).iter().map(|&v| f64::from(v) * f64::from(systems.ridge / weight)).collect();
            if let Some(base) = systems.base {
                for i in 0..d {
                    left[i] +=
                        (0..d).map(|j| f64::from(base.row(i)[j]) * f64::from(x.row(row)[j])).sum::<f64>();
                }
            }
            let mut right = vec![0.0; d];
            for (at, &c) in systems.entries.columns(row).iter().enumerate() {
                let q = systems.other.row(c as usize);
                let w = f64::from(systems.column_weight.map_or(1.0, |w| w[c as usize]));
                let v = f64::from(systems.entries.values(row).map_or(1.0, |v| v[at]));
                let score = f64::from(dot(q, x.row(row)));
                for i in 0..d {
                    left[i] += f64::from(systems.observed) * w * score * f64::from(q[i]);
                    right[i] += f64::from(systems.target) * w * v * f64::from(q[i]);
                }
            }
            let size = right.iter().map(|b| b * b).sum::<f64>().sqrt().max(1e-3);
            let error = left.iter().zip(&right).map(|(l, r)| (l - r).powi(2)).sum::<f64>().sqrt();
            worst = worst.max(error / size);
        }
        worst
    }

    #[test]
    fn every_row_satisfies_its_normal_equations() {
        let row_weight: Vec<f32> = (0..40).map(|u| (u % 4) as f32 / 2.0).collect();
        let column_weight: Vec<f32> = (0..300).map(|i| (i % 3) as f32 / 2.0).collect();
        for d in [1, 8, 16, 33, 64] {
            let other = Matrix::normal(300, d, 0.3, Seed::new(d as u64));
            for (explicit, weighted) in [(false, false), (false, true), (true, false), (true, true)] {
                let entries = entries(explicit);
                let base = gram(&other, weighted.then_some(&column_weight[..]));
                let systems = RowSystems {
                    entries: &entries,
                    other: &other,
                    base: (!explicit).then_some(&base),
                    observed: if explicit { 1.0 } else { 19.0 },
                    target: if explicit { 1.0 } else { 20.0 },
                    ridge: 0.5,
                    row_weight: weighted.then_some(&row_weight),
                    column_weight: weighted.then_some(&column_weight),
                    inner: Inner::Cholesky,
                };
                let mut x = Matrix::zeros(40, d);
                systems.solve(&mut x);
                let error = residual(&systems, &x);
                assert!(error < 1e-4, "d = {d}, explicit {explicit}, weighted {weighted}: {error}");
                // Conjugate gradients, three steps at a time from the last value, get there too.
                let slow = RowSystems { inner: Inner::ConjugateGradient { up_to: 1000 }, ..systems };
                let mut y = Matrix::zeros(40, d);
                for _ in 0..60 {
                    slow.solve(&mut y);
                }
                let error = residual(&systems, &y);
                assert!(error < 1e-2, "CG: d = {d}, explicit {explicit}, weighted {weighted}: {error}");
            }
        }
    }

    #[test]
    fn a_weight_below_one_and_an_empty_row_are_fine() {
        let (entries, other) = (entries(false), Matrix::normal(300, 12, 0.3, Seed::new(1)));
        let base = gram(&other, None);
        let systems = RowSystems {
            entries: &entries,
            other: &other,
            base: Some(&base),
            observed: -0.5,
            target: 0.5,
            ridge: 0.1,
            row_weight: None,
            column_weight: None,
            inner: Inner::Cholesky,
        };
        let mut x = Matrix::zeros(40, 12);
        systems.solve(&mut x);
        assert!(residual(&systems, &x) < 1e-4);
        assert!(entries.columns(0).is_empty() && x.row(0).iter().all(|&v| v == 0.0));
    }

    #[test]
    fn a_system_without_solution_is_nan_not_nonsense() {
        let (entries, mut other) = (entries(false), Matrix::normal(300, 12, 0.3, Seed::new(1)));
        other.row_mut(3).fill(f32::INFINITY);
        let systems = RowSystems {
            entries: &entries,
            other: &other,
            base: None,
            observed: 1.0,
            target: 1.0,
            ridge: 0.1,
            row_weight: None,
            column_weight: None,
            inner: Inner::Cholesky,
        };
        let mut x = Matrix::zeros(40, 12);
        systems.solve(&mut x);
        assert!(!x.is_finite());
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let (entries, other) = (entries(false), Matrix::normal(300, 20, 0.3, Seed::new(2)));
        let with = |threads, inner| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let base = gram(&other, None);
                let mut x = Matrix::normal(40, 20, 0.1, Seed::new(3));
                RowSystems {
                    entries: &entries,
                    other: &other,
                    base: Some(&base),
                    observed: 19.0,
                    target: 20.0,
                    ridge: 0.1,
                    row_weight: None,
                    column_weight: None,
                    inner,
                }
                .solve(&mut x);
                x
            })
        };
        for inner in [Inner::Cholesky, Inner::ConjugateGradient { up_to: 50 }] {
            assert_eq!(with(1, inner), with(3, inner));
        }
    }
}
