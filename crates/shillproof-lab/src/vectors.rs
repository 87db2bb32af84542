//! User vectors of a factorisation trained with the fake users: how well they hide among the genuine ones.

use bhtsne::tSNE;
use nalgebra::{DMatrix, SymmetricEigen};
use plotters::prelude::*;
use rand::seq::{SliceRandom, index};
use shillproof_core::{Ctx, FakeProfiles, FitJob, Interactions, Seed, UserId};
use shillproof_victims::Wrmf;
use smartcore::linalg::basic::arrays::Array;
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::linear::logistic_regression::{LogisticRegression, LogisticRegressionParameters};

use crate::metrics::auroc;
use crate::stats::mean;
use crate::trial::TrialError;

/// Genuine users beside the fake ones (Zhang et al., KDD 2021, figure 5).
const GENUINE: usize = 512;
/// Nearest vectors looked at.
const NEIGHBOURS: usize = 10;
const FOLDS: usize = 5;
/// Ridge of the logistic regression: as in scikit-learn.
const RIDGE: f64 = 1.0;
const PERPLEXITY: f64 = 30.0;
/// Pixels of the map.
const SIZE: (u32, u32) = (640, 640);
const GREY: RGBColor = RGBColor(120, 120, 120);
const CRIMSON: RGBColor = RGBColor(190, 30, 45);

/// Vectors of fake users and of genuine ones drawn at random.
#[derive(Clone, Debug, PartialEq)]
pub struct UserVectors {
    /// Genuine users first.
    vectors: Vec<Vec<f64>>,
    genuine: usize,
}

/// Three numbers between fake users who cannot be told from genuine ones and those who stand apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Apartness {
    /// Mean silhouette of the two groups, -1 to 1: about 0 or below where they are mixed.
    pub silhouette: f64,
    /// Share of fake users among the 10 nearest of a fake user, 0 to 1.
    pub neighbours: f64,
    /// Area under the ROC curve of a logistic regression on the vectors, over five folds; none with fewer than five users of a kind.
    pub auroc: Option<f64>,
}

impl UserVectors {
    /// Trains `wrmf` with its defaults on genuine and fake users; none where a group has fewer than two.
    ///
    /// # Errors
    /// If training fails, or somebody asks to stop.
    pub fn train(
        log: &Interactions,
        fakes: &FakeProfiles,
        seed: Seed,
        ctx: &Ctx<'_>,
    ) -> Result<Option<Self>, TrialError> {
        let all = log.append(fakes)?;
        let model = Wrmf::default().fit_model(&FitJob::new(&all), &ctx.at(seed.child("training")))?;
        let users: Vec<UserId> = log.users().filter(|&u| !log.row(u).is_empty()).collect();
        let mut drawn =
            index::sample(&mut seed.child("genuine").rng(), users.len(), users.len().min(GENUINE)).into_vec();
        drawn.sort_unstable();
        let of = |user: usize| model.users().row(user).iter().map(|&x| f64::from(x)).collect();
        let chosen = drawn.iter().map(|&at| users[at].index());
        let vectors: Vec<Vec<f64>> = chosen.chain(log.n_users()..all.n_users()).map(of).collect();
        Ok(Self::new(vectors, drawn.len()))
    }

    fn new(vectors: Vec<Vec<f64>>, genuine: usize) -> Option<Self> {
        (genuine >= 2 && vectors.len() >= genuine + 2).then_some(Self { vectors, genuine })
    }

    fn is_fake(&self, at: usize) -> bool {
        at >= self.genuine
    }

    /// How far fake users stand apart.
    pub fn apartness(&self, seed: Seed) -> Apartness {
        let n = self.vectors.len();
        let distances: Vec<Vec<f64>> =
            (0..n).map(|a| (0..n).map(|b| distance(&self.vectors[a], &self.vectors[b])).collect()).collect();
        let silhouettes: Vec<f64> = (0..n)
            .map(|at| {
                let to = |fake: bool| {
                    let others: Vec<f64> = (0..n)
                        .filter(|&o| o != at && self.is_fake(o) == fake)
                        .map(|o| distances[at][o])
                        .collect();
                    mean(&others).unwrap_or(0.0)
                };
                let (own, other) = (to(self.is_fake(at)), to(!self.is_fake(at)));
                if own.max(other) > 0.0 { (other - own) / own.max(other) } else { 0.0 }
            })
            .collect();
        let near: Vec<f64> = (self.genuine..n)
            .map(|at| {
                let mut order: Vec<usize> = (0..n).filter(|&o| o != at).collect();
                order.sort_by(|&a, &b| distances[at][a].total_cmp(&distances[at][b]).then(a.cmp(&b)));
                order.truncate(NEIGHBOURS);
                order.iter().filter(|&&o| self.is_fake(o)).count() as f64 / order.len() as f64
            })
            .collect();
        Apartness {
            silhouette: mean(&silhouettes).unwrap_or(0.0),
            neighbours: mean(&near).unwrap_or(0.0),
            auroc: self.auroc(seed),
        }
    }

