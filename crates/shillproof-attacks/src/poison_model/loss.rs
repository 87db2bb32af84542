//! How far a target is from a user's list, in the logits of the network.

use shillproof_core::ItemId;

/// `l_u = max(ln ŷ_(K) − ln ŷ_t, −κ)`, ŷ = σ(logit), ŷ_(K) the K-th largest prediction among the items that the user does not have
/// (Huang et al., NDSS 2021, eq. 4), summed over targets.
#[derive(Clone, Copy, Debug)]
pub(super) struct HitRatioLoss {
    pub(super) kappa: f32,
    pub(super) list_length: usize,
}

/// An item and the slope of the loss at its logit.
pub(super) type Slope = (ItemId, f32);

impl HitRatioLoss {
    /// The loss of one user and its slopes; nothing where every target is κ beyond the edge of the list already.
    ///
    /// # Shapes
    /// `logits`: one an item. `has`: ascending. `order`: scratch.
    pub(super) fn of(
        &self,
        logits: &[f32],
        has: &[ItemId],
        targets: &[ItemId],
        order: &mut Vec<u32>,
    ) -> (f32, Vec<Slope>) {
        let Some(edge) = self.edge(logits, has, order) else { return (0.0, Vec::new()) };
        let (mut loss, mut slopes) = (0.0, Vec::new());
        for &target in targets.iter().filter(|t| has.binary_search(t).is_err()) {
            let (at_edge, own) = (logits[edge.index()], logits[target.index()]);
            let distance = log_sigmoid(at_edge) - log_sigmoid(own);
            loss += distance.max(-self.kappa);
            if distance > -self.kappa && edge != target {
                // d ln σ(s)/ds = σ(−s).
                slopes.extend([(edge, sigmoid(-at_edge)), (target, -sigmoid(-own))]);
            }
        }
        (loss, slopes)
    }

    /// Whether the target is in the user's list: fewer than K of the items that the user does not have are above it.
    pub(super) fn hits(&self, logits: &[f32], has: &[ItemId], target: ItemId) -> bool {
        let own = logits[target.index()];
        let above = |i: u32| logits[i as usize] > own;
        let mut has = has.iter().peekable();
        let candidates = (0..logits.len() as u32).filter(|&i| has.next_if(|h| h.0 == i).is_none());
        candidates.filter(|&i| above(i)).take(self.list_length).count() < self.list_length
    }

    /// The last item of the list.
    fn edge(&self, logits: &[f32], has: &[ItemId], order: &mut Vec<u32>) -> Option<ItemId> {
        order.clear();
        let mut has = has.iter().peekable();
        order.extend((0..logits.len() as u32).filter(|&i| has.next_if(|h| h.0 == i).is_none()));
        let last = self.list_length.min(order.len()).checked_sub(1)?;
        let by_score = |a: &u32, b: &u32| logits[*b as usize].total_cmp(&logits[*a as usize]).then(a.cmp(b));
        Some(ItemId(*order.select_nth_unstable_by(last, by_score).1))
    }
}

/// 1/(1 + e^{−x}) without overflow.
pub(super) fn sigmoid(x: f32) -> f32 {
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        let e = x.exp();
        e / (1.0 + e)
    }
}

/// ln σ(x).
fn log_sigmoid(x: f32) -> f32 {
    x.min(0.0) - (-x.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: &[u32]) -> Vec<ItemId> {
        ids.iter().copied().map(ItemId).collect()
    }

    #[test]
    fn slopes_are_differences_and_end_at_kappa() {
        let loss = HitRatioLoss { kappa: 1.0, list_length: 2 };
        let mut logits = vec![0.5, -1.0, 2.0, 0.1, -0.3, 1.0];
        let (has, targets, mut order) = (ids(&[2]), ids(&[1, 4]), Vec::new());
        // Of 0, 1, 3, 4, 5 the second best is 0.
        let (at, slopes) = loss.of(&logits, &has, &targets, &mut order);
        let by_hand =
            |own: f32| (1.0f32 / (1.0 + (-0.5f32).exp())).ln() - (1.0f32 / (1.0 + (-own).exp())).ln();
        assert!((at - by_hand(-1.0) - by_hand(-0.3)).abs() < 1e-6);
        for item in 0..6u32 {
            let step = 1e-2;
            let mut moved = |by: f32| {
                logits[item as usize] += by;
                let value = loss.of(&logits, &has, &targets, &mut order).0;
                logits[item as usize] -= by;
                value
            };
            let difference = (moved(step) - moved(-step)) / (2.0 * step);
            let slope: f32 = slopes.iter().filter(|s| s.0.0 == item).map(|s| s.1).sum();
            assert!((difference - slope).abs() < 1e-3, "item {item}: {difference} and {slope}");
        }
        logits[1] = 30.0;
        logits[4] = 30.0;
        let (at, slopes) = loss.of(&logits, &has, &targets, &mut order);
        // Both targets fill the list: its edge is one of them.
        assert!(at.abs() < 1e-5 && slopes.iter().map(|s| s.1.abs()).sum::<f32>() < 1e-5);
        let far = HitRatioLoss { kappa: 1.0, list_length: 3 };
        logits[0] = -9.0;
        logits[3] = -9.0;
        logits[5] = -9.0;
        let (at, slopes) = far.of(&logits, &has, &targets, &mut order);
        assert!((at + 2.0).abs() < 1e-6 && slopes.is_empty(), "beyond κ nothing is left to gain");
    }

    #[test]
    fn a_hit_is_a_place_in_the_list() {
        let loss = HitRatioLoss { kappa: 1.0, list_length: 2 };
        let logits = [3.0, 2.0, 1.0, 0.0];
        assert!(!loss.hits(&logits, &[], ItemId(2)) && loss.hits(&logits, &ids(&[0]), ItemId(2)));
        assert!(loss.hits(&logits, &ids(&[0, 1]), ItemId(3)) && loss.hits(&logits, &[], ItemId(1)));
    }
}
