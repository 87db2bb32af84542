//! Numbers as people read them.

/// Most decimals ever printed.
const MOST_DECIMALS: i32 = 6;

/// Three significant digits, without trailing zeros that mean nothing.
///
/// ```
/// use shillproof_lab::report::html::number;
/// assert_eq!(number(0.034_567), "0.0346");
/// assert_eq!(number(1234.6), "1,235");
/// assert_eq!(number(0.0), "0");
/// ```
pub fn number(x: f64) -> String {
    if x == 0.0 || !x.is_finite() {
        return decimals(x, 0);
    }
    let text = decimals(x, 2 - x.abs().log10().floor() as i32);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A count with commas between thousands.
///
/// ```
/// use shillproof_lab::report::html::count;
/// assert_eq!(count(62_705), "62,705");
/// ```
pub fn count(n: usize) -> String {
    decimals(n as f64, 0)
}

/// A share as a percentage, with three significant digits.
///
/// ```
/// use shillproof_lab::report::html::percent;
/// assert_eq!(percent(0.005), "0.5 %");
/// ```
pub fn percent(share: f64) -> String {
    // Through text, so that 0.07 does not become 7.000000000000001.
    format!("{} %", number(format!("{:.8}", share * 100.0).parse().unwrap_or(share * 100.0)))
}

/// A mean and its interval, with as many decimals as the interval supports.
///
/// ```
/// use shillproof_lab::report::html::with_interval;
/// assert_eq!(with_interval(0.034_21, Some([0.021_1, 0.048_2])), "0.034 [0.021, 0.048]");
/// assert_eq!(with_interval(0.25, None), "0.25");
/// ```
pub fn with_interval(mean: f64, ci95: Option<[f64; 2]>) -> String {
    match ci95 {
        Some(ends) => {
            let places = places(mean, ends);
            format!("{} {}", decimals(mean, places), interval_to(ends, places))
        }
        None => number(mean),
    }
}

/// An interval alone.
pub fn interval(ends: [f64; 2]) -> String {
    interval_to(ends, places(ends[1], ends))
}

fn interval_to([lo, hi]: [f64; 2], places: i32) -> String {
    format!("[{}, {}]", decimals(lo, places), decimals(hi, places))
}

/// Two significant digits of half the interval; three of the number where it has no width.
fn places(mean: f64, [lo, hi]: [f64; 2]) -> i32 {
    let half = (hi - lo) / 2.0;
    if half > 0.0 {
        1 - half.log10().floor() as i32
    } else if mean == 0.0 {
        0
    } else {
        2 - mean.abs().log10().floor() as i32
    }
}

/// A duration: `0.42 s`, `12 s`, `3 min 5 s`, `2 h 10 min`.
pub fn seconds(s: f64) -> String {
    let whole = s.round() as u64;
    match whole {
        0..=9 => format!("{} s", number(s)),
        10..=119 => format!("{whole} s"),
        120..=7199 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// Fixed decimals, with commas between thousands and a proper minus; "-0" is 0.
fn decimals(x: f64, places: i32) -> String {
    if !x.is_finite() {
        return "n/a".into();
    }
    let text = format!("{:.*}", places.clamp(0, MOST_DECIMALS) as usize, x.abs());
    let negative = x < 0.0 && text.bytes().any(|b| (b'1'..=b'9').contains(&b));
    let (whole, rest) = text.split_once('.').map_or((text.as_str(), None), |(w, r)| (w, Some(r)));
    let mut out = String::from(if negative { "\u{2212}" } else { "" });
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(rest) = rest {
        out.push('.');
        out.push_str(rest);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_follow_the_interval() {
        assert_eq!(with_interval(0.5, Some([0.5, 0.5])), "0.500 [0.500, 0.500]");
        assert_eq!(with_interval(123.456, Some([120.0, 127.0])), "123.5 [120.0, 127.0]");
        assert_eq!(
            with_interval(1_234_567.0, Some([1_200_000.0, 1_300_000.0])),
            "1,234,567 [1,200,000, 1,300,000]"
        );
        assert_eq!(with_interval(0.0, Some([0.0, 0.0])), "0 [0, 0]");
    }

    #[test]
    fn signs_and_gaps() {
        assert_eq!(number(-0.012), "\u{2212}0.012");
        assert_eq!(number(-0.0), "0");
        assert_eq!(number(1e-12), "0.000000".trim_end_matches('0').trim_end_matches('.'));
        assert_eq!(number(f64::NAN), "n/a");
        assert_eq!(interval([-0.001, 0.001]), "[\u{2212}0.0010, 0.0010]");
    }

    #[test]
    fn shares_and_durations() {
        assert_eq!([0.07, 0.003, 1.0, 0.1234].map(percent), ["7 %", "0.3 %", "100 %", "12.3 %"]);
        assert_eq!(
            [0.4242, 12.4, 185.0, 7805.0].map(seconds),
            ["0.424 s", "12 s", "3 min 5 s", "2 h 10 min"]
        );
    }
}
