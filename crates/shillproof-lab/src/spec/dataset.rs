//! Data sets of an experiment.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use shillproof_core::catalogue::snake_keys;
use shillproof_data::DataOptions;

/// A data set and how to read it: `ml-100k = { min_user = 20 }`, or
/// `file = { path = "ratings.csv", implicit = true }`. Relative paths start where the command runs.
#[derive(Clone, Debug, PartialEq)]
pub struct DatasetSpec {
    /// Which.
    pub source: Source,
    /// How.
    pub options: DataOptions,
}

/// Where data comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A known data set.
    Known(String),
    /// A file.
    File(String),
}

impl DatasetSpec {
    /// The argument of `shillproof_data::load`: a known name or a path.
    pub fn data(&self) -> &str {
        match &self.source {
            Source::Known(name) => name,
            Source::File(path) => path,
        }
    }

    /// What a table shows: the known name, or the name of the file.
    pub fn label(&self) -> String {
        match &self.source {
            Source::Known(name) => name.clone(),
            Source::File(path) => std::path::Path::new(path)
                .file_name()
                .map_or_else(|| path.clone(), |name| name.to_string_lossy().into_owned()),
        }
    }
}

/// What stands under the name of a data set.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[serde(flatten)]
    options: &'a DataOptions,
}

impl Serialize for DatasetSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (name, path) = match &self.source {
            Source::Known(name) => (name.as_str(), None),
            Source::File(path) => ("file", Some(path.as_str())),
        };
        serializer.collect_map([(name, Body { path, options: &self.options })])
    }
}

impl<'de> Deserialize<'de> for DatasetSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut outer = Map::deserialize(deserializer)?.into_iter();
        let (Some((name, Value::Object(mut body))), None) = (outer.next(), outer.next()) else {
            return Err(D::Error::custom("expected one data set, as in `ml-100k = {}`"));
        };
        let source = if name == "file" {
            match body.remove("path") {
                Some(Value::String(path)) => Source::File(path),
                _ => return Err(D::Error::missing_field("path")),
            }
        } else {
            Source::Known(name)
        };
        let options = serde_json::from_value(snake_keys(Value::Object(body))).map_err(D::Error::custom)?;
        Ok(Self { source, options })
    }
}

impl JsonSchema for DatasetSpec {
    fn schema_name() -> Cow<'static, str> {
        "DatasetSpec".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let options = DataOptions::json_schema(generator);
        let mut file = options.clone();
        if let Some(Value::Object(fields)) = file.get_mut("properties") {
            fields.insert("path".into(), serde_json::json!({ "type": "string", "description": "The file." }));
        }
        file.insert("required".into(), serde_json::json!(["path"]));
        schemars::json_schema!({
            "description": "A known data set by name (`ml-100k = {}`), or a file (`file = { path = \"ratings.csv\" }`).",
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "properties": { "file": file },
            "additionalProperties": options,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_survive_a_record() {
        let text = r#"{"ml-100k":{"min-user":5,"filters":[{"min-user":20},"shift3",{"iter-core":{"min_user":2,"min_item":2}}]}}"#;
        let spec: DatasetSpec = serde_json::from_str(text).unwrap();
        assert_eq!((spec.options.min_user, spec.options.filters.len()), (Some(5), 3));
        let record = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<DatasetSpec>(&record).unwrap(), spec);
    }
}
