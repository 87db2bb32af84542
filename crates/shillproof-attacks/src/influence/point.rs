//! A fitted factorisation, as the influence formulas read it.

use crate::mf::vector::dot;
use crate::mf::{Blocks, Problem, Theta};

/// Factors at (or near) a minimum, with the factorised diagonal blocks of half the Hessian.
pub(super) struct Point<'a> {
    pub(super) problem: &'a Problem,
    pub(super) theta: &'a Theta,
    pub(super) blocks: Blocks,
}

impl<'a> Point<'a> {
    pub(super) fn new(problem: &'a Problem, theta: &'a Theta) -> Self {
        Self { problem, theta, blocks: problem.blocks(theta) }
    }

    pub(super) fn user(&self, u: usize) -> &[f64] {
        self.theta.users.row(u)
    }

    pub(super) fn item(&self, i: usize) -> &[f64] {
        self.theta.items.row(i)
    }

    /// A_u⁻¹v.
    pub(super) fn user_solve(&self, u: usize, v: &[f64]) -> Vec<f64> {
        let mut v = v.to_vec();
        self.blocks.solve_user(self.problem, u, &mut v);
        v
    }

    /// B_i⁻¹v.
    pub(super) fn item_solve(&self, i: usize, v: &[f64]) -> Vec<f64> {
        let mut v = v.to_vec();
        self.blocks.solve_item(self.problem, i, &mut v);
        v
    }

    /// Weight and weighted residual of every cell of item `i` that is in the objective, users ascending.
    pub(super) fn cells(&self, i: usize) -> impl Iterator<Item = (usize, f64, f64)> + '_ {
        let raters = self.problem.by_item().columns(i);
        let all = self.problem.weights().base > 0.0;
        let mut next = 0;
        let everybody = (0..if all { self.problem.n_users() } else { 0 }).map(move |u| {
            let observed = raters.get(next) == Some(&(u as u32));
            next += usize::from(observed);
            if observed { self.observed(u, i, next - 1) } else { self.other(u, i) }
        });
        let only = if all { 0 } else { raters.len() };
        (0..only).map(move |at| self.observed(raters[at] as usize, i, at)).chain(everybody)
    }

    /// Weight and weighted residual of one cell, if it is in the objective.
    pub(super) fn cell(&self, u: usize, i: usize) -> Option<(f64, f64)> {
        let (_, weight, residual) = match self.problem.by_item().columns(i).binary_search(&(u as u32)) {
            Ok(at) => self.observed(u, i, at),
            Err(_) if self.problem.weights().base > 0.0 => self.other(u, i),
            Err(_) => return None,
        };
        Some((weight, residual))
    }

    /// e of an edge, such that the gradient of what its removal takes out of the objective is −2e∇(x_uᵀy_i); the cell becomes one
    /// of the unobserved.
    pub(super) fn lead(&self, u: usize, i: usize) -> f64 {
        let residual = self.cell(u, i).map_or(0.0, |c| c.1);
        residual + self.problem.weights().base * dot(self.user(u), self.item(i))
    }

    fn observed(&self, u: usize, i: usize, at: usize) -> (usize, f64, f64) {
        let cells = self.problem.by_item();
        let (weight, value) = (cells.weight(i)[at], cells.value(i)[at]);
        (u, weight, weight * (value - dot(self.user(u), self.item(i))))
    }

    fn other(&self, u: usize, i: usize) -> (usize, f64, f64) {
        let base = self.problem.weights().base;
        (u, base, -base * dot(self.user(u), self.item(i)))
    }
}
