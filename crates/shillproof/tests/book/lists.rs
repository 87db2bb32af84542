//! README's catalogue and the table of contents list what there is, in the order and the words of the catalogue.

use std::fs;

use shillproof::attacks::AttackSpec;
use shillproof::core::catalogue::{Card, Catalogue};
use shillproof::defenses::{DefenseSpec, DetectorSpec};
use shillproof::lab::command::VictimChoice;

use crate::root;

/// Set to anything, this makes the test write the lists instead of complaining.
const WRITE: &str = "SHILLPROOF_WRITE_LISTS";

fn cards<C: Catalogue>() -> Vec<Card> {
    C::all().iter().map(Catalogue::card).collect()
}

/// `text` with its one run of lines that hold `link` replaced by `lines`.
fn with_list(text: &str, link: &str, lines: impl Iterator<Item = String>) -> String {
    let is_row = |line: &&str| line.contains(link);
    let before: Vec<&str> = text.lines().take_while(|line| !is_row(line)).collect();
    let rows = text.lines().skip(before.len()).take_while(is_row).count();
    let mut after = text.lines().skip(before.len() + rows);
    assert!(
        rows > 0 && !after.clone().any(|line| is_row(&line)),
        "expected one run of lines that hold `{link}`"
    );
    let before = before.into_iter().map(str::to_owned);
    before.chain(lines).chain(after.by_ref().map(str::to_owned)).map(|line| line + "\n").collect()
}

#[test]
fn readme_and_summary_list_the_catalogue() {
    let kinds = [
        ("victims", cards::<VictimChoice>()),
        ("attacks", cards::<AttackSpec>()),
        ("detectors", cards::<DetectorSpec>()),
        ("defenses", cards::<DefenseSpec>()),
    ];
    let row = |card: &Card, link: &str| format!("| [{0}{link}{0}.md) | {1} |", card.name, card.summary);
    let entry = |card: &Card, link: &str| format!("  - [{0}{link}{0}.md)", card.name);
    let update = |file: &str, folder: &str, line: &dyn Fn(&Card, &str) -> String| {
        let path = root().join(file);
        let found = fs::read_to_string(&path).unwrap();
        let wanted = kinds.iter().fold(found.clone(), |text, (kind, cards)| {
            let link = format!("]({folder}{kind}/");
            with_list(&text, &link, cards.iter().map(|card| line(card, &link)))
        });
        if std::env::var_os(WRITE).is_some() {
            fs::write(&path, wanted).unwrap();
        } else {
            let command = format!("{WRITE}=1 cargo test -p shillproof --all-features --test book lists");
            assert!(
                wanted == found,
                "{file} does not list the catalogue as it is; this writes it:\n  {command}"
            );
        }
    };
    update("README.md", "docs/", &row);
    update("docs/SUMMARY.md", "", &entry);
}

#[test]
fn rows_are_added_renamed_and_removed_in_place() {
    let text = "top\n| [a](docs/x/a.md) | old |\n| [c](docs/x/c.md) | gone |\nend\n";
    let rows = ["| [a](docs/x/a.md) | new |", "| [b](docs/x/b.md) | added |"];
    let wanted = "top\n| [a](docs/x/a.md) | new |\n| [b](docs/x/b.md) | added |\nend\n";
    assert_eq!(with_list(text, "](docs/x/", rows.iter().map(|&row| row.to_owned())), wanted);
}
