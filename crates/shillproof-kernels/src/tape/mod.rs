//! Reverse-mode differentiation of expressions over `f64` matrices.
//!
//! A [`Tape`] records what is computed; [`Tape::backward`] walks it from the end and gives the slope of one number with respect to
//! everything before it. One entry is a whole matrix operation, so the record is short. It serves losses that are not worth a backward pass
//! by hand, and it is what passes by hand are tested against.

mod table;

pub use table::Table;

/// A recorded value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Var(usize);

/// A record of matrix operations.
///
/// ```
/// use shillproof_kernels::tape::{Table, Tape};
/// let mut tape = Tape::default();
/// let x = tape.leaf(Table::from_vec(1, 2, vec![3.0, -1.0]));
/// let y = tape.leaf(Table::from_vec(1, 2, vec![2.0, 5.0]));
/// let inner = tape.product(x, y); // x yᵀ
/// assert_eq!(tape.value(inner)[(0, 0)], 1.0);
/// let slopes = tape.backward(inner);
/// assert_eq!(slopes.of(x), tape.value(y));
/// ```
#[derive(Debug, Default)]
pub struct Tape {
    nodes: Vec<Node>,
}

#[derive(Debug)]
struct Node {
    value: Table,
    source: Source,
}

/// Where a value comes from.
#[derive(Debug)]
enum Source {
    Leaf,
    Rows(Var, Vec<u32>),
    Product(Var, Var),
    PlusRow(Var, Var),
    Hadamard(Var, Var),
    Beside(Var, Var),
    Relu(Var),
    BinaryCrossEntropy(Var, Vec<f64>),
}

/// The slopes of one number with respect to recorded values.
#[derive(Debug)]
pub struct Slopes(Vec<Table>);

impl Slopes {
    /// The slope with respect to `var`, of its shape.
    pub fn of(&self, var: Var) -> &Table {
        &self.0[var.0]
    }
}

impl Tape {
    /// A value that does not come from others.
    pub fn leaf(&mut self, value: Table) -> Var {
        self.push(value, Source::Leaf)
    }

    /// Rows of `table`, in the order of `rows`; a row may be taken several times.
    pub fn rows(&mut self, table: Var, rows: &[u32]) -> Var {
        let from = self.value(table);
        let mut out = Table::zeros(rows.len(), from.columns());
        for (at, &row) in rows.iter().enumerate() {
            out.row_mut(at).copy_from_slice(from.row(row as usize));
        }
        self.push(out, Source::Rows(table, rows.to_vec()))
    }

    /// `a bᵀ`.
    ///
    /// # Shapes
    /// As many columns in both.
    pub fn product(&mut self, a: Var, b: Var) -> Var {
        let value = self.value(a).times_transposed(self.value(b));
        self.push(value, Source::Product(a, b))
    }

    /// `a` with the row `row` added to each row.
    ///
    /// # Shapes
    /// `row`: one row.
    pub fn plus_row(&mut self, a: Var, row: Var) -> Var {
        let mut out = self.value(a).clone();
        for r in 0..out.rows() {
            for (cell, x) in out.row_mut(r).iter_mut().zip(self.value(row).row(0)) {
                *cell += x;
            }
        }
        self.push(out, Source::PlusRow(a, row))
    }

    /// `a ∘ b`, entry by entry.
    pub fn hadamard(&mut self, a: Var, b: Var) -> Var {
        let value = self.value(a).zip(self.value(b), |x, y| x * y);
        self.push(value, Source::Hadamard(a, b))
    }

    /// `[a ; b]`, columns side by side.
    pub fn beside(&mut self, a: Var, b: Var) -> Var {
        let (left, right) = (self.value(a), self.value(b));
        let mut out = Table::zeros(left.rows(), left.columns() + right.columns());
        for r in 0..left.rows() {
            let (to_left, to_right) = out.row_mut(r).split_at_mut(left.columns());
            to_left.copy_from_slice(left.row(r));
            to_right.copy_from_slice(right.row(r));
        }
        self.push(out, Source::Beside(a, b))
    }

    /// Negative entries become 0.
    pub fn relu(&mut self, a: Var) -> Var {
        let value = self.value(a).map(|x| x.max(0.0));
        self.push(value, Source::Relu(a))
    }

    /// The mean binary cross-entropy of logits against labels, one number.
    ///
    /// # Shapes
    /// `logits`: one column. `labels`: one number a row, 0 or 1.
    pub fn binary_cross_entropy(&mut self, logits: Var, labels: &[f64]) -> Var {
        let x = self.value(logits);
        let loss = |(r, y): (usize, &f64)| {
            let x = x[(r, 0)];
            x.max(0.0) - x * y + (-x.abs()).exp().ln_1p()
        };
        let mean = labels.iter().enumerate().map(loss).sum::<f64>() / labels.len() as f64;
        self.push(Table::from_vec(1, 1, vec![mean]), Source::BinaryCrossEntropy(logits, labels.to_vec()))
    }

    /// The value of `var`.
    pub fn value(&self, var: Var) -> &Table {
        &self.nodes[var.0].value
    }

