//! The main job: how far can fake users move this recommender?
//!
//! An audit is a grid (every suitable attack at several sizes on several kinds of target) and searches
//! on top of it (the price of a reach). All of it runs as cells into one store, so an audit that was
//! stopped goes on where it was, and everything it says is drawn from records.

mod detect;
mod effort;
mod evidence;
mod findings;
mod gate;
mod inspect;
mod page;
mod price;
mod text;
mod verdict;

pub use effort::{Effort, EffortError};
pub use findings::{
    Accuracy, Audit, Caught, CurvePoint, Damage, GateResult, Guarded, PriceOfReach, Reached, RocPoint,
    SecurityCurve, Unfinished, WeakItem, WeakUsers,
};
pub use gate::{Gate, GateError, Operator};
pub use page::page;
pub use price::Price;
pub use text::summary;

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

use shillproof_attacks::{AttackSpec, NoAttack, TargetSpec};
use shillproof_core::catalogue::Catalogue;
use shillproof_core::{Cancelled, Feedback, Fraction, Grant, Seed, Size, Victim};
use shillproof_data::knowledge::QueryBudget;
use shillproof_data::split::{LeaveOneOut, SplitSpec};
use shillproof_data::{DataError, Dataset};
use shillproof_defenses::DefenseSpec;
use shillproof_victims::VictimSpec;
use thiserror::Error;

use crate::command::VictimChoice;
use crate::plan::{Plan, PlannedCell};
use crate::run::{ExecuteError, Executor, Outcome, RunError, RunObserver, run_cells};
use crate::spec::{BlackBox, DatasetSpec, ExperimentSpec, MeasureSpec, Surrogate, ThreatAxes};
use crate::stats::{GroupedError, Summary};
use crate::store::{Key, Record, Store, StoreError};
use crate::trial::{TrialError, Trials};
use evidence::{Evidence, MetricAt, kind};

/// Shares of the genuine users whose price is searched.
pub const REACHES: [f64; 3] = [0.01, 0.05, 0.2];

/// Most fake users that a price search tries, as a share of the genuine users.
const CAP: f64 = 0.2;

/// Attack size at which items and users are compared, as a share of the genuine users.
const REFERENCE: f64 = 0.01;

/// Share of the training interactions that an attack may ask for as lists.
const QUERIES: f64 = 0.01;

/// What to audit.
#[derive(Clone, Debug)]
pub struct AuditSpec {
    /// The data.
    pub dataset: DatasetSpec,
    /// The recommender; none is the customary one for the data.
    pub victim: Option<VictimChoice>,
    /// Length of the lists; at least 1.
    pub k: usize,
    /// How much to run.
    pub effort: Effort,
    /// Most fillers a fake user, of the items.
    pub profile_size: Size,
    /// Root of all randomness.
    pub seed: u64,
    /// What must not happen.
    pub gates: Vec<Gate>,
}

/// Why an audit has no result. Fragments that read well after "failed to audit".
#[derive(Debug, Error)]
pub enum AuditError {
    /// The data could not be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A part that all trials need failed.
    #[error(transparent)]
    Trial(#[from] TrialError),
    /// Cells could not be run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Records could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Somebody asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// Records contradict one another.
    #[error(transparent)]
    Records(#[from] GroupedError),
    /// Not a single cell ended.
    #[error("every one of the {cells} trials failed; the first: {first}")]
    Nothing {
        /// Trials.
        cells: usize,
        /// Why the first failed.
        first: String,
    },
    /// A gate names an attack or kind of target that this audit does not have.
    #[error("gate `{gate}` looks at nothing that this audit measures")]
    IdleGate {
        /// The gate.
        gate: String,
        /// What there is.
        has: String,
    },
}

impl AuditError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Data(error) => error.hint(),
            Self::Trial(error) => error.hint(),
            Self::Run(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::IdleGate { has, .. } => Some(format!("this audit has {has}")),
            Self::Cancelled(_) => Some("with `--out DIR` the same command goes on from here".into()),
            Self::Records(_) | Self::Nothing { .. } => None,
        }
    }
}

/// Where and how an audit runs.
#[derive(Clone, Copy)]
pub struct Bench<'a> {
    /// Where records go, and where those of an earlier, stopped audit are found.
    pub store: &'a Store,
    /// Cells at a time; 0 is one for each core.
    pub jobs: usize,
    /// Who watches.
    pub observer: &'a dyn RunObserver,
    /// Set from outside to stop.
    pub cancel: &'a AtomicBool,
}

