//! The answer of a `command:` victim: reads `user,item[,score]` and believes nothing.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::Path;

use csv::{ReaderBuilder, StringRecord};
use shillproof_core::{Interactions, ItemId, UserId};
use shillproof_data::Labels;

/// The longest line of an answer in bytes; what keeps memory bounded whatever the command writes.
const LONGEST_LINE: usize = 1 << 20;

/// What an answer is held against.
pub(super) struct Question<'a> {
    /// Labels of the genuine users, who come first in `train`.
    pub(super) users: &'a Labels,
    /// Labels of the items.
    pub(super) items: &'a Labels,
    /// Labels of the fake users, whose lists are ignored.
    pub(super) fakes: &'a HashSet<String>,
    /// What the command was given.
    pub(super) train: &'a Interactions,
    /// Length of a list.
    pub(super) k: usize,
}

/// One genuine user's list, best first.
pub(super) type List = Vec<(ItemId, f32)>;

impl Question<'_> {
    /// Reads and checks the whole answer: one list a genuine user.
    pub(super) fn read(&self, path: &Path) -> Result<Vec<List>, String> {
        // Asked before opening: opening a pipe would wait for a writer for ever.
        match fs::metadata(path) {
            Ok(file) if file.is_file() => {}
            Ok(_) => return Err("the command's `{out}` is not a regular file".into()),
            Err(_) => return Err("the command ended without writing its `{out}` file".into()),
        }
        let file =
            File::open(path).map_err(|error| format!("cannot read the command's `{{out}}` file: {error}"))?;
        let mut lists = vec![List::new(); self.users.len()];
        let mut rows = ReaderBuilder::new()
            .has_headers(false)
            .from_reader(LineLimit { inner: BufReader::new(file), line: 0 });
        let mut record = StringRecord::new();
        let mut first = true;
        loop {
            let more = rows.read_record(&mut record).map_err(|error| broken(&error))?;
            if !more {
                break;
            }
            let line = record.position().map_or(0, csv::Position::line);
            if first {
                first = false;
                if !matches!(record.len(), 2 | 3) {
                    return Err(format!(
                        "line {line} of the answer has {} fields, expected `user,item` or `user,item,score`",
                        record.len()
                    ));
                }
                if self.is_header(&record) {
                    continue;
                }
            }
            self.take(&record, &mut lists).map_err(|what| format!("line {line} of the answer: {what}"))?;
        }
        self.complete(&lists)?;
        Ok(lists)
    }

    /// Whether the first row names the columns; labels win if a user is really called "user".
    fn is_header(&self, record: &StringRecord) -> bool {
        let names = ["user", "item", "score"];
        record.iter().zip(names).all(|(field, name)| field.trim().eq_ignore_ascii_case(name))
            && self.users.find(&record[0]).is_none()
    }

    fn take(&self, record: &StringRecord, lists: &mut [List]) -> Result<(), String> {
        let (user_label, item_label) = (&record[0], &record[1]);
        let Some(user) = self.users.find(user_label).map(UserId) else {
            if self.fakes.contains(user_label) {
                return Ok(());
            }
            return Err(format!("user `{user_label}` is not in the training data"));
        };
        let Some(item) = self.items.find(item_label).map(ItemId) else {
            return Err(format!("item `{item_label}` is not in the training data"));
        };
        let list = &mut lists[user.index()];
        if self.train.row(user).contains(item) {
            return Err(format!(
                "item `{item_label}` is among the training interactions of user `{user_label}`, expected unseen items only"
            ));
        }
        if list.iter().any(|entry| entry.0 == item) {
            return Err(format!("item `{item_label}` comes twice in the list of user `{user_label}`"));
        }
        if list.len() == self.k {
            return Err(format!("user `{user_label}` has more than the {} items asked for", self.k));
        }
        let score = match record.get(2) {
            // Lists without scores: minus the place keeps best first.
            None => -(list.len() as f32),
            Some(text) => match text.trim().parse::<f32>() {
                Ok(score) if score.is_finite() => score,
                _ => return Err(format!("score is `{text}`, expected a finite number")),
            },
        };
        if let Some(&(_, before)) = list.last().filter(|entry| entry.1 < score) {
            return Err(format!(
                "the list of user `{user_label}` is not sorted best first: score {score} comes after {before}"
            ));
        }
        list.push((item, score));
        Ok(())
    }

    /// Every genuine user the command could know has a full list. It cannot know users without a
    /// single interaction, nor recommend items that nobody has: those may be there or not.
    fn complete(&self, lists: &[List]) -> Result<(), String> {
        let known = self.train.item_counts().iter().filter(|&&count| count > 0).count();
        let wanted = |user: UserId| match self.train.row(user).len() {
            0 => 0,
            seen => self.k.min(known - seen),
        };
        let label = |user: UserId| self.users.get(user.0);
        let users = || (0..lists.len() as u32).map(UserId);
        let missing: Vec<UserId> =
            users().filter(|&u| wanted(u) > 0 && lists[u.index()].is_empty()).collect();
        if let Some(&user) = missing.first() {
            return Err(format!(
                "{} of {} users have no list in the answer, the first is `{}`",
                missing.len(),
                lists.len(),
                label(user)
            ));
        }
        match users().find(|&u| lists[u.index()].len() < wanted(u)) {
            Some(user) => Err(format!(
                "user `{}` has a list of {} items, expected {}",
                label(user),
                lists[user.index()].len(),
                wanted(user)
            )),
            None => Ok(()),
        }
    }
}

fn broken(error: &csv::Error) -> String {
    let line = error.position().map_or(0, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("line {line} of the answer has {len} fields, the lines before it {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => format!("line {line} of the answer is not UTF-8 text"),
        _ => format!("the answer is not CSV text: {error}"),
    }
}

/// Refuses a line that no valid answer could have.
struct LineLimit<R> {
    inner: R,
    line: usize,
}

impl<R: Read> Read for LineLimit<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(out)?;
        for &byte in &out[..n] {
            self.line = if byte == b'\n' { 0 } else { self.line + 1 };
            if self.line > LONGEST_LINE {
                return Err(io::Error::other(format!("a line is longer than {LONGEST_LINE} bytes")));
            }
        }
        Ok(n)
    }
}
