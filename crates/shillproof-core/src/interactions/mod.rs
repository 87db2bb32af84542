//! The user x item matrix of a training job.

#[cfg(test)]
mod tests;

use thiserror::Error;

use crate::attack::FakeProfiles;
use crate::ids::{ItemId, UserId};
use crate::scale::RatingScale;

/// Interactions as parallel columns, in any order: what readers produce.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Triples {
    /// User of each interaction.
    pub users: Vec<u32>,
    /// Item of each interaction.
    pub items: Vec<u32>,
    /// Rating of each interaction; none for implicit data.
    pub ratings: Option<Vec<f32>>,
    /// Time or position of each interaction; none where the source has no order.
    pub times: Option<Vec<i64>>,
}

/// User x item matrix in rows. A row keeps its interactions in time order (ties and absence of
/// times: by item), with the same items sorted beside it for membership.
#[derive(Clone, Debug, PartialEq)]
pub struct Interactions {
    n_items: usize,
    row_start: Vec<usize>,
    items: Vec<ItemId>,
    sorted: Vec<ItemId>,
    ratings: Option<Vec<f32>>,
    times: Option<Vec<i64>>,
    scale: Option<RatingScale>,
}

/// Columns that are not a matrix.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum InteractionError {
    /// Columns of different length.
    #[error("columns differ in length: {users} users, {items} items, {ratings} ratings, {times} times")]
    Ragged {
        /// Length of the user column.
        users: usize,
        /// Length of the item column.
        items: usize,
        /// Length of the rating column.
        ratings: usize,
        /// Length of the time column.
        times: usize,
    },
    /// An id beyond the declared range.
    #[error("interaction {at} is ({user}, {item}), but there are {n_users} users and {n_items} items")]
    OutOfRange {
        /// Position in the columns.
        at: usize,
        /// The user there.
        user: u32,
        /// The item there.
        item: u32,
        /// Declared users.
        n_users: usize,
        /// Declared items.
        n_items: usize,
    },
    /// The same pair twice.
    #[error("user {user} has item {item} more than once")]
    Duplicate {
        /// The user.
        user: u32,
        /// The item.
        item: u32,
    },
    /// Ratings without a scale or a scale without ratings.
    #[error("ratings and a rating scale come together or not at all")]
    ScaleWithoutRatings,
    /// More interactions than the index type holds.
    #[error("{0} interactions are more than 4,294,967,295")]
    TooMany(usize),
}

impl Interactions {
    /// Builds the matrix from columns in any order. Holds at most 1.5 times its final size while it works.
    ///
    /// # Errors
    /// If columns differ in length, an id is out of range, a pair occurs twice, or only one of ratings and scale is there.
    pub fn from_triples(
        n_users: usize,
        n_items: usize,
        triples: Triples,
        scale: Option<RatingScale>,
    ) -> Result<Self, InteractionError> {
        let Triples { users, items, ratings, times } = triples;
        let n = users.len();
        let (n_ratings, n_times) = (ratings.as_ref().map_or(n, Vec::len), times.as_ref().map_or(n, Vec::len));
        if items.len() != n || n_ratings != n || n_times != n {
            return Err(InteractionError::Ragged {
                users: n,
                items: items.len(),
                ratings: n_ratings,
                times: n_times,
            });
        }
        if ratings.is_some() != scale.is_some() {
            return Err(InteractionError::ScaleWithoutRatings);
        }
        if n > u32::MAX as usize {
            return Err(InteractionError::TooMany(n));
        }
        let mut row_start = vec![0usize; n_users + 1];
        for (at, (&user, &item)) in users.iter().zip(&items).enumerate() {
            if user as usize >= n_users || item as usize >= n_items {
                return Err(InteractionError::OutOfRange { at, user, item, n_users, n_items });
            }
            row_start[user as usize + 1] += 1;
        }
        for u in 0..n_users {
            row_start[u + 1] += row_start[u];
        }
        let mut order = vec![0u32; n];
        let mut next = row_start.clone();
        for (at, &user) in users.iter().enumerate() {
            let slot = &mut next[user as usize];
            order[*slot] = at as u32;
            *slot += 1;
        }
        drop((users, next));
        for row in row_start.windows(2) {
            let time = |at: u32| times.as_ref().map_or(0, |t| t[at as usize]);
            order[row[0]..row[1]].sort_unstable_by_key(|&at| (time(at), items[at as usize]));
        }
        let gathered: Vec<ItemId> = order.iter().map(|&at| ItemId(items[at as usize])).collect();
        drop(items);
        let ratings = ratings.map(|column| order.iter().map(|&at| column[at as usize]).collect());
        let times = times.map(|column| order.iter().map(|&at| column[at as usize]).collect());
        drop(order);
        let mut sorted = gathered.clone();
        for (user, row) in row_start.windows(2).enumerate() {
            let row = &mut sorted[row[0]..row[1]];
            row.sort_unstable();
            if let Some(pair) = row.windows(2).find(|pair| pair[0] == pair[1]) {
                return Err(InteractionError::Duplicate { user: user as u32, item: pair[0].0 });
            }
        }
        Ok(Self { n_items, row_start, items: gathered, sorted, ratings, times, scale })
    }

