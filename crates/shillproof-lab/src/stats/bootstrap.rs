//! Intervals by resampling.

use rand::RngExt;
use shillproof_core::Seed;
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use super::{Divisor, std};

/// Resamples behind every interval.
pub const RESAMPLES: usize = 10_000;

/// How often, in per cent, the interval of 2, 3, 4 and 5 normal values holds their mean; from 6 on it is 93 and more.
pub(super) const SMALL_COVERAGE: [u8; 4] = [50, 75, 87, 91];

/// 95 % bootstrap interval of the mean over groups of the mean within a group; none of a single value.
///
/// Each resample draws as many groups as there are, with replacement, and within each drawn group as
/// many values as it has. One group alone: its values are resampled. Counting the spread within
/// groups a second time makes the interval of several groups a little wide (Davison & Hinkley,
/// *Bootstrap Methods and their Application*, 1997, section 3.8), never too narrow.
///
/// The interval is the *expanded percentile* one (Hesterberg, *The American Statistician* 69, 2015): quantiles
/// at Φ(∓√(n/(n−1)) t₀.₉₇₅,ₙ₋₁) instead of 2.5 % and 97.5 %, n the number of groups (or of values in one
/// group). That repairs the narrowness of the plain percentile interval for few values, and keeps what a
/// t interval and BCa lose: it stays within the range of the metric, and needs no acceleration, which hit
/// ratios that are nearly all 0 do not determine.
///
/// # Shapes
/// `groups`: non-empty groups of finite values.
pub fn bootstrap_interval(groups: &[Vec<f64>], seed: Seed) -> Option<[f64; 2]> {
    interval(groups, RESAMPLES, seed, |means| means.iter().sum::<f64>() / means.len() as f64)
}

/// As [`bootstrap_interval`], of the standard deviation (divisor n) of the groups' means; none of a single group.
///
/// # Shapes
/// `groups`: non-empty groups of finite values.
pub fn bootstrap_spread(groups: &[Vec<f64>], seed: Seed) -> Option<[f64; 2]> {
    let spread = |means: &[f64]| std(means, Divisor::Population).unwrap_or_default();
    (groups.len() > 1).then(|| interval(groups, RESAMPLES, seed, spread)).flatten()
}

/// The interval of what `statistic` makes of the means of the groups.
fn interval(
    groups: &[Vec<f64>],
    resamples: usize,
    seed: Seed,
    statistic: impl Fn(&[f64]) -> f64,
) -> Option<[f64; 2]> {
    let units = if groups.len() == 1 { groups[0].len() } else { groups.len() };
    if units < 2 {
        return None;
    }
    let mut rng = seed.rng();
    let mut pick = |n: usize| if n == 1 { 0 } else { rng.random_range(0..n as u32) as usize };
    let mut means = vec![0.0; groups.len()];
    let mut drawn: Vec<f64> = (0..resamples)
        .map(|_| {
            for mean in &mut means {
                let group = &groups[pick(groups.len())];
                let within: f64 = (0..group.len()).map(|_| group[pick(group.len())]).sum();
                *mean = within / group.len() as f64;
            }
            statistic(&means)
        })
        .collect();
    drawn.sort_unstable_by(f64::total_cmp);
    let tail = expanded_tail(units);
    Some([quantile(&drawn, tail), quantile(&drawn, 1.0 - tail)])
}

/// Tail probability of the expanded percentile interval for `n` values.
fn expanded_tail(n: usize) -> f64 {
    // Beyond 10,000 the t quantile is the normal one to 5 digits, and statrs loses them.
    let freedom = (n as f64 - 1.0).min(1e4);
    let t = StudentsT::new(0.0, 1.0, freedom).expect("freedom is at least 1").inverse_cdf(0.975);
    Normal::standard().cdf(-(1.0 + 1.0 / freedom).sqrt() * t)
}

