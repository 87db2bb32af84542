//! Lists of items by fake user, as VAT and LoRec read them.
//!
//! `{"target_items": ["7"], "fake_users": {"fake-0001": ["7", "12"], …}}`. LoRec says `user_data` and `target_item`;
//! users may also be the whole file, as an object or as a list of lists. Two keys are ours and ignored elsewhere:
//! `ratings`, one list a user, and `ordered`, whether the order of a list matters; without it, it does where the data
//! has times.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use shillproof_core::ItemId;

use super::collect::{Collector, malformed};
use super::{FakeUsers, fake_labels};
use crate::dataset::Dataset;
use crate::error::{DataError, Place, quote};
use crate::read::source::Lines;

/// Members of an object in their order, repeated names included.
struct Members<'t>(Vec<(String, &'t RawValue)>);

impl<'de: 't, 't> Deserialize<'de> for Members<'t> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// The text of a file, which knows the line of each of its pieces.
struct Text {
    path: PathBuf,
    whole: String,
    line_ends: Vec<usize>,
}

impl Text {
    fn place(&self, piece: &RawValue) -> Place {
        let offset = piece.get().as_ptr() as usize - self.whole.as_ptr() as usize;
        Place::line(&self.path, 1 + self.line_ends.partition_point(|&end| end < offset) as u64)
    }

    fn wrong<T>(&self, piece: &RawValue, expected: &str) -> Result<T, DataError> {
        Err(malformed(&self.place(piece), &quote(piece.get().as_bytes()), expected))
    }

    fn list<'t>(&self, piece: &'t RawValue, expected: &str) -> Result<Vec<&'t RawValue>, DataError> {
        serde_json::from_str(piece.get()).or_else(|_| self.wrong(piece, expected))
    }

    /// An item: a string, or a number as it is written.
    fn item<'t>(&self, piece: &'t RawValue) -> Result<Cow<'t, str>, DataError> {
        match piece.get().as_bytes()[0] {
            b'"' => serde_json::from_str::<String>(piece.get())
                .map(Cow::Owned)
                .or_else(|_| self.wrong(piece, "the label of an item")),
            b'-' | b'0'..=b'9' => Ok(Cow::Borrowed(piece.get())),
            _ => self.wrong(piece, "the label of an item: a string or a number"),
        }
    }

    /// Values by label; those of a list have the labels that fake users of no name get.
    fn by_label<'t>(
        &self,
        piece: &'t RawValue,
        data: &Dataset,
    ) -> Result<Vec<(String, &'t RawValue)>, DataError> {
        if let Ok(Members(members)) = serde_json::from_str(piece.get()) {
            return Ok(members);
        }
        let values = self.list(piece, "an object from users to lists, or a list of lists")?;
        Ok(fake_labels(values.len(), &data.users).into_iter().zip(values).collect())
    }
}

/// The parts of a file.
struct Parts<'t> {
    users: &'t RawValue,
    targets: Option<&'t RawValue>,
    ratings: Option<&'t RawValue>,
    ordered: Option<&'t RawValue>,
}

impl<'t> Parts<'t> {
    /// An object with a key for users has parts; otherwise the whole file is users.
    fn of(whole: &'t RawValue) -> Self {
        let Members(members) = serde_json::from_str(whole.get()).unwrap_or(Members(Vec::new()));
        let find =
            |names: &[&str]| members.iter().find(|(name, _)| names.contains(&name.as_str())).map(|m| m.1);
        match find(&["fake_users", "user_data"]) {
            None => Self { users: whole, targets: None, ratings: None, ordered: None },
            Some(users) => Self {
                users,
                targets: find(&["target_items", "target_item"]),
                ratings: find(&["ratings"]),
                ordered: find(&["ordered"]),
            },
        }
    }
}

