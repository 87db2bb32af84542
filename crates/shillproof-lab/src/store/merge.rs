//! Folders of records into one.

use std::path::Path;

use super::{Record, Status, Store, StoreError};

/// What a merge did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// Records that were added.
    pub added: usize,
    /// Records that were there already.
    pub known: usize,
    /// What a person should be told.
    pub warnings: Vec<String>,
}

/// Brings the records of `sources` into `out`, which may hold some already. A cell that failed in
/// one folder and is settled in another counts as settled; doing it twice changes nothing.
///
/// All records are compared before the first is written.
///
/// # Errors
/// If there are no sources, a folder holds no records, a file cannot be read or written, or two
/// folders hold different results for the same cell.
pub fn merge(sources: &[&Path], out: &Path) -> Result<Merged, StoreError> {
    if sources.is_empty() {
        return Err(StoreError::NothingToMerge);
    }
    let stores = sources.iter().map(|folder| Store::open(folder)).collect::<Result<Vec<_>, _>>()?;
    let target = Store::create(out)?;
    let mut merged = Merged::default();
    let loaded = target.load()?;
    merged.warnings.extend(loaded.warnings);
    // Where each chosen record is from; ordered by key.
    let mut chosen: std::collections::BTreeMap<_, (Record, &Store)> =
        loaded.records.into_iter().map(|r| (r.key.clone(), (r, &target))).collect();
    let mut changed = std::collections::BTreeSet::new();
    for store in &stores {
        let loaded = store.load()?;
        merged.warnings.extend(loaded.warnings);
        for record in loaded.records {
            let key = record.key.clone();
            match chosen.get(&key) {
                Some((ours, _)) if ours.comparable() == record.comparable() || !record.is_settled() => {
                    merged.known += 1;
                }
                Some((ours, from)) if ours.is_settled() => {
                    return Err(StoreError::Conflict {
                        ours: from.path(&key),
                        theirs: store.path(&key),
                        difference: difference(ours, &record),
                    });
                }
                _ => {
                    chosen.insert(key.clone(), (record, store));
                    changed.insert(key);
                }
            }
        }
    }
    for key in &changed {
        target.put(&chosen[key].0)?;
    }
    merged.added = changed.len();
    if target.spec()?.is_none()
        && let Some(spec) = stores.iter().find_map(|store| store.spec().transpose())
    {
        target.put_spec(&spec?)?;
    }
    Ok(merged)
}

/// The first thing in which two records of one cell differ, in words.
fn difference(ours: &Record, theirs: &Record) -> String {
    if ours.versions != theirs.versions {
        return format!("version ({} and {})", ours.versions.shillproof, theirs.versions.shillproof);
    }
    let (Status::Done { measures: a, .. }, Status::Done { measures: b, .. }) = (&ours.status, &theirs.status)
    else {
        return "how the cell ended".into();
    };
    if a.len() != b.len() {
        return format!("the number of measures ({} and {})", a.len(), b.len());
    }
    match a.iter().zip(b).find(|(x, y)| x != y) {
        Some((x, y)) if x.metric == y.metric && x.k == y.k && x.target == y.target => {
            let k = x.k.map(|k| format!("@{k}")).unwrap_or_default();
            format!("{}{k} ({} and {})", x.metric, x.value, y.value)
        }
        Some((x, y)) => format!("which measures they hold ({} and {})", x.metric, y.metric),
        None => "their notes, targets or curves".into(),
    }
}
