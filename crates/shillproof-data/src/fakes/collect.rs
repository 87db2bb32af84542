//! Rows of fake users on their way into profiles: what every format must obey is checked here.

use shillproof_core::{FakeProfiles, ItemId, Profile};

use super::{FakeUsers, FakesOptions};
use crate::dataset::Dataset;
use crate::error::{DataError, Place, quote};
use crate::labels::Interner;
use crate::read::{table, values};

/// One interaction of a fake user.
struct Entry {
    user: u32,
    position: i64,
    item: ItemId,
    rating: f32,
}

/// Takes users and their rows, and gives them sorted.
pub(super) struct Collector<'a> {
    pub(super) data: &'a Dataset,
    options: &'a FakesOptions,
    users: Interner,
    entries: Vec<Entry>,
    /// The line of each user and item.
    seen: hashbrown::HashMap<(u32, u32), u64>,
    repeated: usize,
}

impl<'a> Collector<'a> {
    pub(super) fn new(data: &'a Dataset, options: &'a FakesOptions) -> Self {
        let seen = hashbrown::HashMap::new();
        Self { data, options, users: Interner::new(), entries: Vec::new(), seen, repeated: 0 }
    }

    /// Notes a fake user, with or without rows to come, and gives its number.
    pub(super) fn user(&mut self, label: &[u8], place: &Place) -> Result<u32, DataError> {
        let label = printable(label, "user", place)?;
        if label.is_empty() {
            return Err(malformed(place, "an empty user", "the label of a fake user"));
        }
        if self.data.users.find(label).is_some() {
            return Err(malformed(
                place,
                &format!("{}, who is a genuine user of {}", quote(label.as_bytes()), self.data.name),
                "a fake user with a label of its own, such as `fake-0001`",
            ));
        }
        Ok(self.users.intern(label))
    }

    /// Fake users so far.
    pub(super) fn n_users(&self) -> usize {
        self.users.len()
    }

    /// The item that a file calls so.
    pub(super) fn item(&self, name: &[u8], place: &Place) -> Result<ItemId, DataError> {
        let name = printable(name, "item", place)?;
        let label = self.options.item_map.as_ref().map_or(Ok(name), |map| map.label(name, place))?;
        let found = self.data.items.find(label).map(ItemId);
        found.ok_or_else(|| unknown_item(place, label, self.data))
    }

    /// The same where only the answer matters.
    pub(super) fn find_item(&self, name: &[u8]) -> Option<ItemId> {
        let name = std::str::from_utf8(name).ok()?;
        let label = self.options.item_map.as_ref().map_or(Some(name), |map| map.get(name))?;
        self.data.items.find(label).map(ItemId)
    }

    /// Adds an item of `user`, whose label is for messages. Without a rating it is an interaction, which only
    /// implicit data has. `column`, from 0, is where the rating stands.
    pub(super) fn push(
        &mut self,
        place: &Place,
        (user, label): (u32, &[u8]),
        item: &[u8],
        (rating, column): (&[u8], usize),
        position: i64,
    ) -> Result<(), DataError> {
        let item = self.item(item, place)?;
        let value = values::rating(rating).ok_or_else(|| table::no_rating(place.clone(), rating, column))?;
        let rating = match self.data.interactions.scale() {
            Some(scale) if !scale.contains(value) => {
                return Err(table::off_scale(place.clone(), value, scale));
            }
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
        let before = *self.seen.entry((user, item.0)).or_insert(place.line.unwrap_or_default());
        if self.seen.len() > self.entries.len() {
            self.entries.push(Entry { user, position, item, rating });
            return Ok(());
        }
        if self.options.first_of_repeated {
            self.repeated += 1;
            return Ok(());
        }
        Err(DataError::Malformed {
            place: place.clone(),
            found: format!(
                "{} for {} again, as on line {before}",
                quote(self.data.items.get(item.0).as_bytes()),
                quote(label)
            ),
            expected: "each item once a fake user".into(),
            hint: "remove one of them, or take the first of each with \
                   `shillproof data convert-fakes DATA FAKES --first-of-repeated --out fakes.csv`"
                .into(),
        })
    }

    /// Everything collected. `ordered`: whether the order within a profile matters.
    pub(super) fn finish(self, ordered: bool) -> FakeUsers {
        let Self { users, mut entries, repeated, .. } = self;
        let (labels, new_id) = users.sort(|_| true);
        // Stable, so that rows of one position stay in the order of the file.
        entries.sort_by_key(|e| (new_id[e.user as usize], e.position));
        let mut profiles = vec![Profile::default(); labels.len()];
        for entry in entries {
            profiles[new_id[entry.user as usize] as usize].entries.push((entry.item, entry.rating));
        }
        let note = format!(
            "{repeated} rows repeat an item of a fake user: the first of each was kept, so profiles are shorter than in the file"
        );
        FakeUsers {
            labels: labels.iter().map(str::to_owned).collect(),
            fakes: FakeProfiles { profiles, ordered, queries: 0 },
            targets: Vec::new(),
            notes: (repeated > 0).then_some(note).into_iter().collect(),
        }
    }
}

fn printable<'t>(field: &'t [u8], what: &str, place: &Place) -> Result<&'t str, DataError> {
    let found = |why: &str| format!("the {what} {} {why}", quote(field));
    if field.iter().any(u8::is_ascii_control) {
        return Err(malformed(place, &found("with a control character"), "a label of printable characters"));
    }
    std::str::from_utf8(field).map_err(|_| malformed(place, &found("that is not UTF-8"), "UTF-8 text"))
}

pub(super) fn malformed(place: &Place, found: &str, expected: &str) -> DataError {
    DataError::Malformed {
        place: place.clone(),
        found: found.into(),
        expected: expected.into(),
        hint: "fake users look like `shillproof craft ... --out fakes.csv` writes them, `user,item,rating`; \
               ARLib's are given as their folder; docs/formats.md shows every format"
            .into(),
    }
}

fn unknown_item(place: &Place, item: &str, data: &Dataset) -> DataError {
    let near =
        data.items.iter().min_by_key(|known| strsim::damerau_levenshtein(known, item)).unwrap_or_default();
    DataError::Malformed {
        place: place.clone(),
        found: format!("the item {}, which is not in {}", quote(item.as_bytes()), data.name),
        expected: format!("one of its {} items", data.items.len()),
        hint: format!(
            "the nearest label is {}; labels must agree to the letter, and other tools' internal ids need the \
             `--item-map` of `shillproof data convert-fakes`",
            quote(near.as_bytes())
        ),
    }
}
