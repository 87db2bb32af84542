//! The catalogue of metrics, for `list metrics` and `explain`.

use serde::Serialize;

/// The page of all metrics, in Markdown.
const PAGE: &str = include_str!("../../../../docs/metrics.md");

/// What `list metrics` prints about one metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct MetricCard {
    /// Name, as in tidy rows, experiment files and reports.
    pub name: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    /// The users it averages over.
    pub population: &'static str,
}

const ALL: &str = "all genuine users";
const ELIGIBLE: &str = "genuine users without the target";
const AUDIENCE: &str = "genuine users of the audience";
const TESTED: &str = "genuine users with held-out items";
const RATINGS: &str = "held-out ratings of genuine users";

const ACTIVE: &str = "all users with interactions, genuine and fake";
const FAKE: &str = "fake users";

/// Every metric, in the order of `list`.
pub const METRICS: &[MetricCard] = &[
    card("hit_ratio", "share of users whose first K places hold the target", ALL),
    card("hit_ratio_eligible", "the same among users who do not have the target", ELIGIBLE),
    card("hit_ratio_of", "the same among users of one kind, such as `hit_ratio_of/long profile`", ELIGIBLE),
    card(
        "hit_ratio_remaining",
        "hit ratio among users whom the defense has left",
        "genuine users not removed",
    ),
    card("hit_ratio_any", "share of users whose first K places hold any target", ALL),
    card("display_rate_any", "share of the audience whose first K places hold any target", AUDIENCE),
    card("display_rate_pair", "share of (audience user, target) pairs displayed among the first K", AUDIENCE),
    card(
        "reached",
        "what users with a target among their first K places have in common: `reached/items`, `/popularity`, `/targets`",
        AUDIENCE,
    ),
    card("spared", "the same of users without one", AUDIENCE),
    card("rank_shift", "places the target climbed", ELIGIBLE),
    card("prediction_shift", "change of the target's predicted rating", ALL),
    card("average_predicted_rating", "the target's predicted rating", ALL),
    card(
        "rmse_shift",
        "root mean squared change of predictions of unseen cells",
        "unseen cells of genuine users",
    ),
    card("promoted_targets", "targets with a strictly larger hit ratio than before", ALL),
    card("std_over_targets", "standard deviation of the targets' hit ratios, both divisors", ALL),
    card("uplift", "hit ratio after the attack relative to before, as factor and as increase", ALL),
    card("accuracy_hit_ratio", "share of users with a held-out item among the first K", TESTED),
    card("ndcg", "discounted gain of held-out items among the first K", TESTED),
    card("recall", "share of held-out items among the first K", TESTED),
    card("mrr", "reciprocal rank of the best held-out item among the first K", TESTED),
    card("rmse", "root mean squared error of predicted ratings", RATINGS),
    card("mae", "mean absolute error of predicted ratings", RATINGS),
    card("accuracy_users", "users behind the accuracy metrics", TESTED),
    card("auroc", "chance that a fake user is more suspicious than a genuine one", ACTIVE),
    card("average_precision", "precision averaged over the places of fake users by suspicion", ACTIVE),
    card("recall_at_fpr", "share of fake users beyond a threshold calibrated on clean data", FAKE),
    card("fpr", "share of genuine users that a detector flags", "genuine users with interactions"),
    card("fnr", "share of fake users that a detector does not flag", FAKE),
    card("removed_genuine", "genuine users whom the defense removed", ALL),
    card("removed_fake", "fake users whom the defense removed", FAKE),
    card("paired_t", "p-values of t-tests between fake and genuine users", ACTIVE),
    card("popularity_profile", "popularity of what fake and genuine users have, and profile lengths", ACTIVE),
    card("user_vectors", "how far the vectors of fake users stand apart from genuine ones", ACTIVE),
    card("fake_users", "fake users the attacker made", FAKE),
    card("fake_interactions", "interactions of all fake users, targets included", FAKE),
    card("filler_frequency", "fake users who share the most frequent filler", FAKE),
    card("attack_trainings", "trainings of a copy of the victim that crafting begins, at most", FAKE),
    card("queries", "lists the attacker asked the victim for", FAKE),
];

const fn card(name: &'static str, summary: &'static str, population: &'static str) -> MetricCard {
    MetricCard { name, summary, population }
}

impl MetricCard {
    /// Its section of the page of all metrics, without the heading.
    pub fn doc(&self) -> &'static str {
        section(self.name).expect("invariant: every metric has a section, which a test checks")
    }
}

fn section(name: &str) -> Option<&'static str> {
    let text = PAGE.split("\n## `").find_map(|part| part.strip_prefix(name)?.strip_prefix('`'))?;
    Some(text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_and_sections_are_the_same_list() {
        let sections: Vec<&str> =
            PAGE.split("\n## `").skip(1).filter_map(|part| part.split('`').next()).collect();
        let cards: Vec<&str> = METRICS.iter().map(|metric| metric.name).collect();
        assert_eq!(sections, cards);
    }

    #[test]
    fn every_section_says_users_and_empty_truth() {
        for metric in METRICS {
            let doc = metric.doc();
            assert!(doc.contains("- Users"), "{}: whom it averages over", metric.name);
            assert!(doc.to_lowercase().contains("empty"), "{}: value on empty truth", metric.name);
            assert!(doc.to_lowercase().contains("targets"), "{}: several targets", metric.name);
        }
    }
}
