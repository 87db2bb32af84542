//! From labels to ids.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use shillproof_core::catalogue::nearest;

use super::SelectError;

/// The ids of `wanted`, in its order. `labels[id]` is the label of `id`.
pub(super) fn find(kind: &'static str, wanted: &[String], labels: &[&str]) -> Result<Vec<u32>, SelectError> {
    let mut lines = wanted.iter().map(|label| (label.as_str(), String::from("`ids`")));
    resolve(kind, &mut lines, labels)
}

/// The ids of the labels in the file `path`, one a line; blank lines are skipped.
pub(super) fn read(kind: &'static str, path: &Path, labels: &[&str]) -> Result<Vec<u32>, SelectError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| SelectError::File { path: path.to_owned(), source })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(at, line)| (line, format!("{}:{}", path.display(), at + 1)));
    resolve(kind, &mut lines, labels)
}

fn resolve(
    kind: &'static str,
    wanted: &mut dyn Iterator<Item = (&str, String)>,
    labels: &[&str],
) -> Result<Vec<u32>, SelectError> {
    let ids: HashMap<&str, u32> = labels.iter().enumerate().map(|(id, &label)| (label, id as u32)).collect();
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    for (label, place) in wanted {
        let Some(&id) = ids.get(label) else {
            let near = nearest(label, labels);
            return Err(SelectError::UnknownLabel { kind, label: label.into(), place, near });
        };
        if !seen.insert(id) {
            return Err(SelectError::Twice { kind, label: label.into(), place });
        }
        found.push(id);
    }
    if found.is_empty() { Err(SelectError::Nothing { kind }) } else { Ok(found) }
}
