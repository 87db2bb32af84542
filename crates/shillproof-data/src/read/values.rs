//! Fields into ratings and times.

/// A finite rating.
#[inline]
pub(crate) fn rating(field: &[u8]) -> Option<f32> {
    if let [digit @ b'0'..=b'9'] = field {
        return Some(f32::from(digit - b'0'));
    }
    let value: f32 = std::str::from_utf8(field).ok()?.trim().parse().ok()?;
    value.is_finite().then_some(value)
}

/// Seconds or any other whole number, also written with a fraction of zero; or an ISO date,
/// with or without a time of day, in UTC.
#[inline]
pub(crate) fn time(field: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(field).ok()?.trim();
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole);
    }
    whole_float(text).or_else(|| date(text))
}

fn whole_float(text: &str) -> Option<i64> {
    let value: f64 = text.parse().ok()?;
    let exact = 9_007_199_254_740_992.0;
    (value.fract() == 0.0 && value.abs() <= exact).then_some(value as i64)
}

/// `YYYY-MM-DD`, optionally `THH:MM:SS` or ` HH:MM:SS`, optionally `Z`.
fn date(text: &str) -> Option<i64> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (day, clock) = match text.split_once(['T', ' ']) {
        Some((day, clock)) => (day, Some(clock)),
        None => (text, None),
    };
    let [year, month, day] = numbers(day, '-', [4, 2, 2])?;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let seconds = match clock {
        None => 0,
        Some(clock) => {
            let [h, m, s] = numbers(clock, ':', [2, 2, 2])?;
            if h > 23 || m > 59 || s > 60 {
                return None;
            }
            h * 3600 + m * 60 + s
        }
    };
    // Days since 1970-01-01 in the Gregorian calendar, counting years from March.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400) + (153 * m + 2) / 5 + day
        - 1
        - 719_468;
    Some(days * 86_400 + seconds)
}

fn numbers(text: &str, separator: char, digits: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(separator);
    let mut out = [0; 3];
    for (value, width) in out.iter_mut().zip(digits) {
        let part = parts.next()?;
        if part.len() != width || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        *value = part.parse().ok()?;
    }
    parts.next().is_none().then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratings_are_finite_numbers() {
        assert_eq!(rating(b"4"), Some(4.0));
        assert_eq!(rating(b" 3.5 "), Some(3.5));
        assert_eq!(rating(b"-2"), Some(-2.0));
        for bad in ["", "nan", "inf", "-Infinity", "1e99", "4,5", "five", "4 5"] {
            assert_eq!(rating(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn times_are_whole_numbers_or_dates() {
        assert_eq!(time(b"881250949"), Some(881_250_949));
        assert_eq!(time(b"881250949.0"), Some(881_250_949));
        assert_eq!(time(b"-5"), Some(-5));
        // By `date -u -d ... +%s`.
        assert_eq!(time(b"2000-07-12"), Some(963_360_000));
        assert_eq!(time(b"2024-02-29T12:34:56Z"), Some(1_709_210_096));
        assert_eq!(time(b"1969-12-31 23:59:59"), Some(-1));
        for bad in [
            "",
            "1.5",
            "1e300",
            "nan",
            "99999999999999999999",
            "2000-13-01",
            "2000-1-1",
            "12/07/2000",
            "2000-01-01T1:2:3",
        ] {
            assert_eq!(time(bad.as_bytes()), None, "{bad}");
        }
    }
}