pub(super) fn read(lines: Lines, mut out: Collector<'_>) -> Result<FakeUsers, DataError> {
    let path = lines.path().to_owned();
    let whole = lines.into_text()?;
    let line_ends = memchr::memchr_iter(b'\n', whole.as_bytes()).collect();
    let file = Text { path, whole, line_ends };
    let whole: &RawValue = serde_json::from_str(&file.whole).map_err(|error| {
        let found = format!("text that is no JSON ({error})");
        malformed(&Place::line(&file.path, error.line() as u64), &found, "one JSON value")
    })?;
    let parts = Parts::of(whole);
    let ordered = match parts.ordered.map(|piece| (piece, piece.get())) {
        None => out.data.interactions.has_times(),
        Some((_, "true")) => true,
        Some((_, "false")) => false,
        Some((piece, _)) => return file.wrong(piece, "`ordered`: true or false"),
    };
    let ratings = parts.ratings.map(|piece| file.by_label(piece, out.data)).transpose()?;
    let mut ratings = ratings.map(|all| all.into_iter().collect::<hashbrown::HashMap<_, _>>());
    if ratings.is_none() && out.data.interactions.is_explicit() {
        let place = file.place(parts.users);
        return Err(DataError::Malformed {
            place,
            found: "lists of items without `ratings`".into(),
            expected: "`ratings`, an object from users to lists: the data has ratings".into(),
            hint: "read DATA with `--implicit`, as other tools do with such files, or give the fake users as CSV".into(),
        });
    }
    for (label, list) in file.by_label(parts.users, out.data)? {
        let place = file.place(list);
        let before = out.n_users();
        let user = out.user(label.as_bytes(), &place)?;
        if user as usize != before {
            return Err(malformed(
                &place,
                &format!("{} for the second time", quote(label.as_bytes())),
                "each fake user once",
            ));
        }
        let items = file.list(list, "a list of items")?;
        let own = ratings.as_mut().and_then(|all| all.remove(&label));
        let own = own.map(|piece| file.list(piece, "a list of ratings")).transpose()?;
        if own.as_ref().map_or(ratings.is_some() && !items.is_empty(), |own| own.len() != items.len()) {
            let found = format!(
                "{} ratings for {} items of {}",
                own.map_or(0, |own| own.len()),
                items.len(),
                quote(label.as_bytes())
            );
            return Err(malformed(&place, &found, "one rating an item"));
        }
        for (at, piece) in items.into_iter().enumerate() {
            let rating = own.as_ref().map_or("1", |own| own[at].get());
            let item = file.item(piece)?;
            out.push(
                &file.place(piece),
                (user, label.as_bytes()),
                item.as_bytes(),
                (rating.as_bytes(), at),
                at as i64,
            )?;
        }
    }
    if let Some((label, piece)) = ratings.iter().flatten().min_by_key(|(label, _)| *label) {
        return Err(malformed(
            &file.place(piece),
            &format!("ratings of {}", quote(label.as_bytes())),
            "ratings of fake users in this file",
        ));
    }
    let mut targets: Vec<ItemId> = Vec::new();
    if let Some(piece) = parts.targets {
        for piece in file.list(piece, "a list of target items")? {
            targets.push(out.item(file.item(piece)?.as_bytes(), &file.place(piece))?);
        }
    }
    Ok(FakeUsers { targets, ..out.finish(ordered) })
}

/// The text of a file, one fake user a line.
pub(super) fn write(users: &FakeUsers, data: &Dataset) -> Vec<u8> {
    let name = |item: ItemId| quoted(data.items.get(item.0));
    let targets: Vec<String> = users.targets.iter().map(|&item| name(item)).collect();
    let mut members = vec![
        format!("\"target_items\": [{}]", targets.join(", ")),
        format!("\"fake_users\": {}", by_user(users, |(item, _)| name(item))),
    ];
    if data.interactions.is_explicit() {
        members.push(format!("\"ratings\": {}", by_user(users, |(_, rating)| rating.to_string())));
    }
    members.push(format!("\"ordered\": {}", users.fakes.ordered));
    format!("{{{}}}\n", members.join(",\n")).into_bytes()
}

fn by_user(users: &FakeUsers, value: impl Fn((ItemId, f32)) -> String) -> String {
    let line = |(label, row): (&str, &[(ItemId, f32)])| {
        let values: Vec<String> = row.iter().map(|&entry| value(entry)).collect();
        format!("{}: [{}]", quoted(label), values.join(", "))
    };
    format!("{{\n{}\n}}", users.rows().map(line).collect::<Vec<_>>().join(",\n"))
}

fn quoted(label: &str) -> String {
    serde_json::Value::from(label).to_string()
}
