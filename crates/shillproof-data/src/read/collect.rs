//! Rows, in whatever order they come, into a data set.

use std::path::Path;

use hashbrown::HashSet;
use shillproof_core::{Interactions, Triples};

use super::duplicates::{drop_duplicates, group_by_user, retain};
use super::scale::observed_scale;
use crate::dataset::Dataset;
use crate::error::{DataError, Place, quote};
use crate::labels::Interner;
use crate::options::DataOptions;

/// A time that is not there. No source can say it: the readers refuse it.
pub(crate) const NO_TIME: i64 = i64::MIN;

/// What a row has besides user and item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) ratings: bool,
    pub(crate) times: bool,
}

/// Collects rows with provisional ids, column by column.
pub(crate) struct Collector {
    users: Interner,
    items: Interner,
    triples: Triples,
    shape: Option<Shape>,
    /// Bits of every rating seen.
    levels: HashSet<u32>,
    last_level: Option<u32>,
    /// Positions given to each user so far.
    positions: Vec<u32>,
    pub(crate) notes: Vec<String>,
}

impl Collector {
    pub(crate) fn new() -> Self {
        Self {
            users: Interner::new(),
            items: Interner::new(),
            triples: Triples::default(),
            shape: None,
            levels: HashSet::new(),
            last_level: None,
            positions: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Says what the rows of the next file have; files that are read together must agree.
    pub(crate) fn begin(&mut self, path: &Path, shape: Shape) -> Result<(), DataError> {
        if let Some(before) = self.shape
            && before != shape
        {
            let say = |s: Shape| match (s.ratings, s.times) {
                (true, true) => "ratings and times",
                (true, false) => "ratings and no times",
                (false, true) => "times and no ratings",
                (false, false) => "neither ratings nor times",
            };
            return Err(DataError::Malformed {
                place: Place::file(path),
                found: say(shape).into(),
                expected: format!("{} as in the files before it", say(before)),
                hint: "read files of the same columns together".into(),
            });
        }
        self.shape = Some(shape);
        self.triples.ratings.get_or_insert_default();
        self.triples.times.get_or_insert_default();
        Ok(())
    }

    /// The provisional id of a user label.
    #[inline]
    pub(crate) fn user(&mut self, label: &[u8], place: impl Fn() -> Place) -> Result<u32, DataError> {
        Ok(self.users.intern(clean(label, "user", place)?))
    }

    /// The position behind those that this user has: 0, 1, …
    pub(crate) fn next_position(&mut self, user: u32) -> i64 {
        self.positions.resize(self.users.len(), 0);
        let next = &mut self.positions[user as usize];
        *next += 1;
        i64::from(*next) - 1
    }

    /// Adds one interaction. `rating` and `time` are there as the shape says.
    #[inline]
    pub(crate) fn push(
        &mut self,
        user: u32,
        item: &[u8],
        rating: Option<f32>,
        time: Option<i64>,
        place: impl Fn() -> Place,
    ) -> Result<(), DataError> {
        let item = self.items.intern(clean(item, "item", &place)?);
        if self.triples.users.len() >= u32::MAX as usize {
            return Err(DataError::Malformed {
                place: place(),
                found: "another interaction".into(),
                expected: "at most 4,294,967,295".into(),
                hint: "read a sample of the data".into(),
            });
        }
        self.triples.users.push(user);
        self.triples.items.push(item);
        if let (Some(column), Some(rating)) = (&mut self.triples.ratings, rating) {
            // -0.0 and 0.0 are one rating.
            let rating = rating + 0.0;
            column.push(rating);
            let bits = rating.to_bits();
            if self.last_level != Some(bits) {
                self.last_level = Some(bits);
                self.levels.insert(bits);
            }
        }
        if let (Some(column), Some(time)) = (&mut self.triples.times, time) {
            column.push(time);
        }
        Ok(())
    }

    /// The data set of everything collected; `path` stands for the files in messages.
    pub(crate) fn finish(self, name: &str, path: &Path, options: &DataOptions) -> Result<Dataset, DataError> {
        let Self { users, items, mut triples, shape, levels, mut notes, .. } = self;
        let rows = triples.users.len();
        let shape = shape.unwrap_or(Shape { ratings: false, times: false });
        triples.ratings = triples.ratings.filter(|_| shape.ratings);
        triples.times = triples.times.filter(|_| shape.times);
        if rows == 0 {
            return Err(DataError::Malformed {
                place: Place::file(path),
                found: "no interactions".into(),
                expected: "at least one row besides the header".into(),
                hint: "check that the file was written to its end".into(),
            });
        }
        for (what, n) in [("user", users.len()), ("item", items.len())] {
            if n < 2 {
                return Err(DataError::Malformed {
                    place: Place::file(path),
                    found: format!("only one {what} in {rows} rows"),
                    expected: format!("at least 2 {what}s"),
                    hint: format!("check with `--columns` that the {what} column is the right one"),
                });
            }
        }
        if let Some(times) = &mut triples.times {
            place_missing_times(times, &mut notes);
        }
        let scale = if shape.ratings && !options.implicit {
            Some(match options.rating_scale {
                Some(scale) => scale,
                None => observed_scale(&levels, path, &mut notes)?,
            })
        } else {
            None
        };
        group_by_user(&mut triples, users.len());
        let dropped = drop_duplicates(&mut triples);
        if dropped > 0 {
            let (what, kept) = if scale.is_some() {
                ("rating", "the latest (of equal times the last in the file)")
            } else {
                ("interaction", "one")
            };
            notes.push(format!(
                "{dropped} of {rows} rows repeat the {what} of a user and an item: {kept} was kept"
            ));
        }
        if let Some(least) = options.min_rating {
            let keep: Vec<bool> = triples.ratings.iter().flatten().map(|&r| r >= least).collect();
            retain(&mut triples, &keep);
            notes.push(format!(
                "{} interactions rated below {least} were left out",
                keep.len() - triples.users.len()
            ));
        }
        if scale.is_none() {
            triples.ratings = None;
        }
        let (users, new_user) = used(&triples.users, users);
        let (items, new_item) = used(&triples.items, items);
        triples.users.iter_mut().for_each(|u| *u = new_user[*u as usize]);
        triples.items.iter_mut().for_each(|i| *i = new_item[*i as usize]);
        drop((new_user, new_item));
        let interactions = Interactions::from_triples(users.len(), items.len(), triples, scale)
            .expect("columns of one length, ids from labels, duplicates dropped");
        Ok(Dataset::from_parts(name.into(), users, items, interactions, rows, notes))
    }
}

fn used(ids: &[u32], labels: Interner) -> (crate::Labels, Vec<u32>) {
    let mut used = vec![false; labels.len()];
    for &id in ids {
        used[id as usize] = true;
    }
    labels.sort(|id| used[id as usize])
}

/// A label that can be written to any file again.
#[inline]
fn clean<'a>(label: &'a [u8], what: &str, place: impl Fn() -> Place) -> Result<&'a str, DataError> {
    let malformed = |found: String, expected: &str, hint: &str| {
        Err(DataError::Malformed { place: place(), found, expected: expected.into(), hint: hint.into() })
    };
    if label.is_empty() {
        return malformed(
            format!("an empty {what}"),
            "a label in every row",
            "fill it in or remove the row; check with `--separator` and `--columns` that the columns are the right ones",
        );
    }
    if label.iter().any(u8::is_ascii_control) {
        return malformed(
            format!("the {what} {} with a control character", quote(label)),
            "a label of printable characters",
            "check that the file is text and the separator is right (`--separator`)",
        );
    }
    match std::str::from_utf8(label) {
        Ok(label) => Ok(label),
        Err(_) => malformed(
            format!("the {what} {} that is not UTF-8", quote(label)),
            "UTF-8 text",
            "convert the file, for example with `iconv -f latin1 -t UTF-8`",
        ),
    }
}

fn place_missing_times(times: &mut [i64], notes: &mut Vec<String>) {
    let missing = times.iter().filter(|&&t| t == NO_TIME).count();
    if missing > 0 {
        let after = times.iter().copied().filter(|&t| t != NO_TIME).max().unwrap_or(0).saturating_add(1);
        times.iter_mut().filter(|t| **t == NO_TIME).for_each(|t| *t = after);
        notes.push(format!(
            "{missing} of {} rows have no time: they come after the user's others",
            times.len()
        ));
    }
}
