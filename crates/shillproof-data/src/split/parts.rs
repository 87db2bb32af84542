//! Which part each interaction goes to.

use rand::RngExt;
use rand::seq::SliceRandom;
use shillproof_core::seed::mix;
use shillproof_core::{Interactions, Rng};

use super::{LeaveOneOut, Order, Per, Pick, Ratio, Split, SplitError};
use crate::{Dataset, Labels};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Train,
    Valid,
    Test,
}

/// The part of each interaction, in the flat order of rows.
pub(super) struct Parts {
    split: &'static str,
    part: Vec<Part>,
    has_valid: bool,
    has_test: bool,
}

impl Parts {
    fn new(split: &'static str, data: &Interactions) -> Self {
        Self { split, part: vec![Part::Train; data.len()], has_valid: true, has_test: true }
    }

    pub(super) fn leave_one_out(
        data: &Interactions,
        spec: LeaveOneOut,
        rng: &mut Rng,
    ) -> Result<Self, SplitError> {
        if spec.pick == Pick::Latest && !data.has_times() {
            return Err(SplitError::NoTimes { split: "leave-one-out:latest" });
        }
        let latest = spec.pick == Pick::Latest || spec.pick == Pick::Auto && data.has_times();
        let mut parts = Self { has_valid: spec.validation, ..Self::new("leave-one-out", data) };
        for row in data.row_starts().windows(2) {
            let n = row[1] - row[0];
            if n < 2 {
                continue;
            }
            // Both are drawn in any case, so that the test part does not depend on `validation`.
            let (test, other) = if latest {
                (n - 1, n - 2)
            } else {
                let (test, other) = (rng.random_range(0..n as u64), rng.random_range(0..n as u64 - 1));
                (test as usize, (other + u64::from(other >= test)) as usize)
            };
            parts.part[row[0] + test] = Part::Test;
            if spec.validation && n > 2 {
                parts.part[row[0] + other] = Part::Valid;
            }
        }
        Ok(parts)
    }

    pub(super) fn sequence(data: &Interactions) -> Result<Self, SplitError> {
        if !data.has_times() {
            return Err(SplitError::NoTimes { split: "sequence" });
        }
        let mut parts = Self::new("sequence", data);
        for row in data.row_starts().windows(2).filter(|row| row[1] - row[0] >= 3) {
            parts.part[row[1] - 2] = Part::Valid;
            parts.part[row[1] - 1] = Part::Test;
        }
        Ok(parts)
    }

    /// `keys`: one a interaction, for the order by labels.
    pub(super) fn ratio(
        data: &Interactions,
        spec: &Ratio,
        keys: Option<&[u64]>,
        rng: &mut Rng,
    ) -> Result<Self, SplitError> {
        let [train, valid, test] = [spec.train, spec.valid, spec.test].map(shillproof_core::Fraction::get);
        if (train + valid + test - 1.0).abs() > 1e-9 || train == 0.0 {
            return Err(SplitError::Fractions { train, valid, test });
        }
        if spec.order == Order::LabelHash && keys.is_none() {
            return Err(SplitError::NoLabels);
        }
        let mut parts = Self { has_valid: valid > 0.0, has_test: test > 0.0, ..Self::new("ratio", data) };
        let mut order: Vec<u32> = (0..data.len() as u32).collect();
        let mut deal = |order: &mut [u32]| {
            match keys {
                Some(keys) => order.sort_unstable_by_key(|&at| (keys[at as usize], at)),
                None => order.shuffle(rng),
            }
            let n = order.len();
            let first_test = n - spec.test.floor_of(n);
            let first_valid = first_test - spec.valid.floor_of(n);
            for &at in &order[first_valid..first_test] {
                parts.part[at as usize] = Part::Valid;
            }
            for &at in &order[first_test..] {
                parts.part[at as usize] = Part::Test;
            }
        };
        match spec.per {
            Per::Interactions => deal(&mut order),
            Per::User => data.row_starts().windows(2).for_each(|row| deal(&mut order[row[0]..row[1]])),
        }
        parts.keep_rows_in_training(data, &order);
        Ok(parts)
    }

    /// Moves the first interaction in `order` of each wholly held-out row to training.
    fn keep_rows_in_training(&mut self, data: &Interactions, order: &[u32]) {
        let mut bare: Vec<bool> = data
            .row_starts()
            .windows(2)
            .map(|row| !self.part[row[0]..row[1]].contains(&Part::Train))
            .collect();
        let owner: Vec<u32> = data.to_triples().users;
        for &at in order {
            if std::mem::take(&mut bare[owner[at as usize] as usize]) {
                self.part[at as usize] = Part::Train;
            }
        }
    }

    /// The parts as matrices.
    pub(super) fn cut(&self, data: &Interactions) -> Result<Split, SplitError> {
        if self.part.iter().all(|&part| part == Part::Train) {
            let longest = data.rows().map(|row| row.len()).max().unwrap_or(0);
            return Err(SplitError::TooFew { split: self.split, longest });
        }
        let starts = data.row_starts();
        let select = |wanted| data.filter(|user, at, _| self.part[starts[user.index()] + at] == wanted);
        Ok(Split {
            train: select(Part::Train),
            valid: self.has_valid.then(|| select(Part::Valid)),
            test: self.has_test.then(|| select(Part::Test)),
        })
    }
}

/// `splitmix64(user << 32 | item)` of the labels of each interaction.
pub(super) fn label_hashes(data: &Dataset) -> Result<Vec<u64>, SplitError> {
    let (users, items) = (numbers("user", &data.users)?, numbers("item", &data.items)?);
    let triples = data.interactions.to_triples();
    Ok(triples
        .users
        .iter()
        .zip(&triples.items)
        .map(|(&u, &i)| splitmix64(users[u as usize] << 32 | items[i as usize]))
        .collect())
}

fn numbers(kind: &'static str, labels: &Labels) -> Result<Vec<u64>, SplitError> {
    labels
        .iter()
        .map(|label| {
            label
                .parse::<u32>()
                .map(u64::from)
                .map_err(|_| SplitError::Label { kind, label: label.to_owned() })
        })
        .collect()
}

fn splitmix64(x: u64) -> u64 {
    mix(x.wrapping_add(0x9E37_79B9_7F4A_7C15))
}

#[cfg(test)]
mod tests {
    #[test]
    fn splitmix64_is_the_published_one() {
        // The first outputs of Vigna's reference splitmix64.c from state 1234567.
        let gamma = 0x9E37_79B9_7F4A_7C15u64;
        let first: Vec<u64> =
            (0..3).map(|k| super::splitmix64(gamma.wrapping_mul(k).wrapping_add(1_234_567))).collect();
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }
}
