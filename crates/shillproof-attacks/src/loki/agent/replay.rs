//! What the agent remembers: half of it good, half of it not, so that rare rewards are not lost among the rest.

use std::sync::Arc;

use rand::RngExt;
use shillproof_core::Rng;

/// One action of an episode.
#[derive(Clone, Debug)]
pub(super) struct Transition {
    /// All actions of the episode.
    pub(super) taken: Arc<[u32]>,
    /// Which one.
    pub(super) at: usize,
    pub(super) reward: f32,
}

/// Two rings of transitions: with a reward above 0, and without.
pub(super) struct Replay {
    rings: [Vec<Transition>; 2],
    next: [usize; 2],
    room: usize,
}

impl Replay {
    /// A memory of so many transitions.
    pub(super) fn new(memory: usize) -> Self {
        Self { rings: Default::default(), next: [0; 2], room: (memory / 2).max(1) }
    }

    pub(super) fn push(&mut self, transition: Transition) {
        let side = usize::from(transition.reward <= 0.0);
        let (ring, next) = (&mut self.rings[side], &mut self.next[side]);
        if ring.len() < self.room {
            ring.push(transition);
        } else {
            ring[*next] = transition;
            *next = (*next + 1) % self.room;
        }
    }

    /// So many transitions, half of them good if there are any of both kinds. Something must have been pushed.
    pub(super) fn draw(&self, count: usize, rng: &mut Rng) -> Vec<&Transition> {
        let [good, rest] = &self.rings;
        let of = |ring: &'_ [Transition], rng: &mut Rng| rng.random_range(0..ring.len() as u64) as usize;
        (0..count)
            .map(|k| {
                let ring = if rest.is_empty() || (!good.is_empty() && k % 2 == 0) { good } else { rest };
                &ring[of(ring, rng)]
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shillproof_core::Seed;

    #[test]
    fn half_of_a_draw_is_good_and_the_oldest_goes_first() {
        let mut replay = Replay::new(8);
        let push = |replay: &mut Replay, reward: f32| {
            replay.push(Transition { taken: Arc::new([0]), at: 0, reward });
        };
        for k in 0..20 {
            push(&mut replay, -(k as f32));
        }
        let mut rng = Seed::new(1).rng();
        assert!(replay.draw(6, &mut rng).iter().all(|t| t.reward <= -16.0));
        push(&mut replay, 5.0);
        let drawn = replay.draw(6, &mut rng);
        assert_eq!(drawn.iter().filter(|t| t.reward > 0.0).count(), 3);
    }
}
