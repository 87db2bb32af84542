//! How parameters start.

use shillproof_core::Seed;

use crate::matrix::Matrix;

/// The distribution of a layer's first weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// N(0, `deviation`²).
    Normal {
        /// Standard deviation.
        deviation: f32,
    },
    /// Uniform between −`bound` and `bound`.
    Uniform {
        /// Largest absolute value.
        bound: f32,
    },
    /// Uniform with bound 1/√inputs: the Kaiming rule with a = √5, PyTorch's default for dense layers, weights and biases alike.
    KaimingUniform,
    /// Uniform with bound √(6 / (inputs + outputs)) (Glorot and Bengio, AISTATS 2010, eq. 16).
    XavierUniform,
}

impl Init {
    /// Weights of a layer. Row `i` is drawn from `seed.index(i)` and does not depend on how many rows there are, unless the bound does.
    ///
    /// # Shapes
    /// The result: `outputs` rows of `inputs`.
    ///
    /// ```
    /// use shillproof_core::Seed;
    /// use shillproof_kernels::nn::Init;
    /// let weights = Init::KaimingUniform.weights(8, 16, Seed::new(1));
    /// assert_eq!((weights.rows(), weights.columns()), (8, 16));
    /// assert!(weights.as_slice().iter().all(|w| w.abs() <= 0.25));
    /// ```
    pub fn weights(self, outputs: usize, inputs: usize, seed: Seed) -> Matrix {
        match self {
            Self::Normal { deviation } => Matrix::normal(outputs, inputs, deviation, seed),
            _ => Matrix::uniform(outputs, inputs, self.bound(outputs, inputs), seed),
        }
    }

    /// Biases of a layer with `inputs` inputs; `Normal` and `XavierUniform` start from 0, as is customary.
    ///
    /// # Shapes
    /// The result: `outputs` numbers.
    pub fn biases(self, outputs: usize, inputs: usize, seed: Seed) -> Vec<f32> {
        match self {
            Self::Normal { .. } | Self::XavierUniform => vec![0.0; outputs],
            _ => Matrix::uniform(1, outputs, self.bound(outputs, inputs), seed).as_slice().to_vec(),
        }
    }

    fn bound(self, outputs: usize, inputs: usize) -> f32 {
        match self {
            Self::Normal { .. } => 0.0,
            Self::Uniform { bound } => bound,
            Self::KaimingUniform => 1.0 / (inputs.max(1) as f32).sqrt(),
            Self::XavierUniform => (6.0 / (inputs + outputs).max(1) as f32).sqrt(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deviations_are_those_of_the_distributions() {
        let (outputs, inputs) = (200, 100);
        for (init, deviation) in [
            (Init::Normal { deviation: 0.01 }, 0.01),
            (Init::Uniform { bound: 0.5 }, 0.5 / 3f64.sqrt()),
            (Init::KaimingUniform, 0.1 / 3f64.sqrt()),
            (Init::XavierUniform, (2.0f64 / 300.0).sqrt()),
        ] {
            let weights = init.weights(outputs, inputs, Seed::new(3));
            let measured = (weights.squared_norm() / (outputs * inputs) as f64).sqrt();
            // 20,000 draws: the standard error is below 0.5 %.
            assert!((measured / deviation - 1.0).abs() < 0.02, "{init:?}: {measured} for {deviation}");
            let biases = init.biases(outputs, inputs, Seed::new(4));
            assert_eq!(
                biases.iter().any(|b| *b != 0.0),
                matches!(init, Init::Uniform { .. } | Init::KaimingUniform)
            );
        }
    }
}
