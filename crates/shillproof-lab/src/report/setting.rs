//! What a row of a report is about, in words.

use serde::Serialize;
use serde_json::{Map, Value};
use shillproof_core::Objective;
use shillproof_core::catalogue::Catalogue;

use crate::plan::Cell;
use crate::spec::MeasureSpec;
use crate::store::Record;

/// All that a row stands for: everything of a cell but its target and its repeat.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Setting {
    /// Data set.
    pub dataset: String,
    /// What is held out.
    pub split: String,
    /// Recommender with the parameters that are not its defaults.
    pub victim: String,
    /// Defense.
    pub defense: String,
    /// Attack with the parameters that are not its defaults.
    pub attack: String,
    /// Selection of targets.
    pub targets: String,
    /// Whether each target was attacked alone.
    pub each: bool,
    /// Promote or demote.
    pub objective: String,
    /// Fake users of the genuine ones, as asked for.
    pub size: String,
    /// Fake users.
    pub fake_users: usize,
    /// Fillers a fake user, as asked for.
    pub profile_size: String,
    /// What the attacker knows of the data.
    pub knowledge: String,
    /// Which lists the attacker sees.
    pub black_box: String,
    /// What the attacker believes the victim to be.
    pub surrogate: String,
    /// Whose lists count.
    pub target_users: String,
    /// Which items are no candidates.
    pub exclude: String,
    /// Whether fake users rate the targets.
    pub targets_clicked: bool,
    /// How it was measured, where that is not the default: ties, sampled candidates.
    pub protocol: String,
    /// Root of all randomness.
    pub seed: u64,
    /// Checksum of the data.
    pub checksum: String,
}

impl Setting {
    /// The setting of a record.
    pub fn of(record: &Record) -> Self {
        let Cell { seed, dataset, split, victim, attack, threat, defense, measure, .. } = &record.cell;
        Self {
            dataset: options(dataset.label(), &spelled(&dataset.options)),
            split: spelled(split),
            victim: recipe(victim),
            defense: recipe(defense),
            attack: recipe(attack),
            targets: threat.targets.to_string(),
            each: threat.target.is_some(),
            objective: match threat.objective {
                Objective::Promote => "promote".into(),
                Objective::Demote => "demote".into(),
            },
            size: threat.size.to_string(),
            fake_users: record.cell.fake_users(record.data.users),
            profile_size: threat.profile_size.to_string(),
            knowledge: threat.knowledge.to_string(),
            black_box: threat.black_box.map_or_else(|| "none".into(), |b| format!("queries={}", b.queries.0)),
            surrogate: threat.surrogate.as_ref().map_or_else(|| "default".into(), ToString::to_string),
            target_users: threat.target_users.to_string(),
            exclude: spelled(&threat.exclude),
            targets_clicked: threat.targets_clicked,
            // Which list lengths were asked for changes no number.
            protocol: match changed(
                measure,
                &MeasureSpec::default(),
                &["hit_ratio", "detectors", "train_attack", "stealth"],
            ) {
                same if same.is_empty() => "default".into(),
                changed => changed,
            },
            seed: *seed,
            checksum: record.data.checksum.clone(),
        }
    }

    /// The setting of the clean reference that this one is compared with: the same without an attacker.
    #[must_use]
    pub fn reference(&self) -> Self {
        Self {
            attack: "none".into(),
            size: "0".into(),
            fake_users: 0,
            profile_size: "0".into(),
            knowledge: "full".into(),
            black_box: "none".into(),
            surrogate: "default".into(),
            targets_clicked: true,
            ..self.clone()
        }
    }

    /// The same without a defense.
    #[must_use]
    pub fn undefended(&self) -> Self {
        Self { defense: "none".into(), ..self.clone() }
    }

