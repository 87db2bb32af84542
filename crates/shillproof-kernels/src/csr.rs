//! Sparse rows.

use shillproof_core::Interactions;

/// A sparse matrix in rows. Without values every stored cell is 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Csr {
    n_columns: usize,
    row_start: Vec<usize>,
    columns: Vec<u32>,
    values: Option<Vec<f32>>,
}

impl Csr {
    /// Users as rows, items as columns; the ratings are the values, implicit data has none.
    /// Columns ascend within implicit rows; explicit rows keep their time order.
    pub fn of(data: &Interactions) -> Self {
        let mut columns = Vec::with_capacity(data.len());
        let mut values = data.is_explicit().then(|| Vec::with_capacity(data.len()));
        for row in data.rows() {
            if let Some(values) = &mut values {
                columns.extend(row.items().iter().map(|i| i.0));
                values.extend(row.iter().map(|(_, rating)| rating));
            } else {
                columns.extend(row.sorted().iter().map(|i| i.0));
            }
        }
        Self { n_columns: data.n_items(), row_start: data.row_starts().to_vec(), columns, values }
    }

    /// The rows `chosen` of this matrix, in that order.
    #[must_use]
    pub fn select(&self, chosen: &[u32]) -> Self {
        let mut row_start = Vec::with_capacity(chosen.len() + 1);
        row_start.push(0);
        let mut columns = Vec::new();
        let mut values = self.values.as_ref().map(|_| Vec::new());
        for &row in chosen {
            let span = self.span(row as usize);
            columns.extend_from_slice(&self.columns[span.clone()]);
            if let (Some(values), Some(own)) = (&mut values, &self.values) {
                values.extend_from_slice(&own[span]);
            }
            row_start.push(columns.len());
        }
        Self { n_columns: self.n_columns, row_start, columns, values }
    }

    /// Rows of (column, value) pairs.
    ///
    /// # Panics
    /// If a column is not below `n_columns`.
    ///
    /// ```
    /// use shillproof_kernels::Csr;
    /// let m = Csr::from_rows(3, &[vec![(2, 0.5)], vec![]]);
    /// assert_eq!((m.columns(0), m.values(0)), (&[2][..], Some(&[0.5][..])));
    /// ```
    pub fn from_rows(n_columns: usize, rows: &[Vec<(u32, f32)>]) -> Self {
        let mut row_start = vec![0];
        let (mut columns, mut values) = (Vec::new(), Vec::new());
        for row in rows {
            assert!(row.iter().all(|e| (e.0 as usize) < n_columns), "a column beyond {n_columns}");
            columns.extend(row.iter().map(|e| e.0));
            values.extend(row.iter().map(|e| e.1));
            row_start.push(columns.len());
        }
        Self { n_columns, row_start, columns, values: Some(values) }
    }

    /// The matrix with these (row, column, value) cells; the cells of a row stay in the order given.
    ///
    /// # Panics
    /// If a row or column is not below its number.
    ///
    /// ```
    /// use shillproof_kernels::Csr;
    /// let m = Csr::from_cells(2, 3, &[(1, 2, 0.5), (0, 0, 1.0), (1, 0, 2.0)]);
    /// assert_eq!((m.columns(1), m.values(1)), (&[2, 0][..], Some(&[0.5, 2.0][..])));
    /// ```
    pub fn from_cells(n_rows: usize, n_columns: usize, cells: &[(u32, u32, f32)]) -> Self {
        assert!(cells.iter().all(|c| (c.1 as usize) < n_columns), "a column beyond {n_columns}");
        let row_start = starts(n_rows, cells.iter().map(|c| c.0));
        let mut next = row_start.clone();
        let (mut columns, mut values) = (vec![0; cells.len()], vec![0.0; cells.len()]);
        for &(row, column, value) in cells {
            let slot = &mut next[row as usize];
            (columns[*slot], values[*slot]) = (column, value);
            *slot += 1;
        }
        Self { n_columns, row_start, columns, values: Some(values) }
    }

    /// The same matrix without values and with `rows` of ones below it.
    ///
    /// # Panics
    /// If a column is not one of this matrix.
    #[must_use]
    pub fn pattern_with<R: AsRef<[u32]>>(&self, rows: &[R]) -> Self {
        let (mut row_start, mut columns) = (self.row_start.clone(), self.columns.clone());
        for row in rows.iter().map(AsRef::as_ref) {
            assert!(row.iter().all(|&c| (c as usize) < self.n_columns), "a column beyond {}", self.n_columns);
            columns.extend_from_slice(row);
            row_start.push(columns.len());
        }
        Self { n_columns: self.n_columns, row_start, columns, values: None }
    }

    /// Columns become rows; within each, the old rows ascend.
    #[must_use]
    pub fn transpose(&self) -> Self {
        self.transpose_with_origins().0
    }

    /// The transpose, and where each of its cells stands among those of this matrix.
    pub(crate) fn transpose_with_origins(&self) -> (Self, Vec<u32>) {
        let row_start = starts(self.n_columns, self.columns.iter().copied());
        let mut next = row_start.clone();
        let (mut columns, mut origins) = (vec![0; self.columns.len()], vec![0; self.columns.len()]);
        let mut values = self.values.as_ref().map(|v| vec![0.0; v.len()]);
        for r in 0..self.n_rows() {
            for at in self.span(r) {
                let slot = &mut next[self.columns[at] as usize];
                columns[*slot] = r as u32;
                origins[*slot] = at as u32;
                if let (Some(values), Some(own)) = (&mut values, &self.values) {
                    values[*slot] = own[at];
                }
                *slot += 1;
            }
        }
        (Self { n_columns: self.n_rows(), row_start, columns, values }, origins)
    }

