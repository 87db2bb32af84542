//! What every detector and defense must keep, and that names, pages and defaults agree.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::collections::BTreeMap;

use serde_json::Value;
use shillproof_core::catalogue::{Card, Catalogue};
use shillproof_core::{Ctx, Detector, Seed};
use shillproof_defenses::{
    DefenseSpec, DetectorSpec, Extreme, FeatureSet, MeanVar, PcaDetector, RemoveFlagged, Scaling, Statistics,
    SvmDetector, SvmTiaDetector, TargetCount, ZScore,
};
use shillproof_testkit::contracts::detector::{Expect, Obvious, check, check_defense};
use shillproof_victims::Als;

/// Few examples, so that the grid is quick.
fn small() -> SvmDetector {
    SvmDetector { examples: 40, ..SvmDetector::default() }
}

#[test]
fn every_detector_keeps_the_contract() {
    let mut table = DetectorSpec::all();
    table.retain(|spec| !matches!(spec, DetectorSpec::Svm(_) | DetectorSpec::SvmTia(_)));
    table.extend([
        // Three planted tastes are two directions once the columns have mean 0.
        DetectorSpec::Pca(PcaDetector { zscore: ZScore::Item, components: 2, ..PcaDetector::default() }),
        DetectorSpec::Svm(small()),
        DetectorSpec::Svm(SvmDetector {
            features: FeatureSet::Five,
            statistics: Statistics::Genuine,
            extreme: Extreme::Own,
            mean_var: MeanVar::WithoutTarget,
            scaling: Scaling::MinMax,
            ..small()
        }),
        DetectorSpec::SvmTia(SvmTiaDetector { svm: small(), ..SvmTiaDetector::default() }),
        DetectorSpec::SvmTia(SvmTiaDetector {
            svm: small(),
            count: TargetCount::AtLeast,
            ..SvmTiaDetector::default()
        }),
    ]);
    for spec in table {
        println!("{}", serde_json::to_string(&spec).unwrap());
        let is_chance = matches!(spec, DetectorSpec::CoinFlip(_));
        // A group of equal profiles is a principal component of its own.
        let obvious = if matches!(spec, DetectorSpec::Pca(_)) { Obvious::Noise } else { Obvious::Copies };
        check(spec.detector(), Expect { needs_ratings: spec.needs_ratings(), is_chance, obvious });
    }
}

#[test]
fn every_defense_keeps_the_contract() {
    let mut table = DefenseSpec::all();
    table.push(DefenseSpec::RemoveFlagged(RemoveFlagged {
        detector: DetectorSpec::SvmTia(SvmTiaDetector { svm: small(), ..SvmTiaDetector::default() }),
        ..RemoveFlagged::default()
    }));
    let victim = Als { factors: 8, iterations: 6, ..Als::default() };
    for spec in table {
        println!("{}", serde_json::to_string(&spec).unwrap());
        check_defense(spec.defense(), &victim);
    }
}

#[test]
fn parameters_out_of_range_are_refused() {
    for text in [
        "duplicates:similarity=1.5",
        "profile-shape:deviations=-1",
        "pca:components=0",
        "pca:components=11",
        "cross-spot:blocks=0",
        "svm:examples=9",
        "svm-tia:threshold=2",
    ] {
        let spec = DetectorSpec::from_inline(text).unwrap();
        assert!(spec.detector().fit(None, &Ctx::new(Seed::new(1))).is_err(), "{text}");
    }
}

fn round_trip<C: Catalogue + PartialEq + std::fmt::Debug>() {
    for spec in C::all() {
        let name = spec.card().name;
        let text = toml::to_string(&spec).unwrap();
        assert_eq!(toml::from_str::<C>(&text).unwrap(), spec, "{text}");
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table.keys().collect::<Vec<_>>(), [name]);
        assert_eq!(toml::from_str::<C>(&format!("{name} = {{}}")).unwrap(), spec);
        assert_eq!(C::from_inline(name).unwrap(), spec);
        assert!(C::from_inline(&format!("{name}:no-such-parameter=1")).is_err(), "{name} takes anything");
    }
}

#[test]
fn every_entry_survives_toml_and_is_keyed_by_its_name() {
    round_trip::<DetectorSpec>();
    round_trip::<DefenseSpec>();
}

fn page(card: Card, parameters: impl IntoIterator<Item = (String, Value)>) {
    let name = card.name;
    assert!(card.doc.starts_with(&format!("# {name}\n")), "the page of {name} starts otherwise");
    assert!(!card.summary.is_empty() && !card.reference.is_empty());
    let sections: Vec<&str> = card.doc.lines().filter_map(|l| l.strip_prefix("## ")).collect();
    let wanted = [
        "What it does",
        "Threat model",
        "Method",
        "Parameters",
        "Differences from the paper",
        "Cost",
        "References",
    ];
    assert!(
        sections.starts_with(&wanted[..4]) && sections.ends_with(&wanted[4..]),
        "sections of {name}: {sections:?}"
    );
    // A whole detector or classifier as a parameter is described in words.
    let default = |value: Value| match &value {
        Value::Object(map) if !map.contains_key("fraction") => None,
        _ => Some(value.to_string().replace('"', "")),
    };
    let actual: BTreeMap<String, Option<String>> =
        parameters.into_iter().map(|(key, value)| (key, default(value))).collect();
    assert_eq!(documented(card.doc), actual, "parameters of {name}");
}

#[test]
fn every_page_has_its_sections_and_documents_each_parameter_with_its_default() {
    for spec in DetectorSpec::all() {
        page(spec.card(), spec.parameters());
    }
    for spec in DefenseSpec::all() {
        page(spec.card(), spec.parameters());
    }
}

/// Name and default of each row of the table under "Parameters": `| `name` | `default` | range | meaning |`; no default
/// where it is put in brackets.
fn documented(page: &str) -> BTreeMap<String, Option<String>> {
    let section = page.split("## Parameters\n").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        assert!(cells.len() == 4 && cells.iter().all(|c| !c.is_empty()), "{row}");
        let default = cells[1].replace('`', "");
        (cells[0].replace('`', ""), (!default.starts_with('(')).then_some(default))
    })
    .collect()
}

/// Public tools give their detectors the number of fake users; here the examples are all a detector is told.
#[test]
fn bug_16_no_default_detector_flags_as_many_users_as_are_fake_because_it_was_told() {
    let detector: &dyn Detector = &PcaDetector::default();
    let fitted = detector.fit(None, &Ctx::new(Seed::new(1))).unwrap();
    let planted = shillproof_testkit::fixtures::Planted {
        users: 200,
        items: 90,
        clusters: 3,
        per_user: 20,
        affinity: 0.8,
    };
    let genuine = planted.explicit(Seed::new(2));
    let clean = fitted.inspect(&genuine, &Ctx::new(Seed::new(1))).unwrap();
    assert_eq!(clean.count(), 10, "5 % of 200 users, whether or not anybody is fake");
}
