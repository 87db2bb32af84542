//! One value a user, with its population.

use shillproof_core::{Audience, UserId};

use super::MetricError;
use crate::stats::Divisor;

/// A metric before its mean: one value for every genuine user of its population, none for the others.
#[derive(Clone, Debug, PartialEq)]
pub struct PerUser {
    values: Vec<Option<f64>>,
}

impl PerUser {
    /// Values of the genuine users `0..n_users`; `None` puts a user outside the population.
    pub(super) fn of(n_users: usize, value: impl FnMut(UserId) -> Option<f64>) -> Self {
        Self { values: (0..n_users as u32).map(UserId).map(value).collect() }
    }

    /// Mean over the population, summed in the order of users; none over an empty one.
    pub fn mean(&self) -> Option<f64> {
        let n = self.population();
        (n > 0).then(|| self.values.iter().flatten().sum::<f64>() / n as f64)
    }

    /// Standard error of [`PerUser::mean`] over users drawn like these; none of fewer than two.
    pub fn standard_error(&self) -> Option<f64> {
        let values: Vec<f64> = self.values.iter().flatten().copied().collect();
        crate::stats::std(&values, Divisor::Sample).map(|spread| spread / (values.len() as f64).sqrt())
    }

    /// Number of users in the population.
    pub fn population(&self) -> usize {
        self.values.iter().flatten().count()
    }

    /// The value of one user; none outside the population.
    pub fn get(&self, user: UserId) -> Option<f64> {
        self.values.get(user.index()).copied().flatten()
    }

    /// Users of the population with their values, in the order of ids.
    pub fn iter(&self) -> impl Iterator<Item = (UserId, f64)> + '_ {
        self.values.iter().enumerate().filter_map(|(u, value)| value.map(|v| (UserId(u as u32), v)))
    }

    /// The same metric over the users of `audience` alone; a user named twice counts once.
    ///
    /// # Errors
    /// If the audience names somebody who is not a genuine user.
    pub fn over(&self, audience: &Audience) -> Result<Self, MetricError> {
        let Audience::Users(users) = audience else { return Ok(self.clone()) };
        let mut values = vec![None; self.values.len()];
        for &user in users {
            let cell = values
                .get_mut(user.index())
                .ok_or(MetricError::Audience { user, n_genuine: self.values.len() })?;
            *cell = self.values[user.index()];
        }
        Ok(Self { values })
    }
}
