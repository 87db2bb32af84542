//! Names, pages and defaults agree.

use std::collections::BTreeMap;

use shillproof_attacks::AttackSpec;
use shillproof_core::catalogue::Catalogue;

#[test]
fn every_entry_survives_toml_and_is_keyed_by_its_name() {
    for spec in AttackSpec::all() {
        let name = spec.card().name;
        let text = toml::to_string(&spec).unwrap();
        assert_eq!(toml::from_str::<AttackSpec>(&text).unwrap(), spec, "{text}");
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table.keys().collect::<Vec<_>>(), [name]);
        assert_eq!(toml::from_str::<AttackSpec>(&format!("{name} = {{}}")).unwrap(), spec);
        assert_eq!(AttackSpec::from_inline(name).unwrap(), spec);
        let unknown = AttackSpec::from_inline(&format!("{name}:no-such-parameter=1"));
        assert!(unknown.is_err(), "{name} takes anything");
    }
}

#[test]
fn every_page_has_its_sections_and_documents_each_parameter_with_its_default() {
    for spec in AttackSpec::all() {
        let card = spec.card();
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
        assert_eq!(sections, wanted, "sections of {name}");
        let actual: BTreeMap<String, String> = spec
            .parameters()
            .into_iter()
            .map(|(key, value)| (key, value.to_string().replace('"', "")))
            .collect();
        assert_eq!(documented(card.doc), actual, "parameters of {name}");
    }
}

/// Name and default of each row of the table under "Parameters": `| `name` | `default` | range | meaning |`.
fn documented(page: &str) -> BTreeMap<String, String> {
    let section = page.split("## Parameters\n").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        assert!(cells.len() == 4 && cells.iter().all(|c| !c.is_empty()), "{row}");
        (cells[0].replace('`', ""), cells[1].replace('`', ""))
    })
    .collect()
}