    /// A matrix without a single interaction.
    pub fn empty(n_users: usize, n_items: usize, scale: Option<RatingScale>) -> Self {
        Self {
            n_items,
            row_start: vec![0; n_users + 1],
            items: Vec::new(),
            sorted: Vec::new(),
            ratings: scale.map(|_| Vec::new()),
            times: None,
            scale,
        }
    }

    /// Number of rows.
    pub fn n_users(&self) -> usize {
        self.row_start.len() - 1
    }

    /// Number of columns.
    pub fn n_items(&self) -> usize {
        self.n_items
    }

    /// Number of interactions.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is no interaction at all.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The legal ratings; none for implicit data.
    pub fn scale(&self) -> Option<RatingScale> {
        self.scale
    }

    /// Whether interactions carry rating values.
    pub fn is_explicit(&self) -> bool {
        self.scale.is_some()
    }

    /// Whether interactions carry times or positions.
    pub fn has_times(&self) -> bool {
        self.times.is_some()
    }

    /// All user ids.
    pub fn users(&self) -> impl ExactSizeIterator<Item = UserId> + use<> {
        (0..self.n_users() as u32).map(UserId)
    }

    /// One user's interactions.
    pub fn row(&self, user: UserId) -> Row<'_> {
        let span = self.row_start[user.index()]..self.row_start[user.index() + 1];
        Row {
            items: &self.items[span.clone()],
            sorted: &self.sorted[span.clone()],
            ratings: self.ratings.as_ref().map(|r| &r[span.clone()]),
            times: self.times.as_ref().map(|t| &t[span]),
        }
    }

    /// All rows in the order of user ids.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        self.users().map(|user| self.row(user))
    }

    /// Where each row starts in the flat order of interactions; one entry more than there are rows.
    pub fn row_starts(&self) -> &[usize] {
        &self.row_start
    }

    /// Interactions of each item.
    pub fn item_counts(&self) -> Vec<u32> {
        let mut counts = vec![0; self.n_items];
        for item in &self.items {
            counts[item.index()] += 1;
        }
        counts
    }

    /// The interactions that `keep` accepts, called as `keep(user, position in the row, item)`; users and items stay.
    #[must_use]
    pub fn filter(&self, mut keep: impl FnMut(UserId, usize, ItemId) -> bool) -> Self {
        let mut triples = Triples {
            ratings: self.scale.map(|_| Vec::new()),
            times: self.times.as_ref().map(|_| Vec::new()),
            ..Triples::default()
        };
        for user in self.users() {
            let row = self.row(user);
            for at in 0..row.len() {
                if keep(user, at, row.items[at]) {
                    triples.push(user, row, at);
                }
            }
        }
        self.rebuild(triples)
    }

    /// Every rating above 0 becomes an interaction without a value; the others go. Implicit data stays as it is.
    #[must_use]
    pub fn binarize(&self) -> Self {
        let positive = self.filter(|user, at, _| self.row(user).rating(at) > 0.0);
        Self { ratings: None, scale: None, ..positive }
    }

    /// These rows with one more for each fake user. Fake interactions carry the latest time of the
    /// data; a profile whose order matters counts up from there.
    ///
    /// # Errors
    /// If a profile names an item that is not there, or one twice.
    pub fn append(&self, fakes: &FakeProfiles) -> Result<Self, InteractionError> {
        let latest = self.times.as_ref().and_then(|t| t.iter().max().copied()).unwrap_or(0);
        let mut out = self.clone();
        for (v, profile) in fakes.profiles.iter().enumerate() {
            let user = (self.n_users() + v) as u32;
            let mut entries = profile.entries.clone();
            if !fakes.ordered {
                entries.sort_unstable_by_key(|e| e.0);
            }
            let mut sorted: Vec<ItemId> = entries.iter().map(|e| e.0).collect();
            sorted.sort_unstable();
            if let Some(&item) = sorted.last().filter(|i| i.index() >= self.n_items) {
                return Err(InteractionError::OutOfRange {
                    at: v,
                    user,
                    item: item.0,
                    n_users: self.n_users() + fakes.profiles.len(),
                    n_items: self.n_items,
                });
            }
            if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
                return Err(InteractionError::Duplicate { user, item: pair[0].0 });
            }
            out.items.extend(entries.iter().map(|e| e.0));
            out.sorted.extend(sorted);
            if let Some(ratings) = &mut out.ratings {
                ratings.extend(entries.iter().map(|e| e.1));
            }
            if let Some(times) = &mut out.times {
                let steps = i64::from(fakes.ordered);
                times.extend((1..=entries.len() as i64).map(|k| latest + steps * k));
            }
            out.row_start.push(out.items.len());
        }
        Ok(out)
    }

    /// The first `n` rows: the genuine ones of a poisoned matrix.
    #[must_use]
    pub fn first_rows(&self, n: usize) -> Self {
        let n = n.min(self.n_users());
        let end = self.row_start[n];
        Self {
            n_items: self.n_items,
            row_start: self.row_start[..=n].to_vec(),
            items: self.items[..end].to_vec(),
            sorted: self.sorted[..end].to_vec(),
            ratings: self.ratings.as_ref().map(|r| r[..end].to_vec()),
            times: self.times.as_ref().map(|t| t[..end].to_vec()),
            scale: self.scale,
        }
    }

    /// These interactions and those of `other`, which has the same users, items and columns, in the order of time.
    ///
    /// # Errors
    /// If the two differ in that, or have an interaction in common.
    pub fn union(&self, other: &Self) -> Result<Self, InteractionError> {
        let (mut all, more) = (self.to_triples(), other.to_triples());
        all.users.extend(more.users);
        all.items.extend(more.items);
        if let (Some(ratings), Some(more)) = (&mut all.ratings, more.ratings) {
            ratings.extend(more);
        }
        if let (Some(times), Some(more)) = (&mut all.times, more.times) {
            times.extend(more);
        }
        Self::from_triples(self.n_users(), self.n_items, all, self.scale)
    }

    /// The columns, row after row: the inverse of [`Interactions::from_triples`].
    pub fn to_triples(&self) -> Triples {
        Triples {
            users: self.users().flat_map(|u| std::iter::repeat_n(u.0, self.row(u).len())).collect(),
            items: self.items.iter().map(|i| i.0).collect(),
            ratings: self.ratings.clone(),
            times: self.times.clone(),
        }
    }

    fn rebuild(&self, triples: Triples) -> Self {
        Self::from_triples(self.n_users(), self.n_items, triples, self.scale)
            .expect("a selection of valid interactions is valid")
    }
}

