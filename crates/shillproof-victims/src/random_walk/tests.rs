use shillproof_core::{Interactions, RatingScale, Seed, Triples};

use super::*;

/// Users 0 to 3, items 0 to 3; user 3 has nothing.
fn data(ratings: bool) -> Interactions {
    let cells = Triples {
        users: vec![0, 0, 1, 1, 2, 2],
        items: vec![0, 1, 1, 2, 2, 3],
        ratings: ratings.then(|| vec![5.0, 1.0, 2.0, 4.0, 3.0, 3.0]),
        times: None,
    };
    let scale = ratings.then(|| RatingScale::new(0.0, 5.0, 1.0).unwrap());
    Interactions::from_triples(4, 4, cells, scale).unwrap()
}

fn all_users() -> Vec<UserId> {
    (0..4).map(UserId).collect()
}

/// The power iteration as it is printed, one node after another, on the dense matrix of transitions.
fn by_power_iteration(data: &Interactions, recipe: &RandomWalk, weight: &[f64], user: usize) -> Vec<f64> {
    let (n, m) = (data.n_users(), data.n_items());
    let mut q = vec![vec![0.0; n + m]; n + m];
    for u in data.users() {
        for (item, rating) in data.row(u).iter() {
            q[u.index()][n + item.index()] = f64::from(rating);
            q[n + item.index()][u.index()] = weight[u.index()] * f64::from(rating);
        }
    }
    for row in &mut q {
        let total: f64 = row.iter().sum();
        if total > 0.0 {
            for x in row.iter_mut() {
                *x /= total;
            }
        } else if recipe.orientation == Orientation::Stationary {
            row[user] = 1.0;
        }
    }
    let mut p = vec![0.0; n + m];
    for _ in 0..200 {
        let mut next = vec![0.0; n + m];
        for x in 0..n + m {
            for y in 0..n + m {
                match recipe.orientation {
                    Orientation::Stationary => next[y] += q[x][y] * p[x],
                    Orientation::PaperLiteral => next[x] += q[x][y] * p[y],
                }
            }
        }
        p = next.iter().map(|x| (1.0 - recipe.restart) * x).collect();
        p[user] += recipe.restart;
    }
    p
}