    /// Adds `shift` to every value; a matrix without values stays as it is.
    #[must_use]
    pub fn shifted(mut self, shift: f32) -> Self {
        for value in self.values.iter_mut().flatten() {
            *value += shift;
        }
        self
    }

    /// Every value times the factor of its row and that of its column; cells without values count as 1.
    ///
    /// # Shapes
    /// `rows`: one number a row. `columns`: one number a column.
    ///
    /// ```
    /// use shillproof_kernels::Csr;
    /// let m = Csr::from_rows(2, &[vec![(1, 0.5)]]).scaled(&[3.0], &[0.0, 4.0]);
    /// assert_eq!(m.values(0), Some(&[6.0][..]));
    /// ```
    #[must_use]
    pub fn scaled(mut self, rows: &[f32], columns: &[f32]) -> Self {
        let mut values = self.values.take().unwrap_or_else(|| vec![1.0; self.columns.len()]);
        for (row, factor) in rows.iter().enumerate() {
            let span = self.span(row);
            for (value, &column) in values[span.clone()].iter_mut().zip(&self.columns[span]) {
                *value *= factor * columns[column as usize];
            }
        }
        Self { values: Some(values), ..self }
    }

    /// The normalised adjacency: without the matrix's values, each cell is 1/√(cells of its row · cells of its column).
    ///
    /// ```
    /// use shillproof_kernels::Csr;
    /// let m = Csr::from_rows(4, &[(0..4).map(|column| (column, 3.0)).collect()]).normalized();
    /// assert_eq!(m.values(0), Some(&[0.5; 4][..]));
    /// ```
    #[must_use]
    pub fn normalized(&self) -> Self {
        let inverse_root = |cells: usize| (1.0 / (cells.max(1) as f64).sqrt()) as f32;
        let of_rows: Vec<f32> = (0..self.n_rows()).map(|row| inverse_root(self.columns(row).len())).collect();
        let mut counts = vec![0; self.n_columns];
        for &column in &self.columns {
            counts[column as usize] += 1;
        }
        let of_columns: Vec<f32> = counts.into_iter().map(inverse_root).collect();
        self.pattern_with::<[u32; 0]>(&[]).scaled(&of_rows, &of_columns)
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.row_start.len() - 1
    }

    /// Number of columns.
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// Number of stored cells.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether no cell is stored.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Where each row starts among the stored cells; one entry more than there are rows.
    pub fn row_starts(&self) -> &[usize] {
        &self.row_start
    }

    /// Columns of one row's cells.
    #[inline]
    pub fn columns(&self, row: usize) -> &[u32] {
        &self.columns[self.span(row)]
    }

    /// The column of the cell `ahead` cells after the first one of `row`, in later rows if need be.
    #[inline]
    pub(crate) fn column_ahead(&self, row: usize, ahead: usize) -> Option<usize> {
        self.columns.get(self.row_start[row] + ahead).map(|&c| c as usize)
    }

    /// Values of one row's cells; none where all are 1.
    #[inline]
    pub fn values(&self, row: usize) -> Option<&[f32]> {
        self.values.as_ref().map(|v| &v[self.span(row)])
    }

    #[inline]
    fn span(&self, row: usize) -> std::ops::Range<usize> {
        self.row_start[row]..self.row_start[row + 1]
    }
}

/// Where each of `n` lines starts, from the line of every cell.
fn starts(n: usize, lines: impl Iterator<Item = u32>) -> Vec<usize> {
    let mut start = vec![0; n + 1];
    for line in lines {
        start[line as usize + 1] += 1;
    }
    for line in 0..n {
        start[line + 1] += start[line];
    }
    start
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use shillproof_core::{RatingScale, Triples};

    fn data(cells: &std::collections::BTreeMap<(u32, u32), u8>, explicit: bool) -> Interactions {
        let triples = Triples {
            users: cells.keys().map(|c| c.0).collect(),
            items: cells.keys().map(|c| c.1).collect(),
            ratings: explicit.then(|| cells.values().map(|&v| f32::from(v)).collect()),
            times: Some((0..cells.len() as i64).rev().collect()),
        };
        let scale = explicit.then(|| RatingScale::new(1.0, 5.0, 1.0).unwrap());
        Interactions::from_triples(6, 8, triples, scale).unwrap()
    }

    proptest! {
        #[test]
        fn a_cell_is_where_it_was_after_a_transposition(
            cells in prop::collection::btree_map((0u32..6, 0u32..8), 1u8..=5, 0..30),
            explicit: bool,
        ) {
            let rows = Csr::of(&data(&cells, explicit));
            let turned = rows.transpose();
            prop_assert_eq!((turned.n_rows(), turned.n_columns(), turned.len()), (8, 6, cells.len()));
            for (&(u, i), &rating) in &cells {
                let at = turned.columns(i as usize).binary_search(&u).unwrap();
                let value = turned.values(i as usize).map_or(1.0, |v| v[at]);
                prop_assert_eq!(value, if explicit { f32::from(rating) } else { 1.0 });
            }
            prop_assert_eq!(turned.transpose().transpose(), turned);
            prop_assert_eq!(rows.select(&[0, 1, 2, 3, 4, 5]), rows);
        }
    }

    #[test]
    fn selected_rows_come_in_the_order_asked_for() {
        let cells = [((0, 1), 2), ((2, 3), 4), ((2, 0), 5)].into();
        let chosen = Csr::of(&data(&cells, true)).shifted(-3.0).select(&[2, 1, 0]);
        assert_eq!(chosen.columns(0).len(), 2);
        assert!(chosen.columns(1).is_empty());
        assert_eq!((chosen.columns(2), chosen.values(2)), (&[1][..], Some(&[-1.0][..])));
    }
}
