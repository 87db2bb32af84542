//! What an audit found, as data. Text and page are drawn from this.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Effort, Price};
use crate::plan::DatasetFacts;
use crate::stats::{Comparison, Summary};

/// Everything an audit found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Audit {
    /// The data.
    pub dataset: DatasetFacts,
    /// The recommender, with its parameters.
    pub victim: String,
    /// Length of the lists.
    pub k: usize,
    /// Which preset.
    pub effort: Effort,
    /// Root of all randomness.
    pub seed: u64,
    /// Trainings of each victim.
    pub repeats: u64,
    /// Most fillers a fake user.
    pub profile_size: usize,
    /// Accuracy without any attack.
    pub accuracy: Vec<Accuracy>,
    /// Hit ratio against attack size.
    pub curves: Vec<SecurityCurve>,
    /// The attack with the largest mean hit ratio at the largest size, over all kinds of target; none if none ran.
    pub strongest: Option<String>,
    /// Fake users that a reach costs.
    pub prices: Vec<PriceOfReach>,
    /// Targets from most to least reached under the strongest attack at [`Audit::reference`].
    pub items: Vec<WeakItem>,
    /// Kinds of users under the same attack.
    pub users: Vec<WeakUsers>,
    /// What the users have in common whom it reaches, beside those whom it does not.
    pub reached: Vec<Reached>,
    /// Accuracy that each attack costs at the largest size.
    pub damage: Vec<Damage>,
    /// What each detector made of each attack at [`Audit::reference`], chance among them.
    pub caught: Vec<Caught>,
    /// What training without the users flagged by the best detector leaves of each attack there.
    pub guarded: Vec<Guarded>,
    /// Accuracy with that defense and without any attack.
    pub guarded_accuracy: Vec<Accuracy>,
    /// The price that the verdict names, with that defense; none where there is none to name.
    pub guarded_price: Option<PriceOfReach>,
    /// Gates and what broke them.
    pub gates: Vec<GateResult>,
    /// Fake users with whom items and users are compared.
    pub reference: usize,
    /// Cells that did not end, with their reasons.
    pub unfinished: Vec<Unfinished>,
    /// What a reader should know before trusting a number.
    pub warnings: Vec<String>,
    /// Number of trainings behind all this.
    pub trainings: usize,
    /// The grid behind the curves as an experiment file, every default written out.
    pub experiment: String,
}

/// One metric of accuracy on clean data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Accuracy {
    /// Name and list length, such as `ndcg@10`.
    pub metric: String,
    /// Mean over users and trainings.
    pub mean: f64,
    /// 95 % interval over users: mean +- 1.96 standard errors.
    pub ci95: Option<[f64; 2]>,
    /// Users with held-out items; ratings for `rmse`.
    pub n: Option<usize>,
}

/// One attack on one kind of target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SecurityCurve {
    /// Attack.
    pub attack: String,
    /// Kind of target.
    pub kind: String,
    /// Mean hit ratio of these targets without attack.
    pub clean: Summary,
    /// From the smallest attack to the largest.
    pub points: Vec<CurvePoint>,
}

/// One size of one attack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Fake users.
    pub fake_users: usize,
    /// The same as a share of the genuine users.
    pub share: f64,
    /// Mean hit ratio over targets and trainings.
    pub hit_ratio: Summary,
    /// The same among users without the target.
    pub hit_ratio_eligible: Summary,
    /// Hit ratio minus that of the same targets and trainings without attack.
    pub change: Comparison,
    /// The signed-rank test of that change, corrected (Holm) for the other attacks on the same targets
    /// at the same size; none where nothing changed.
    pub p_holm: Option<f64>,
}

/// What a reach costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PriceOfReach {
    /// Attack.
    pub attack: String,
    /// Kind of target.
    pub kind: String,
    /// Share of the genuine users.
    pub reach: f64,
    /// The smallest number of fake users found.
    pub price: Price,
    /// Targets behind it; with fewer than ten it is a bracket, not a point.
    pub targets: usize,
    /// Interactions of all fake users together at that price, mean over targets; none where it was not found.
    pub clicks: Option<f64>,
}

