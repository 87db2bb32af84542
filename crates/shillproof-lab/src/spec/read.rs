//! From the text of an experiment file to an [`ExperimentSpec`], and back.

use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;
use shillproof_attacks::{AudienceSpec, TargetSpec};
use shillproof_data::split::SplitSpec;
use shillproof_defenses::DefenseSpec;

use super::error::Place;
use super::node::{Node, NodeError, Value};
use super::{DatasetSpec, ExperimentSpec, MeasureSpec, Source, SpecError, Surrogate, ThreatAxes};
use crate::command::VictimChoice;

impl ExperimentSpec {
    /// Reads an experiment file.
    ///
    /// # Errors
    /// If the file cannot be read, a key or name does not exist, or a value is not what its key takes.
    pub fn load(file: &Path) -> Result<Self, SpecError> {
        let name = file.display().to_string();
        match fs::read_to_string(file) {
            Ok(text) => Self::parse(&text, &name),
            Err(error) => Err(SpecError::Unreadable { file: name, problem: error.to_string() }),
        }
    }

    /// Reads the text of an experiment file; `file` is its name in messages.
    ///
    /// # Errors
    /// If a key or name does not exist, or a value is not what its key takes.
    pub fn parse(text: &str, file: &str) -> Result<Self, SpecError> {
        Node::parse(text).and_then(|root| experiment(&root)).map_err(|error| {
            let offset = error.at.unwrap_or(0).min(text.len());
            let line = 1 + String::from_utf8_lossy(&text.as_bytes()[..offset]).matches('\n').count();
            SpecError::Content {
                place: Place { file: file.into(), line, key: error.key() },
                problem: error.message,
                hint: error.hint,
            }
        })
    }

    /// The experiment as a file that reads back to the same: every default written out, every axis a list.
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self).expect("invariant: an experiment is tables of plain values")
    }
}

fn experiment(root: &Node) -> Result<ExperimentSpec, NodeError> {
    let mut top = Section::new(root)?;
    let spec = ExperimentSpec {
        seed: top.one("seed")?.unwrap_or_default(),
        repeats: top.one("repeats")?.unwrap_or(1),
        dataset: top.required("dataset", "dataset = { ml-100k = {} }", dataset)?,
        split: top.many("split", Node::read)?.unwrap_or_else(|| vec![SplitSpec::default()]),
        victim: top.required("victim", "victim = { als = {} }", victim)?,
        attack: top.required("attack", "attack = { random = {} }", Node::read)?,
        threat: top
            .take("threat")
            .map_or_else(|| Ok(ThreatAxes::default()), |node| within("threat", node, threat))?,
        defense: top.many("defense", Node::read)?.unwrap_or_else(|| vec![DefenseSpec::default()]),
        measure: top.one::<MeasureSpec>("measure")?.unwrap_or_default(),
    };
    let at = |key: &str, message: &str| {
        let at = root.table().and_then(|t| t.iter().find(|(k, _)| k == key)).map_or(root.at, |(_, n)| n.at);
        Err(NodeError::at(at, message, None).within(key, at))
    };
    if spec.repeats == 0 {
        return at("repeats", "is 0, expected at least 1");
    }
    if spec.measure.hit_ratio.is_empty() || spec.measure.hit_ratio.contains(&0) {
        return at("measure", "hit_ratio needs list lengths of at least 1, as in `hit_ratio = [10, 50]`");
    }
    top.finish()?;
    Ok(spec)
}

fn threat(node: &Node) -> Result<ThreatAxes, NodeError> {
    let mut section = Section::new(node)?;
    let default = ThreatAxes::default();
    let threat = ThreatAxes {
        targets: section.many("targets", targets)?.unwrap_or(default.targets),
        each: section.many("each", Node::read)?.unwrap_or(default.each),
        objective: section.many("objective", Node::read)?.unwrap_or(default.objective),
        size: section.many("size", Node::read)?.unwrap_or(default.size),
        profile_size: section.many("profile_size", Node::read)?.unwrap_or(default.profile_size),
        knowledge: section.many("knowledge", Node::read)?.unwrap_or(default.knowledge),
        black_box: section.many("black_box", Node::read)?.unwrap_or(default.black_box),
        surrogate: section.many("surrogate", Surrogate::read)?.unwrap_or(default.surrogate),
        target_users: section.many("target_users", audience)?.unwrap_or(default.target_users),
        exclude: section.many("exclude", Node::read)?.unwrap_or(default.exclude),
        targets_clicked: section.many("targets_clicked", Node::read)?.unwrap_or(default.targets_clicked),
    };
    section.finish()?;
    Ok(threat)
}

const FILE: &str = "write file = { path = \"ratings.csv\" }";