    /// Every vector is scored by a regression that has not seen it.
    fn auroc(&self, seed: Seed) -> Option<f64> {
        let n = self.vectors.len();
        if self.genuine.min(n - self.genuine) < FOLDS {
            return None;
        }
        let mut rng = seed.child("folds").rng();
        let mut fold = vec![0; n];
        for group in [0..self.genuine, self.genuine..n] {
            let mut order: Vec<usize> = group.collect();
            order.shuffle(&mut rng);
            for (place, at) in order.into_iter().enumerate() {
                fold[at] = place % FOLDS;
            }
        }
        let standard = self.standardised();
        let mut scores = vec![0.0; n];
        for held_out in 0..FOLDS {
            let rows: Vec<usize> = (0..n).filter(|&at| fold[at] != held_out).collect();
            let x = DenseMatrix::from_2d_vec(&rows.iter().map(|&at| standard[at].clone()).collect()).ok()?;
            let y: Vec<i32> = rows.iter().map(|&at| i32::from(self.is_fake(at))).collect();
            let parameters = LogisticRegressionParameters::default().with_alpha(RIDGE);
            let model = LogisticRegression::fit(&x, &y, parameters).ok()?;
            for at in (0..n).filter(|&at| fold[at] == held_out) {
                let dot = standard[at].iter().enumerate().map(|(k, v)| v * model.coefficients().get((0, k)));
                scores[at] = dot.sum::<f64>() + model.intercept().get((0, 0));
            }
        }
        auroc(&scores[..self.genuine], &scores[self.genuine..])
    }

    /// Every coordinate with mean 0 and deviation 1.
    fn standardised(&self) -> Vec<Vec<f64>> {
        let (n, d) = (self.vectors.len() as f64, self.vectors[0].len());
        let mut out = self.vectors.clone();
        for k in 0..d {
            let mean = out.iter().map(|v| v[k]).sum::<f64>() / n;
            let deviation = (out.iter().map(|v| (v[k] - mean).powi(2)).sum::<f64>() / n).sqrt();
            for v in &mut out {
                v[k] = if deviation > 0.0 { (v[k] - mean) / deviation } else { 0.0 };
            }
        }
        out
    }

    /// Places on a map by t-SNE, exact, perplexity 30, 1,000 iterations, started from the two principal components.
    pub fn map(&self) -> Vec<[f64; 2]> {
        let data: Vec<&[f64]> = self.vectors.iter().map(Vec::as_slice).collect();
        // The library takes at most a third of the points for neighbours.
        let perplexity = PERPLEXITY.min(((data.len() - 1) / 3) as f64).max(1.0);
        let start: Vec<f64> = self.principal().into_iter().flatten().collect();
        let place = || {
            tSNE::<f64, &[f64]>::new(&data)
                .perplexity(perplexity)
                .epochs(1000)
                .initial_embedding(start)
                .exact(|a, b| distance(a, b).powi(2))
                .embedding()
                .as_chunks::<2>()
                .0
                .to_vec()
        };
        // The library adds up in the order in which threads come; one thread has one order.
        match rayon::ThreadPoolBuilder::new().num_threads(1).build() {
            Ok(pool) => pool.install(place),
            Err(_) => place(),
        }
    }

