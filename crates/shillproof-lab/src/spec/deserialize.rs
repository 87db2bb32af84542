//! Reads a [`Node`] into any serde type: keys and names in kebab or snake case alike, a bare name for
//! an entry with default parameters, and the place of whatever is wrong.

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, SeqAccess, VariantAccess, Visitor,
    value::StrDeserializer,
};
use serde::forward_to_deserialize_any;

use super::node::{Node, NodeError, Step, Value};

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