/// `ml-100k = { .. }`, or `file = { path = .., .. }`: the path beside the options.
fn dataset(node: &Node) -> Result<DatasetSpec, NodeError> {
    let (name, mut body) = match &node.value {
        Value::Text(name) => (name.clone(), Node { at: node.at, value: Value::Table(Vec::new()) }),
        Value::Table(table) if table.len() == 1 => table[0].clone(),
        Value::List(_) => return Err(NodeError::at(node.at, "found a list, expected one data set", None)),
        _ => return Err(NodeError::at(node.at, "expected one data set, as in `ml-100k = {}`", None)),
    };
    let mut read = || {
        if name != "file" {
            return Ok(DatasetSpec { source: Source::Known(name.clone()), options: body.read()? });
        }
        let Value::Table(entries) = &mut body.value else {
            return Err(NodeError::at(body.at, "expected a table", Some(FILE.into())));
        };
        let Some(i) = entries.iter().position(|(key, _)| key == "path") else {
            return Err(NodeError::at(body.at, "missing key `path`", Some(FILE.into())));
        };
        let (_, path) = entries.remove(i);
        let path: String = path.read().map_err(|e| e.within("path", path.at))?;
        Ok(DatasetSpec { source: Source::File(path), options: body.read()? })
    };
    read().map_err(|e| e.within(&name, node.at))
}

/// Labels in a file become part of the experiment: what runs later does not depend on that file.
fn targets(node: &Node) -> Result<TargetSpec, NodeError> {
    match node.read()? {
        TargetSpec::File(path) => labels(node, &path).map(TargetSpec::Ids),
        other => Ok(other),
    }
}

fn audience(node: &Node) -> Result<AudienceSpec, NodeError> {
    match node.read()? {
        AudienceSpec::File(path) => labels(node, &path).map(AudienceSpec::Ids),
        other => Ok(other),
    }
}

fn labels(node: &Node, path: &Path) -> Result<Vec<String>, NodeError> {
    let labels = labels_in(path)
        .map_err(|e| NodeError::at(node.at, format!("cannot read {}: {e}", path.display()), None))?;
    if labels.is_empty() {
        return Err(NodeError::at(node.at, format!("{} holds no label", path.display()), None));
    }
    Ok(labels)
}

/// The labels in a file, one a line; blank lines are skipped.
pub(crate) fn labels_in(path: &Path) -> std::io::Result<Vec<String>> {
    let text = fs::read_to_string(path)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    Ok(text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect())
}

fn victim(node: &Node) -> Result<VictimChoice, NodeError> {
    match &node.value {
        Value::Table(table) if table.len() == 1 && table[0].0 == "command" => {
            let (name, body) = &table[0];
            body.read().map(VictimChoice::Command).map_err(|e| e.within(name, body.at))
        }
        _ => node.read().map(VictimChoice::Listed),
    }
}

fn within<T>(key: &str, node: &Node, read: impl Fn(&Node) -> Result<T, NodeError>) -> Result<T, NodeError> {
    read(node).map_err(|e| e.within(key, node.at))
}

/// A table whose keys are taken one by one; what is left at the end is unknown.
struct Section<'n> {
    entries: Vec<&'n (String, Node)>,
    known: Vec<&'static str>,
    at: usize,
}

impl<'n> Section<'n> {
    fn new(node: &'n Node) -> Result<Self, NodeError> {
        let table = node.table().ok_or_else(|| NodeError::at(node.at, "expected a table", None))?;
        Ok(Self { entries: table.iter().collect(), known: Vec::new(), at: node.at })
    }

    fn take(&mut self, key: &'static str) -> Option<&'n Node> {
        self.known.push(key);
        let i = self.entries.iter().position(|(k, _)| k.replace('-', "_") == key)?;
        Some(&self.entries.remove(i).1)
    }

    fn one<T: DeserializeOwned>(&mut self, key: &'static str) -> Result<Option<T>, NodeError> {
        self.take(key).map(|node| within(key, node, Node::read)).transpose()
    }

    fn many<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&Node) -> Result<T, NodeError>,
    ) -> Result<Option<Vec<T>>, NodeError> {
        self.take(key).map(|node| within(key, node, |node| node.grid(&read))).transpose()
    }

    fn required<T>(
        &mut self,
        key: &'static str,
        example: &str,
        read: impl Fn(&Node) -> Result<T, NodeError>,
    ) -> Result<Vec<T>, NodeError> {
        let at = self.at;
        self.many(key, read)?.ok_or_else(|| {
            NodeError::at(at, format!("missing key `{key}`"), Some(format!("write {example}")))
        })
    }

    fn finish(self) -> Result<(), NodeError> {
        match self.entries.first() {
            Some((key, node)) => Err(NodeError::unknown(node.at, "key", key, &self.known)),
            None => Ok(()),
        }
    }
}
