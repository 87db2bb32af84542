//! Sparse rows of weighted scores.

use shillproof_core::Interactions;

/// The cells of one fake user, with scores that need not be legal ratings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FakeRow {
    /// Distinct items; all of the catalogue for a dense relaxed row.
    pub items: Vec<u32>,
    /// One score an item.
    pub scores: Vec<f64>,
}

/// Sparse rows: a value and a weight for each observed cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    start: Vec<usize>,
    index: Vec<u32>,
    value: Vec<f64>,
    weight: Vec<f64>,
}

impl Default for Rows {
    fn default() -> Self {
        Self { start: vec![0], index: Vec::new(), value: Vec::new(), weight: Vec::new() }
    }
}

impl Rows {
    /// The interactions of `data`, less `offset` where they are ratings, all of weight `weight`.
    pub fn of(data: &Interactions, offset: f64, weight: f64) -> Self {
        let mut out = Self::default();
        for row in data.rows() {
            out.push(row.iter().map(|(item, rating)| {
                let value = if data.is_explicit() { f64::from(rating) - offset } else { 1.0 };
                (item.0, value, weight)
            }));
        }
        out
    }

    /// Adds a row of (column, value, weight).
    pub fn push(&mut self, cells: impl IntoIterator<Item = (u32, f64, f64)>) {
        for (index, value, weight) in cells {
            self.index.push(index);
            self.value.push(value);
            self.weight.push(weight);
        }
        self.start.push(self.index.len());
    }

    /// Rows become columns; each keeps the order of rows.
    #[must_use]
    pub fn transpose(&self, columns: usize) -> Self {
        let mut start = vec![0; columns + 1];
        for &c in &self.index {
            start[c as usize + 1] += 1;
        }
        for c in 0..columns {
            start[c + 1] += start[c];
        }
        let mut next = start.clone();
        let n = self.index.len();
        let (mut index, mut value, mut weight) = (vec![0; n], vec![0.0; n], vec![0.0; n]);
        for row in 0..self.len() {
            for at in self.span(row) {
                let slot = &mut next[self.index[at] as usize];
                (index[*slot], value[*slot], weight[*slot]) = (row as u32, self.value[at], self.weight[at]);
                *slot += 1;
            }
        }
        Self { start, index, value, weight }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.start.len() - 1
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of cells.
    pub fn cells(&self) -> usize {
        self.index.len()
    }

    /// Where each row's cells start; one entry more than there are rows.
    pub fn starts(&self) -> &[usize] {
        &self.start
    }

    /// Columns of row `row`.
    #[inline]
    pub fn columns(&self, row: usize) -> &[u32] {
        &self.index[self.span(row)]
    }

    /// Values of row `row`.
    #[inline]
    pub fn value(&self, row: usize) -> &[f64] {
        &self.value[self.span(row)]
    }

    /// Weights of row `row`.
    #[inline]
    pub fn weight(&self, row: usize) -> &[f64] {
        &self.weight[self.span(row)]
    }

    /// Column, value and weight of a cell by its position.
    #[inline]
    pub(super) fn at(&self, at: usize) -> (u32, f64, f64) {
        (self.index[at], self.value[at], self.weight[at])
    }

    #[inline]
    pub(super) fn span(&self, row: usize) -> std::ops::Range<usize> {
        self.start[row]..self.start[row + 1]
    }
}
