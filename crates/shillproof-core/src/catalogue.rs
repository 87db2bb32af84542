//! Names with parameters: `als`, `als:factors=32,iterations=10`, `{ als = { factors = 32 } }`.
//!
//! A catalogue is a closed serde enum whose variants hold the structs of parameters. This module
//! turns the three spellings into that enum, with a hint for a name or key that does not exist.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use thiserror::Error;

/// What `list` and `explain` print about one algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Card {
    /// Catalogue name, as in files and on the command line.
    pub name: &'static str,
    /// One line.
    pub summary: &'static str,
    /// The page of the algorithm, in Markdown.
    #[serde(skip)]
    pub doc: &'static str,
    /// Paper or library the algorithm is from.
    pub reference: &'static str,
}

/// A closed list of named recipes.
pub trait Catalogue: Serialize + DeserializeOwned + Clone + 'static {
    /// What its entries are called in messages: "victim", "attack".
    const KIND: &'static str;

    /// All entries with default parameters, in the order of `list`.
    fn all() -> Vec<Self>;

    /// The card of this entry.
    fn card(&self) -> Card;

    /// All names, in the order of `list`.
    fn names() -> Vec<&'static str> {
        Self::all().iter().map(|entry| entry.card().name).collect()
    }

    /// Reads `name` or `name:key=value,key=value`.
    ///
    /// # Errors
    /// If the name or a key does not exist, or a value is not of the key's type.
    fn from_inline(text: &str) -> Result<Self, CatalogueError> {
        let (name, parameters) = text.split_once(':').unwrap_or((text, ""));
        let mut map = Map::new();
        for pair in split_outside_brackets(parameters) {
            let Some((key, value)) = pair.split_once('=') else {
                return Err(CatalogueError::NotAPair {
                    kind: Self::KIND,
                    name: name.into(),
                    pair: pair.into(),
                });
            };
            let key = key.trim().replace('-', "_");
            if map.insert(key.clone(), scalar(value.trim())).is_some() {
                return Err(CatalogueError::Parameters {
                    kind: Self::KIND,
                    name: name.into(),
                    message: format!("`{key}` is given twice"),
                    hint: None,
                });
            }
        }
        Self::from_named(name.trim(), Value::Object(map))
    }

    /// Builds the entry `name` from a value that holds its parameters; keys may be kebab or snake case.
    ///
    /// # Errors
    /// If the name or a key does not exist, or a value is not of the key's type.
    fn from_named(name: &str, parameters: Value) -> Result<Self, CatalogueError> {
        let names = Self::names();
        if !names.contains(&name) {
            return Err(CatalogueError::UnknownName {
                kind: Self::KIND,
                name: name.into(),
                hint: nearest(name, &names).map_or_else(
                    || format!("known: {}", names.join(", ")),
                    |n| format!("did you mean `{n}`?"),
                ),
            });
        }
        let value = Value::Object([(name.to_owned(), snake_keys(parameters))].into_iter().collect());
        serde_json::from_value(value).map_err(|error| {
            let message = error.to_string();
            let hint = unknown_key(&message).and_then(|key| {
                let default = Self::all().into_iter().find(|e| e.card().name == name)?;
                let fields = parameter_names(&default);
                let near = nearest(key, &fields).map(|n| format!("did you mean `{n}`?"));
                Some(near.unwrap_or_else(|| format!("known: {}", fields.join(", "))))
            });
            CatalogueError::Parameters { kind: Self::KIND, name: name.into(), message, hint }
        })
    }

    /// The entry's parameters as a JSON object.
    fn parameters(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(outer)) => match outer.into_iter().next() {
                Some((_, Value::Object(inner))) => inner,
                _ => Map::new(),
            },
            _ => Map::new(),
        }
    }
}

fn parameter_names<C: Catalogue>(entry: &C) -> Vec<String> {
    entry.parameters().keys().cloned().collect()
}

