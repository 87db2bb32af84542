//! The answer in words. Text and page say the same.

use super::{Accuracy, Audit, Caught, Damage, Price, PriceOfReach, SecurityCurve};
use crate::report::html::percent;
use crate::stats::mean;

impl Audit {
    /// The answer in one sentence.
    pub fn verdict(&self) -> String {
        let Some(strongest) = &self.strongest else {
            return "No attack ran to its end, so this audit says nothing about the recommender.".into();
        };
        if let Some(PriceOfReach { reach, price: Price::Found { fake_users, .. }, kind, attack, .. }) =
            named(&self.prices)
        {
            return format!(
                "{} put {} {kind} item into the top {} of 1 in {} of your users ({attack} attack){}.",
                self.fake_users(*fake_users),
                article(kind),
                self.k,
                (1.0 / reach).round(),
                self.raised().unwrap_or_default()
            );
        }
        if self.prices.is_empty() {
            return self.without_price(strongest);
        }
        let least = self.prices.iter().map(|p| p.reach).fold(f64::INFINITY, f64::min);
        let cap = self.prices.iter().find_map(|p| match p.price {
            Price::NotReached { cap, .. } => Some(cap),
            Price::Found { .. } => None,
        });
        match cap {
            Some(cap) => format!(
                "Not even {} put a target into the top {} of 1 in {} of your users (strongest attack: {strongest}).",
                self.fake_users(cap),
                self.k,
                (1.0 / least).round()
            ),
            None => format!(
                "The targets were in the top {} of 1 in {} of your users before any attack.",
                self.k,
                (1.0 / least).round()
            ),
        }
    }

    /// What the defense makes of the price that the verdict names.
    fn raised(&self) -> Option<String> {
        let raised = self.guarded_price.as_ref()?;
        let detector = &self.guarded.first()?.detector;
        let to = match &raised.price {
            Price::Found { fake_users, .. } => format!("makes that {}", self.fake_users(*fake_users)),
            Price::NotReached { cap, .. } => format!("makes that more than {}", self.fake_users(*cap)),
        };
        Some(format!(
            "; training without whom {detector} flags {to}{}",
            self.defense_cost().unwrap_or_default()
        ))
    }

    /// The accuracy that the defense costs without any attack, as a share of it.
    fn defense_cost(&self) -> Option<String> {
        let named = |list: &[Accuracy]| list.iter().find(|a| a.metric.starts_with("ndcg")).cloned();
        let (before, after) = (named(&self.accuracy)?, named(&self.guarded_accuracy)?);
        let lost = (before.mean > 0.0).then(|| (before.mean - after.mean) / before.mean)?;
        let word = if lost < 0.0 { "gain" } else { "cost" };
        Some(format!(" at a {word} of {} {}", percent(lost.abs()), before.metric))
    }

    /// The largest loss of NDCG to an attack; none where nothing is held out.
    pub(super) fn worst_damage(&self) -> Option<&Damage> {
        let lost = |d: &Damage| d.change.difference.mean;
        let ndcg = self.damage.iter().filter(|d| d.metric.starts_with("ndcg"));
        ndcg.min_by(|a, b| lost(a).total_cmp(&lost(b)))
    }

    /// The largest attack of this name, where no price was searched: on the targets that it reaches most.
    fn without_price(&self, strongest: &str) -> String {
        let last = |curve: &SecurityCurve| Some((curve.clean.mean, curve.points.last()?.clone()));
        let reached =
            self.curves.iter().filter(|c| c.attack == strongest).filter_map(|c| Some((last(c)?, &c.kind)));
        let most = reached.max_by(|((_, a), _), ((_, b), _)| a.hit_ratio.mean.total_cmp(&b.hit_ratio.mean));
        most.map_or_else(String::new, |((clean, point), kind)| {
            format!(
                "With {}, {kind} items are in the top {} of {} of your users, {} before ({strongest} attack). No price was searched.",
                self.fake_users(point.fake_users),
                self.k,
                percent(point.hit_ratio.mean),
                percent(clean)
            )
        })
    }

    /// A number of fake users with its share of the genuine ones.
    pub(super) fn fake_users(&self, count: usize) -> String {
        let users = if count == 1 { "fake user" } else { "fake users" };
        format!("{count} {users} ({})", self.share(count))
    }

    /// So many fake users as a share of the genuine ones.
    pub(super) fn share(&self, count: usize) -> String {
        percent(count as f64 / self.dataset.users.max(1) as f64)
    }