/// Runs an audit.
///
/// # Errors
/// If the data cannot be read, nothing can be trained on it, a gate looks at nothing, or somebody asked to stop.
pub fn audit(spec: &AuditSpec, bench: Bench<'_>) -> Result<Audit, AuditError> {
    let trials = Trials::default();
    let data = trials.dataset(&spec.dataset)?;
    data.notes.iter().for_each(|note| bench.observer.note(note));
    let scene = Scene::new(spec, &data);
    scene.notes(&data).iter().for_each(|note| bench.observer.note(note));
    scene.check_gates(&spec.gates)?;

    let mut search = Search {
        scene: &scene,
        trials: KeepAll(&trials),
        bench,
        evidence: Evidence::new(Vec::new(), Seed::new(spec.seed)),
        settled: BTreeSet::new(),
    };
    let (copying, others): (Vec<_>, Vec<_>) =
        scene.attacks.iter().cloned().partition(|a| a.attack().needs().victim == Grant::Recipe);
    search.measure(&others, &scene.targets, &scene.sizes)?;
    let one_size = [scene.reference];
    let sizes = if spec.effort.trains_copies_at_every_size() { &scene.sizes[..] } else { &one_size };
    search.measure(&copying, &scene.targets, sizes)?;
    search.something_ended()?;
    let at = |fake_users: &usize| inspect::strongest(&search.evidence, &scene, *fake_users);
    let strongest_at = scene.sizes.iter().map(at).collect::<Result<Vec<_>, _>>()?;
    let strongest = strongest_at.last().cloned().flatten();
    // The cheapest attack may be one that is strongest only while it is small.
    let is_priced = |attack: &AttackSpec| {
        let strong = || strongest_at.iter().flatten().any(|name| name == attack.card().name);
        spec.effort.searches_prices() && (spec.effort.prices_every_attack() || strong())
    };
    let priced: Vec<AttackSpec> = scene.attacks.iter().filter(|a| is_priced(a)).cloned().collect();
    let mut prices = Vec::new();
    for attack in &priced {
        for targets in &scene.targets {
            prices.extend(search.prices(attack, targets)?);
        }
    }
    let stopped = search.stop(strongest.as_deref(), &prices)?;
    inspect::findings(spec, &scene, &data, &search, strongest, prices, stopped)
}

fn share(of_users: f64) -> Size {
    Size::Fraction(Fraction::new(of_users).expect("invariant: a share of the whole"))
}

/// What all cells of an audit have in common.
struct Scene {
    dataset: DatasetSpec,
    victim: VictimChoice,
    explicit: bool,
    split: SplitSpec,
    attacks: Vec<AttackSpec>,
    targets: Vec<TargetSpec>,
    profile_size: usize,
    /// Fake users of each point of a curve, ascending.
    sizes: Vec<usize>,
    /// Fake users with whom items and users are compared.
    reference: usize,
    effort: Effort,
    seed: u64,
    k: usize,
    users: usize,
    cut_down: Vec<String>,
}

impl Scene {
    fn new(spec: &AuditSpec, data: &Dataset) -> Self {
        let explicit = data.interactions.is_explicit();
        let victim =
            spec.victim.clone().unwrap_or_else(|| VictimChoice::Listed(VictimSpec::default_for(explicit)));
        let (users, items) = (data.interactions.n_users(), data.interactions.n_items());
        let mut cut_down = Vec::new();
        let asked = spec.profile_size.of(items);
        let profile_size = asked.min(items.saturating_sub(1) / 2).max(1);
        if profile_size < asked {
            cut_down.push(format!(
                "profiles have {profile_size} fillers instead of {asked}: there are only {items} items"
            ));
        }
        let count = spec.effort.targets().min(items);
        let leave_one_out = SplitSpec::LeaveOneOut(LeaveOneOut::default());
        let split = if leave_one_out.split_dataset(data, Seed::new(spec.seed)).is_ok() {
            leave_one_out
        } else {
            cut_down.push("accuracy is not measured: nobody has enough interactions to hold one out".into());
            SplitSpec::None
        };
        let reference = share(REFERENCE).of(users).max(1);
        let asked_for = spec.effort.sizes().into_iter().chain(spec.gates.iter().map(|gate| gate.size));
        let mut sizes: Vec<usize> = asked_for.map(|size| size.of(users)).chain([reference]).collect();
        sizes.sort_unstable();
        sizes.dedup();
        sizes.retain(|&m| m > 0);
        Self {
            dataset: spec.dataset.clone(),
            victim,
            explicit,
            split,
            attacks: spec.effort.attacks(explicit),
            targets: vec![
                TargetSpec::Random { count },
                TargetSpec::Unpopular { count, max_interactions: None },
            ],
            profile_size,
            sizes,
            reference,
            effort: spec.effort,
            seed: spec.seed,
            k: spec.k,
            users,
            cut_down,
        }
    }