    /// The slopes of `end`, one number, with respect to everything recorded before it.
    ///
    /// # Panics
    /// If `end` is not one number.
    pub fn backward(&self, end: Var) -> Slopes {
        let shape = (self.value(end).rows(), self.value(end).columns());
        assert_eq!(shape, (1, 1), "slopes are those of one number");
        let mut slopes: Vec<Table> =
            self.nodes.iter().map(|node| Table::zeros(node.value.rows(), node.value.columns())).collect();
        slopes[end.0][(0, 0)] = 1.0;
        for at in (0..=end.0).rev() {
            let (before, from) = slopes.split_at_mut(at);
            self.pass_back(&self.nodes[at].source, &from[0], before);
        }
        Slopes(slopes)
    }

    fn pass_back(&self, source: &Source, slope: &Table, before: &mut [Table]) {
        match source {
            Source::Leaf => {}
            Source::Rows(table, rows) => {
                for (at, &row) in rows.iter().enumerate() {
                    for (cell, x) in before[table.0].row_mut(row as usize).iter_mut().zip(slope.row(at)) {
                        *cell += x;
                    }
                }
            }
            Source::Product(a, b) => {
                before[a.0].add(&slope.times(self.value(*b)));
                before[b.0].add(&slope.transposed().times(self.value(*a)));
            }
            Source::PlusRow(a, row) => {
                before[a.0].add(slope);
                for r in 0..slope.rows() {
                    for (cell, x) in before[row.0].row_mut(0).iter_mut().zip(slope.row(r)) {
                        *cell += x;
                    }
                }
            }
            Source::Hadamard(a, b) => {
                before[a.0].add(&slope.zip(self.value(*b), |s, y| s * y));
                before[b.0].add(&slope.zip(self.value(*a), |s, x| s * x));
            }
            Source::Beside(a, b) => {
                let left = self.value(*a).columns();
                for r in 0..slope.rows() {
                    let (of_left, of_right) = slope.row(r).split_at(left);
                    for (to, from) in [(a, of_left), (b, of_right)] {
                        for (cell, x) in before[to.0].row_mut(r).iter_mut().zip(from) {
                            *cell += x;
                        }
                    }
                }
            }
            Source::Relu(a) => {
                before[a.0].add(&slope.zip(self.value(*a), |s, x| if x > 0.0 { s } else { 0.0 }));
            }
            Source::BinaryCrossEntropy(logits, labels) => {
                let scale = slope[(0, 0)] / labels.len() as f64;
                for (r, y) in labels.iter().enumerate() {
                    let x = self.value(*logits)[(r, 0)];
                    before[logits.0][(r, 0)] += scale * (1.0 / (1.0 + (-x).exp()) - y);
                }
            }
        }
    }

    fn push(&mut self, value: Table, source: Source) -> Var {
        self.nodes.push(Node { value, source });
        Var(self.nodes.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;
    use shillproof_core::Seed;

    /// Every operation at least once; table, weights and bias are what is differentiated.
    fn loss(leaves: &[Table]) -> (f64, Vec<Table>) {
        let mut tape = Tape::default();
        let vars: Vec<Var> = leaves.iter().map(|leaf| tape.leaf(leaf.clone())).collect();
        let [table, weights, bias, last] = vars[..] else { unreachable!() };
        let rows = tape.rows(table, &[0, 2, 2, 1]);
        let others = tape.rows(table, &[1, 1, 0, 2]);
        let both = tape.beside(rows, others);
        let product = tape.product(both, weights);
        let shifted = tape.plus_row(product, bias);
        let active = tape.relu(shifted);
        let mixed = tape.hadamard(rows, others);
        let all = tape.beside(active, mixed);
        let logits = tape.product(all, last);
        let loss = tape.binary_cross_entropy(logits, &[1.0, 0.0, 1.0, 0.0]);
        let slopes = tape.backward(loss);
        (tape.value(loss)[(0, 0)], vars.iter().map(|&var| slopes.of(var).clone()).collect())
    }

    #[test]
    fn slopes_match_finite_differences() {
        let mut rng = Seed::new(6).rng();
        let shapes = [(3, 2), (5, 4), (1, 5), (1, 7)];
        let leaves: Vec<Table> = shapes
            .map(|(r, c)| Table::from_vec(r, c, (0..r * c).map(|_| rng.random_range(-1.0..1.0)).collect()))
            .to_vec();
        let (_, slopes) = loss(&leaves);
        for (at, leaf) in leaves.iter().enumerate() {
            for cell in 0..leaf.as_slice().len() {
                let moved = |by: f64| {
                    let mut leaves = leaves.clone();
                    leaves[at].as_mut_slice()[cell] += by;
                    loss(&leaves).0
                };
                let want = (moved(1e-6) - moved(-1e-6)) / 2e-6;
                let got = slopes[at].as_slice()[cell];
                assert!((got - want).abs() < 1e-9, "leaf {at}, cell {cell}: {got} for {want}");
            }
            assert!(slopes[at].as_slice().iter().any(|s| s.abs() > 1e-3), "leaf {at} matters");
        }
    }

    #[test]
    #[should_panic(expected = "slopes are those of one number")]
    fn a_matrix_has_no_slope() {
        let mut tape = Tape::default();
        let x = tape.leaf(Table::zeros(2, 2));
        tape.backward(x);
    }
}