    /// The curves of one kind of target, strongest attack first.
    pub(super) fn curves_of(&self, kind: &str) -> Vec<&SecurityCurve> {
        let last = |c: &SecurityCurve| c.points.last().map_or(0.0, |p| p.hit_ratio.mean);
        let mut curves: Vec<_> = self.curves.iter().filter(|c| c.kind == kind).collect();
        curves.sort_by(|a, b| last(b).total_cmp(&last(a)).then_with(|| a.attack.cmp(&b.attack)));
        curves
    }

    /// Kinds of target, in the order they were audited.
    pub(super) fn kinds(&self) -> Vec<&str> {
        let mut kinds: Vec<&str> = Vec::new();
        for curve in &self.curves {
            if !kinds.contains(&curve.kind.as_str()) {
                kinds.push(&curve.kind);
            }
        }
        kinds
    }
}

/// The price that the verdict names: that of the widest reach that costs anything; of equal reach the cheapest, and unpopular
/// before random as listed.
pub(super) fn named(prices: &[PriceOfReach]) -> Option<&PriceOfReach> {
    let fakes = |p: &PriceOfReach| match p.price {
        Price::Found { fake_users, .. } => fake_users,
        Price::NotReached { .. } => 0,
    };
    let costs = prices.iter().filter(|p| fakes(p) > 0);
    costs.max_by(|a, b| a.reach.total_cmp(&b.reach).then(fakes(b).cmp(&fakes(a))))
}

/// One detector before one attack, over all kinds of target.
pub(super) struct BestCaught<'a> {
    pub(super) attack: &'a str,
    pub(super) detector: &'a str,
    pub(super) auroc: f64,
    pub(super) recall: Option<f64>,
}

impl Audit {
    /// For each attack the detector of highest AUROC over all kinds of target; last, chance over all attacks.
    pub(super) fn best_caught(&self) -> Vec<BestCaught<'_>> {
        let over = |rows: &[&Caught], value: &dyn Fn(&Caught) -> Option<f64>| {
            mean(&rows.iter().filter_map(|row| value(row)).collect::<Vec<_>>())
        };
        let row = |attack, detector, rows: &[&Caught]| {
            Some(BestCaught {
                attack,
                detector,
                auroc: over(rows, &|c| Some(c.auroc.mean))?,
                recall: over(rows, &|c| c.recall_at_1_percent.as_ref().map(|r| r.mean)),
            })
        };
        let mut attacks: Vec<&str> = Vec::new();
        for caught in &self.caught {
            if !attacks.contains(&caught.attack.as_str()) {
                attacks.push(&caught.attack);
            }
        }
        let mut best = Vec::new();
        for attack in attacks {
            let mut here: Option<BestCaught<'_>> = None;
            for one in self.caught.iter().filter(|c| c.attack == attack && c.detector != CHANCE) {
                let same = |c: &&Caught| c.attack == attack && c.detector == one.detector;
                let rows: Vec<&Caught> = self.caught.iter().filter(same).collect();
                let found = row(attack, one.detector.as_str(), &rows);
                if let Some(found) = found.filter(|f| here.as_ref().is_none_or(|h| f.auroc > h.auroc)) {
                    here = Some(found);
                }
            }
            best.extend(here);
        }
        let chance: Vec<&Caught> = self.caught.iter().filter(|c| c.detector == CHANCE).collect();
        best.extend(row("all", CHANCE, &chance));
        best
    }
}

/// The detector that is chance.
const CHANCE: &str = "coin-flip";

impl PriceOfReach {
    /// The price as a person reads it: the smallest number found with its interval, or a bracket where
    /// fewer than ten targets are behind it.
    pub(super) fn text(&self) -> String {
        match &self.price {
            Price::Found { fake_users: 0, .. } => "0 (there already)".into(),
            Price::Found { fake_users, surely_below, .. } if self.targets < ENOUGH_TARGETS => {
                format!("between {surely_below} and {fake_users}")
            }
            Price::Found { fake_users, surely_below, .. } => {
                format!("{fake_users} [{surely_below}, {fake_users}]")
            }
            Price::NotReached { cap, at_cap } => {
                format!("more than {cap} ({} there)", percent(at_cap.mean))
            }
        }
    }
}

/// Fewest targets from which a price is printed as a point.
const ENOUGH_TARGETS: usize = 10;

fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}
