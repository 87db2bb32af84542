//! Robustness gates: `hit_ratio@10 > 0.05 at 1% for any on unpopular`.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use shillproof_core::size::Size;
use thiserror::Error;

use crate::stats::Summary;

/// A condition under which an audit fails.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// Metric it looks at.
    pub metric: String,
    /// Length of the list.
    pub k: usize,
    /// Which side is bad.
    pub operator: Operator,
    /// The limit.
    pub value: f64,
    /// Attack size at which it looks.
    pub size: Size,
    /// One attack, or any of them.
    pub attack: Option<String>,
    /// One kind of target, or any of them.
    pub kind: Option<String>,
    text: String,
}

/// Comparison of a metric with a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Operator {
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `<`
    Below,
    /// `<=`
    AtMost,
}

impl Operator {
    const ALL: [(&'static str, Self); 4] =
        [(">=", Self::AtLeast), ("<=", Self::AtMost), (">", Self::Above), ("<", Self::Below)];
}

/// Text that is not a gate.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("gate `{text}`: {problem}")]
pub struct GateError {
    text: String,
    problem: String,
}

impl GateError {
    /// What to write instead.
    pub fn hint(&self) -> Option<String> {
        Some(
            "write METRIC@K OP VALUE at SIZE [for ATTACK|any] [on KIND], as in 'hit_ratio@10 > 0.05 at 1%'"
                .into(),
        )
    }
}

impl Gate {
    /// Whether this estimate breaks the gate. The near end of the interval decides, so that a gate
    /// does not flap on noise.
    pub fn is_broken_by(&self, estimate: &Summary) -> bool {
        let [lo, hi] = estimate.ci95.unwrap_or([estimate.mean; 2]);
        match self.operator {
            Operator::Above => lo > self.value,
            Operator::AtLeast => lo >= self.value,
            Operator::Below => hi < self.value,
            Operator::AtMost => hi <= self.value,
        }
    }

    /// Whether the gate looks at this attack and kind of target.
    pub fn looks_at(&self, attack: &str, kind: &str) -> bool {
        self.attack.as_deref().is_none_or(|a| a == attack) && self.kind.as_deref().is_none_or(|k| k == kind)
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Gate {
    type Err = GateError;

    fn from_str(text: &str) -> Result<Self, GateError> {
        let fail = |problem: String| GateError { text: text.to_owned(), problem };
        let words: Vec<&str> = text.split_whitespace().collect();
        let at = words
            .iter()
            .position(|w| *w == "at")
            .ok_or_else(|| fail("no attack size, expected `at SIZE`".into()))?;
        let condition = words[..at].concat();
        let (left, operator, right) = Operator::ALL
            .iter()
            .find_map(|(sign, op)| condition.split_once(sign).map(|(l, r)| (l, *op, r)))
            .ok_or_else(|| fail("no comparison, expected one of > >= < <=".into()))?;
        let (metric, k) =
            left.split_once('@').ok_or_else(|| fail(format!("`{left}` is not of the form METRIC@K")))?;
        let k = k
            .parse()
            .ok()
            .filter(|k| *k > 0)
            .ok_or_else(|| fail(format!("`{k}` is not the length of a list")))?;
        if !["hit_ratio", "hit_ratio_eligible"].contains(&metric) {
            return Err(fail(format!(
                "no audited metric is called `{metric}`, expected hit_ratio or hit_ratio_eligible"
            )));
        }
        let value = right
            .parse()
            .ok()
            .filter(|v: &f64| v.is_finite())
            .ok_or_else(|| fail(format!("`{right}` is not a number")))?;
        let mut rest = words[at + 1..].iter();
        let size = rest.next().ok_or_else(|| fail("nothing follows `at`".into()))?;
        let size = size.parse::<Size>().map_err(|e| fail(e.to_string()))?;
        let (mut attack, mut kind) = (None, None);
        while let Some(word) = rest.next() {
            let slot = match *word {
                "for" => &mut attack,
                "on" => &mut kind,
                other => return Err(fail(format!("`{other}` is not expected here"))),
            };
            let name = rest.next().ok_or_else(|| fail(format!("nothing follows `{word}`")))?;
            *slot = (*name != "any").then(|| (*name).to_owned());
        }
        Ok(Self { metric: metric.into(), k, operator, value, size, attack, kind, text: words.join(" ") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(lo: f64, hi: f64) -> Summary {
        Summary { mean: f64::midpoint(lo, hi), std: None, notes: Vec::new(), ci95: Some([lo, hi]), n: 10 }
    }

    #[test]
    fn reads_the_whole_grammar() {
        let gate: Gate = "hit_ratio@10 > 0.05 at 1% for bandwagon on unpopular".parse().unwrap();
        assert!(gate.looks_at("bandwagon", "unpopular"));
        assert!(!gate.looks_at("random", "unpopular") && !gate.looks_at("bandwagon", "random"));
        let tight: Gate = "hit_ratio_eligible@50>=0.2 at 12 for any".parse().unwrap();
        assert_eq!((tight.k, tight.operator, tight.attack), (50, Operator::AtLeast, None));
    }

    #[test]
    fn the_near_end_of_the_interval_decides() {
        let gate: Gate = "hit_ratio@10 > 0.05 at 1%".parse().unwrap();
        assert!(gate.is_broken_by(&estimate(0.06, 0.09)));
        assert!(!gate.is_broken_by(&estimate(0.04, 0.09)), "noise around the limit must not fail a build");
        let floor: Gate = "hit_ratio@10 < 0.05 at 1%".parse().unwrap();
        assert!(floor.is_broken_by(&estimate(0.01, 0.04)) && !floor.is_broken_by(&estimate(0.01, 0.06)));
    }

    #[test]
    fn every_mistake_is_named() {
        for (text, problem) in [
            ("hit_ratio@10 > 0.05", "no attack size"),
            ("hit_ratio > 0.05 at 1%", "METRIC@K"),
            ("hit_ratio@0 > 0.05 at 1%", "length of a list"),
            ("hit_ratio@10 0.05 at 1%", "no comparison"),
            ("hit_ratio@10 > x at 1%", "not a number"),
            ("hit_ratio@10 > nan at 1%", "not a number"),
            ("ndcg@10 > 0.1 at 1%", "no audited metric"),
            ("hit_ratio@10 > 0.05 at", "nothing follows"),
            ("hit_ratio@10 > 0.05 at 1% by bandwagon", "not expected"),
            ("hit_ratio@10 > 0.05 at 1% for", "nothing follows"),
        ] {
            let error = text.parse::<Gate>().unwrap_err();
            assert!(error.to_string().contains(problem), "{text}: {error}");
        }
    }
}
