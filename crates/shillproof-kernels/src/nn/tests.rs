//! Layers against the tape, at sizes that are no multiples of anything.

use shillproof_core::Seed;

use super::*;
use crate::matrix::Matrix;
use crate::panels::Panels;
use crate::tape::{Table, Tape, Var};

/// Samples, and columns of the two blocks of the input, of the hidden layer, and of a part that goes to the output directly.
const SHAPES: [(usize, [usize; 2], usize, usize); 4] =
    [(1, [1, 1], 1, 1), (16, [16, 32], 16, 16), (37, [5, 19], 17, 3), (50, [33, 2], 40, 18)];

fn wide(matrix: &Matrix) -> Table {
    let values = matrix.as_slice().iter().map(|&x| f64::from(x)).collect();
    Table::from_vec(matrix.rows(), matrix.columns(), values)
}

fn line(values: &[f32]) -> Table {
    Table::from_vec(1, values.len(), values.iter().map(|&x| f64::from(x)).collect())
}

/// Rows of matrices side by side, each from its own panel on.
fn panels(parts: &[&Matrix]) -> Panels {
    let width = parts.iter().map(|part| part.columns().next_multiple_of(16)).sum();
    let mut out = Panels::zeros(parts[0].rows().next_multiple_of(16), width);
    for row in 0..parts[0].rows() {
        let mut panel = 0;
        for part in parts {
            out.write(row, panel, part.row(row));
            panel += part.columns().div_ceil(16);
        }
    }
    out
}

fn check(name: &str, got: &Table, want: &Table) {
    for (got, want) in got.as_slice().iter().zip(want.as_slice()) {
        assert!((got - want).abs() < 1e-5 * (1.0 + want.abs()), "{name}: {got} for {want}");
    }
}

#[test]
fn forward_and_backward_are_those_of_the_tape() {
    for (n, blocks, hidden, direct) in SHAPES {
        let draw = |rows, columns, name| Matrix::normal(rows, columns, 0.6, Seed::new(7).child(name));
        let inputs = [draw(n, blocks[0], "a"), draw(n, blocks[1], "b"), draw(n, direct, "c")];
        let weights = draw(hidden, blocks[0] + blocks[1], "w");
        let bias = draw(1, hidden, "bias");
        let last = draw(1, hidden + direct, "last");
        let labels: Vec<bool> = (0..n).map(|r| r % 3 == 0).collect();

        let mut tape = Tape::default();
        let vars: Vec<Var> =
            inputs.iter().chain([&weights, &bias, &last]).map(|m| tape.leaf(wide(m))).collect();
        let offset = tape.leaf(line(&[0.25]));
        let x = tape.beside(vars[0], vars[1]);
        let product = tape.product(x, vars[3]);
        let shifted = tape.plus_row(product, vars[4]);
        let z = tape.relu(shifted);
        let all = tape.beside(z, vars[2]);
        let product = tape.product(all, vars[5]);
        let logits = tape.plus_row(product, offset);
        let numbers: Vec<f64> = labels.iter().map(|&y| f64::from(u8::from(y))).collect();
        let loss = tape.binary_cross_entropy(logits, &numbers);
        let slopes = tape.backward(loss);

        let mut dense = Dense::new(&blocks, &weights, bias.row(0));
        let mut output = Output::new(&[hidden, direct], last.row(0), 0.25);
        let (x, part) = (panels(&[&inputs[0], &inputs[1]]), panels(&[&inputs[2]]));
        let mut z = Panels::zeros(x.rows(), hidden);
        dense.forward(&x, n, &mut z);
        z.relu(n);
        let mut got = vec![f32::NAN; n];
        output.forward(&[&z, &part], &mut got);
        check("logits", &line(&got), tape.value(logits));

        let at: Vec<LogitLoss> = got.iter().zip(&labels).map(|(&x, &y)| binary_cross_entropy(x, y)).collect();
        let down: Vec<f32> = at.iter().map(|l| l.slope / n as f32).collect();
        let (mut of_z, mut of_part) = (z.clone(), part.clone());
        output.backward(&[&z, &part], &down, &mut [&mut of_z, &mut of_part]);
        of_z.relu_backward(&z, n);
        let mut of_x = x.clone();
        dense.backward(&x, &of_z, n, Some(&mut of_x));
        let (of_weights, of_bias) = dense.gradient();
        check("weights", &wide(&of_weights), slopes.of(vars[3]));
        check("bias", &line(&of_bias), slopes.of(vars[4]));
        let (of_last, of_offset) = output.gradient();
        check("last weights", &line(&of_last), slopes.of(vars[5]));
        check("offset", &line(&[of_offset]), slopes.of(offset));
        let read = |from: &Panels, panel: usize, columns: usize| {
            let mut out = Matrix::zeros(n, columns);
            (0..n).for_each(|row| from.read(row, panel, out.row_mut(row)));
            wide(&out)
        };
        check("first block", &read(&of_x, 0, blocks[0]), slopes.of(vars[0]));
        check("second block", &read(&of_x, blocks[0].div_ceil(16), blocks[1]), slopes.of(vars[1]));
        check("direct part", &read(&of_part, 0, direct), slopes.of(vars[2]));

        // A second pass adds, a step clears, and what is moved is what is read.
        dense.backward(&x, &of_z, n, None);
        let twice = Matrix::from_slice(
            hidden,
            weights.columns(),
            &of_weights.as_slice().iter().map(|g| 2.0 * g).collect::<Vec<_>>(),
        );
        check("added", &wide(&dense.gradient().0), &wide(&twice.unwrap()));
        let mut steps = AdamSteps::new(0.5, 0.0, Untouched::Coast);
        steps.advance();
        dense.step(steps.update());
        output.step(steps.update());
        assert!(dense.gradient().0.as_slice().iter().chain(&output.gradient().0).all(|&g| g == 0.0));
        let moved = |before: f32, g: f32| before - 0.5 * g / (g.abs() + 1e-8);
        let want: Vec<f32> = bias.row(0).iter().zip(&of_bias).map(|(&b, &g)| moved(b, 2.0 * g)).collect();
        check("moved bias", &line(&dense.bias()), &line(&want));
        let want: Vec<f32> = last.row(0).iter().zip(&of_last).map(|(&b, &g)| moved(b, g)).collect();
        check("moved output", &line(&output.weights().0), &line(&want));
        // The way back uses the new weights too.
        let mut ones = Panels::zeros(x.rows(), hidden);
        ones.write(0, 0, &vec![1.0; hidden]);
        dense.backward(&x, &ones, 1, Some(&mut of_x));
        let mut row = vec![0.0; blocks[0]];
        of_x.read(0, 0, &mut row);
        let sums: Vec<f32> =
            (0..blocks[0]).map(|i| (0..hidden).map(|o| dense.weights().row(o)[i]).sum()).collect();
        check("way back", &line(&row), &line(&sums));
    }
}
