//! Vectors carried along the edges between users and items.

use shillproof_core::Interactions;
use shillproof_kernels::{Csr, Matrix};

use crate::neumf::Vectors;

/// The bipartite graph of users and items. An edge weighs 1/√(d_u d_i), d being degrees.
#[derive(Clone, Debug)]
pub struct Graph {
    by_user: Csr,
    by_item: Csr,
}

impl Graph {
    /// One edge an interaction; ratings are not read.
    pub fn new(data: &Interactions) -> Self {
        let by_user = Csr::of(data).normalized();
        Self { by_item: by_user.transpose(), by_user }
    }

    /// Vectors of zeros for every user and item.
    pub(super) fn zeros(&self, factors: usize) -> Vectors {
        let side = |rows: &Csr| Matrix::zeros(rows.n_rows(), factors);
        Vectors { users: side(&self.by_user), items: side(&self.by_item) }
    }

    /// `out` = 1/(L + 1) Σ_l Â^l `start`, l from 0 to L = `layers`, where Â is the normalised adjacency (He et al., SIGIR 2020, eq. 8), by Horner's
    /// rule. Â is symmetric, so this is its own transpose: it also takes slopes back from the result to the start.
    ///
    /// # Shapes
    /// All: one row a user and one an item; what is in `out` and `spare` does not matter.
    pub(super) fn propagate(&self, start: &Vectors, layers: usize, out: &mut Vectors, spare: &mut Vectors) {
        out.clone_from(start);
        for _ in 0..layers {
            self.by_user.add_product(&out.items, &start.users, &mut spare.users);
            self.by_item.add_product(&out.users, &start.items, &mut spare.items);
            std::mem::swap(out, spare);
        }
        let share = 1.0 / (layers + 1) as f32;
        for side in [&mut out.users, &mut out.items] {
            side.as_mut_slice().iter_mut().for_each(|x| *x *= share);
        }
    }
}