    /// The first two principal components, scaled to a deviation of 1e-4 in the first.
    fn principal(&self) -> Vec<[f64; 2]> {
        let (n, d) = (self.vectors.len(), self.vectors[0].len());
        let mut x = DMatrix::from_fn(n, d, |r, c| self.vectors[r][c]);
        for mut column in x.column_iter_mut() {
            let mean = column.mean();
            column.add_scalar_mut(-mean);
        }
        let eigen = SymmetricEigen::new(x.transpose() * &x);
        let mut order: Vec<usize> = (0..d).collect();
        order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
        let along = |k: usize| (k < d).then(|| &x * eigen.eigenvectors.column(order[k]));
        let (first, second) = (along(0), along(1));
        let scale =
            first.as_ref().map_or(1.0, |f| 1e-4 / (f.norm() / (n as f64).sqrt()).max(f64::MIN_POSITIVE));
        let value =
            |column: &Option<nalgebra::DVector<f64>>, r: usize| column.as_ref().map_or(0.0, |c| c[r] * scale);
        (0..n).map(|r| [value(&first, r), value(&second, r)]).collect()
    }

    /// The map as an SVG: genuine users as grey dots, fake ones as red crosses.
    pub fn draw(&self) -> String {
        let mut svg = String::new();
        self.draw_into(&mut svg).expect("invariant: drawing into a text does not fail");
        svg
    }

    fn draw_into(&self, svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
        let map = self.map();
        let reach = map.iter().flatten().fold(f64::MIN_POSITIVE, |most, x| most.max(x.abs())) * 1.05;
        let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .margin(16)
            .caption("User vectors by t-SNE: genuine (dots) and fake (crosses)", ("sans-serif", 18))
            .build_cartesian_2d(-reach..reach, -reach..reach)?;
        let (genuine, fake) = map.split_at(self.genuine);
        chart.draw_series(genuine.iter().map(|&[x, y]| Circle::new((x, y), 3, GREY.filled())))?;
        chart.draw_series(fake.iter().map(|&[x, y]| Cross::new((x, y), 5, CRIMSON.stroke_width(2))))?;
        area.present()?;
        Ok(())
    }
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;

    /// 40 genuine and 20 fake users in three dimensions, the fake ones `apart` from the others.
    fn vectors(apart: f64) -> UserVectors {
        let mut rng = Seed::new(3).rng();
        let mut one = |shift: f64| (0..3).map(|_| rng.random_range(-1.0..1.0) + shift).collect();
        let all = (0..60).map(|at| one(if at < 40 { 0.0 } else { apart })).collect();
        UserVectors::new(all, 40).unwrap()
    }

    #[test]
    fn users_apart_are_told_and_users_alike_are_not() {
        let apart = vectors(4.0).apartness(Seed::new(1));
        assert!(apart.silhouette > 0.6 && apart.neighbours == 1.0 && apart.auroc == Some(1.0), "{apart:?}");
        let mixed = vectors(0.0).apartness(Seed::new(1));
        assert!(mixed.silhouette.abs() < 0.1 && mixed.neighbours < 0.6, "{mixed:?}");
        assert!(mixed.auroc.is_some_and(|area| (0.2..0.75).contains(&area)), "{mixed:?}");
    }

    #[test]
    fn the_silhouette_is_that_of_its_definition() {
        let line = |x: f64| vec![x];
        let four = UserVectors::new(vec![line(0.0), line(1.0), line(4.0), line(6.0)], 2).unwrap();
        // (5 − 1)/5, (4 − 1)/4, (3.5 − 2)/3.5, (5.5 − 2)/5.5
        let want = (0.8 + 0.75 + 1.5 / 3.5 + 3.5 / 5.5) / 4.0;
        let found = four.apartness(Seed::new(1));
        assert!((found.silhouette - want).abs() < 1e-12);
        assert_eq!((found.neighbours, found.auroc), (1.0 / 3.0, None));
    }

    #[test]
    fn a_map_keeps_groups_apart_and_is_the_same_every_time() {
        let vectors = vectors(6.0);
        let map = vectors.map();
        assert_eq!(map, vectors.map());
        let on_map = UserVectors::new(map.iter().map(|at| at.to_vec()).collect(), 40).unwrap();
        assert!(on_map.apartness(Seed::new(1)).silhouette > 0.5);
        let svg = vectors.draw();
        assert_eq!(svg.matches("<circle").count(), 40);
    }

    #[test]
    fn groups_of_one_have_no_vectors_to_compare() {
        assert!(UserVectors::new(vec![vec![0.0]; 5], 4).is_none());
    }
}
