//! Files of fake users.

use std::io::Write;
use std::path::Path;

use shillproof_core::{FakeProfiles, ItemId, Profile};

use crate::dataset::Dataset;
use crate::error::{DataError, Place, quote};
use crate::labels::{Interner, Labels};
use crate::read::columns::Columns;
use crate::read::{table, values};
use crate::write::{csv_failed, failed};

/// Labels for `n` fake users that no genuine user has: `fake-0001`, `fake-0002`, …, with more digits for
/// more users and a longer prefix where the data has such labels itself. Sorted, they stay in this order.
pub fn fake_labels(n: usize, users: &Labels) -> Vec<String> {
    let width = n.to_string().len().max(4);
    let mut prefix = String::from("fake-");
    loop {
        let labels: Vec<String> = (1..=n).map(|v| format!("{prefix}{v:0width$}")).collect();
        if labels.iter().all(|label| users.find(label).is_none()) {
            return labels;
        }
        prefix.push_str("fake-");
    }
}

/// Writes fake users as CSV with the header `user,item,rating`, and `position` where the order within a
/// profile matters. [`read_fakes`] gives the same profiles to the last bit; a fake user without items
/// is one row with neither item nor rating. Queries spent are not part of the file.
///
/// # Errors
/// If writing fails, or a profile has an item that is not in the data or a rating that is not finite.
pub fn write_fakes(out: impl Write, fakes: &FakeProfiles, data: &Dataset) -> Result<(), DataError> {
    let mut out = csv::Writer::from_writer(out);
    let header = ["user", "item", "rating", "position"];
    let width = if fakes.ordered { 4 } else { 3 };
    out.write_record(&header[..width]).map_err(csv_failed)?;
    for (label, profile) in fake_labels(fakes.profiles.len(), &data.users).iter().zip(&fakes.profiles) {
        if profile.entries.is_empty() {
            out.write_record(&[label.as_str(), "", "", ""][..width]).map_err(csv_failed)?;
        }
        for (position, &(item, rating)) in profile.entries.iter().enumerate() {
            if item.index() >= data.items.len() || !rating.is_finite() {
                return Err(DataError::Unwritable {
                    what: format!("item number {} with rating {rating} of {label}", item.0),
                    hint: "profiles need items of the data and finite ratings".into(),
                });
            }
            let (rating, position) = (rating.to_string(), position.to_string());
            let row = [label.as_str(), data.items.get(item.0), &rating, &position];
            out.write_record(&row[..width]).map_err(csv_failed)?;
        }
    }
    out.flush().map_err(failed)
}

/// One row of a file of fake users.
struct Entry {
    user: u32,
    position: i64,
    item: ItemId,
    rating: f32,
}

/// Reads fake users for `data`, as [`write_fakes`] or anybody else wrote them. Fake users come in the order
/// of their sorted labels. With a `position` (or `timestamp`) column each profile is in its order,
/// otherwise in that of the rows. On implicit data every positive rating is 1.
///
/// # Errors
/// If a row names an item that is not in the data, a genuine user, a rating that is off the scale, or the same user
/// and item as another; or if the file cannot be read.
pub fn read_fakes(path: &Path, data: &Dataset) -> Result<FakeProfiles, DataError> {
    read_labelled_fakes(path, data).map(|(_, fakes)| fakes)
}

