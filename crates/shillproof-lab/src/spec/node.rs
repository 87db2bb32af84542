//! A TOML file as a tree that knows where each value stands, and reads into any serde type.
//!
//! Reading is lenient where people write by hand (keys and names in kebab or snake case alike, a
//! bare name for an entry with default parameters) and strict where they err: a key or name that
//! does not exist is an error that carries its place and the nearest one that does.

use std::fmt::Display;

use serde::de::DeserializeOwned;
use shillproof_core::catalogue::nearest;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One value of a file.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Byte offset in the file.
    pub(super) at: usize,
    pub(super) value: Value,
}

#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Integer(i128),
    Float(f64),
    Boolean(bool),
    List(Vec<Node>),
    Table(Vec<(String, Node)>),
}

/// Why a value could not be read, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct NodeError {
    /// Byte offset in the file.
    pub(super) at: Option<usize>,
    /// Keys and list positions from the value where reading began, outermost last.
    path: Vec<Step>,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// A key or a place in a list.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    Key(String),
    Position(usize),
}

impl NodeError {
    pub(super) fn at(at: usize, message: impl Into<String>, hint: Option<String>) -> Self {
        Self { at: Some(at), path: Vec::new(), message: message.into(), hint }
    }

    /// A name that is not among `known`.
    pub(super) fn unknown<S: AsRef<str>>(at: usize, what: &str, name: &str, known: &[S]) -> Self {
        let hint = nearest(name, known).map_or_else(
            || format!("known: {}", known.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")),
            |n| format!("did you mean `{n}`?"),
        );
        Self::at(at, format!("unknown {what} `{name}`"), Some(hint))
    }

    /// This error, one step further out.
    pub(super) fn under(mut self, step: Step, at: usize) -> Self {
        self.at.get_or_insert(at);
        self.path.push(step);
        self
    }

    /// This error, one key further out.
    pub(super) fn within(self, key: &str, at: usize) -> Self {
        self.under(Step::Key(key.to_owned()), at)
    }

    /// The path to the value, as `threat.size[1]`.
    pub(super) fn key(&self) -> String {
        let steps = self.path.iter().rev().enumerate();
        let text = |(at, step): (usize, &Step)| match step {
            Step::Key(name) if at == 0 => name.clone(),
            Step::Key(name) => format!(".{name}"),
            Step::Position(i) => format!("[{i}]"),
        };
        steps.map(text).collect()
    }
}

impl std::error::Error for NodeError {}

impl Display for NodeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl serde::de::Error for NodeError {
    fn custom<T: Display>(message: T) -> Self {
        Self { at: None, path: Vec::new(), message: message.to_string(), hint: None }
    }
}

impl Node {
    /// The root of a TOML file.
    pub(super) fn parse(text: &str) -> Result<Self, NodeError> {
        let root = DeTable::parse(text)
            .map_err(|e| NodeError::at(e.span().map_or(0, |s| s.start), e.message().trim(), None))?;
        Self::from_table(root.span().start, root.get_ref())
    }

    fn from_table(at: usize, table: &DeTable<'_>) -> Result<Self, NodeError> {
        let mut entries = table
            .iter()
            .map(|(key, value)| Ok((key.span().start, key.get_ref().to_string(), Self::from_value(value)?)))
            .collect::<Result<Vec<_>, NodeError>>()?;
        entries.sort_by_key(|(at, ..)| *at);
        let entries = entries.into_iter().map(|(_, key, node)| (key, node)).collect();
        Ok(Self { at, value: Value::Table(entries) })
    }

    fn from_value(value: &Spanned<DeValue<'_>>) -> Result<Self, NodeError> {
        let at = value.span().start;
        let value = match value.get_ref() {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Boolean(b) => Value::Boolean(*b),
            DeValue::Integer(n) => {
                i128::from_str_radix(n.as_str(), n.radix()).map(Value::Integer).map_err(|_| {
                    NodeError::at(at, format!("{n} is beyond the integers of an experiment file"), None)
                })?
            }
            DeValue::Float(x) => Value::Float(
                x.as_str().parse().map_err(|_| NodeError::at(at, format!("{x} is not a number"), None))?,
            ),
            DeValue::Datetime(_) => {
                return Err(NodeError::at(at, "no key of an experiment takes a date", None));
            }
            DeValue::Array(list) => Value::List(list.iter().map(Self::from_value).collect::<Result<_, _>>()?),
            DeValue::Table(table) => return Self::from_table(at, table),
        };
        Ok(Self { at, value })
    }

    /// Reads the value as a `T`.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, NodeError> {
        T::deserialize(self).map_err(|mut error| {
            error.at.get_or_insert(self.at);
            error
        })
    }

    pub(super) fn table(&self) -> Option<&[(String, Self)]> {
        if let Value::Table(table) = &self.value { Some(table) } else { None }
    }

    /// Reads the value as one or more `T`: a list where `T` takes a single value, at any depth, is
    /// an axis, and several axes give all their combinations (the first axis varies slowest).
    pub(super) fn grid<T>(&self, read: &impl Fn(&Self) -> Result<T, NodeError>) -> Result<Vec<T>, NodeError> {
        let error = match read(self) {
            Ok(value) => return Ok(vec![value]),
            Err(error) => error,
        };
        let steps: Vec<Step> = error.path.iter().rev().cloned().collect();
        match self.find(&steps) {
            Some(Node { value: Value::List(list), at }) if list.is_empty() => {
                Err(NodeError { at: Some(*at), message: "this list is empty".into(), ..error })
            }
            Some(Node { value: Value::List(list), .. }) => {
                let mut grid = Vec::new();
                for (i, choice) in list.iter().enumerate() {
                    let mut one = self.clone();
                    *one.find_mut(&steps).ok_or_else(|| error.clone())? = choice.clone();
                    grid.extend(one.grid(read).map_err(|mut inner| {
                        if steps.is_empty() {
                            inner.path.push(Step::Position(i));
                        }
                        inner
                    })?);
                }
                Ok(grid)
            }
            _ => Err(error),
        }
    }

    fn find(&self, path: &[Step]) -> Option<&Self> {
        let Some((first, rest)) = path.split_first() else { return Some(self) };
        match (&self.value, first) {
            (Value::Table(t), Step::Key(key)) => t.iter().find(|(k, _)| k == key)?.1.find(rest),
            (Value::List(l), Step::Position(i)) => l.get(*i)?.find(rest),
            _ => None,
        }
    }

    fn find_mut(&mut self, path: &[Step]) -> Option<&mut Self> {
        let Some((first, rest)) = path.split_first() else { return Some(self) };
        match (&mut self.value, first) {
            (Value::Table(t), Step::Key(key)) => t.iter_mut().find(|(k, _)| k == key)?.1.find_mut(rest),
            (Value::List(l), Step::Position(i)) => l.get_mut(*i)?.find_mut(rest),
            _ => None,
        }
    }
}
