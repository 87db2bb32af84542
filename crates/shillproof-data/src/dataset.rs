//! A data set: interactions with their labels.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};
use shillproof_core::Interactions;

use crate::labels::Labels;

/// Interactions, and what their users and items are called outside.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Name of a known data set, else of the file.
    pub name: String,
    /// Labels of users; ids follow their order.
    pub users: Labels,
    /// Labels of items; ids follow their order.
    pub items: Labels,
    /// The matrix. Every user and every item has at least one interaction.
    pub interactions: Interactions,
    /// SHA-256 of the canonical content, in hexadecimal: see [`Dataset::canonical`].
    pub checksum: String,
    /// Rows of the source, repeated and filtered ones included.
    pub rows: usize,
    /// What a person should be told: repeated rows, the observed scale, what was left out.
    pub notes: Vec<String>,
}

impl Dataset {
    /// A data set of a matrix whose rows and columns have these labels.
    ///
    /// # Panics
    /// If there are not as many labels as rows and columns.
    pub fn new(name: String, users: Labels, items: Labels, interactions: Interactions) -> Self {
        let rows = interactions.len();
        Self::from_parts(name, users, items, interactions, rows, Vec::new()).sealed()
    }

    /// With its checksum.
    pub(crate) fn sealed(mut self) -> Self {
        self.checksum = self.digest(true);
        self
    }

    /// The same without its checksum, for data that a filter may change yet.
    pub(crate) fn from_parts(
        name: String,
        users: Labels,
        items: Labels,
        interactions: Interactions,
        rows: usize,
        notes: Vec<String>,
    ) -> Self {
        assert_eq!(users.len(), interactions.n_users(), "one label a user");
        assert_eq!(items.len(), interactions.n_items(), "one label an item");
        Self { name, users, items, interactions, checksum: String::new(), rows, notes }
    }

    /// The canonical text that the checksum is taken of, piece by piece. It says what the data is and
    /// nothing of the file it came in:
    ///
    /// ```text
    /// shillproof data 1
    /// <users> users, <items> items, <interactions> interactions[, ratings][, times]
    /// <user>TAB<item>[TAB<rating>][TAB<time>]
    /// ```
    ///
    /// with one line an interaction, each ended by a line feed; users, and items within a user, in the
    /// order of their ids (labels sorted as numbers when all are integers, else by bytes); labels as they
    /// are; ratings in the shortest decimal form that reads back to the same 32-bit float; times as
    /// integers. The legal scale of ratings is not part of it. `times` leaves times out when false.
    pub fn canonical(&self, times: bool, mut sink: impl FnMut(&[u8])) {
        let data = &self.interactions;
        let times = times && data.has_times();
        let mut text = String::with_capacity(1 << 16);
        let mut kept = |text: &mut String, least: usize| {
            if text.len() >= least {
                sink(text.as_bytes());
                text.clear();
            }
        };
        text.push_str("shillproof data 1\n");
        let (users, items, n) = (self.users.len(), self.items.len(), data.len());
        let said = write!(text, "{users} users, {items} items, {n} interactions");
        said.expect("writing to a string succeeds");
        text.push_str(if data.is_explicit() { ", ratings" } else { "" });
        text.push_str(if times { ", times\n" } else { "\n" });
        let mut rating_text = RatingText::default();
        let mut order: Vec<u32> = Vec::new();
        for user in data.users() {
            let row = data.row(user);
            order.clear();
            order.extend(0..row.len() as u32);
            order.sort_unstable_by_key(|&at| row.items()[at as usize]);
            for &at in &order {
                let at = at as usize;
                text.push_str(self.users.get(user.0));
                text.push('\t');
                text.push_str(self.items.get(row.items()[at].0));
                if data.is_explicit() {
                    text.push('\t');
                    text.push_str(rating_text.of(row.rating(at)));
                }
                if let Some(all) = row.times().filter(|_| times) {
                    text.push('\t');
                    push_integer(&mut text, all[at]);
                }
                text.push('\n');
            }
            kept(&mut text, 1 << 15);
        }
        kept(&mut text, 0);
    }

    /// SHA-256 of the canonical content without times, in hexadecimal.
    pub fn checksum_without_times(&self) -> String {
        self.digest(false)
    }

    fn digest(&self, times: bool) -> String {
        let mut hash = Sha256::new();
        self.canonical(times, |piece| hash.update(piece));
        let mut out = String::with_capacity(64);
        for byte in hash.finalize() {
            write!(out, "{byte:02x}").expect("writing to a string succeeds");
        }
        out
    }
}

/// The text of the latest rating, kept because neighbours mostly agree.
#[derive(Default)]
struct RatingText {
    known: Vec<(u32, String)>,
}

impl RatingText {
    fn of(&mut self, rating: f32) -> &str {
        const MOST: usize = 16;
        let bits = rating.to_bits();
        let at = self.known.iter().position(|k| k.0 == bits).unwrap_or_else(|| {
            if self.known.len() == MOST {
                self.known.clear();
            }
            self.known.push((bits, rating.to_string()));
            self.known.len() - 1
        });
        &self.known[at].1
    }
}

fn push_integer(text: &mut String, value: i64) {
    if value < 0 {
        text.push('-');
    }
    let mut left = value.unsigned_abs();
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    text.extend(digits[at..].iter().map(|&d| char::from(d)));
}