#[test]
fn probabilities_are_those_of_the_printed_iteration() {
    // With user 1 silent, item 1 of user 0 still leads to user 0; with users 0 and 1 silent it leads nowhere.
    let weights = [vec![1.0f32; 4], vec![1.0, 0.0, 1.0, 1.0], vec![0.0, 0.0, 2.0, 1.0]];
    for orientation in [Orientation::Stationary, Orientation::PaperLiteral] {
        for restart in [0.1, 0.3, 0.8] {
            let recipe = RandomWalk { orientation, restart, tolerance: 1e-14 };
            for (data, weights) in weights.iter().flat_map(|w| [(data(false), w), (data(true), w)]) {
                let graph = WalkGraph::new(&data, Some(weights));
                let p = recipe.probabilities(&graph, &all_users());
                let weights: Vec<f64> = weights.iter().map(|&w| f64::from(w)).collect();
                for user in 0..4 {
                    let want = by_power_iteration(&data, &recipe, &weights, user);
                    let got = p.users.iter().chain(&p.items).map(|cells| cells[user]);
                    for (node, (want, got)) in want.iter().zip(got).enumerate() {
                        assert!(
                            (want - got).abs() < 1e-9,
                            "{recipe:?}, weights {weights:?}, user {user}, node {node}: {got} for {want}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn a_walk_is_somewhere() {
    let graph = WalkGraph::new(&data(true), None);
    let p = RandomWalk::default().probabilities(&graph, &all_users());
    for user in 0..4 {
        let total: f64 = p.users.iter().chain(&p.items).map(|cells| cells[user]).sum();
        assert!((total - 1.0).abs() < 1e-9, "{total}");
    }
    assert!((p.users[3][3] - 1.0).abs() < 1e-8, "who has nothing stays at home");
}

#[test]
fn ratings_of_zero_are_no_edges() {
    let mut cells = data(true).to_triples();
    cells.users.push(3);
    cells.items.push(0);
    cells.ratings.as_mut().unwrap().push(0.0);
    let scale = RatingScale::new(0.0, 5.0, 1.0).unwrap();
    let with = Interactions::from_triples(4, 4, cells, Some(scale)).unwrap();
    let p =
        |data: &Interactions| RandomWalk::default().probabilities(&WalkGraph::new(data, None), &all_users());
    assert_eq!(p(&with), p(&data(true)));
}

#[test]
fn a_dense_row_is_one_more_user() {
    let (data, ratings) = (data(true), [2.0, 0.5, 4.0, 0.0]);
    let (graph, recipe) =
        (WalkGraph::new(&data, None), RandomWalk { tolerance: 1e-13, ..RandomWalk::default() });
    let profile = shillproof_core::Profile {
        entries: (0..3).map(|i| (ItemId(i), ratings[i as usize] as f32)).collect(),
    };
    let fakes = shillproof_core::FakeProfiles { profiles: vec![profile], ..Default::default() };
    let longer = WalkGraph::new(&data.append(&fakes).unwrap(), None);
    for orientation in [Orientation::Stationary, Orientation::PaperLiteral] {
        let recipe = RandomWalk { orientation, ..recipe.clone() };
        let system = recipe.system(&graph, Some(&ratings));
        let rhs = recipe.restarts(&system, &graph, &all_users()[..3]);
        let mut p = system.start(&rhs);
        system.solve(&rhs, &mut p, recipe.tolerance);
        let want = recipe.probabilities(&longer, &all_users()[..3]);
        for (got, want) in p.users.iter().chain(&p.items).zip(want.users.iter().chain(&want.items)) {
            assert!(got.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-11), "{got:?} {want:?}");
        }
    }
}

#[test]
fn the_adjoint_is_the_transpose() {
    let graph = WalkGraph::new(&data(true), None);
    for orientation in [Orientation::Stationary, Orientation::PaperLiteral] {
        let recipe = RandomWalk { orientation, ..RandomWalk::default() };
        let solution = |system: WalkSystem<'_>, from: usize| -> Vec<f64> {
            let mut rhs = Nodes::<1>::zero(4, 4);
            let node = if from < 4 { &mut rhs.users[from] } else { &mut rhs.items[from - 4] };
            *node = [1.0];
            let mut x = system.start(&rhs);
            system.solve_one(&rhs, &mut x, 1e-13);
            x.users.iter().chain(&x.items).map(|cells| cells[0]).collect()
        };
        for (a, b) in [(0, 6), (1, 2), (5, 7), (4, 0)] {
            let forward = solution(recipe.system(&graph, None), a)[b];
            let backward = solution(recipe.adjoint(&graph, None), b)[a];
            assert!((forward - backward).abs() < 1e-11, "{orientation:?} {a} {b}: {forward} {backward}");
        }
        let mut e = Nodes::<1>::zero(4, 4);
        e.users[0] = [1.0];
        let total: f64 = recipe.system(&graph, None).step(&e).items.iter().map(|cells| cells[0]).sum();
        assert!(orientation == Orientation::PaperLiteral || (total - 1.0).abs() < 1e-12);
    }
}

#[test]
fn fitting_and_scoring_see_the_same_graph() {
    let data = data(true);
    let model = RandomWalk::default().fit(&FitJob::new(&data), &Ctx::new(Seed::new(1))).unwrap();
    let mut row = vec![0.0; 4];
    model.scorer().unwrap().score(UserId(0), None, &mut row);
    let p = RandomWalk::default().probabilities(&WalkGraph::new(&data, None), &[UserId(0)]);
    assert_eq!(row, p.items.iter().map(|cells| cells[0] as f32).collect::<Vec<_>>());
    assert!(row[2] > row[3] && row[3] > 0.0, "nearer items have more of the walk: {row:?}");
}