    /// The victim with the parameters that are not its defaults left out or in, as a file spells it.
    fn victim_text(&self) -> String {
        serde_json::to_string(&self.victim).expect("invariant: specs are plain values")
    }

    fn notes(&self, data: &Dataset) -> Vec<String> {
        let feedback = self.victim.bind(&data.users, &data.items).feedback();
        let binarised = feedback == Feedback::Implicit && data.interactions.is_explicit();
        let note = binarised.then(|| {
            "the victim takes no rating values: every rating above 0 counts as one interaction".to_owned()
        });
        self.cut_down.iter().cloned().chain(note).collect()
    }

    fn check_gates(&self, gates: &[Gate]) -> Result<(), AuditError> {
        let names: Vec<&str> = self.attacks.iter().map(|a| a.card().name).collect();
        let kinds: Vec<&str> = self.targets.iter().map(kind).collect();
        let idle = gates.iter().find(|gate| {
            gate.k != self.k || !names.iter().any(|a| kinds.iter().any(|k| gate.looks_at(a, k)))
        });
        match idle {
            Some(gate) => Err(AuditError::IdleGate {
                gate: gate.to_string(),
                has: format!(
                    "the attacks {}; targets {}; k = {}",
                    names.join(", "),
                    kinds.join(", "),
                    self.k
                ),
            }),
            None => Ok(()),
        }
    }

    /// What attackers take the victim for: what it is, the worst case for who defends. Of a program of the
    /// user's own nothing can be known, so they guess the customary recommender.
    fn believed(&self) -> VictimSpec {
        match &self.victim {
            VictimChoice::Listed(spec) => spec.clone(),
            VictimChoice::Command(_) => VictimSpec::default_for(self.explicit),
        }
    }

    /// Most fake users that a price search tries.
    fn cap(&self) -> usize {
        share(CAP).of(self.users).max(1)
    }

    /// Whether detectors look at the very trainings that are measured, as there are no others. Otherwise they look at further ones, of one size and seed.
    fn looks_at_once(&self) -> bool {
        self.sizes == [self.reference] && self.effort.repeats() == 1
    }

    /// The metric that curves and prices are about.
    fn hit_ratio(&self) -> MetricAt<'static> {
        MetricAt { metric: "hit_ratio", k: Some(self.k) }
    }

    fn experiment(
        &self,
        attacks: &[AttackSpec],
        targets: &[TargetSpec],
        fake_users: &[usize],
    ) -> ExperimentSpec {
        let queries = QueryBudget(Fraction::new(QUERIES).expect("invariant: a share of the whole"));
        ExperimentSpec {
            seed: self.seed,
            repeats: self.effort.repeats(),
            dataset: vec![self.dataset.clone()],
            split: vec![self.split.clone()],
            victim: vec![self.victim.clone()],
            attack: [AttackSpec::None(NoAttack::default())]
                .into_iter()
                .chain(attacks.iter().cloned())
                .collect(),
            threat: ThreatAxes {
                targets: targets.to_vec(),
                size: fake_users.iter().map(|&m| Size::Count(m)).collect(),
                profile_size: vec![Size::Count(self.profile_size)],
                black_box: vec![BlackBox { queries }],
                surrogate: vec![Surrogate::One(self.believed())],
                ..ThreatAxes::default()
            },
            defense: vec![DefenseSpec::default()],
            measure: MeasureSpec {
                hit_ratio: vec![self.k],
                detectors: if self.looks_at_once() { self.effort.detectors() } else { Vec::new() },
                ..MeasureSpec::default()
            },
        }
    }
}

/// Runs cells and remembers what they showed.
struct Search<'a> {
    scene: &'a Scene,
    trials: KeepAll<'a>,
    bench: Bench<'a>,
    evidence: Evidence,
    /// Every trial that ended, whatever it was for.
    settled: BTreeSet<Key>,
}

