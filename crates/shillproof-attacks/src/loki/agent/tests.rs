use std::sync::Arc;

use shillproof_core::{Ctx, Seed};

use super::*;

#[test]
fn the_gradient_is_that_of_the_loss() {
    let mut network = QNetwork::new(5, Seed::new(1));
    let taken: Arc<[u32]> = Arc::new([2, 0, 4, 1, 1, 3]);
    let transitions: Vec<Transition> =
        [0, 3, 5, 1].map(|at| Transition { taken: taken.clone(), at, reward: 0.0 }).to_vec();
    let batch: Vec<&Transition> = transitions.iter().collect();
    let aims = [0.3, -1.0, 0.5, 2.0];
    network.differentiate(&batch, &aims);
    let gradient: Vec<Vec<f32>> = network.blocks_mut().1.iter().map(|block| block.to_vec()).collect();
    for (block, slopes) in gradient.iter().enumerate() {
        let cells = slopes.len();
        for cell in (0..cells).step_by(cells.div_ceil(7)) {
            let h = 1.0 / 8192.0;
            let mut moved = |by: f32| {
                network.blocks_mut().0[block][cell] += by;
                let loss = network.clone().differentiate(&batch, &aims);
                network.blocks_mut().0[block][cell] -= by;
                loss
            };
            let slope = (moved(h) - moved(-h)) / f64::from(2.0 * h);
            let got = f64::from(slopes[cell]);
            assert!(
                (got - slope).abs() < 1e-2 * (0.2 + slope.abs()),
                "block {block}, cell {cell}: {got} for {slope}"
            );
        }
    }
}

/// Six actions of three, of which each earns something after the right one only: the best sequence, 1 0 1 0 …, begins with an action that earns nothing.
struct Planted;

impl Rules for Planted {
    fn actions(&self) -> usize {
        3
    }

    fn length(&self) -> usize {
        6
    }

    fn allows(&self, taken: &[u32], action: u32) -> bool {
        // Action 2 may be used twice.
        action != 2 || taken.iter().filter(|&&a| a == 2).count() < 2
    }
}

impl World for Planted {
    fn rules(&self) -> &impl Rules {
        self
    }

    fn rewards(&mut self, actions: &[u32], _: &mut Rng) -> Vec<f32> {
        let earned = |at: usize| match (at.checked_sub(1).map(|k| actions[k]), actions[at]) {
            (Some(1), 0) => 2.0,
            (_, 2) => 0.6,
            _ => -0.1,
        };
        (0..actions.len()).map(earned).collect()
    }
}

#[test]
fn a_planted_problem_is_solved() {
    // By trying all sequences: the most that six actions can earn.
    let mut best = f32::NEG_INFINITY;
    for code in 0..729u32 {
        let actions: Vec<u32> = (0..6).map(|k| code / 3u32.pow(k) % 3).collect();
        if (0..6).all(|k| Planted.allows(&actions[..k], actions[k])) {
            best = best.max(Planted.rewards(&actions, &mut Seed::new(0).rng()).iter().sum());
        }
    }
    let how = Learning { episodes: 1500, update_every: 1, batch_size: 32, ..Learning::default() };
    let ctx = Ctx::new(Seed::new(2));
    let (network, curve) = learn(&mut Planted, &how, &ctx).unwrap();
    let policy = Policy { network: &network, exploration: 0.0 };
    let mut rng = Seed::new(3).rng();
    let actions = policy.episode(&Planted, &mut rng);
    let earned: f32 = Planted.rewards(&actions, &mut rng).iter().sum();
    assert!(earned >= 0.95 * best, "{actions:?} earns {earned} of {best}");
    let mean = |part: &[f32]| part.iter().sum::<f32>() / part.len() as f32;
    assert!(mean(&curve[1400..]) > mean(&curve[..100]), "it learns");
    // The same seed gives the same agent.
    let again = learn(&mut Planted, &Learning { episodes: 20, ..how.clone() }, &ctx).unwrap();
    assert_eq!(again.1, curve_of(&Learning { episodes: 20, ..how }, &ctx));
}

fn curve_of(how: &Learning, ctx: &Ctx<'_>) -> Vec<f32> {
    learn(&mut Planted, how, ctx).unwrap().1
}
