//! What a file under `papers/` holds.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::{Claim, ReproduceError};

/// A table or figure of a paper.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaperTable {
    /// Its name here, such as `www20/table-1`.
    #[serde(skip)]
    pub name: String,
    /// The paper.
    pub paper: String,
    /// What the paper calls it.
    pub reference: String,
    /// What it shows.
    pub title: String,
    /// What a reader must know before comparing.
    pub note: String,
    /// The metric of its numbers, as `hit_ratio@10`, where a row has none of its own.
    pub metric: MetricAtK,
    /// What its numbers say of the metric's values.
    #[serde(default)]
    pub statistic: Statistic,
    /// What all cells have in common, in the language of experiment files.
    pub experiment: Table,
    /// Its data sets.
    #[serde(rename = "block")]
    pub blocks: Vec<Block>,
    /// Its rows, in every block.
    #[serde(rename = "row")]
    pub rows: Vec<Row>,
    /// Its columns, in every block.
    #[serde(rename = "column")]
    pub columns: Vec<Column>,
    /// What the paper says about it.
    #[serde(rename = "claim", default)]
    pub claims: Vec<Claim>,
    /// What is left out or changed at a scale; nothing where a scale is not named.
    #[serde(rename = "scale", default)]
    pub scales: BTreeMap<Scale, AtScale>,
}

/// What a number says of the values over targets and repeats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Statistic {
    /// Their mean.
    #[default]
    Mean,
    /// The standard deviation of the targets' means (divisor n).
    StdOverTargets,
}

/// One data set of a table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// The paper's name for it.
    pub name: String,
    /// What is used in its place and why; none if the data is the paper's.
    pub stand_in: Option<String>,
    /// What it changes in the experiment.
    pub with: Table,
}

/// One row.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The paper's name for it.
    pub name: String,
    /// Its metric, where the table's is not it.
    pub metric: Option<MetricAtK>,
    /// What it changes in the experiment.
    pub with: Table,
    /// The published numbers by block, one a column.
    #[serde(default)]
    pub published: BTreeMap<String, Vec<f64>>,
}

/// One column.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// The paper's name for it.
    pub name: String,
    /// What it changes in the experiment.
    pub with: Table,
}

/// What one scale leaves out or changes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AtScale {
    /// The blocks that are left; all if empty.
    pub blocks: Vec<String>,
    /// The rows that are left; all if empty.
    pub rows: Vec<String>,
    /// The columns that are left; all if empty.
    pub columns: Vec<String>,
    /// How many targets of each selection are left, where it is a number of them.
    pub targets: Option<usize>,
    /// What it changes in the experiment, after everything else. Parameters of attacks or of defenses reach the rows that have them.
    pub with: Table,
}

/// How much of the published protocol is run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// Seconds, on generated data: everything works.
    Smoke,
    /// Minutes on two cores: what is visible at this n.
    #[default]
    Small,
    /// The full protocol.
    Paper,
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Smoke => "smoke",
            Self::Small => "small",
            Self::Paper => "paper",
        })
    }
}

/// A metric with its list length, if it looks at a list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct MetricAtK {
    /// Name of the metric.
    pub metric: String,
    /// Length of the list.
    pub k: Option<usize>,
}

impl FromStr for MetricAtK {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((metric, k)) = text.split_once('@') else {
            return Ok(Self { metric: text.into(), k: None });
        };
        let k = k.parse().map_err(|_| format!("`{text}` is no metric, expected one such as hit_ratio@10"))?;
        Ok(Self { metric: metric.into(), k: Some(k) })
    }
}

impl TryFrom<String> for MetricAtK {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for MetricAtK {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.metric)?;
        self.k.map_or(Ok(()), |k| write!(f, "@{k}"))
    }
}

impl PaperTable {
    /// Reads a table; `other` gives the text of the table that it is `like`, whose keys it takes where it has none.
    pub(super) fn parse<'t>(
        name: &str,
        text: &'t str,
        other: &dyn Fn(&str) -> Result<&'t str, ReproduceError>,
    ) -> Result<Self, ReproduceError> {
        let malformed = |problem: String| ReproduceError::Malformed { name: name.into(), problem };
        let read = |text: &str| text.parse::<Table>().map_err(|error| malformed(error.to_string()));
        let mut keys = read(text)?;
        while let Some(Value::String(like)) = keys.remove("like") {
            let mut base = read(other(&like)?)?;
            base.extend(keys);
            keys = base;
        }
        let mut table: Self =
            keys.try_into().map_err(|error: toml::de::Error| malformed(error.to_string()))?;
        table.name = name.into();
        for row in &table.rows {
            for (block, numbers) in &row.published {
                if !table.blocks.iter().any(|b| b.name == *block) || numbers.len() != table.columns.len() {
                    return Err(malformed(format!(
                        "row {}: expected one number a column for a block of the table, found {} for {block}",
                        row.name,
                        numbers.len()
                    )));
                }
            }
        }
        let known = |list: &[String], names: Vec<&str>| {
            list.iter().find(|name| !names.contains(&name.as_str())).cloned()
        };
        let unknown = table.claims.iter().find_map(|claim| known(&claim.rows(), table.row_names()));
        let unknown = unknown.or_else(|| {
            table.scales.values().find_map(|at| {
                known(&at.rows, table.row_names())
                    .or_else(|| known(&at.columns, table.columns.iter().map(|c| c.name.as_str()).collect()))
                    .or_else(|| known(&at.blocks, table.blocks.iter().map(|b| b.name.as_str()).collect()))
            })
        });
        unknown.map_or(Ok(table), |name| Err(malformed(format!("nothing in the table is called `{name}`"))))
    }

    fn row_names(&self) -> Vec<&str> {
        self.rows.iter().map(|row| row.name.as_str()).collect()
    }
}