    /// Names and values, in the order of columns.
    pub(super) fn fields(&self) -> Vec<(String, Value)> {
        match serde_json::to_value(self) {
            Ok(Value::Object(mut map)) => {
                NAMES.iter().filter_map(|n| Some(((*n).to_owned(), map.remove(*n)?))).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// The fields of a [`Setting`] in the order of columns.
pub(super) const NAMES: [&str; 20] = [
    "dataset",
    "split",
    "victim",
    "defense",
    "attack",
    "targets",
    "each",
    "objective",
    "size",
    "fake_users",
    "profile_size",
    "knowledge",
    "black_box",
    "surrogate",
    "target_users",
    "exclude",
    "targets_clicked",
    "protocol",
    "seed",
    "checksum",
];

/// A recipe by name, with the parameters in which it differs from its default: `als:factors=32`.
pub(crate) fn recipe<C: Catalogue>(recipe: &C) -> String {
    let name = recipe.card().name;
    let default = C::all().into_iter().find(|e| e.card().name == name).map(|e| e.parameters());
    options(name.to_owned(), &changed(&recipe.parameters(), &default, &[]))
}

/// The fields in which `value` differs from `default`, but for those of no account.
fn changed<T: Serialize, D: Serialize>(value: &T, default: &D, but: &[&str]) -> String {
    let (Ok(Value::Object(fields)), Ok(default)) =
        (serde_json::to_value(value), serde_json::to_value(default))
    else {
        return String::new();
    };
    let differs =
        |(key, value): &(String, Value)| default.get(key) != Some(value) && !but.contains(&key.as_str());
    spelled(&fields.into_iter().filter(differs).collect::<Map<_, _>>())
}

fn options(name: String, options: &str) -> String {
    if options.is_empty() { name } else { format!("{name}:{options}") }
}

/// A plain value as people spell it: `leave-one-out`, `ratio:train=0.8,valid=0.1`. What is unset, off or
/// empty is left out.
pub fn spelled<T: Serialize>(value: &T) -> String {
    serde_json::to_value(value).map_or_else(|_| String::new(), |value| spell(&value))
}

fn spell(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(false) => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(list) => format!("[{}]", list.iter().map(spell).collect::<Vec<_>>().join(",")),
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().filter(|(_, v)| !is_unset(v)).collect();
            entries.sort_by_key(|(key, _)| *key);
            // A table with one table inside is a name with its parameters.
            match entries[..] {
                [(name, Value::Object(inner))] => {
                    options(name.clone(), &spell(&Value::Object(inner.clone())))
                }
                _ => entries
                    .iter()
                    .map(|(k, v)| format!("{k}={}", spell_inside(v)))
                    .collect::<Vec<_>>()
                    .join(","),
            }
        }
        Value::Number(number) => match number.as_f64() {
            // Parameters of single precision: 0.1 and not the double nearest to it.
            Some(v) if number.is_f64() && f64::from(v as f32) == v => (v as f32).to_string(),
            _ => number.to_string(),
        },
        Value::Bool(_) => value.to_string(),
    }
}

fn is_unset(value: &Value) -> bool {
    matches!(value, Value::Null | Value::Bool(false)) || value.as_array().is_some_and(Vec::is_empty)
}

fn spell_inside(value: &Value) -> String {
    if value.is_object() { format!("{{{}}}", spell(value)) } else { spell(value) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_spelled_as_on_the_command_line() {
        assert_eq!(spelled(&json!("train")), "train");
        assert_eq!(spelled(&json!({ "a": 0.1f32, "b": 0.1f64, "c": [], "d": 1.0 })), "a=0.1,b=0.1,d=1");
        assert_eq!(spelled(&json!({ "leave-one-out": { "validation": false } })), "leave-one-out");
        assert_eq!(spelled(&json!({ "ratio": { "train": 0.8, "valid": 0.1 } })), "ratio:train=0.8,valid=0.1");
        assert_eq!(spelled(&json!({ "b": { "x": { "als": {} } }, "a": [1, 2] })), "a=[1,2],b={x:als}");
    }
}
