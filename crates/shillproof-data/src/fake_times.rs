//! When fake users act: timestamps for profiles that are written to a log which has them.

use std::fmt;
use std::str::FromStr;

use rand::RngExt;
use rand::seq::SliceRandom;
use shillproof_core::{FakeProfiles, Rng, Seed, Triples};

use crate::error::DataError;
use crate::{Dataset, Labels, fake_labels};

/// How the actions of fake users lie in the span of a log, from its first timestamp to its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timestamps {
    /// Every action anywhere in the span.
    Uniform,
    /// All actions of all fake users in one window of a hundredth of the span, somewhere in it.
    Burst,
    /// One fake user after the other, evenly over the span.
    Drip,
}

/// The window of a burst, as one part of so many.
const WINDOW: i64 = 100;

impl Timestamps {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Uniform, Self::Burst, Self::Drip];

    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Burst => "burst",
            Self::Drip => "drip",
        }
    }
}

impl fmt::Display for Timestamps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Timestamps {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|policy| policy.name() == text)
            .ok_or_else(|| "expected `uniform`, `burst` or `drip`".into())
    }
}

/// Fake users as a log of their own, with the labels that [`fake_labels`] gives them and the items of `data`. Within a profile times rise in its order, or in an order
/// drawn at random where none matters. Where the span has fewer moments than a profile has items, its last times lie beyond the span. A fake user without items has no
/// row in a file of it.
///
/// # Errors
/// If the data has no times, or a profile names an item that is not there, or one twice.
pub fn timed_fakes(
    fakes: &FakeProfiles,
    policy: Timestamps,
    data: &Dataset,
    seed: Seed,
) -> Result<Dataset, DataError> {
    let times = data.interactions.rows().flat_map(|row| row.times().into_iter().flatten().copied());
    let span = times.fold(None, |span: Option<(i64, i64)>, t| {
        Some(span.map_or((t, t), |(low, high)| (low.min(t), high.max(t))))
    });
    let Some(span) = span else {
        return Err(DataError::Unwritable {
            what: format!("{policy} timestamps of fake users: {} has no times", data.name),
            hint: "times are read from a column `timestamp` or `position`".into(),
        });
    };
    let seed = seed.child("timestamps");
    let window = policy.window(span, &mut seed.child("window").rng());
    let scale = data.interactions.scale();
    let mut triples =
        Triples { ratings: scale.map(|_| Vec::new()), times: Some(Vec::new()), ..Triples::default() };
    let n = fakes.profiles.len();
    for (v, profile) in fakes.profiles.iter().enumerate() {
        let mut rng = seed.child("user").index(v as u64).rng();
        let mut entries = profile.entries.clone();
        if !fakes.ordered {
            entries.shuffle(&mut rng);
        }
        triples.users.extend(entries.iter().map(|_| v as u32));
        triples.items.extend(entries.iter().map(|entry| entry.0.0));
        if let Some(ratings) = &mut triples.ratings {
            ratings.extend(entries.iter().map(|entry| entry.1));
        }
        if let Some(times) = &mut triples.times {
            times.extend(policy.of_user(window, (v, n), entries.len(), &mut rng));
        }
    }
    let interactions = shillproof_core::Interactions::from_triples(n, data.items.len(), triples, scale)
        .map_err(|error| DataError::Unwritable {
            what: format!("fake users: {error}"),
            hint: "profiles need items of the data, each once, with ratings on its scale".into(),
        })?;
    let users = Labels::sorted(fake_labels(n, &data.users));
    Ok(Dataset::new(format!("fake users of {}", data.name), users, data.items.clone(), interactions))
}

impl Timestamps {
    /// The part of the span that fake users act in.
    fn window(self, (low, high): (i64, i64), rng: &mut Rng) -> (i64, i64) {
        if self != Self::Burst {
            return (low, high);
        }
        let length = (high - low) / WINDOW;
        let start = rng.random_range(low..=high - length);
        (start, start + length)
    }

