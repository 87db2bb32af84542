//! From relaxed cells to profiles.

use shillproof_core::{ItemId, Seed};
use shillproof_kernels::Matrix;

/// How relaxed cells become 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Projection {
    /// The largest cells, as many as there is room for.
    TopN,
    /// Cells above this, the largest if there is not room for all.
    Threshold(f32),
}

impl Projection {
    /// Items of each row, ascending; none that `allowed` refuses. Ties in an order drawn from `ties`.
    pub(super) fn rows(
        self,
        relaxed: &Matrix,
        room: usize,
        allowed: impl Fn(ItemId) -> bool,
        ties: Seed,
    ) -> Vec<Vec<u32>> {
        let row = |v: usize| {
            let cells = relaxed.row(v);
            let ties = ties.index(v as u64);
            let mut items: Vec<u32> = (0..cells.len() as u32).filter(|&i| allowed(ItemId(i))).collect();
            if let Self::Threshold(least) = self {
                items.retain(|&i| cells[i as usize] > least);
            }
            let order = |a: &u32, b: &u32| {
                let key = |i: u32| ties.index(u64::from(i)).value();
                cells[*b as usize].total_cmp(&cells[*a as usize]).then_with(|| key(*a).cmp(&key(*b)))
            };
            if room < items.len() {
                if room > 0 {
                    items.select_nth_unstable_by(room - 1, order);
                }
                items.truncate(room);
            }
            items.sort_unstable();
            items
        };
        (0..relaxed.rows()).map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_cells_stay() {
        let cells = vec![0.3, 0.9, -1.0, 0.0, 0.9, 0.2, 0.1, 0.0, 0.0, 0.0];
        let relaxed = Matrix::from_slice(2, 5, &cells).unwrap();
        let rows = |projection: Projection, room| {
            projection.rows(&relaxed, room, |item| item != ItemId(1), Seed::new(1))
        };
        assert_eq!(rows(Projection::TopN, 2), [vec![0, 4], vec![0, rows(Projection::TopN, 2)[1][1]]]);
        assert_eq!(rows(Projection::TopN, 4)[0], [0, 2, 3, 4]);
        assert!(rows(Projection::TopN, 0).iter().all(Vec::is_empty));
        assert_eq!(rows(Projection::Threshold(0.25), 4), [vec![0u32, 4], Vec::new()]);
        assert_eq!(rows(Projection::Threshold(0.25), 1), [vec![4u32], Vec::new()]);
    }
}
