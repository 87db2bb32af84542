//! Which targets and which users are easy to reach.

use maud::{Markup, html};

use super::estimate;
use crate::audit::{Audit, WeakItem, WeakUsers};
use crate::report::html::{Column, Data, Strip, StripChart, number, percent, table, with_interval};
use crate::report::part::weak::strips;

/// Bands of popularity, from the rarest quarter of the items to the most popular.
const BANDS: [(&str, f64); 4] =
    [("rarest quarter", 0.25), ("second", 0.5), ("third", 0.75), ("most popular quarter", 1.0)];

pub(super) fn weak(audit: &Audit) -> Markup {
    if audit.items.is_empty() {
        return html! {};
    }
    let attack = audit.strongest.as_deref().unwrap_or("no");
    let under = format!("{attack} attack, {}", audit.fake_users(audit.reference));
    let hit_ratio = format!("hit ratio @{}, share of users", audit.k);
    let users: Vec<(String, Vec<Strip>)> = audit
        .kinds()
        .into_iter()
        .map(|kind| (format!("Kinds of users, {kind} targets"), user_strips(audit, kind)))
        .collect();
    let mut charts = vec![StripChart {
        title: "Items by popularity",
        x_title: &hit_ratio,
        unit: "target",
        groups: item_strips(audit),
    }];
    charts.extend(users.iter().map(|(title, groups)| StripChart {
        title,
        x_title: &hit_ratio,
        unit: "target",
        groups: groups.clone(),
    }));
    let rows = audit.items.iter().map(|i| {
        vec![
            Data::text(&i.item),
            Data::text(&i.kind),
            Data::number(f64::from(i.interactions), i.interactions.to_string()),
            Data::number(i.popularity, percent(i.popularity)),
            Data::number(i.clean, number(i.clean)),
            estimate(&i.hit_ratio),
            reached_with(i),
        ]
    });
    let columns = [
        Column::text("Item"),
        Column::text("Drawn as"),
        Column::number("Interactions"),
        Column::number("Items no more popular"),
        Column::number("No attack"),
        Column::number("Attacked"),
        Column::number("Fake users for 1 %"),
    ];
    html! {
        (strips(&format!("Each mark is one target ({under}). Kinds of users are asked among those who do not have the target."), &charts))
        (reached(audit))
        details {
            summary { "Every target, from most to least reached" }
            p.soft { "“Fake users for 1 %”: the fewest, of the sizes above, with whom the target is in the top " (audit.k) " of 1 % of the users." }
            (table(&columns, &rows.collect::<Vec<_>>()))
        }
    }
}

/// What users with a target in their list have in common, beside those without.
fn reached(audit: &Audit) -> Markup {
    if audit.reached.is_empty() {
        return html! {};
    }
    let name = |characteristic: &str| match characteristic {
        "items" => "items that a user has",
        "popularity" => "users who have such an item",
        _ => "targets that a user has already",
    };
    let rows = audit.reached.iter().map(|of| {
        vec![
            Data::text(name(&of.characteristic)),
            Data::text(&of.kind),
            estimate(&of.reached),
            Data::count(of.reached.n),
            estimate(&of.spared),
            Data::count(of.spared.n),
        ]
    });
    let columns = [
        Column::text("Mean number of"),
        Column::text("Targets"),
        Column::number("Users who see a target"),
        Column::number("n"),
        Column::number("Users who do not"),
        Column::number("n"),
    ];
    html! {
        details {
            summary { "Users who are reached, beside those who are not" }
            p.soft { "Means over n targets, of users who see the target under the same attack and of all others." }
            (table(&columns, &rows.collect::<Vec<_>>()))
        }
    }
}

fn reached_with(item: &WeakItem) -> Data {
    item.reached_with.map_or_else(|| Data::number(f64::INFINITY, "more than tried"), Data::count)
}

fn item_strips(audit: &Audit) -> Vec<Strip> {
    let band = |item: &WeakItem| BANDS.iter().position(|(_, upto)| item.popularity <= *upto).unwrap_or(3);
    let label = |item: &WeakItem| {
        format!(
            "{} ({}, {} interactions): {}",
            item.item,
            item.kind,
            item.interactions,
            with_interval(item.hit_ratio.mean, item.hit_ratio.ci95)
        )
    };
    let strip = |(at, (name, _)): (usize, &(&str, f64))| {
        let own = audit.items.iter().filter(|item| band(item) == at);
        Strip {
            name: (*name).into(),
            values: own.map(|item| (item.hit_ratio.mean, label(item))).collect(),
            mean: None,
        }
    };
    BANDS.iter().enumerate().map(strip).collect()
}

fn user_strips(audit: &Audit, kind: &str) -> Vec<Strip> {
    let own = audit.users.iter().filter(|users| users.kind == kind);
    let strip = |users: &WeakUsers| Strip {
        name: users.group.clone(),
        values: users
            .per_target
            .iter()
            .map(|(target, hit)| (*hit, format!("{target}: {}", number(*hit))))
            .collect(),
        mean: Some((users.hit_ratio.mean, users.hit_ratio.ci95)),
    };
    own.map(strip).collect()
}