/// Quantile of an ascending list, linear between its entries.
fn quantile(sorted: &[f64], p: f64) -> f64 {
    let at = p * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    low + (high - low) * at.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Standard normal numbers by the polar method, so that the test depends on no other crate.
    fn normal(seed: Seed, n: usize) -> Vec<f64> {
        let mut rng = seed.rng();
        let mut pair = || loop {
            let (x, y) = (rng.random_range(-1.0f64..1.0), rng.random_range(-1.0f64..1.0));
            let s = x * x + y * y;
            if s > 0.0 && s < 1.0 {
                let scale = (-2.0 * s.ln() / s).sqrt();
                return [x * scale, y * scale];
            }
        };
        (0..n.div_ceil(2)).flat_map(|_| pair()).take(n).collect()
    }

    /// Share of 1,000 data sets whose interval holds the true mean 0.
    fn coverage(data: impl Fn(Seed) -> Vec<Vec<f64>>) -> f64 {
        let hits = (0..1000).filter(|&i| {
            let groups = data(Seed::new(i));
            let mean = |means: &[f64]| means.iter().sum::<f64>() / means.len() as f64;
            let [low, high] = interval(&groups, 1000, Seed::new(i).child("boot"), mean).unwrap();
            low <= 0.0 && 0.0 <= high
        });
        hits.count() as f64 / 1000.0
    }

    #[test]
    fn twenty_normal_values_are_covered_as_often_as_promised() {
        let flat = coverage(|seed| vec![normal(seed, 20)]);
        assert!((0.90..=0.97).contains(&flat), "{flat}");
    }

    #[test]
    fn the_spread_of_targets_lies_in_its_interval() {
        let groups: Vec<Vec<f64>> =
            normal(Seed::new(3), 40).into_iter().map(|x| vec![2.0 + 0.5 * x]).collect();
        let [low, high] = bootstrap_spread(&groups, Seed::new(4)).unwrap();
        assert!(low < 0.5 && 0.5 < high && high - low < 0.4, "{low} to {high}");
        assert_eq!(bootstrap_spread(&groups[..1], Seed::new(4)), None);
        assert_eq!(bootstrap_spread(&[vec![1.0], vec![1.0]], Seed::new(4)), Some([0.0, 0.0]));
    }

    #[test]
    fn fewer_than_six_values_are_covered_as_often_as_their_note_says() {
        for (n, &said) in (2..).zip(&SMALL_COVERAGE) {
            let measured = 100.0 * coverage(|seed| vec![normal(seed, n)]);
            assert!((measured - f64::from(said)).abs() < 4.0, "{n} values: {measured} %");
        }
        assert!(coverage(|seed| vec![normal(seed, 6)]) > 0.91);
    }

    #[test]
    fn few_targets_with_seeds_are_covered_almost_as_often() {
        let nested = coverage(|seed| {
            let targets = normal(seed, 10).into_iter().enumerate();
            let noisy = |(t, mean)| normal(seed.index(t as u64), 3).iter().map(|e| mean + 0.5 * e).collect();
            targets.map(noisy).collect()
        });
        assert!((0.90..=0.99).contains(&nested), "{nested}");
    }

    #[test]
    fn tails_widen_for_few_values() {
        // Φ(-√(20/19) · 2.093024) by scipy.stats.norm.cdf.
        assert!((expanded_tail(20) - 0.015_880_83).abs() < 1e-6, "{}", expanded_tail(20));
        assert!((expanded_tail(1_000_000) - 0.025).abs() < 3e-5);
        assert!(expanded_tail(5) < expanded_tail(10));
    }

    #[test]
    fn intervals_stay_within_the_data_and_repeat() {
        let groups: Vec<Vec<f64>> =
            (0..12u8).map(|t| vec![f64::from(t) / 11.0, (f64::from(t) / 11.0).powi(3)]).collect();
        let [low, high] = bootstrap_interval(&groups, Seed::new(3)).unwrap();
        assert!(0.0 < low && low < high && high < 1.0);
        assert_eq!(bootstrap_interval(&groups, Seed::new(3)), Some([low, high]));
        assert_ne!(bootstrap_interval(&groups, Seed::new(4)), Some([low, high]));
        assert_eq!(bootstrap_interval(&[vec![1.0]], Seed::new(3)), None);
        assert_eq!(bootstrap_interval(&[], Seed::new(3)), None);
    }

    #[test]
    fn one_group_and_one_value_a_group_are_the_same_thing() {
        let values = normal(Seed::new(9), 30);
        let flat = bootstrap_interval(std::slice::from_ref(&values), Seed::new(1)).unwrap();
        let apart: Vec<Vec<f64>> = values.iter().map(|&v| vec![v]).collect();
        let apart = bootstrap_interval(&apart, Seed::new(1)).unwrap();
        assert!((flat[0] - apart[0]).abs() < 1e-12 && (flat[1] - apart[1]).abs() < 1e-12);
    }

    #[test]
    fn quantiles_are_linear_between_values() {
        assert_eq!(quantile(&[0.0, 10.0], 0.25), 2.5);
        assert_eq!(quantile(&[0.0, 1.0, 2.0], 1.0), 2.0);
    }
}
