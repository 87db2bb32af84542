//! Kinds of genuine users, so that a report can say who is easy to reach.

use shillproof_core::{Interactions, ItemId, UserId};

/// A kind of user and its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserGroup {
    /// What its members share.
    pub name: &'static str,
    /// Members, ascending.
    pub members: Vec<UserId>,
}

/// Names of the kinds in the order of [`user_groups`], by the trait that tells them apart.
pub const TRAITS: [(&str, &[&str]); 3] = [
    ("profile length", &["short profile", "medium profile", "long profile"]),
    ("taste", &["niche taste", "mixed taste", "mainstream taste"]),
    ("closeness to the target", &["far from the target", "near the target"]),
];

/// Users by profile length and by the popularity of what they took (thirds each), and by closeness
/// to `target`: the nearest third of all users, among those who have any tie to it.
///
/// Closeness of user u to target t is the mean over u's items j of the cosine similarity
/// c_tj / sqrt(c_t c_j), with c_tj the users who have both.
pub fn user_groups(train: &Interactions, target: ItemId) -> Vec<UserGroup> {
    let counts = train.item_counts();
    let mean_over_items = |value: &dyn Fn(ItemId) -> f64| -> Vec<f64> {
        let of_row = |row: shillproof_core::Row<'_>| {
            row.items().iter().map(|&i| value(i)).sum::<f64>() / row.len().max(1) as f64
        };
        train.rows().map(of_row).collect()
    };

    let lengths: Vec<f64> = train.rows().map(|row| row.len() as f64).collect();
    let taste = mean_over_items(&|i| f64::from(counts[i.index()]));
    let together = taken_together(train, target);
    let closeness = mean_over_items(&|i| {
        if i == target {
            return 0.0;
        }
        let both = f64::from(counts[target.index()]) * f64::from(counts[i.index()]);
        f64::from(together[i.index()]) / both.sqrt().max(1.0)
    });

    let mut groups = Vec::new();
    for (values, names) in [(&lengths, TRAITS[0].1), (&taste, TRAITS[1].1)] {
        let cuts = [quantile(values, 1.0 / 3.0), quantile(values, 2.0 / 3.0)];
        let third = |v: f64| usize::from(v > cuts[0]) + usize::from(v > cuts[1]);
        groups.extend(names.iter().enumerate().map(|(g, name)| members(name, values, |v| third(v) == g)));
    }
    let cut = quantile(&closeness, 2.0 / 3.0);
    let near = |v: f64| v > 0.0 && v >= cut;
    groups.push(members(TRAITS[2].1[0], &closeness, |v| !near(v)));
    groups.push(members(TRAITS[2].1[1], &closeness, near));
    groups
}

fn members(name: &'static str, values: &[f64], belongs: impl Fn(f64) -> bool) -> UserGroup {
    let members = values.iter().enumerate().filter(|(_, v)| belongs(**v)).map(|(u, _)| UserId(u as u32));
    UserGroup { name, members: members.collect() }
}

/// For each item, how many users have it together with `target`.
fn taken_together(train: &Interactions, target: ItemId) -> Vec<u32> {
    let mut together = vec![0; train.n_items()];
    for row in train.rows().filter(|row| row.contains(target)) {
        for item in row.items() {
            together[item.index()] += 1;
        }
    }
    together
}

fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
        .get(((sorted.len() as f64 * q) as usize).min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shillproof_core::Triples;

    fn data(rows: &[&[u32]]) -> Interactions {
        let users = rows.iter().enumerate().flat_map(|(u, r)| vec![u as u32; r.len()]).collect();
        let items = rows.concat();
        Interactions::from_triples(rows.len(), 6, Triples { users, items, ..Triples::default() }, None)
            .unwrap()
    }

    fn group<'a>(groups: &'a [UserGroup], name: &str) -> &'a [UserId] {
        &groups.iter().find(|g| g.name == name).unwrap().members
    }

    #[test]
    fn each_trait_is_a_partition() {
        let train = data(&[&[0], &[0, 1], &[0, 1, 2], &[3], &[3, 4, 5], &[]]);
        let groups = user_groups(&train, ItemId(2));
        for (_, names) in TRAITS {
            let mut all: Vec<UserId> = names.iter().flat_map(|n| group(&groups, n).to_vec()).collect();
            all.sort_unstable();
            assert_eq!(all, train.users().collect::<Vec<_>>());
        }
    }

    #[test]
    fn near_users_share_taste_with_those_who_took_the_target() {
        let train = data(&[&[0, 1, 2], &[0, 1], &[3, 4], &[3, 5], &[4, 5], &[3]]);
        let groups = user_groups(&train, ItemId(2));
        assert_eq!(group(&groups, "near the target"), [UserId(0), UserId(1)]);
        assert_eq!(group(&groups, "far from the target").len(), 4);
    }

    #[test]
    fn nobody_is_near_a_target_without_interactions() {
        let train = data(&[&[0, 1], &[1], &[3]]);
        assert!(group(&user_groups(&train, ItemId(5)), "near the target").is_empty());
    }
}