/// A name or parameters that the catalogue does not have.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CatalogueError {
    /// No entry of this name.
    #[error("no {kind} is called `{name}`")]
    UnknownName {
        /// Which catalogue.
        kind: &'static str,
        /// What was asked for.
        name: String,
        /// The nearest name, or all.
        hint: String,
    },
    /// Something between commas that is not `key=value`.
    #[error("`{pair}` in the parameters of {kind} `{name}` is not of the form key=value")]
    NotAPair {
        /// Which catalogue.
        kind: &'static str,
        /// The entry.
        name: String,
        /// What was found.
        pair: String,
    },
    /// A key or value that the entry refuses.
    #[error("parameters of {kind} `{name}`: {message}")]
    Parameters {
        /// Which catalogue.
        kind: &'static str,
        /// The entry.
        name: String,
        /// What was wrong.
        message: String,
        /// The nearest key.
        hint: Option<String>,
    },
}

impl CatalogueError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownName { hint, .. } => Some(hint.clone()),
            Self::NotAPair { name, .. } => Some(format!("write `{name}:key=value,key=value`")),
            Self::Parameters { name, hint, .. } => {
                hint.clone().or_else(|| Some(format!("`shillproof explain {name}` lists the parameters")))
            }
        }
    }
}

/// The candidate nearest to `name`, if any is near enough to be meant.
pub fn nearest<S: AsRef<str>>(name: &str, candidates: &[S]) -> Option<String> {
    candidates
        .iter()
        .map(|c| (strsim::damerau_levenshtein(name, c.as_ref()), c.as_ref()))
        .filter(|(distance, c)| *distance <= 2.max(c.len() / 3))
        .min()
        .map(|(_, c)| c.to_owned())
}

/// Parameters with their names in snake case. What stands inside a parameter is left alone: a key there
/// may be the name of an algorithm or a filter, which is in kebab case.
pub fn snake_keys(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(map.into_iter().map(|(k, v)| (k.replace('-', "_"), v)).collect()),
        other => other,
    }
}

/// A scalar as TOML reads it; a bare word is a string.
fn scalar(text: &str) -> Value {
    let line = format!("v = {text}");
    line.parse::<toml::Table>()
        .ok()
        .and_then(|mut table| table.remove("v"))
        .and_then(|value| serde_json::to_value(value).ok())
        .unwrap_or_else(|| Value::String(text.to_owned()))
}

fn split_outside_brackets(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0i32, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '[' | '{' | '(' => depth += 1,
            ']' | '}' | ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts.retain(|p| !p.trim().is_empty());
    parts
}

fn unknown_key(message: &str) -> Option<&str> {
    message.strip_prefix("unknown field `")?.split('`').next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Als {
        factors: usize,
        learning_rate: f32,
        similarity: String,
    }
    impl Default for Als {
        fn default() -> Self {
            Self { factors: 64, learning_rate: 0.1, similarity: "cosine".into() }
        }
    }
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Spec {
        Als(Als),
    }
    impl Catalogue for Spec {
        const KIND: &'static str = "victim";
        fn all() -> Vec<Self> {
            vec![Self::Als(Als::default())]
        }
        fn card(&self) -> Card {
            Card { name: "als", summary: "", doc: "", reference: "" }
        }
    }

    #[test]
    fn inline_parameters_in_either_case() {
        let spec = Spec::from_inline("als:factors=32,learning-rate=0.5,similarity=max").unwrap();
        assert_eq!(spec, Spec::Als(Als { factors: 32, learning_rate: 0.5, similarity: "max".into() }));
        assert_eq!(Spec::from_inline("als").unwrap(), Spec::Als(Als::default()));
    }

    #[test]
    fn errors_hint_at_the_nearest() {
        assert_eq!(Spec::from_inline("asl").unwrap_err().hint().unwrap(), "did you mean `als`?");
        let unknown = Spec::from_inline("als:factor=3").unwrap_err();
        assert_eq!(unknown.hint().unwrap(), "did you mean `factors`?");
        assert!(matches!(Spec::from_inline("als:factors"), Err(CatalogueError::NotAPair { .. })));
        assert!(matches!(Spec::from_inline("als:factors=x"), Err(CatalogueError::Parameters { .. })));
        assert!(matches!(
            Spec::from_inline("als:factors=1,factors=2"),
            Err(CatalogueError::Parameters { .. })
        ));
    }
}
