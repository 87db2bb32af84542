//! From a table to the cells of a plan.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::file::{AtScale, MetricAtK};
use super::{PaperTable, ReproduceError, Scale};
use crate::plan::{DatasetFacts, Plan};
use crate::spec::{DatasetSpec, ExperimentSpec};
use crate::store::Key;

/// A table at one scale, and what is to be computed for it.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The table.
    pub table: PaperTable,
    /// The scale.
    pub scale: Scale,
    /// Everything that fills it.
    pub plan: Plan,
    /// Its cells, block after block, row after row.
    pub places: Vec<Place>,
}

/// One cell of the table.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its block.
    pub block: String,
    /// Its row.
    pub row: String,
    /// Its column.
    pub column: String,
    /// What its number is.
    pub metric: MetricAtK,
    /// The published number.
    pub published: Option<f64>,
    /// The data it is computed on.
    pub data: DatasetFacts,
    /// What that data stands in for and why, where it is not the paper's.
    pub stand_in: Option<String>,
    /// The trainings it is the mean of.
    pub keys: Vec<Key>,
    /// The root of their randomness.
    pub seed: u64,
}

impl Layout {
    /// Lays out a table. `from` gives data of the user's own for blocks by name; `facts` reads a data set.
    ///
    /// # Errors
    /// If a cell is no experiment, `from` names no block, or what `facts` says.
    pub fn new<E: From<ReproduceError>>(
        table: PaperTable,
        scale: Scale,
        from: &BTreeMap<String, String>,
        facts: &mut dyn FnMut(&DatasetSpec) -> Result<DatasetFacts, E>,
    ) -> Result<Self, E> {
        if let Some(block) = from.keys().find(|name| !table.blocks.iter().any(|b| b.name == **name)) {
            let known = table.blocks.iter().map(|b| b.name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(ReproduceError::UnknownBlock { block: block.clone(), known }.into());
        }
        let at = table.scales.get(&scale).cloned().unwrap_or_default();
        let left = |chosen: &[String], name: &String| chosen.is_empty() || chosen.contains(name);
        let (mut parts, mut places) = (Vec::new(), Vec::new());
        for block in table.blocks.iter().filter(|b| left(&at.blocks, &b.name)) {
            for row in table.rows.iter().filter(|r| left(&at.rows, &r.name)) {
                let columns = table.columns.iter().enumerate().filter(|(_, c)| left(&at.columns, &c.name));
                for (place, column) in columns {
                    let name = format!("{} ({}, {}, {})", table.name, block.name, row.name, column.name);
                    let overlays = [&block.with, &row.with, &column.with];
                    let text = experiment(&table.experiment, &overlays, &at, from.get(&block.name));
                    let spec = ExperimentSpec::parse(&text, &name).map_err(ReproduceError::from)?;
                    let part = Plan::new(&spec, facts)?;
                    let Some(data) = part.cells.first().map(|cell| cell.data.clone()) else { continue };
                    let stand_in = match (from.get(&block.name), at.with.contains_key("dataset")) {
                        (Some(_), _) => None,
                        (None, true) => Some(format!("other data at scale {scale}")),
                        (None, false) => block.stand_in.clone(),
                    };
                    places.push(Place {
                        block: block.name.clone(),
                        row: row.name.clone(),
                        column: column.name.clone(),
                        metric: row.metric.clone().unwrap_or_else(|| table.metric.clone()),
                        published: row.published.get(&block.name).map(|numbers| numbers[place]),
                        data,
                        stand_in,
                        keys: part.cells.iter().map(|cell| cell.key.clone()).collect(),
                        seed: spec.seed,
                    });
                    parts.push(part);
                }
            }
        }
        let text = format!("# {} at scale {scale}\n", table.name);
        Ok(Self { plan: Plan::join(text, &parts), table, scale, places })
    }
}

/// The text of one cell's experiment.
fn experiment(base: &Table, overlays: &[&Table], at: &AtScale, own: Option<&String>) -> String {
    let mut merged = base.clone();
    for overlay in overlays {
        lay_over(&mut merged, overlay);
    }
    let mut last = at.with.clone();
    for key in ["attack", "defense"] {
        let own = merged.get(key).and_then(Value::as_table).and_then(sole).map(|(name, _)| name.clone());
        if let Some(Value::Table(parameters)) = last.get_mut(key) {
            parameters.retain(|name, _| Some(name) == own.as_deref());
            if parameters.is_empty() {
                last.remove(key);
            }
        }
    }
    lay_over(&mut merged, &last);
    if let Some(most) = at.targets {
        fewer_targets(&mut merged, most);
    }
    if let Some(path) = own {
        let file = Table::from_iter([("path".to_owned(), Value::String(path.clone()))]);
        let dataset = Table::from_iter([("file".to_owned(), Value::Table(file))]);
        merged.insert("dataset".into(), Value::Table(dataset));
    }
    merged.to_string()
}

/// At most `most` targets of the selection, if it is a number of them.
fn fewer_targets(experiment: &mut Table, most: usize) {
    let selection = experiment.get_mut("threat").and_then(|threat| threat.get_mut("targets"));
    for (_, rule) in selection.and_then(Value::as_table_mut).into_iter().flatten() {
        if let Some(Value::Integer(count)) = rule.get_mut("count") {
            *count = (*count).min(most as i64);
        }
    }
}

/// `threat` and `measure` are merged key by key, and so are the parameters of the same attack, victim, ...;
/// anything else is one value and replaced whole.
fn lay_over(base: &mut Table, overlay: &Table) {
    for (key, value) in overlay {
        match (base.get_mut(key), value) {
            (Some(Value::Table(under)), Value::Table(over)) if key == "threat" || key == "measure" => {
                under.extend(over.clone());
            }
            (Some(Value::Table(under)), Value::Table(over)) => match (sole(over), under.iter_mut().next()) {
                (Some((name, more)), Some((own, Value::Table(parameters)))) if name == own => {
                    parameters.extend(more.clone());
                }
                _ => under.clone_from(over),
            },
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Name and parameters of `{ name = { parameters } }`.
fn sole(table: &Table) -> Option<(&String, &Table)> {
    let mut entries = table.iter();
    match (entries.next(), entries.next()) {
        (Some((name, Value::Table(parameters))), None) => Some((name, parameters)),
        _ => None,
    }
}