impl Search<'_> {
    /// Runs these attacks at these sizes, and adds their records to the evidence.
    fn measure(
        &mut self,
        attacks: &[AttackSpec],
        targets: &[TargetSpec],
        fake_users: &[usize],
    ) -> Result<(), AuditError> {
        let experiment = self.scene.experiment(attacks, targets, fake_users);
        let records = self.run(&experiment)?;
        self.evidence.extend(records);
        Ok(())
    }

    /// Runs the cells of an experiment that are not in the evidence already.
    fn run(&mut self, experiment: &ExperimentSpec) -> Result<Vec<Record>, AuditError> {
        let Bench { store, jobs, observer, cancel } = self.bench;
        let plan = Plan::new(experiment, &mut |dataset| self.trials.0.facts(dataset))?;
        let known: BTreeSet<_> = self.evidence.records().iter().map(|r| r.key.clone()).collect();
        let new: Vec<&PlannedCell> =
            plan.cells.iter().filter(|planned| !known.contains(&planned.key)).collect();
        if new.is_empty() {
            return Ok(Vec::new());
        }
        let summary = run_cells(&new, &self.trials, store, jobs, observer, cancel)?;
        if summary.left > 0 {
            return Err(Cancelled.into());
        }
        let mut records = Vec::with_capacity(new.len());
        for planned in new {
            records.extend(store.get(&planned.key, &mut |warning| observer.note(&warning))?);
        }
        self.settled.extend(records.iter().filter(|r| r.is_settled()).map(|r| r.key.clone()));
        Ok(records)
    }

    /// Whether there is anything to report at all.
    fn something_ended(&self) -> Result<(), AuditError> {
        use crate::store::Status;
        let records = self.evidence.records();
        let ended = records.iter().any(|r| matches!(r.status, Status::Done { .. }) && !r.cell.is_clean());
        let first = records.iter().find_map(|r| match &r.status {
            Status::Failed { error } => Some(error.clone()),
            Status::Skipped { reason } => Some(reason.clone()),
            Status::Done { .. } => None,
        });
        match (ended, first) {
            (false, Some(first)) => Err(AuditError::Nothing { cells: records.len(), first }),
            _ => Ok(()),
        }
    }

    /// The prices of all reaches for one attack on one kind of target.
    fn prices(&mut self, attack: &AttackSpec, targets: &TargetSpec) -> Result<Vec<PriceOfReach>, AuditError> {
        let (name, kind) = (attack.card().name, kind(targets));
        let cap = self.scene.cap();
        let known = self.scene.sizes.clone();
        let mut prices = Vec::new();
        for reach in REACHES {
            let price = price::search(reach, cap, &known, |m| self.hit_ratio_at(attack, targets, m))?;
            let behind =
                self.evidence.values(name, kind, self.scene.reference, self.scene.hit_ratio())?.targets();
            if let Some(price) = price {
                let clicks = match price {
                    Price::Found { fake_users, .. } if fake_users > 0 => {
                        let at = MetricAt { metric: "fake_interactions", k: None };
                        self.evidence.values(name, kind, fake_users, at)?.mean()
                    }
                    _ => None,
                };
                prices.push(PriceOfReach {
                    attack: name.into(),
                    kind: kind.into(),
                    reach,
                    price,
                    targets: behind,
                    clicks,
                });
            }
        }
        Ok(prices)
    }

    /// The hit ratio under `fake_users` fake users; none if no such trial ended.
    fn hit_ratio_at(
        &mut self,
        attack: &AttackSpec,
        targets: &TargetSpec,
        fake_users: usize,
    ) -> Result<Option<Summary>, AuditError> {
        let (name, kind) = (attack.card().name, kind(targets));
        if fake_users == 0 {
            return Ok(self.evidence.summary("none", kind, 0, self.scene.hit_ratio())?);
        }
        self.measure(std::slice::from_ref(attack), std::slice::from_ref(targets), &[fake_users])?;
        Ok(self.evidence.summary(name, kind, fake_users, self.scene.hit_ratio())?)
    }
}

/// Trials whose shared work outlives one run: the next search asks for it again.
struct KeepAll<'a>(&'a Trials);

impl Executor for KeepAll<'_> {
    fn execute(
        &self,
        planned: &PlannedCell,
        ctx: &shillproof_core::Ctx<'_>,
    ) -> Result<Outcome, ExecuteError> {
        self.0.execute(planned, ctx)
    }
}