/// As [`read_fakes`], with the label of each fake user.
///
/// # Errors
/// As [`read_fakes`].
pub fn read_labelled_fakes(path: &Path, data: &Dataset) -> Result<(Vec<String>, FakeProfiles), DataError> {
    let io = |source| DataError::Io { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(io)?;
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(std::io::BufReader::new(file));
    let mut record = csv::ByteRecord::new();
    let mut next = |record: &mut csv::ByteRecord| -> Result<Option<Place>, DataError> {
        let more = reader.read_byte_record(record).map_err(|error| unreadable(path, error))?;
        Ok(more.then(|| Place::line(path, record.position().map_or(0, csv::Position::line))))
    };
    let Some(place) = next(&mut record)? else {
        return Err(malformed(Place::file(path), "an empty file", "the header `user,item,rating`"));
    };
    let columns = Columns::from_header(&place, &record.iter().collect::<Vec<_>>())?;
    let scale = data.interactions.scale();
    if scale.is_some() && columns.rating.is_none() {
        return Err(malformed(place, "a header without a rating column", "`rating`: the data has ratings"));
    }
    let order = columns.position.or(columns.time);
    let mut users = Interner::new();
    let mut entries: Vec<Entry> = Vec::new();
    let mut seen = hashbrown::HashMap::<(u32, u32), u64>::new();
    while let Some(place) = next(&mut record)? {
        let label = text(&record[columns.user], &place)?;
        if label.is_empty() {
            return Err(malformed(place, "an empty user", "the label of a fake user"));
        }
        if data.users.find(label).is_some() {
            return Err(malformed(
                place,
                &format!("{}, who is a genuine user of {}", quote(label.as_bytes()), data.name),
                "a fake user with a label of its own, such as `fake-0001`",
            ));
        }
        let user = users.intern(label);
        let item = text(&record[columns.item], &place)?;
        let rating = columns.rating.map_or(&b"1"[..], |at| &record[at]);
        if item.is_empty() && (rating.is_empty() || columns.rating.is_none()) {
            continue;
        }
        let Some(item) = data.items.find(item) else { return Err(unknown_item(place, item, data)) };
        let value = values::rating(rating)
            .ok_or_else(|| table::no_rating(place.clone(), rating, columns.rating.unwrap_or_default()))?;
        let value = match scale {
            Some(scale) if !scale.contains(value) => return Err(table::off_scale(place, value, scale)),
            Some(_) => value,
            None if value > 0.0 => 1.0,
            None => {
                return Err(malformed(
                    place,
                    &format!("the rating {value}"),
                    "a positive rating: the data is implicit",
                ));
            }
        };
        let position = match order {
            None => 0,
            Some(at) => {
                values::time(&record[at]).ok_or_else(|| table::no_time(place.clone(), &record[at], at))?
            }
        };
        let line = place.line.unwrap_or_default();
        if let Some(before) = seen.insert((user, item), line) {
            return Err(malformed(
                place,
                &format!(
                    "{} for {} again, as on line {before}",
                    quote(data.items.get(item).as_bytes()),
                    quote(label.as_bytes())
                ),
                "each item once a fake user",
            ));
        }
        entries.push(Entry { user, position, item: ItemId(item), rating: value });
    }
    let (labels, new_id) = users.sort(|_| true);
    // Stable, so that rows of one position stay in the order of the file.
    entries.sort_by_key(|e| (new_id[e.user as usize], e.position));
    let mut profiles = vec![Profile::default(); labels.len()];
    for entry in entries {
        profiles[new_id[entry.user as usize] as usize].entries.push((entry.item, entry.rating));
    }
    let labels = labels.iter().map(str::to_owned).collect();
    Ok((labels, FakeProfiles { profiles, ordered: order.is_some(), queries: 0 }))
}

fn text<'a>(field: &'a [u8], place: &Place) -> Result<&'a str, DataError> {
    std::str::from_utf8(field)
        .map_err(|_| malformed(place.clone(), &format!("{}, which is not UTF-8", quote(field)), "UTF-8 text"))
}

fn malformed(place: Place, found: &str, expected: &str) -> DataError {
    DataError::Malformed {
        place,
        found: found.into(),
        expected: expected.into(),
        hint: "a file of fake users looks like `shillproof craft ... --out fakes.csv` writes it: `user,item,rating`".into(),
    }
}

fn unknown_item(place: Place, item: &str, data: &Dataset) -> DataError {
    let near =
        data.items.iter().min_by_key(|known| strsim::damerau_levenshtein(known, item)).unwrap_or_default();
    DataError::Malformed {
        place,
        found: format!("the item {}, which is not in {}", quote(item.as_bytes()), data.name),
        expected: format!("one of its {} items", data.items.len()),
        hint: format!("the nearest label is {}; labels must agree to the letter", quote(near.as_bytes())),
    }
}

