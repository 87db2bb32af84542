//! Settings that files spell in two ways: in one word (`"noisy:0.9:0.1"`) or as a table (`{ noisy = { keep = 0.9 } }`).

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

/// Reads `T` from a string by its `FromStr` or from a table of the form `Table`.
pub(crate) fn deserialize<'de, D, T, Table>(deserializer: D, expecting: &'static str) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
    Table: Deserialize<'de> + Into<T>,
{
    deserializer.deserialize_any(TextOrTable::<T, Table> { expecting, marker: PhantomData })
}

struct TextOrTable<T, Table> {
    expecting: &'static str,
    marker: PhantomData<(T, Table)>,
}

impl<'de, T, Table> Visitor<'de> for TextOrTable<T, Table>
where
    T: FromStr<Err: fmt::Display>,
    Table: Deserialize<'de> + Into<T>,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expecting)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        Table::deserialize(MapAccessDeserializer::new(map)).map(Into::into)
    }
}