/// One target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WeakItem {
    /// Label.
    pub item: String,
    /// Kind of target that it was drawn as.
    pub kind: String,
    /// Interactions in the data.
    pub interactions: u32,
    /// Share of items with at most as many interactions.
    pub popularity: f64,
    /// Hit ratio without attack.
    pub clean: f64,
    /// Hit ratio under the strongest attack.
    pub hit_ratio: Summary,
    /// Fewest fake users, of the sizes of the curves, with whom it reaches 1 % of the users; none if none of them does.
    pub reached_with: Option<usize>,
}

/// One kind of users.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WeakUsers {
    /// What tells the kinds apart, such as `profile length`.
    pub by: String,
    /// Kind of users.
    pub group: String,
    /// Kind of target.
    pub kind: String,
    /// Hit ratio among those of them who do not have the target.
    pub hit_ratio: Summary,
    /// The same target by target.
    pub per_target: BTreeMap<String, f64>,
}

/// One characteristic of the users whose lists hold the target, and of those whose do not (Zhang et al., WWW 2020, Table 2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reached {
    /// `items` of a user, their mean `popularity` (how many users have such an item), or how many `targets` the user has already.
    pub characteristic: String,
    /// Kind of target.
    pub kind: String,
    /// Mean over users who see the target, over targets where anybody does.
    pub reached: Summary,
    /// The same of those who do not.
    pub spared: Summary,
}

/// Accuracy lost to one attack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Damage {
    /// Attack.
    pub attack: String,
    /// Kind of target.
    pub kind: String,
    /// Fake users.
    pub fake_users: usize,
    /// Name and list length, such as `ndcg@10`.
    pub metric: String,
    /// Attacked minus clean over the same targets and trainings.
    pub change: Comparison,
}

/// One detector before one attack on one kind of target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Caught {
    /// Detector.
    pub detector: String,
    /// Attack.
    pub attack: String,
    /// Kind of target.
    pub kind: String,
    /// Fake users.
    pub fake_users: usize,
    /// Over targets.
    pub auroc: Summary,
    /// Share of fake users caught at the threshold that accuses 1 % of the users of clean data; none where those are too few.
    pub recall_at_1_percent: Option<Summary>,
    /// Share of fake users caught at thresholds that accuse other shares of those users, ascending: the ROC curve.
    pub roc: Vec<RocPoint>,
    /// Share of genuine users flagged by the detector's own rule.
    pub fpr: Summary,
    /// Share of fake users not flagged by it.
    pub fnr: Summary,
}

/// One point of an ROC curve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RocPoint {
    /// Share of the users of clean data who are accused.
    pub false_alarms: f64,
    /// Share of fake users beyond the same threshold.
    pub caught: Summary,
}

/// A defense against one attack on one kind of target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Guarded {
    /// Defense.
    pub defense: String,
    /// Detector inside it.
    pub detector: String,
    /// Attack.
    pub attack: String,
    /// Kind of target.
    pub kind: String,
    /// Fake users.
    pub fake_users: usize,
    /// Mean hit ratio without the defense.
    pub without: f64,
    /// Mean hit ratio with it; removed genuine users count as not hit.
    pub hit_ratio: Summary,
    /// With minus without over the same targets and trainings.
    pub change: Comparison,
    /// Genuine users removed.
    pub removed_genuine: Summary,
    /// Fake users removed.
    pub removed_fake: Summary,
}

/// One gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateResult {
    /// As it was given.
    pub gate: String,
    /// What broke it; empty if it held.
    pub broken_by: Vec<String>,
}

/// A cell without a result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unfinished {
    /// What it was: attack, kind of target, size.
    pub cell: String,
    /// `skipped` or `failed`.
    pub status: String,
    /// Why.
    pub reason: String,
    /// Cells of this reason.
    pub cells: usize,
}

impl Audit {
    /// Whether a gate was broken.
    pub fn failed(&self) -> bool {
        self.gates.iter().any(|gate| !gate.broken_by.is_empty())
    }
}