fn unreadable(path: &Path, error: csv::Error) -> DataError {
    let place = error.position().map_or_else(|| Place::file(path), |at| Place::line(path, at.line()));
    match error.into_kind() {
        csv::ErrorKind::Io(source) => DataError::Io { path: path.to_owned(), source },
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            malformed(place, &format!("{len} columns"), &format!("{expected_len} as in the header"))
        }
        other => malformed(place, &format!("{other:?}"), "a row of a CSV file"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use shillproof_core::{Interactions, RatingScale, Triples};

    use crate::Labels;

    fn data(users: &[&str], explicit: bool) -> Dataset {
        let (users, items) = (Labels::sorted(users), Labels::sorted(["a,b", "x \"y\"", "7", "::"]));
        let triples = Triples {
            users: (0..users.len() as u32).collect(),
            items: (0..users.len() as u32).map(|u| u % 4).collect(),
            ratings: explicit.then(|| vec![0.1; users.len()]),
            times: None,
        };
        let scale = explicit.then(|| RatingScale::new(0.1, 5.0, 0.1).unwrap());
        let interactions = Interactions::from_triples(users.len(), items.len(), triples, scale).unwrap();
        Dataset::new("genuine".into(), users, items, interactions)
    }

    fn round_trip(fakes: &FakeProfiles, data: &Dataset) -> FakeProfiles {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fakes.csv");
        write_fakes(std::fs::File::create(&path).unwrap(), fakes, data).unwrap();
        read_fakes(&path, data).unwrap()
    }

    proptest! {
        #[test]
        fn profiles_survive_files_to_the_last_bit(
            profiles in prop::collection::vec(
                prop::sample::subsequence(vec![0u32, 1, 2, 3], 0..=4).prop_shuffle().prop_flat_map(|items| {
                    let n = items.len();
                    (Just(items), prop::collection::vec(0usize..50, n))
                }),
                0..20,
            ),
            ordered: bool,
            explicit: bool,
        ) {
            let data = data(&["u", "v", "w", "fake-0003"], explicit);
            let level: Vec<f32> = RatingScale::new(0.1, 5.0, 0.1).unwrap().levels().collect();
            let profiles = profiles.into_iter().map(|(items, levels)| Profile {
                entries: items.into_iter().zip(levels)
                    .map(|(i, l)| (ItemId(i), if explicit { level[l] } else { 1.0 })).collect(),
            }).collect();
            let fakes = FakeProfiles { profiles, ordered, queries: 0 };
            prop_assert_eq!(round_trip(&fakes, &data), fakes);
        }
    }

    #[test]
    fn labels_are_widened_and_never_genuine() {
        let data = data(&["fake-0002", "b"], true);
        assert_eq!(fake_labels(1, &data.users), ["fake-0001"]);
        assert_eq!(fake_labels(2, &data.users), ["fake-fake-0001", "fake-fake-0002"]);
        let many = fake_labels(10_000, &data.users);
        assert_eq!((many[0].as_str(), many[9_999].as_str()), ("fake-00001", "fake-10000"));
        assert!(many.is_sorted());
    }

    #[test]
    fn wrong_files_are_refused_with_place_and_hint() {
        let data = data(&["u", "v", "w"], true);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fakes.csv");
        for (content, place, part) in [
            ("", "fakes.csv:", "an empty file"),
            ("user,rating\nf,1\n", "fakes.csv:1", "without item column"),
            ("user,item\nf,7\n", "fakes.csv:1", "without a rating column"),
            ("user,item,rating\nf,8,1\n", "fakes.csv:2", "the item `8`"),
            ("user,item,rating\nf,7,1\nu,7,1\n", "fakes.csv:3", "a genuine user"),
            ("user,item,rating\nf,7,6\n", "fakes.csv:2", "the rating 6"),
            ("user,item,rating\nf,7,0.15\n", "fakes.csv:2", "on the scale 0.1:5:0.1"),
            ("user,item,rating\nf,7,nan\n", "fakes.csv:2", "a finite number"),
            ("user,item,rating\nf,7,1\nf,7,2\n", "fakes.csv:3", "again, as on line 2"),
            ("user,item,rating\nf,7\n", "fakes.csv:2", "2 columns"),
            ("user,item,rating\n,7,1\n", "fakes.csv:2", "an empty user"),
            ("user,item,rating,position\nf,7,1,first\n", "fakes.csv:2", "the time `first`"),
        ] {
            std::fs::write(&path, content).unwrap();
            let error = read_fakes(&path, &data).unwrap_err();
            assert!(error.to_string().contains(place), "{content:?}: {error}");
            assert!(error.to_string().contains(part), "{content:?}: {error}");
            assert!(error.hint().is_some_and(|hint| !hint.is_empty()), "{content:?}");
        }
        assert!(matches!(read_fakes(&folder.path().join("no"), &data), Err(DataError::Io { .. })));
    }

    #[test]
    fn explicit_fakes_on_implicit_data_count_as_interactions() {
        let data = data(&["u", "v", "w"], false);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fakes.csv");
        std::fs::write(&path, "user,item,rating\nf,7,5\n").unwrap();
        assert_eq!(read_fakes(&path, &data).unwrap().profiles[0].entries[0].1, 1.0);
        std::fs::write(&path, "user,item,rating\nf,7,-1\n").unwrap();
        assert!(read_fakes(&path, &data).unwrap_err().to_string().contains("a positive rating"));
    }
}
