//! The JSON schema of an experiment file.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};
use shillproof_attacks::{AttackSpec, AudienceSpec, TargetSpec};
use shillproof_core::{Objective, Size};
use shillproof_data::knowledge::KnowledgeSpec;
use shillproof_data::split::SplitSpec;
use shillproof_defenses::DefenseSpec;

use super::{BlackBox, DatasetSpec, MeasureSpec, Surrogate};
use crate::command::VictimChoice;
use crate::rankings::Exclude;

/// The JSON schema of an experiment file, from the types that read it.
pub fn schema() -> Value {
    let mut generator = SchemaGenerator::default();
    let threat = threat(&mut generator);
    let mut root = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Shillproof experiment",
        "description": "What is crossed with what. Every list where one value would do is an axis of the grid.",
        "type": "object",
        "additionalProperties": false,
        "required": ["dataset", "victim", "attack"],
        "properties": {
            "seed": { "type": "integer", "minimum": 0, "default": 0, "description": "Root of all randomness." },
            "repeats": { "type": "integer", "minimum": 1, "default": 1, "description": "Trainings of each victim, with other seeds." },
            "dataset": axis::<DatasetSpec>(&mut generator, "Data sets."),
            "split": axis::<SplitSpec>(&mut generator, "What is held out to measure accuracy on."),
            "victim": axis::<VictimChoice>(&mut generator, "Recommenders under attack."),
            "attack": axis::<AttackSpec>(&mut generator, "Attacks. `none` is the clean reference that differences are taken to."),
            "threat": threat,
            "defense": axis::<DefenseSpec>(&mut generator, "Defenses."),
            "measure": generator.subschema_for::<MeasureSpec>(),
        },
    });
    let mut definitions = Value::Object(generator.take_definitions(true));
    admit_axes(&mut definitions);
    root["$defs"] = definitions;
    root
}

fn threat(generator: &mut SchemaGenerator) -> Value {
    json!({
        "type": "object",
        "description": "What the attacker wants, knows and may spend.",
        "additionalProperties": false,
        "properties": {
            "targets": axis::<TargetSpec>(generator, "Selections of target items."),
            "each": axis::<bool>(generator, "One attack and one retraining per target; otherwise one for the whole selection."),
            "objective": axis::<Objective>(generator, "Promote or demote."),
            "size": axis::<Size>(generator, "Fake users, of the genuine ones."),
            "profile_size": axis::<Size>(generator, "Most fillers a fake user, of the items; targets come on top."),
            "knowledge": axis::<KnowledgeSpec>(generator, "What part of the training data the attacker knows."),
            "black_box": axis::<BlackBox>(generator, "Lists of the victim that the attacker may see."),
            "surrogate": axis::<Surrogate>(generator, "What the attacker believes the victim to be: one model, or several `together`."),
            "target_users": axis::<AudienceSpec>(generator, "Whose lists count."),
            "exclude": axis::<Exclude>(generator, "Which of a user's own items are no candidates for the user's list."),
            "targets_clicked": axis::<bool>(generator, "Whether fake users rate the targets."),
        },
    })
}

/// A `T`, or a list of them.
fn axis<T: JsonSchema>(generator: &mut SchemaGenerator, description: &str) -> Schema {
    let one = generator.subschema_for::<T>();
    json_schema!({
        "description": description,
        "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }],
    })
}

/// Lets every number, word or switch inside a definition be a list of such: an axis.
fn admit_axes(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.values_mut().for_each(admit_axes);
            if let Some(Value::Object(fields)) = map.get_mut("properties") {
                fields.values_mut().filter(|field| is_scalar(field)).for_each(|field| {
                    let mut one = field.take();
                    let note = one.as_object_mut().and_then(|o| o.remove("description"));
                    *field = json!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] });
                    if let Some(note) = note {
                        field["description"] = note;
                    }
                });
            }
        }
        Value::Array(list) => list.iter_mut().for_each(admit_axes),
        _ => {}
    }
}

fn is_scalar(schema: &Value) -> bool {
    let scalar = |t: &Value| t.as_str().is_some_and(|t| t != "object" && t != "array");
    match &schema["type"] {
        Value::Array(types) => types.iter().all(scalar),
        one => scalar(one),
    }
}