impl Triples {
    fn push(&mut self, user: UserId, row: Row<'_>, at: usize) {
        self.users.push(user.0);
        self.items.push(row.items[at].0);
        if let Some(ratings) = &mut self.ratings {
            ratings.push(row.rating(at));
        }
        if let (Some(times), Some(own)) = (&mut self.times, row.times) {
            times.push(own[at]);
        }
    }
}

/// One user's interactions.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    items: &'a [ItemId],
    sorted: &'a [ItemId],
    ratings: Option<&'a [f32]>,
    times: Option<&'a [i64]>,
}

impl<'a> Row<'a> {
    /// Number of interactions.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether the user has none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Items, oldest first.
    pub fn items(&self) -> &'a [ItemId] {
        self.items
    }

    /// The same items in ascending order.
    pub fn sorted(&self) -> &'a [ItemId] {
        self.sorted
    }

    /// Rating of the interaction at this position of the row; 1 for implicit data.
    pub fn rating(&self, at: usize) -> f32 {
        self.ratings.map_or(1.0, |r| r[at])
    }

    /// Time or position of each interaction.
    pub fn times(&self) -> Option<&'a [i64]> {
        self.times
    }

    /// Whether the user has this item.
    pub fn contains(&self, item: ItemId) -> bool {
        self.sorted.binary_search(&item).is_ok()
    }

    /// Items and ratings (1 for implicit data), oldest first.
    pub fn iter(self) -> impl ExactSizeIterator<Item = (ItemId, f32)> + 'a {
        self.items.iter().enumerate().map(move |(at, &item)| (item, self.rating(at)))
    }
}
