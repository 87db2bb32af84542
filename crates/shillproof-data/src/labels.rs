//! Labels of users and items: strings outside, dense ids inside.

use std::cmp::Ordering;
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// Strings in one piece of memory, addressed by number.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Arena {
    text: String,
    /// Where each string ends.
    ends: Vec<usize>,
}

impl Arena {
    const fn new() -> Self {
        Self { text: String::new(), ends: Vec::new() }
    }

    fn get(&self, id: u32) -> &str {
        let id = id as usize;
        let start = if id == 0 { 0 } else { self.ends[id - 1] };
        &self.text[start..self.ends[id]]
    }

    fn push(&mut self, label: &str) {
        self.text.push_str(label);
        self.ends.push(self.text.len());
    }
}

/// The labels of all users (or all items), and the ids they have: label number `id` in sorted order.
/// Labels are sorted as numbers when every one is an integer, otherwise by bytes.
///
/// ```
/// use shillproof_data::Labels;
/// let labels = Labels::sorted(["10", "9", "9"]);
/// assert_eq!(labels.iter().collect::<Vec<_>>(), ["9", "10"]);
/// assert_eq!(labels.find("10"), Some(1));
/// assert_eq!(labels.find("010"), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    arena: Arena,
    numeric: bool,
}

impl Labels {
    /// These labels in their order, each once.
    pub fn sorted<S: AsRef<str>>(labels: impl IntoIterator<Item = S>) -> Self {
        let mut interner = Interner::new();
        for label in labels {
            interner.intern(label.as_ref());
        }
        interner.sort(|_| true).0
    }

    /// The label of an id.
    ///
    /// # Panics
    /// If there is no such id.
    pub fn get(&self, id: u32) -> &str {
        self.arena.get(id)
    }

    /// The id of a label, if it is one.
    pub fn find(&self, label: &str) -> Option<u32> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            match compare(self.get(middle as u32), label, self.numeric) {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => return Some(middle as u32),
            }
        }
        None
    }

    /// Number of labels.
    pub fn len(&self) -> usize {
        self.arena.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All labels in the order of their ids.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.len() as u32).map(|id| self.get(id))
    }

    /// The labels that `keep` accepts, with the new id of each old one (`u32::MAX` where it goes).
    /// The order may change: what is left may be all integers.
    #[must_use]
    pub fn select(&self, keep: impl Fn(u32) -> bool) -> (Self, Vec<u32>) {
        sort(&self.arena, keep)
    }
}

/// Integers below this are looked up by value rather than by hash: 16 MiB at most.
const DIRECT: usize = 1 << 22;

/// Gives labels provisional ids in order of first appearance.
pub(crate) struct Interner {
    arena: Arena,
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// The ids of labels that are small integers, by value; `u32::MAX` where there is none.
    direct: Vec<u32>,
}

impl Interner {
    pub(crate) fn new() -> Self {
        let hasher = DefaultHashBuilder::default();
        Self { arena: Arena::new(), table: HashTable::new(), hasher, direct: Vec::new() }
    }

    /// The provisional id of a label, new or known. `u32::MAX` is never one: that many labels do not fit.
    #[inline]
    pub(crate) fn intern(&mut self, label: &str) -> u32 {
        let Some(value) = small_integer(label) else { return self.intern_hashed(label) };
        if value >= self.direct.len() {
            self.direct.resize((value + 1).next_power_of_two(), u32::MAX);
        }
        let id = &mut self.direct[value];
        if *id == u32::MAX {
            *id = self.arena.ends.len() as u32;
            self.arena.push(label);
        }
        *id
    }

