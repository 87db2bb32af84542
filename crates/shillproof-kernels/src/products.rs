//! The micro-kernel of every dense product, and its relatives for one vector.
//!
//! The kernel multiplies the transpose of one panel by another. Every cell of the product is a single
//! chain of multiply-adds over the rows, so the result does not depend on how wide the machine's
//! vectors are, only on whether it has FMA.

use std::ops::Range;

use pulp::Simd;

use crate::panels::{Lane, Panels, WIDTH, vectors, vectors_mut};

/// Calls a function with the number of vectors that make a lane on this instruction set.
macro_rules! with_vectors {
    ($f:ident($($argument:expr),*)) => {
        match S::F32_LANES {
            16 => $f::<S, 1>($($argument),*),
            8 => $f::<S, 2>($($argument),*),
            4 => $f::<S, 4>($($argument),*),
            _ => $f::<S, 16>($($argument),*),
        }
    };
}
pub(crate) use with_vectors;

/// `MR` rows, beginning at row `q * MR`, of `aᵀb`, with `NV` vectors to a lane.
#[inline(always)]
pub(crate) fn tile<S: Simd, const MR: usize, const NV: usize>(
    simd: S,
    a: &[Lane],
    b: &[Lane],
    q: usize,
) -> [[S::f32s; NV]; MR] {
    let mut sum = [[simd.splat_f32s(0.0); NV]; MR];
    for (a, b) in a.iter().zip(b) {
        let a = &a.0.as_chunks::<MR>().0[q];
        let b = vectors::<S>(b);
        for i in 0..MR {
            let x = simd.splat_f32s(a[i]);
            for v in 0..NV {
                sum[i][v] = simd.mul_add_e_f32s(x, b[v], sum[i][v]);
            }
        }
    }
    sum
}

/// What becomes of a product.
pub(crate) trait Sink<S: Simd> {
    /// Takes vector `v` of row `row`.
    fn take(&mut self, simd: S, row: usize, v: usize, value: S::f32s);
}

/// Adds a multiple of the product to rows of a panel.
pub(crate) struct AddTo<'a>(pub(crate) &'a mut [Lane], pub(crate) f32);

impl<S: Simd> Sink<S> for AddTo<'_> {
    #[inline(always)]
    fn take(&mut self, simd: S, row: usize, v: usize, value: S::f32s) {
        let cell = &mut vectors_mut::<S>(&mut self.0[row])[v];
        *cell = simd.mul_add_e_f32s(value, simd.splat_f32s(self.1), *cell);
    }
}

/// The first `rows` (at most 16) rows of `aᵀb`, rounded up to whole tiles; tiles fit the registers of
/// the instruction set.
#[inline(always)]
pub(crate) fn product<S: Simd>(simd: S, a: &[Lane], b: &[Lane], rows: usize, sink: &mut impl Sink<S>) {
    #[inline(always)]
    fn tiles<S: Simd, const MR: usize, const NV: usize>(
        simd: S,
        a: &[Lane],
        b: &[Lane],
        which: Range<usize>,
        sink: &mut impl Sink<S>,
    ) {
        for q in which {
            let sum = tile::<S, MR, NV>(simd, a, b, q);
            for i in 0..MR {
                for v in 0..NV {
                    sink.take(simd, q * MR + i, v, sum[i][v]);
                }
            }
        }
    }
    match S::F32_LANES {
        16 => tiles::<S, 8, 1>(simd, a, b, 0..rows.min(WIDTH).div_ceil(8), sink),
        // Twelve sums hide the time of a multiply-add; sixteen registers have no room for more.
        8 if rows > 12 => {
            tiles::<S, 6, 2>(simd, a, b, 0..2, sink);
            tiles::<S, 4, 2>(simd, a, b, 3..4, sink);
        }
        8 => tiles::<S, 4, 2>(simd, a, b, 0..rows.div_ceil(4), sink),
        4 => tiles::<S, 4, 4>(simd, a, b, 0..rows.min(WIDTH).div_ceil(4), sink),
        _ => tiles::<S, 2, 16>(simd, a, b, 0..rows.min(WIDTH).div_ceil(2), sink),
    }
}