    /// Rising times of fake user `v` of `n`.
    fn of_user(
        self,
        (low, high): (i64, i64),
        (v, n): (usize, usize),
        items: usize,
        rng: &mut Rng,
    ) -> Vec<i64> {
        let steps = items.saturating_sub(1) as i64;
        if self == Self::Drip {
            // Wide: a span of nanoseconds times the number of fake users overflows.
            let place = |part: usize, of: usize| {
                low + (i128::from(high - low) * part as i128 / of.max(1) as i128) as i64
            };
            let mut last = i64::MIN;
            return (0..items)
                .map(|k| {
                    last = place(v * items + k, n * items).max(last.saturating_add(1));
                    last
                })
                .collect();
        }
        // Rising without ties: k more than the k-th of as many draws from a span that is shorter by as many.
        let mut times: Vec<i64> =
            (0..items).map(|_| rng.random_range(low..=(high - steps).max(low))).collect();
        times.sort_unstable();
        (0..).zip(times).map(|(k, t)| t + k).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shillproof_core::{Interactions, ItemId, Profile};

    fn data(times: Option<Vec<i64>>) -> Dataset {
        let triples = Triples { users: vec![0, 0, 1, 1], items: vec![0, 1, 2, 3], ratings: None, times };
        let items = Labels::sorted((0..40).map(|i| format!("i{i:02}")).collect::<Vec<_>>());
        let interactions = Interactions::from_triples(2, 40, triples, None).unwrap();
        Dataset::new("log".into(), Labels::sorted(["a", "b"]), items, interactions)
    }

    fn fakes(users: usize, ordered: bool) -> FakeProfiles {
        let entries = |v: usize| (0..8).map(|k| (ItemId(((7 * k + v) % 40) as u32), 1.0)).collect();
        let profiles = (0..users).map(|v| Profile { entries: entries(v) }).collect();
        FakeProfiles { profiles, ordered, queries: 0 }
    }

    #[test]
    fn times_keep_the_order_and_fill_what_the_policy_says() {
        let (low, high) = (1_000, 101_000);
        let data = data(Some(vec![low, 2_000, 50_000, high]));
        let fakes = fakes(50, true);
        for policy in Timestamps::ALL {
            let log = timed_fakes(&fakes, policy, &data, Seed::new(3)).unwrap();
            let mut all = Vec::new();
            for (v, (profile, row)) in fakes.profiles.iter().zip(log.interactions.rows()).enumerate() {
                let items: Vec<ItemId> = profile.entries.iter().map(|entry| entry.0).collect();
                assert_eq!(row.items(), items, "{policy}: a row is in the order of its times");
                let times = row.times().unwrap();
                assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{policy}: {times:?}");
                assert!(low <= times[0] && times[7] <= high, "{policy}: {times:?}");
                if policy == Timestamps::Drip {
                    let slot = low + (high - low) * v as i64 / 50;
                    assert!(slot <= times[0] && times[7] < slot + (high - low) / 50, "{v}: {times:?}");
                }
                all.extend_from_slice(times);
            }
            all.sort_unstable();
            let (width, span) = ((all[all.len() - 1] - all[0]) as f64, (high - low) as f64);
            if policy == Timestamps::Burst {
                assert!(width <= span / 100.0, "{width}");
            } else {
                assert!(width > 0.95 * span, "{policy}: {width}");
                // Half of all actions in the first half of the span, to five standard deviations.
                let early = all.iter().filter(|&&t| t < i64::midpoint(low, high)).count();
                assert!((150..=250).contains(&early), "{policy}: {early} of 400");
            }
        }
    }

    #[test]
    fn where_no_order_matters_it_is_drawn() {
        let data = data(Some(vec![0, 1, 2, 10_000]));
        let fakes = fakes(20, false);
        let log = timed_fakes(&fakes, Timestamps::Uniform, &data, Seed::new(3)).unwrap();
        let first =
            |of: &Dataset| -> Vec<ItemId> { of.interactions.rows().map(|row| row.items()[0]).collect() };
        let given: Vec<ItemId> = fakes.profiles.iter().map(|p| p.entries[0].0).collect();
        let same = first(&log).iter().zip(&given).filter(|(a, b)| a == b).count();
        assert!(same < 10, "{same} of 20 begin with their first entry, by chance 2.5");
        assert_eq!(
            first(&log),
            first(&timed_fakes(&fakes, Timestamps::Uniform, &data, Seed::new(3)).unwrap())
        );
    }

    #[test]
    fn short_spans_and_no_times() {
        let fakes = fakes(3, true);
        for policy in Timestamps::ALL {
            let log = timed_fakes(&fakes, policy, &data(Some(vec![5; 4])), Seed::new(1)).unwrap();
            for row in log.interactions.rows() {
                assert_eq!(row.times().unwrap(), [5, 6, 7, 8, 9, 10, 11, 12], "{policy}");
            }
            let error = timed_fakes(&fakes, policy, &data(None), Seed::new(1)).unwrap_err();
            assert!(error.to_string().contains("has no times") && error.hint().is_some(), "{error}");
        }
        assert_eq!("drip".parse(), Ok(Timestamps::Drip));
        assert!("often".parse::<Timestamps>().unwrap_err().contains("burst"));
    }
}