    fn intern_hashed(&mut self, label: &str) -> u32 {
        let Self { arena, table, hasher, .. } = self;
        let hash = hasher.hash_one(label);
        let found = table.entry(hash, |&id| arena.get(id) == label, |&id| hasher.hash_one(arena.get(id)));
        match found {
            hashbrown::hash_table::Entry::Occupied(entry) => *entry.get(),
            hashbrown::hash_table::Entry::Vacant(entry) => {
                let id = arena.ends.len() as u32;
                entry.insert(id);
                arena.push(label);
                id
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.arena.ends.len()
    }

    /// The labels that `keep` accepts, with the final id of each provisional one.
    pub(crate) fn sort(self, keep: impl Fn(u32) -> bool) -> (Labels, Vec<u32>) {
        drop((self.table, self.direct));
        sort(&self.arena, keep)
    }
}

fn sort(arena: &Arena, keep: impl Fn(u32) -> bool) -> (Labels, Vec<u32>) {
    let mut order: Vec<u32> = (0..arena.ends.len() as u32).filter(|&id| keep(id)).collect();
    let numeric = order.iter().all(|&id| integer(arena.get(id)).is_some());
    if numeric {
        order.sort_by_cached_key(|&id| (integer(arena.get(id)), id));
        // Spellings of one number ("7", "07") stand in the order of their bytes.
        for same in order.chunk_by_mut(|&a, &b| integer(arena.get(a)) == integer(arena.get(b))) {
            same.sort_unstable_by_key(|&id| arena.get(id));
        }
    } else {
        order.sort_unstable_by_key(|&id| arena.get(id));
    }
    let mut new_id = vec![u32::MAX; arena.ends.len()];
    let mut out = Arena::new();
    for (at, &id) in order.iter().enumerate() {
        new_id[id as usize] = at as u32;
        out.push(arena.get(id));
    }
    (Labels { arena: out, numeric }, new_id)
}

fn compare(a: &str, b: &str, numeric: bool) -> Ordering {
    if numeric {
        // A label that is no number is not among numeric labels, so any consistent place will do.
        integer(a).cmp(&integer(b)).then_with(|| a.cmp(b))
    } else {
        a.cmp(b)
    }
}

/// The value of a plain integer below [`DIRECT`]: digits without leading zeros, so that value and label are one.
#[inline]
fn small_integer(label: &str) -> Option<usize> {
    let digits = label.as_bytes();
    if !matches!(digits.len(), 1..=7) || (digits[0] == b'0' && digits.len() > 1) {
        return None;
    }
    let mut value = 0;
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + digit as usize;
    }
    (value < DIRECT).then_some(value)
}

/// The value of an optional minus and up to 18 digits.
fn integer(label: &str) -> Option<i64> {
    let digits = label.strip_prefix('-').unwrap_or(label);
    (matches!(digits.len(), 1..=18) && digits.bytes().all(|b| b.is_ascii_digit()))
        .then(|| label.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_label_is_found_at_its_place(labels in prop::collection::vec("-?[0-9a]{0,3}", 0..40)) {
            let sorted = Labels::sorted(&labels);
            for label in &labels {
                let id = sorted.find(label);
                prop_assert_eq!(id.map(|id| sorted.get(id)), Some(label.as_str()));
            }
            let again = Labels::sorted(sorted.iter());
            prop_assert_eq!(&again, &sorted);
            let (all, new_id) = sorted.select(|_| true);
            prop_assert_eq!(all, sorted);
            prop_assert!(new_id.is_sorted());
        }
    }

    #[test]
    fn integers_sort_as_numbers_and_keep_their_spelling() {
        let labels = Labels::sorted(["10", "-3", "9", "09", "0"]);
        assert_eq!(labels.iter().collect::<Vec<_>>(), ["-3", "0", "09", "9", "10"]);
        let (mixed, _) = Labels::sorted(["10", "9", "x"]).select(|_| true);
        assert_eq!(mixed.iter().collect::<Vec<_>>(), ["10", "9", "x"]);
        let (left, new_id) = mixed.select(|id| id < 2);
        assert_eq!(left.iter().collect::<Vec<_>>(), ["9", "10"]);
        assert_eq!(new_id, [1, 0, u32::MAX]);
    }
}
