//! Stochastic gradient steps on triples: the inner loop.

use pulp::{Arch, Simd, WithSimd};

/// Cells of a row are padded with zeros to whole groups of this many; padding stays zero.
pub(super) const GROUP: usize = 16;

/// A draw: `user` has `positive` and not `negative`. Rows within the block at hand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Triple {
    pub(super) user: u32,
    pub(super) positive: u32,
    pub(super) negative: u32,
}

/// Lengths of steps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rates {
    pub(super) learning_rate: f32,
    pub(super) regularization: f32,
    pub(super) item_bias: bool,
}

/// Parameters that one sequence of steps may move.
pub(super) struct Parameters<'a> {
    /// Cells a row; a multiple of [`GROUP`].
    pub(super) width: usize,
    /// One row a user.
    pub(super) users: &'a mut [f32],
    /// Weight of each user's steps; none where all are 1.
    pub(super) weights: Option<&'a [f32]>,
    /// One row an item.
    pub(super) items: &'a mut [f32],
    /// One cell an item.
    pub(super) bias: &'a mut [f32],
}

impl Parameters<'_> {
    /// One step against the gradient of
    /// −ln σ(s_ui − s_uj) + λ/2 (‖p_u‖² + ‖q_i‖² + ‖q_j‖² + β_i² + β_j²) for each triple, in order.
    pub(super) fn descend(&mut self, triples: &[Triple], rates: Rates) {
        self.touch(triples);
        Arch::new().dispatch(Steps { at: self, triples, rates });
    }

    /// Loads a cell of every row that is about to be used. The loads do not wait for each other as
    /// the steps would: this is a prefetch in safe code.
    fn touch(&self, triples: &[Triple]) {
        let row = |rows: &[f32], at: u32| {
            let row = &rows[at as usize * self.width..][..self.width];
            row.iter().step_by(GROUP).fold(0, |all, cell| all | cell.to_bits())
        };
        let bits = triples.iter().fold(0, |all, t| {
            all | row(self.users, t.user) | row(self.items, t.positive) | row(self.items, t.negative)
        });
        std::hint::black_box(bits);
    }
}

struct Steps<'a, 'b> {
    at: &'a mut Parameters<'b>,
    triples: &'a [Triple],
    rates: Rates,
}

impl WithSimd for Steps<'_, '_> {
    type Output = ();

    /// Plain loops over groups of 16, which the compiler turns into the vectors of the chosen
    /// instruction set. No sum depends on their width, so every machine gets the same factors.
    // It must be inlined into the function that `pulp` compiles for that instruction set.
    #[allow(clippy::inline_always)]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Parameters { width, users, weights, items, bias } = self.at;
        for t in self.triples {
            let (i, j) = (t.positive as usize, t.negative as usize);
            let p = &mut users[t.user as usize * *width..][..*width];
            let Ok([qi, qj]) =
                items.get_disjoint_mut([i * *width..(i + 1) * *width, j * *width..(j + 1) * *width])
            else {
                unreachable!("invariant: a user does not have the negative")
            };
            let (p, qi, qj) =
                (p.as_chunks_mut::<GROUP>().0, qi.as_chunks_mut::<GROUP>().0, qj.as_chunks_mut::<GROUP>().0);

            let mut lanes = [0.0f32; GROUP];
            for ((p, qi), qj) in p.iter().zip(&*qi).zip(&*qj) {
                for k in 0..GROUP {
                    lanes[k] += p[k] * (qi[k] - qj[k]);
                }
            }
            let mut half = GROUP / 2;
            while half > 0 {
                for k in 0..half {
                    lanes[k] += lanes[k + half];
                }
                half /= 2;
            }
            let margin = lanes[0] + bias[i] - bias[j];
            let rate = self.rates.learning_rate * weights.map_or(1.0, |w| w[t.user as usize]);
            let step = rate / (1.0 + margin.exp());
            let keep = 1.0 - rate * self.rates.regularization;

            for ((p, qi), qj) in p.iter_mut().zip(qi).zip(qj) {
                for k in 0..GROUP {
                    let (x, y, z) = (p[k], qi[k], qj[k]);
                    p[k] = keep * x + step * (y - z);
                    qi[k] = keep * y + step * x;
                    qj[k] = keep * z - step * x;
                }
            }
            if self.rates.item_bias {
                bias[i] = keep * bias[i] + step;
                bias[j] = keep * bias[j] - step;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;
    use shillproof_core::Seed;

    const WIDTH: usize = 32;
    const LAMBDA: f64 = 0.3;

    /// The loss of one triple over all its parameters in a row: p, q_i, q_j, β_i, β_j.
    fn loss(x: &[f64], item_bias: bool) -> f64 {
        let (p, rest) = x.split_at(WIDTH);
        let (qi, rest) = rest.split_at(WIDTH);
        let (qj, bias) = rest.split_at(WIDTH);
        let margin: f64 = (0..WIDTH).map(|k| p[k] * (qi[k] - qj[k])).sum::<f64>() + bias[0] - bias[1];
        let squares: f64 = x[..if item_bias { x.len() } else { 3 * WIDTH }].iter().map(|v| v * v).sum();
        (-margin).exp().ln_1p() + LAMBDA / 2.0 * squares
    }

    #[test]
    fn a_step_follows_the_gradient_by_finite_differences() {
        let mut rng = Seed::new(2).rng();
        for item_bias in [true, false] {
            let mut start: Vec<f32> = (0..3 * WIDTH + 2).map(|_| rng.random_range(-0.5..0.5)).collect();
            if !item_bias {
                start[3 * WIDTH..].fill(0.0);
            }
            // Item 1 is the positive and item 0 the negative; user 1 is the one who moves.
            let mut users = [vec![9.0; WIDTH], start[..WIDTH].to_vec()].concat();
            let mut items = [&start[2 * WIDTH..3 * WIDTH], &start[WIDTH..2 * WIDTH], &[7.0; WIDTH]].concat();
            let mut bias = [start[3 * WIDTH + 1], start[3 * WIDTH], 5.0];
            let (learning_rate, weight) = (0.25, 2.0);
            let mut at = Parameters {
                width: WIDTH,
                users: &mut users,
                weights: Some(&[1.0, weight]),
                items: &mut items,
                bias: &mut bias,
            };
            let rates = Rates { learning_rate, regularization: LAMBDA as f32, item_bias };
            at.descend(&[Triple { user: 1, positive: 1, negative: 0 }], rates);
            assert!(users[..WIDTH].iter().all(|&x| x == 9.0) && items[2 * WIDTH..].iter().all(|&x| x == 7.0));
            assert_eq!(bias[2], 5.0);
            let end =
                [&users[WIDTH..], &items[WIDTH..2 * WIDTH], &items[..WIDTH], &[bias[1]], &[bias[0]]].concat();

            let x: Vec<f64> = start.iter().map(|&v| f64::from(v)).collect();
            for k in 0..x.len() {
                let moved = |by: f64| {
                    let mut x = x.clone();
                    x[k] += by;
                    loss(&x, item_bias)
                };
                let slope =
                    if k >= 3 * WIDTH && !item_bias { 0.0 } else { (moved(1e-5) - moved(-1e-5)) / 2e-5 };
                let got = f64::from(end[k] - start[k]) / f64::from(-learning_rate * weight);
                assert!((got - slope).abs() < 2e-6, "parameter {k}: {got} against {slope}");
            }
        }
    }
}
