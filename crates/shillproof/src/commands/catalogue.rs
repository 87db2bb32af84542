//! What `list` and `explain` look through.

use clap::ValueEnum;
use serde_json::{Value, json};
use shillproof_attacks::AttackSpec;
use shillproof_core::catalogue::Catalogue;
use shillproof_defenses::{DefenseSpec, DetectorSpec};
use shillproof_lab::command::VictimChoice;
use shillproof_lab::metrics::METRICS;

/// Kinds of things with names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    Victims,
    Attacks,
    Detectors,
    Defenses,
    Metrics,
}

/// Anything with a name.
pub(super) struct Entry {
    pub(super) name: &'static str,
    pub(super) summary: &'static str,
    /// Its page, in Markdown.
    pub(super) page: String,
    /// The same as data, without the page.
    pub(super) json: Value,
}

impl Kind {
    /// All there is of this kind, in the order of `list`.
    pub(super) fn entries(self) -> Vec<Entry> {
        match self {
            Self::Victims => entries::<VictimChoice>(),
            Self::Attacks => entries::<AttackSpec>(),
            Self::Detectors => entries::<DetectorSpec>(),
            Self::Defenses => entries::<DefenseSpec>(),
            Self::Metrics => METRICS
                .iter()
                .map(|metric| Entry {
                    name: metric.name,
                    summary: metric.summary,
                    page: format!("# {}\n\n{}\n", metric.name, metric.doc()),
                    json: json!(metric),
                })
                .collect(),
        }
    }
}

fn entries<C: Catalogue>() -> Vec<Entry> {
    let entry = |spec: C| {
        let card = spec.card();
        let mut json = json!(card);
        json["parameters"] = Value::Object(spec.parameters());
        Entry { name: card.name, summary: card.summary, page: card.doc.to_owned(), json }
    };
    C::all().into_iter().map(entry).collect()
}
