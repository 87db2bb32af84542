//! Which items' turn it is: fillers that many fake users share are easy to find, and move the victim less.

use shillproof_core::ItemId;

/// p: what an item's prediction is multiplied by before the fillers are chosen.
pub(super) struct Turns {
    chance: Vec<f64>,
    delta: f64,
    /// Items whose chance is still 1.
    untaken: usize,
}

impl Turns {
    pub(super) fn new(items: usize, delta: f64) -> Self {
        Self { chance: vec![1.0; items], delta, untaken: items }
    }

    /// ŷ ∘ p.
    pub(super) fn weighted(&self, predicted: &[f32]) -> Vec<f32> {
        predicted.iter().zip(&self.chance).map(|(y, p)| (f64::from(*y) * p) as f32).collect()
    }

    /// The fillers of one fake user: their chance shrinks, and once every item's has, all start again.
    pub(super) fn take(&mut self, fillers: impl Iterator<Item = ItemId>) {
        for item in fillers {
            let chance = &mut self.chance[item.index()];
            if *chance == 1.0 && self.delta < 1.0 {
                self.untaken -= 1;
            }
            *chance *= self.delta;
        }
        if self.untaken == 0 {
            self.chance.fill(1.0);
            self.untaken = self.chance.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chances_shrink_until_every_item_had_its_turn() {
        let items = |ids: &[u32]| ids.iter().copied().map(ItemId).collect::<Vec<_>>().into_iter();
        let mut turns = Turns::new(3, 0.5);
        turns.take(items(&[0, 1]));
        turns.take(items(&[0]));
        assert_eq!(turns.weighted(&[1.0, 1.0, 1.0]), [0.25, 0.5, 1.0]);
        turns.take(items(&[2]));
        assert_eq!(turns.weighted(&[1.0, 1.0, 1.0]), [1.0, 1.0, 1.0]);
        let mut even = Turns::new(2, 1.0);
        even.take(items(&[0, 1]));
        assert_eq!(even.weighted(&[0.5, 0.25]), [0.5, 0.25]);
    }
}