/// `a b`, at most 16 rows of `a` lying anywhere: the bits of [`product`] of the transpose of `a`.
///
/// # Shapes
/// Rows of `a`: as long as `b`.
#[inline(always)]
pub(crate) fn product_of_rows<S: Simd>(simd: S, a: &[&[f32]], b: &[Lane], sink: &mut impl Sink<S>) {
    #[inline(always)]
    fn tiles<S: Simd, const MR: usize, const NV: usize>(
        simd: S,
        a: &[&[f32]],
        b: &[Lane],
        first: usize,
        sink: &mut impl Sink<S>,
    ) {
        for first in (first..a.len()).step_by(MR) {
            // A tile that the rows do not fill has the last one several times.
            let mut rows: [&[f32]; MR] = [&[]; MR];
            for i in 0..MR {
                rows[i] = &a[(first + i).min(a.len() - 1)][..b.len()];
            }
            let mut sum = [[simd.splat_f32s(0.0); NV]; MR];
            for (k, b) in b.iter().enumerate() {
                let b = vectors::<S>(b);
                for i in 0..MR {
                    let x = simd.splat_f32s(rows[i][k]);
                    for v in 0..NV {
                        sum[i][v] = simd.mul_add_e_f32s(x, b[v], sum[i][v]);
                    }
                }
            }
            for i in 0..MR.min(a.len() - first) {
                for v in 0..NV {
                    sink.take(simd, first + i, v, sum[i][v]);
                }
            }
        }
    }
    match S::F32_LANES {
        16 => tiles::<S, 8, 1>(simd, a, b, 0, sink),
        // Twelve sums hide the time of a multiply-add; sixteen registers have no room for more.
        8 if a.len() > 12 => {
            tiles::<S, 6, 2>(simd, &a[..12], b, 0, sink);
            tiles::<S, 4, 2>(simd, a, b, 12, sink);
        }
        8 => tiles::<S, 4, 2>(simd, a, b, 0, sink),
        4 => tiles::<S, 4, 4>(simd, a, b, 0, sink),
        _ => tiles::<S, 2, 16>(simd, a, b, 0, sink),
    }
}

/// `aᵀb`, for at most 16 columns of `a`.
///
/// # Shapes
/// `a`: rows of `width` numbers, as many as `b` has.
#[inline(always)]
pub(crate) fn product_of_columns<S: Simd>(
    simd: S,
    a: &[f32],
    width: usize,
    columns: Range<usize>,
    b: &[Lane],
    sink: &mut impl Sink<S>,
) {
    #[inline(always)]
    fn tiles<S: Simd, const MR: usize, const NV: usize>(
        simd: S,
        a: &[f32],
        width: usize,
        columns: Range<usize>,
        b: &[Lane],
        done: usize,
        sink: &mut impl Sink<S>,
    ) -> usize {
        let mut done = done;
        while columns.start + done + MR <= columns.end {
            let mut sum = [[simd.splat_f32s(0.0); NV]; MR];
            for (row, b) in a.chunks_exact(width).zip(b) {
                let row = &row[columns.start + done..][..MR];
                let b = vectors::<S>(b);
                for i in 0..MR {
                    let x = simd.splat_f32s(row[i]);
                    for v in 0..NV {
                        sum[i][v] = simd.mul_add_e_f32s(x, b[v], sum[i][v]);
                    }
                }
            }
            for i in 0..MR {
                for v in 0..NV {
                    sink.take(simd, done + i, v, sum[i][v]);
                }
            }
            done += MR;
        }
        done
    }
    #[inline(always)]
    fn all<S: Simd, const MR: usize, const NV: usize>(
        simd: S,
        a: &[f32],
        width: usize,
        columns: Range<usize>,
        b: &[Lane],
        sink: &mut impl Sink<S>,
    ) {
        let done = tiles::<S, MR, NV>(simd, a, width, columns.clone(), b, 0, sink);
        tiles::<S, 1, NV>(simd, a, width, columns, b, done, sink);
    }
    match S::F32_LANES {
        16 => all::<S, 8, 1>(simd, a, width, columns, b, sink),
        8 => all::<S, 4, 2>(simd, a, width, columns, b, sink),
        4 => all::<S, 4, 4>(simd, a, width, columns, b, sink),
        _ => all::<S, 2, 16>(simd, a, width, columns, b, sink),
    }
}

