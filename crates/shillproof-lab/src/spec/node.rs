//! A TOML file as a tree that knows where each value stands, and reads into any serde type.
//!
//! Reading is lenient where people write by hand (keys and names in kebab or snake case alike, a
//! bare name for an entry with default parameters) and strict where they err: a key or name that
//! does not exist is an error that carries its place and the nearest one that does.

use std::fmt::Display;

use serde::de::{
    DeserializeOwned, DeserializeSeed, EnumAccess, Error as _, MapAccess, SeqAccess, VariantAccess, Visitor,
    value::StrDeserializer,
};
use serde::{Deserializer, forward_to_deserialize_any};
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

#[derive(Clone, Debug, PartialEq)]
enum Step {
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

    fn under(mut self, step: Step, at: usize) -> Self {
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

/// The member of `known` that `written` means: itself, or itself in the other case.
fn meant<'k>(written: &str, known: &'static [&'static str]) -> Option<&'k str> {
    let same = |k: &&&str| **k == written || k.replace('-', "_") == written.replace('-', "_");
    known.iter().find(same).copied()
}

impl<'de> Deserializer<'de> for &Node {
    type Error = NodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NodeError> {
        let result = match &self.value {
            Value::Text(text) => visitor.visit_str(text),
            Value::Integer(n) => match (u64::try_from(*n), i64::try_from(*n)) {
                (Ok(n), _) => visitor.visit_u64(n),
                (_, Ok(n)) => visitor.visit_i64(n),
                _ => Err(NodeError::custom(format!("{n} is beyond the integers of an experiment file"))),
            },
            Value::Float(x) => visitor.visit_f64(*x),
            Value::Boolean(b) => visitor.visit_bool(*b),
            Value::List(list) => return visitor.visit_seq(Elements { list, next: 0 }),
            Value::Table(table) => return visitor.visit_map(Entries { table, next: 0, fields: None }),
        };
        result.map_err(|mut error: NodeError| {
            error.at.get_or_insert(self.at);
            error
        })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NodeError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, NodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, NodeError> {
        match &self.value {
            Value::Table(table) => visitor.visit_map(Entries { table, next: 0, fields: Some(fields) }),
            Value::List(_) => Err(NodeError::at(self.at, "found a list, expected one table", None)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, NodeError> {
        let (name, body) = match &self.value {
            Value::Text(name) => (name, None),
            Value::Table(table) if table.len() == 1 => (&table[0].0, Some(&table[0].1)),
            Value::List(_) => return Err(NodeError::at(self.at, "found a list, expected one value", None)),
            _ => {
                let hint = format!("known: {}", variants.join(", "));
                return Err(NodeError::at(self.at, "expected one name, as in `name = { .. }`", Some(hint)));
            }
        };
        let known =
            meant(name, variants).ok_or_else(|| NodeError::unknown(self.at, "name", name, variants))?;
        visitor.visit_enum(Variant { known, written: name, at: self.at, body })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

struct Elements<'n> {
    list: &'n [Node],
    next: usize,
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = NodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, NodeError> {
        let Some(node) = self.list.get(self.next) else { return Ok(None) };
        self.next += 1;
        seed.deserialize(node).map(Some).map_err(|e| e.under(Step::Position(self.next - 1), node.at))
    }
}

struct Entries<'n> {
    table: &'n [(String, Node)],
    next: usize,
    fields: Option<&'static [&'static str]>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = NodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, NodeError> {
        let Some((key, node)) = self.table.get(self.next) else { return Ok(None) };
        let key = match self.fields {
            Some(fields) => {
                meant(key, fields).ok_or_else(|| NodeError::unknown(node.at, "key", key, fields))?
            }
            None => key,
        };
        seed.deserialize(StrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, NodeError> {
        let Some((key, node)) = self.table.get(self.next) else {
            return Err(NodeError::custom("a value was read before its key"));
        };
        self.next += 1;
        seed.deserialize(node).map_err(|e| e.within(key, node.at))
    }
}

struct Variant<'n> {
    known: &'n str,
    written: &'n str,
    at: usize,
    body: Option<&'n Node>,
}

impl Variant<'_> {
    fn with_body<T>(&self, read: impl FnOnce(&Node) -> Result<T, NodeError>) -> Result<T, NodeError> {
        match self.body {
            Some(node) => read(node).map_err(|e| e.within(self.written, node.at)),
            // A bare name stands for its default parameters.
            None => read(&Node { at: self.at, value: Value::Table(Vec::new()) }),
        }
    }
}

impl<'de> EnumAccess<'de> for Variant<'_> {
    type Error = NodeError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), NodeError> {
        Ok((seed.deserialize(StrDeserializer::<NodeError>::new(self.known))?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = NodeError;

    fn unit_variant(self) -> Result<(), NodeError> {
        match self.body {
            None => Ok(()),
            Some(Node { value: Value::Table(table), .. }) if table.is_empty() => Ok(()),
            Some(node) => Err(NodeError::at(node.at, format!("`{}` takes no parameters", self.known), None)
                .within(self.written, node.at)),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, NodeError> {
        self.with_body(|node| seed.deserialize(node))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, NodeError> {
        self.with_body(|node| node.deserialize_any(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, NodeError> {
        self.with_body(|node| node.deserialize_struct("", fields, visitor))
    }
}
