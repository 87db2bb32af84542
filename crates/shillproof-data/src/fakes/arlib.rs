//! Poisoned data sets of ARLib: a folder with `train.txt`, `val.txt` and `test.txt`, rows `user item rating`.
//!
//! Only its label tells a fake user from a genuine one, so everything else is checked: the genuine rows must be those
//! of the data. ARLib numbers users and items anew, by first appearance, whenever it reads a folder.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use shillproof_core::{Interactions, UserId};

use super::FakeUsers;
use super::collect::{Collector, malformed};
use crate::dataset::Dataset;
use crate::error::{DataError, Place, quote};
use crate::read::source::{self, Content};
use crate::read::split::{Fields, Separator};
use crate::read::{table, values};
use crate::split::Split;

const TRAIN: &str = "train.txt";
const HELD_OUT: [&str; 2] = ["val.txt", "test.txt"];

/// Fake users are those in `train.txt` whose labels the data does not have. The genuine rows of `train.txt`, or of
/// all three files together, must be the data.
pub(super) fn read(folder: &Path, mut out: Collector<'_>) -> Result<FakeUsers, DataError> {
    let train = folder.join(TRAIN);
    if !train.is_file() {
        let expected = "a poisoned data set of ARLib: `train.txt`, `val.txt` and `test.txt`";
        return Err(malformed(&Place::file(folder), "a folder without `train.txt`", expected));
    }
    let mut genuine = Genuine::new(out.data);
    let mut fakes = hashbrown::HashSet::new();
    for_each(&train, |place, row| {
        let is_genuine = genuine.take(place, row, &out)?;
        if !is_genuine && !fakes.contains(row.user) {
            fakes.insert(row.user.to_vec());
        }
        Ok(())
    })?;
    // What is held out could only add what is missing.
    if genuine.strange > 0 {
        genuine.check(folder)?;
    }
    let whole = genuine.is_whole();
    for file in HELD_OUT.map(|name| folder.join(name)).into_iter().filter(|file| file.is_file()) {
        for_each(&file, |place, row| {
            if fakes.contains(row.user) {
                return Err(DataError::Malformed {
                    place: place.clone(),
                    found: format!("{}, who is a fake user in `train.txt`", quote(row.user)),
                    expected: "genuine users: what is held out must not be poisoned".into(),
                    hint: "move the row to `train.txt` if the recommender is to learn from it; a genuine user whom DATA \
                           lacks is taken for a fake one, so give the DATA that the folder was made from"
                        .into(),
                });
            }
            // Whoever was held out alone is in no matrix of ARLib's.
            if !whole && !genuine.take(place, row, &out)? {
                genuine.strange(place, || format!("the user {}", quote(row.user)));
            }
            Ok(())
        })?;
    }
    genuine.check(folder)?;
    for_each(&train, |place, row| {
        if !fakes.contains(row.user) {
            return Ok(());
        }
        let user = out.user(row.user, place)?;
        out.push(place, (user, row.user), row.item, (row.rating, 2), 0)
    })?;
    Ok(out.finish(false))
}

/// The three fields of a line.
#[derive(Clone, Copy)]
struct Row<'a> {
    user: &'a [u8],
    item: &'a [u8],
    rating: &'a [u8],
}

fn for_each(
    path: &Path,
    mut take: impl FnMut(&Place, Row<'_>) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let Content::Text(mut lines) = source::open(path)? else {
        return Err(malformed(&Place::file(path), "a Parquet file", "rows `user item rating`"));
    };
    let mut fields = Fields::default();
    while let Some((number, line)) = lines.next(None)? {
        let place = Place::line(path, number);
        // Without quotes no field can be stray.
        fields.split(line, Separator::Blanks, false).unwrap_or_default();
        if fields.len() != 3 {
            let found = format!("{} columns in {}", fields.len(), quote(line));
            return Err(malformed(
                &place,
                &found,
                "`user item rating`, separated by blanks, without a header",
            ));
        }
        let [user, item, rating] = [0, 1, 2].map(|at| fields.get(line, at));
        take(&place, Row { user, item, rating })?;
    }
    Ok(())
}

/// Compares the genuine rows of a folder with the data.
struct Genuine<'a> {
    data: &'a Dataset,
    /// Whether each interaction of the data was there.
    found: Vec<bool>,
    rows: usize,
    strange: usize,
    first_strange: Option<(Place, String)>,
}

impl<'a> Genuine<'a> {
    fn new(data: &'a Dataset) -> Self {
        let found = vec![false; data.interactions.len()];
        Self { data, found, rows: 0, strange: 0, first_strange: None }
    }

    /// Ticks a row off; whether its user is genuine.
    fn take(&mut self, place: &Place, row: Row<'_>, names: &Collector<'_>) -> Result<bool, DataError> {
        let user = std::str::from_utf8(row.user).ok().and_then(|label| self.data.users.find(label));
        let Some(user) = user else { return Ok(false) };
        self.rows += 1;
        let rating =
            values::rating(row.rating).ok_or_else(|| table::no_rating(place.clone(), row.rating, 2))?;
        let matrix = &self.data.interactions;
        let own = matrix.row(UserId(user));
        let item = names.find_item(row.item);
        let at = item.and_then(|item| own.items().iter().position(|&known| known == item));
        match at {
            Some(at) if !matrix.is_explicit() || own.rating(at) == rating => {
                self.found[matrix.row_starts()[user as usize] + at] = true;
            }
            Some(at) => self.strange(place, || {
                format!(
                    "{} {} rated {rating}, in {} {}",
                    text(row.user),
                    text(row.item),
                    self.data.name,
                    own.rating(at)
                )
            }),
            None => self.strange(place, || format!("{} {}", text(row.user), text(row.item))),
        }
        Ok(true)
    }

