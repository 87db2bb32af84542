//! How far inner products are from stored values.

use crate::csr::Csr;
use crate::matrix::{Matrix, dot};
use crate::parallel::{balanced, sum};
use crate::vectorized;

/// `Σ_u w_u Σ_c (v_uc − p_uᵀq_c)²` over the stored cells, with values `v` (1 where none are stored).
///
/// # Shapes
/// `users`: one row a row of `entries`; `items`: one row a column. `row_weight`: one number a row; none is 1 for all.
///
/// ```
/// use shillproof_kernels::{Csr, Matrix, squared_error};
/// use shillproof_core::{Interactions, Triples};
/// let triples = Triples { users: vec![0], items: vec![0], ratings: None, times: None };
/// let entries = Csr::of(&Interactions::from_triples(1, 1, triples, None).unwrap());
/// let (p, q) = (Matrix::from_slice(1, 2, &[1.0, 2.0]).unwrap(), Matrix::from_slice(1, 2, &[1.0, 1.0]).unwrap());
/// assert_eq!(squared_error(&entries, &p, &q, None), 4.0);
/// ```
pub fn squared_error(entries: &Csr, users: &Matrix, items: &Matrix, row_weight: Option<&[f32]>) -> f64 {
    sum(&balanced(entries.row_starts(), 1), |rows| {
        vectorized!(|| {
            let mut total = 0.0;
            for u in rows {
                let (own, values) = (users.row(u), entries.values(u));
                let mut error = 0.0;
                for (at, &c) in entries.columns(u).iter().enumerate() {
                    let value = values.map_or(1.0, |v| v[at]);
                    error += f64::from(value - dot(own, items.row(c as usize))).powi(2);
                }
                total += f64::from(row_weight.map_or(1.0, |w| w[u])) * error;
            }
            total
        })
    })
}
