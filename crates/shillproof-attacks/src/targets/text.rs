//! The rules as they are written on a command line.

use std::fmt;
use std::str::FromStr;

use super::{AudienceSpec, SelectError, TargetSpec, default_tolerance};

const TARGET_RULES: &str = "`random:10`, `unpopular:10`, `unpopular:10:max=5`, `near:0.8:tol=0.05:10`, `band:20-40:10`, \
                            `ids:L1,L2` or `@file`";
const AUDIENCE_RULES: &str = "`all`, `random:20`, `ids:L1,L2` or `@file`";

impl FromStr for TargetSpec {
    type Err = SelectError;

    fn from_str(text: &str) -> Result<Self, SelectError> {
        let rule = parse_target(text).ok_or_else(|| SelectError::Rule {
            text: text.into(),
            what: "targets",
            rules: TARGET_RULES,
        })?;
        rule.check()?;
        Ok(rule)
    }
}

fn parse_target(text: &str) -> Option<TargetSpec> {
    if let Some(path) = text.strip_prefix('@') {
        return (!path.is_empty()).then(|| TargetSpec::File(path.into()));
    }
    let (name, rest) = text.split_once(':')?;
    if name == "ids" {
        return labels(rest).map(TargetSpec::Ids);
    }
    // `key=value` parts may stand anywhere between the others.
    let (keyed, plain): (Vec<&str>, Vec<&str>) = rest.split(':').partition(|part| part.contains('='));
    let option = |key: &str| match keyed[..] {
        [] => Some(None),
        [pair] => pair.split_once('=').filter(|(k, _)| *k == key).map(|(_, value)| Some(value)),
        _ => None,
    };
    match (name, &plain[..]) {
        ("random", [count]) if keyed.is_empty() => Some(TargetSpec::Random { count: count.parse().ok()? }),
        ("unpopular", [count]) => Some(TargetSpec::Unpopular {
            count: count.parse().ok()?,
            max_interactions: option("max")?.map(str::parse).transpose().ok()?,
        }),
        ("near", [value, count]) => Some(TargetSpec::Near {
            value: value.parse().ok()?,
            tolerance: option("tol")?.map_or(Ok(default_tolerance()), str::parse).ok()?,
            count: count.parse().ok()?,
        }),
        ("band", [band, count]) if keyed.is_empty() => {
            let (low, high) = band.split_once('-')?;
            Some(TargetSpec::Band {
                low: low.parse().ok()?,
                high: high.parse().ok()?,
                count: count.parse().ok()?,
            })
        }
        _ => None,
    }
}

/// Labels between commas, exactly as written. A label with a comma in it takes `@file` or an experiment file.
fn labels(text: &str) -> Option<Vec<String>> {
    let labels: Vec<String> = text.split(',').map(str::to_owned).collect();
    labels.iter().all(|label| !label.is_empty()).then_some(labels)
}

impl fmt::Display for TargetSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Random { count } => write!(f, "random:{count}"),
            Self::Unpopular { count, max_interactions: None } => write!(f, "unpopular:{count}"),
            Self::Unpopular { count, max_interactions: Some(most) } => {
                write!(f, "unpopular:{count}:max={most}")
            }
            Self::Near { value, tolerance, count } => write!(f, "near:{value}:tol={tolerance}:{count}"),
            Self::Band { low, high, count } => write!(f, "band:{low}-{high}:{count}"),
            Self::Ids(labels) => write!(f, "ids:{}", labels.join(",")),
            Self::File(path) => write!(f, "@{}", path.display()),
        }
    }
}

impl FromStr for AudienceSpec {
    type Err = SelectError;

    fn from_str(text: &str) -> Result<Self, SelectError> {
        let rule = match text.split_once(':') {
            None if text == "all" => Some(Self::All),
            _ if text.len() > 1 && text.starts_with('@') => Some(Self::File(text[1..].into())),
            Some(("random", count)) => count.parse().ok().map(|count| Self::Random { count }),
            Some(("ids", list)) => labels(list).map(Self::Ids),
            _ => None,
        };
        rule.ok_or_else(|| SelectError::Rule { text: text.into(), what: "users", rules: AUDIENCE_RULES })
    }
}

impl fmt::Display for AudienceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => write!(f, "all"),
            Self::Random { count } => write!(f, "random:{count}"),
            Self::Ids(labels) => write!(f, "ids:{}", labels.join(",")),
            Self::File(path) => write!(f, "@{}", path.display()),
        }
    }
}