/// `out = x w + bias` for the first `rows` rows (rounded up to whole tiles) of `x` and one panel `w`.
///
/// # Shapes
/// `w`: at least one row a padded column of `x`. `out`: one lane a row of `x`, whose rows are a multiple of 16 or at least `rows` rounded up.
#[inline(always)]
pub(crate) fn store_times<S: Simd>(
    simd: S,
    x: &Panels,
    w: &[Lane],
    bias: &Lane,
    rows: usize,
    out: &mut [Lane],
) {
    #[inline(always)]
    fn tiles<S: Simd, const MR: usize, const NV: usize>(
        simd: S,
        x: &Panels,
        w: &[Lane],
        bias: &Lane,
        rows: usize,
        out: &mut [Lane],
    ) {
        let w = &w.as_chunks::<WIDTH>().0[..x.count()];
        for (tile, out) in out.as_chunks_mut::<MR>().0[..rows.div_ceil(MR)].iter_mut().enumerate() {
            let mut sum = [[simd.splat_f32s(0.0); NV]; MR];
            for i in 0..MR {
                sum[i].copy_from_slice(vectors::<S>(bias));
            }
            for (p, w) in w.iter().enumerate() {
                let x = &x.panel(p).as_chunks::<MR>().0[tile];
                for j in 0..WIDTH {
                    let w = vectors::<S>(&w[j]);
                    for i in 0..MR {
                        let a = simd.splat_f32s(x[i].0[j]);
                        for v in 0..NV {
                            sum[i][v] = simd.mul_add_e_f32s(a, w[v], sum[i][v]);
                        }
                    }
                }
            }
            for i in 0..MR {
                vectors_mut::<S>(&mut out[i]).copy_from_slice(&sum[i]);
            }
        }
    }
    match S::F32_LANES {
        16 => tiles::<S, 8, 1>(simd, x, w, bias, rows, out),
        8 => tiles::<S, 4, 2>(simd, x, w, bias, rows, out),
        4 => tiles::<S, 4, 4>(simd, x, w, bias, rows, out),
        _ => tiles::<S, 2, 16>(simd, x, w, bias, rows, out),
    }
}

/// Panels that [`combine`] takes at a time: their sums fit the registers.
const GROUP: usize = 4;

/// `out += Σ_e coefficient_e row_e` over the first rows of all panels.
///
/// # Shapes
/// `out`: one lane a panel.
#[inline(always)]
pub(crate) fn combine<S: Simd>(simd: S, coefficients: &[f32], rows: &Panels, out: &mut [Lane]) {
    #[inline(always)]
    fn group<S: Simd, const N: usize, const NV: usize>(
        simd: S,
        coefficients: &[f32],
        panels: [&[Lane]; N],
        out: &mut [Lane],
    ) {
        let n = coefficients.len();
        let mut panels = panels;
        for panel in &mut panels {
            *panel = &panel[..n];
        }
        let mut sums = [[simd.splat_f32s(0.0); NV]; N];
        for e in 0..n {
            let factor = simd.splat_f32s(coefficients[e]);
            for b in 0..N {
                let row = vectors::<S>(&panels[b][e]);
                for v in 0..NV {
                    sums[b][v] = simd.mul_add_e_f32s(factor, row[v], sums[b][v]);
                }
            }
        }
        for b in 0..N {
            let out = vectors_mut::<S>(&mut out[b]);
            for v in 0..NV {
                out[v] = simd.add_f32s(out[v], sums[b][v]);
            }
        }
    }
    #[inline(always)]
    fn all<S: Simd, const NV: usize>(simd: S, coefficients: &[f32], rows: &Panels, out: &mut [Lane]) {
        for (first, out) in (0..).step_by(GROUP).zip(out.chunks_mut(GROUP)) {
            let at = |b: usize| rows.panel(first + b);
            match out.len() {
                4 => group::<S, 4, NV>(simd, coefficients, [at(0), at(1), at(2), at(3)], out),
                3 => group::<S, 3, NV>(simd, coefficients, [at(0), at(1), at(2)], out),
                2 => group::<S, 2, NV>(simd, coefficients, [at(0), at(1)], out),
                _ => group::<S, 1, NV>(simd, coefficients, [at(0)], out),
            }
        }
    }
    with_vectors!(all(simd, coefficients, rows, out));
}