    fn strange(&mut self, place: &Place, what: impl FnOnce() -> String) {
        self.strange += 1;
        if self.first_strange.is_none() {
            self.first_strange = Some((place.clone(), what()));
        }
    }

    fn is_whole(&self) -> bool {
        self.strange == 0 && self.found.iter().all(|&found| found)
    }

    fn check(&self, folder: &Path) -> Result<(), DataError> {
        if self.is_whole() {
            return Ok(());
        }
        let missing = self.found.iter().filter(|&&found| !found).count();
        let (place, first) = self.first_strange.as_ref().map_or_else(
            || (Place::file(&folder.join(TRAIN)), String::new()),
            |(place, what)| (place.clone(), format!(", the first is {what}")),
        );
        let Self { data, rows, strange, .. } = self;
        let n = data.interactions.len();
        Err(DataError::Malformed {
            place,
            found: format!(
                "{rows} rows of users of {name}: {strange} are not in {name}{first}; {missing} of {name} are missing",
                name = data.name
            ),
            expected: format!(
                "the {n} interactions of {} in `train.txt`, or in it, `val.txt` and `test.txt` together",
                data.name
            ),
            hint:
                "give the DATA that the folder was made from, filtered alike (`--min-rating`, `--min-user`, \
                   `--min-item`), or with `--implicit` where only ratings differ"
                    .into(),
        })
    }
}

fn text(label: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(label)
}

/// Makes the folder beside its place and moves it there.
pub(super) fn write(
    folder: &Path,
    users: &FakeUsers,
    data: &Dataset,
    parts: Option<&Split>,
) -> Result<(), DataError> {
    check_place(folder)?;
    check_labels(data.users.iter().chain(data.items.iter()).chain(users.labels.iter().map(String::as_str)))?;
    check_profiles(users)?;
    let io = |source| DataError::Io { path: folder.to_owned(), source };
    let beside = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let made = tempfile::Builder::new().prefix(".arlib-").tempdir_in(beside).map_err(io)?;
    let file = |name: &str| File::create(made.path().join(name)).map(BufWriter::new);
    let genuine = parts.map_or(&data.interactions, |parts| &parts.train);
    let mut out = file(TRAIN).map_err(io)?;
    write_rows(&mut out, data, genuine).map_err(io)?;
    for (label, entries) in users.rows() {
        for (item, rating) in entries {
            writeln!(out, "{label} {} {rating}", data.items.get(item.0)).map_err(io)?;
        }
    }
    out.flush().map_err(io)?;
    let held_out = parts.map_or([None, None], |parts| [parts.valid.as_ref(), parts.test.as_ref()]);
    for (name, part) in HELD_OUT.into_iter().zip(held_out) {
        let mut out = file(name).map_err(io)?;
        part.map_or(Ok(()), |part| write_rows(&mut out, data, part)).map_err(io)?;
        out.flush().map_err(io)?;
    }
    if folder.exists() {
        std::fs::remove_dir(folder).map_err(io)?;
    }
    std::fs::rename(made.keep(), folder).map_err(io)
}

fn write_rows(out: &mut impl Write, data: &Dataset, part: &Interactions) -> std::io::Result<()> {
    for (user, row) in part.users().zip(part.rows()) {
        for (item, rating) in row.iter() {
            writeln!(out, "{} {} {rating}", data.users.get(user.0), data.items.get(item.0))?;
        }
    }
    Ok(())
}

fn unwritable<T>(what: String, hint: &str) -> Result<T, DataError> {
    Err(DataError::Unwritable { what, hint: hint.into() })
}

/// Refuses a folder that has something in it, which may be somebody's clean data.
pub(super) fn check_place(folder: &Path) -> Result<(), DataError> {
    let io = |source| DataError::Io { path: folder.to_owned(), source };
    if folder.exists() && folder.read_dir().map_err(io)?.next().is_some() {
        return unwritable(
            format!("{}: the folder is not empty", folder.display()),
            "name a new folder, or empty this one first",
        );
    }
    Ok(())
}

/// Refuses labels that rows cut at blanks cannot hold.
pub(super) fn check_labels<'a>(mut labels: impl Iterator<Item = &'a str>) -> Result<(), DataError> {
    let blank = |c: char| c.is_whitespace() || c.is_ascii_control();
    match labels.find(|label| label.is_empty() || label.contains(blank)) {
        Some(label) => unwritable(
            format!("the label {} for ARLib, whose columns are cut at blanks", quote(label.as_bytes())),
            "give users and items labels without blanks, or write `--as inter` or `--as json`",
        ),
        None => Ok(()),
    }
}

/// Refuses profiles that rows `user item rating` cannot say.
fn check_profiles(users: &FakeUsers) -> Result<(), DataError> {
    if users.fakes.ordered {
        return unwritable(
            "profiles in order for ARLib, whose rows have none".into(),
            "write `--as inter` or `--as json`, or give the order up with `--drop-order` of `shillproof data convert-fakes`",
        );
    }
    match users.rows().find(|(_, entries)| entries.is_empty()) {
        Some((label, _)) => unwritable(
            format!("the fake user {} for ARLib: a user without items has no row", quote(label.as_bytes())),
            "write `--as csv`, `inter` or `json`, which keep empty profiles, or leave the user out",
        ),
        None => Ok(()),
    }
}