/// `out += Σ_e (constant_e + slope_e · row_eᵀx) row_e` over the first rows of all panels.
///
/// # Shapes
/// `x`, `out`: one lane a panel. `constant`, `slope`: one number a row.
#[inline(always)]
pub(crate) fn combine_by_dots<S: Simd>(
    simd: S,
    constant: &[f32],
    slope: &[f32],
    rows: &Panels,
    x: &[Lane],
    out: &mut [Lane],
) {
    /// A row is read once and stays in registers between its inner product and its use.
    #[inline(always)]
    fn few<S: Simd, const N: usize, const NV: usize>(
        simd: S,
        constant: &[f32],
        slope: &[f32],
        panels: [&[Lane]; N],
        x: &[Lane],
        out: &mut [Lane],
    ) {
        let n = constant.len();
        let (mut panels, slope) = (panels, &slope[..n]);
        for panel in &mut panels {
            *panel = &panel[..n];
        }
        let mut xs = [[simd.splat_f32s(0.0); NV]; N];
        for b in 0..N {
            xs[b].copy_from_slice(vectors::<S>(&x[b]));
        }
        let mut sums = [[simd.splat_f32s(0.0); NV]; N];
        for e in 0..n {
            let mut dot = [simd.splat_f32s(0.0); NV];
            for b in 0..N {
                let row = vectors::<S>(&panels[b][e]);
                for v in 0..NV {
                    dot[v] = simd.mul_add_e_f32s(row[v], xs[b][v], dot[v]);
                }
            }
            let factor = simd.splat_f32s(constant[e] + slope[e] * reduce(simd, dot));
            for b in 0..N {
                let row = vectors::<S>(&panels[b][e]);
                for v in 0..NV {
                    sums[b][v] = simd.mul_add_e_f32s(factor, row[v], sums[b][v]);
                }
            }
        }
        for b in 0..N {
            let out = vectors_mut::<S>(&mut out[b]);
            for v in 0..NV {
                out[v] = simd.add_f32s(out[v], sums[b][v]);
            }
        }
    }
    #[inline(always)]
    fn all<S: Simd, const NV: usize>(
        simd: S,
        constant: &[f32],
        slope: &[f32],
        rows: &Panels,
        x: &[Lane],
        out: &mut [Lane],
    ) {
        let at = |b| rows.panel(b);
        match x.len() {
            4 => few::<S, 4, NV>(simd, constant, slope, [at(0), at(1), at(2), at(3)], x, out),
            3 => few::<S, 3, NV>(simd, constant, slope, [at(0), at(1), at(2)], x, out),
            2 => few::<S, 2, NV>(simd, constant, slope, [at(0), at(1)], x, out),
            1 => few::<S, 1, NV>(simd, constant, slope, [at(0)], x, out),
            blocks => {
                for (e, (constant, slope)) in constant.iter().zip(slope).enumerate() {
                    let mut dot = [simd.splat_f32s(0.0); NV];
                    for b in 0..blocks {
                        let (row, x) = (vectors::<S>(&at(b)[e]), vectors::<S>(&x[b]));
                        for v in 0..NV {
                            dot[v] = simd.mul_add_e_f32s(row[v], x[v], dot[v]);
                        }
                    }
                    let factor = constant + slope * reduce(simd, dot);
                    for b in 0..blocks {
                        add_multiple(simd, factor, &at(b)[e..=e], &mut out[b..=b]);
                    }
                }
            }
        }
    }
    with_vectors!(all(simd, constant, slope, rows, x, out));
}

/// Inner product of two vectors of lanes.
#[inline(always)]
pub(crate) fn inner<S: Simd>(simd: S, x: &[Lane], y: &[Lane]) -> f32 {
    #[inline(always)]
    fn all<S: Simd, const NV: usize>(simd: S, x: &[Lane], y: &[Lane]) -> f32 {
        let mut sum = [simd.splat_f32s(0.0); NV];
        for (x, y) in x.iter().zip(y) {
            let (x, y) = (vectors::<S>(x), vectors::<S>(y));
            for v in 0..NV {
                sum[v] = simd.mul_add_e_f32s(x[v], y[v], sum[v]);
            }
        }
        reduce(simd, sum)
    }
    with_vectors!(all(simd, x, y))
}

/// `y += a x`.
#[inline(always)]
pub(crate) fn add_multiple<S: Simd>(simd: S, a: f32, x: &[Lane], y: &mut [Lane]) {
    let a = simd.splat_f32s(a);
    for (x, y) in x.iter().zip(y) {
        for (&x, y) in vectors::<S>(x).iter().zip(vectors_mut::<S>(y)) {
            *y = simd.mul_add_e_f32s(a, x, *y);
        }
    }
}

/// The sum of one lane.
#[inline(always)]
pub(crate) fn reduce_lane<S: Simd>(simd: S, lane: &Lane) -> f32 {
    inner(simd, std::slice::from_ref(lane), &[Lane([1.0; WIDTH])])
}

/// The sum of a lane: halves are added to halves, so AVX2 and AVX-512 agree to the last bit.
#[inline(always)]
pub(crate) fn reduce<S: Simd, const NV: usize>(simd: S, mut sum: [S::f32s; NV]) -> f32 {
    let mut width = NV / 2;
    while width > 0 {
        for v in 0..width {
            sum[v] = simd.add_f32s(sum[v], sum[v + width]);
        }
        width /= 2;
    }
    simd.reduce_sum_f32s(sum[0])
}
