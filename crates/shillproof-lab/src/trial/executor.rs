//! Carries out the cells of a plan, doing once what they share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use shillproof_core::{Audience, Ctx, FakeProfiles, Grant, ItemId, Objective, Observer, Victim};
use shillproof_data::{DataError, Dataset};
use shillproof_defenses::DefenseSpec;

use rustix::time::{ClockId, clock_gettime};

use super::detect::Detectors;
use super::groups::user_groups;
use super::measures::Trial;
use super::memo::Memo;
use super::{Fitted, Guard, Setup, TrialError, simulating};
use crate::command::VictimChoice;
use crate::metrics::{Displacement, Measure, UnseenCells, rmse_shift};
use crate::plan::{Cell, DatasetFacts, PlannedCell};
use crate::rankings::Rankings;
use crate::run::{ExecuteError, Executor, Outcome};
use crate::spec::DatasetSpec;
use crate::store::{Curves, Key, Seconds};

/// A hit ratio on clean data from which on a report should not speak of promotion.
pub(crate) const POPULAR_ALREADY: f64 = 0.05;

/// Carries out cells. Data sets, clean fits and crafted fake users are made once for all cells that share them.
#[derive(Default)]
pub struct Trials {
    data: Memo<Dataset>,
    setups: Memo<Setup>,
    clean: Memo<Clean>,
    fakes: Memo<Crafted>,
    detectors: Detectors,
    /// Whether detectors learn from the fake users of other targets: then none is forgotten.
    keeps_fakes: AtomicBool,
}

/// A victim on clean data, and what it shows to genuine users.
struct Clean {
    fitted: Arc<Fitted>,
    rankings: Memo<Rankings>,
    unseen: OnceLock<Option<(UnseenCells, Vec<f32>)>>,
}

/// Fake users, and how long it took to craft them.
#[derive(Default)]
struct Crafted {
    fakes: FakeProfiles,
    seconds: f64,
    curves: Curves,
}

/// Keeps the curves that an attack reports, and passes everything else on.
struct Listener<'a> {
    inner: &'a dyn Observer,
    curves: Mutex<Curves>,
}

impl Observer for Listener<'_> {
    fn progress(&self, task: &str, done: u64, total: u64) {
        self.inner.progress(task, done, total);
    }

    fn note(&self, text: &str) {
        self.inner.note(text);
    }

    fn curve(&self, name: &str, values: &[f32]) {
        // A record cannot hold what is no number.
        if values.iter().all(|value| value.is_finite()) {
            let mut curves = self.curves.lock().unwrap_or_else(PoisonError::into_inner);
            curves.insert(name.to_owned(), values.to_vec());
        }
    }
}

impl Clean {
    /// How far `attacked` predicts from this for unseen cells; none for victims that predict no ratings.
    fn displacement(&self, setup: &Setup, attacked: &Fitted) -> Option<Displacement> {
        let unseen = self.unseen.get_or_init(|| {
            let cells = UnseenCells::of(&setup.dataset.interactions, setup.root.child("unseen-cells"));
            let predicted = cells.predict(&*self.fitted.recommender).ok()?;
            Some((cells, predicted))
        });
        let (cells, clean) = unseen.as_ref()?;
        rmse_shift(cells, clean, &cells.predict(&*attacked.recommender).ok()?)
    }
}

impl Trials {
    /// A data set, read once.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn dataset(&self, spec: &DatasetSpec) -> Result<Arc<Dataset>, DataError> {
        self.data.get(&Key::of(spec), |_| true, || shillproof_data::load(spec.data(), &spec.options))
    }

    /// What a plan needs to know of a data set.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn facts(&self, spec: &DatasetSpec) -> Result<DatasetFacts, DataError> {
        self.dataset(spec).map(|data| DatasetFacts::of(&data))
    }

    /// Seconds of processor time that training the victim of a cell on clean data takes, on one thread as in a grid of as many jobs as
    /// there are cores; of wall time where another program trains.
    ///
    /// # Errors
    /// If the data cannot be read or the victim not be fitted.
    pub fn seconds_of_training(&self, planned: &PlannedCell, ctx: &Ctx<'_>) -> Result<f64, TrialError> {
        let (cell, setup) = (&planned.cell, self.setup(planned)?);
        let (start, processor) = (Instant::now(), processor_time());
        let train = || setup.fit(&cell.victim, None, cell.repeat, cell.list_length(), ctx);
        match rayon::ThreadPoolBuilder::new().num_threads(1).build() {
            Ok(pool) => pool.install(train)?,
            Err(_) => train()?,
        };
        Ok(match cell.victim {
            VictimChoice::Command(_) => start.elapsed(),
            VictimChoice::Listed(_) => processor_time().saturating_sub(processor),
        }
        .as_secs_f64())
    }

    fn setup(&self, planned: &PlannedCell) -> Result<Arc<Setup>, TrialError> {
        let cell = &planned.cell;
        self.setups.get(
            &planned.shares.data,
            |_| true,
            || {
                let dataset = self.dataset(&cell.dataset)?;
                if dataset.checksum != planned.data.checksum {
                    return Err(TrialError::DataChanged { name: dataset.name.clone() });
                }
                Setup::new(dataset, &cell.split, cell.root())
            },
        )
    }

    fn clean(
        &self,
        planned: &PlannedCell,
        setup: &Setup,
        parts: &mut Parts,
        ctx: &Ctx<'_>,
    ) -> Result<Arc<Clean>, TrialError> {
        self.clean.get(
            &planned.shares.clean_fit,
            |_| true,
            || {
                let fitted = self.fit(planned, setup, None, parts, ctx)?;
                Ok(Clean { fitted: Arc::new(fitted), rankings: Memo::default(), unseen: OnceLock::new() })
            },
        )
    }

    /// The victim of a cell behind its defense, on clean data or with fake users and the victim on clean data.
    fn fit(
        &self,
        planned: &PlannedCell,
        setup: &Setup,
        attacked: Option<(&FakeProfiles, &Arc<Fitted>)>,
        parts: &mut Parts,
        ctx: &Ctx<'_>,
    ) -> Result<Fitted, TrialError> {
        let cell = &planned.cell;
        let (fakes, clean) = attacked.unzip();
        let others = || clean.map_or_else(|| Ok(Vec::new()), |clean| self.others(planned, setup, clean, ctx));
        let detector =
            parts.timed("detect", || self.detectors.of_defense(planned, setup, clean, &others, ctx))?;
        let guard = Guard {
            defense: &cell.defense,
            detector: detector.as_ref().map(|fitted| &***fitted),
            objective: if fakes.is_some() { cell.threat.objective } else { Objective::Promote },
        };
        parts.timed("fit", || {
            setup.fit_guarded(&guard, &cell.victim, fakes, cell.repeat, cell.list_length(), ctx)
        })
    }

    /// The fake users of a cell: the first of those that the largest cell of the plan takes.
    fn fakes(
        &self,
        planned: &PlannedCell,
        setup: &Setup,
        clean: &Fitted,
        targets: &[ItemId],
        parts: &mut Parts,
        ctx: &Ctx<'_>,
    ) -> Result<Crafted, TrialError> {
        let cell = &planned.cell;
        let wanted = cell.fake_users(setup.n_genuine());
        let Some(key) = planned.shares.crafted.as_ref().filter(|_| wanted > 0) else {
            return Ok(Crafted::default());
        };
        let incremental = cell.attack.attack().is_incremental();
        let size = if incremental { planned.shares.craft_size.max(wanted) } else { wanted };
        let enough = |made: &Crafted| made.fakes.profiles.len() >= wanted || made.fakes.profiles.is_empty();
        let made = self.fakes.get(key, enough, || {
            let start = Instant::now();
            let listener = Listener { inner: ctx.observer, curves: Mutex::default() };
            let ctx = Ctx { observer: &listener, ..ctx.at(setup.root) };
            let fakes = parts.timed("craft", || {
                setup.craft(&cell.attack, &cell.threat, &cell.victim, Some(clean), targets, size, &ctx)
            })?;
            let curves = listener.curves.into_inner().unwrap_or_else(PoisonError::into_inner);
            Ok::<_, TrialError>(Crafted { fakes, seconds: start.elapsed().as_secs_f64(), curves })
        })?;
        let (fakes, curves) = (made.fakes.prefix(wanted), made.curves.clone());
        Ok(Crafted { fakes, seconds: made.seconds, curves })
    }

    /// What the cell's attack makes for the other targets of its selection, which their own cells need too; none where the attack is on all targets at once.
    fn others(
        &self,
        planned: &PlannedCell,
        setup: &Setup,
        clean: &Arc<Fitted>,
        ctx: &Ctx<'_>,
    ) -> Result<Vec<FakeProfiles>, TrialError> {
        self.keeps_fakes.store(true, Ordering::Relaxed);
        let Some(own) = planned.cell.threat.target else { return Ok(Vec::new()) };
        let targets = setup.targets(&planned.cell.threat.targets, || Ok(clean.clone()))?;
        let mut made = Vec::new();
        for place in (0..targets.len()).filter(|&place| place != own) {
            let sibling = planned.with_target(place);
            let target = &targets[place..=place];
            made.push(self.fakes(&sibling, setup, clean, target, &mut Parts::default(), ctx)?.fakes);
        }
        Ok(made)
    }

    fn measure(&self, planned: &PlannedCell, ctx: &Ctx<'_>) -> Result<Outcome, TrialError> {
        let cell = &planned.cell;
        // The checkpoint is that of this cell's fake users: nothing else that is crafted here may find it.
        let (whole, ctx) = (ctx, &Ctx { checkpoint: None, ..*ctx });
        let mut parts = Parts::default();
        let setup = self.setup(planned)?;
        if let Some(reason) = cannot_be(cell, &setup) {
            return Ok(Outcome::Skipped { reason });
        }
        let clean = self.clean(planned, &setup, &mut parts, ctx)?;
        let mut targets = setup.targets(&cell.threat.targets, || Ok(clean.fitted.clone()))?;
        if let Some(place) = cell.threat.target {
            let found = targets.len();
            let target = targets.get(place).ok_or(TrialError::NoSuchTarget { place, found })?;
            targets = vec![*target];
        }
        let Crafted { fakes, seconds: attack, curves } =
            self.fakes(planned, &setup, &clean.fitted, &targets, &mut parts, whole)?;
        let before = clean.rankings.get(
            &Key::of(&(&targets, cell.threat.exclude, &cell.measure)),
            |_| true,
            || parts.timed("rank", || rank_cell(cell, &setup, &clean.fitted, &targets, ctx)),
        )?;
        let (attacked, after) = if fakes.profiles.is_empty() {
            (clean.fitted.clone(), before.clone())
        } else {
            let attacked = self.fit(planned, &setup, Some((&fakes, &clean.fitted)), &mut parts, ctx)?;
            let after = parts.timed("rank", || rank_cell(cell, &setup, &attacked, &targets, ctx))?;
            (Arc::new(attacked), Arc::new(after))
        };
        let displacement = cell.measure.rmse_shift.then(|| clean.displacement(&setup, &attacked)).flatten();
        let attacker = simulating(&cell.attack, cell.threat.surrogate.as_ref())?;
        let trainings = attacker.attack().trainings(fakes.profiles.len());
        let others = || self.others(planned, &setup, &clean.fitted, ctx);
        let mut further = parts.timed("detect", || {
            self.detectors.measure(planned, &setup, &clean.fitted, &fakes, &others, ctx)
        })?;
        let log = setup.log(cell.threat.objective, &cell.victim);
        let seed = setup.root.child("stealth");
        for stealth in &cell.measure.stealth {
            further.extend(stealth.rows(log, &fakes, seed, ctx)?);
        }
        further.push(Measure {
            metric: "attack_trainings".into(),
            k: None,
            target: None,
            value: trainings as f64,
        });
        let guarded = !matches!(cell.defense, DefenseSpec::None(_));
        let labels = setup.labels(&targets);
        let feedback = setup.feedback(&cell.victim);
        let audience = setup.audience(&cell.threat.target_users)?;
        let train = &setup.parts(feedback).train;
        let groups = match targets[..] {
            [target] if audience == Audience::All => user_groups(train, target),
            _ => Vec::new(),
        };
        let trial = Trial {
            clean: Some(&before),
            displacement,
            attacked: &after,
            fakes: &fakes,
            train,
            audience: &audience,
            labels: &labels,
            groups: &groups,
            spec: &cell.measure,
            removed: guarded.then_some(&attacked.removed),
            further,
        };
        let measures = trial.measures()?;
        let mut notes = setup.notes(feedback);
        notes.extend(popular_already(&before, &targets, &labels, cell.list_length())?);
        Ok(Outcome::Done {
            targets: labels,
            measures,
            notes,
            curves,
            seconds: Seconds { parts: parts.0, attack, ..Seconds::default() },
        })
    }
}

impl Executor for Trials {
    fn execute(&self, planned: &PlannedCell, ctx: &Ctx<'_>) -> Result<Outcome, ExecuteError> {
        self.measure(planned, ctx).map_err(|error| match ctx.check() {
            // Whatever the error is made of: a cell that was stopped has not failed.
            Err(stop) => stop.into(),
            Ok(()) => ExecuteError::Failed(Box::new(error)),
        })
    }

    fn release(&self, shared: &Key) {
        self.setups.forget(shared);
        self.clean.forget(shared);
        if !self.keeps_fakes.load(Ordering::Relaxed) {
            self.fakes.forget(shared);
        }
    }
}

impl Cell {
    /// The longest list that is looked at.
    pub fn list_length(&self) -> usize {
        self.measure.hit_ratio.iter().copied().max().unwrap_or(0)
    }
}

/// Why this cell can have no result, by its own description.
fn cannot_be(cell: &Cell, setup: &Setup) -> Option<String> {
    let victim = cell.victim.bind(&setup.dataset.users, &setup.dataset.items);
    let feedback = victim.feedback();
    let data = &setup.dataset;
    if feedback == shillproof_core::Feedback::Explicit && !data.interactions.is_explicit() {
        return Some(format!("the victim predicts ratings, and {} has none", data.name));
    }
    if cell.is_clean() {
        return None;
    }
    let explicit = setup.attacked_part(cell.threat.objective, feedback).is_explicit();
    let name = cell.attack_name();
    if !cell.attack.capabilities().can(cell.threat.objective, explicit) {
        let kind = if explicit { "with" } else { "without" };
        return Some(format!("{name} cannot {} on data {kind} ratings", cell.threat.objective));
    }
    if let Err(error) = simulating(&cell.attack, cell.threat.surrogate.as_ref()) {
        return Some(error.to_string());
    }
    match (cell.attack.attack().needs().victim, cell.threat.black_box) {
        (Grant::Queries, None) => {
            Some(format!("{name} asks the victim for lists, and the threat grants no black box"))
        }
        (Grant::Recipe, Some(_)) if cell.threat.surrogate.is_none() => Some(format!(
            "{name} trains a copy of the victim, and the threat makes it a black box without naming a `surrogate`"
        )),
        (Grant::Full, Some(_)) => {
            Some(format!("{name} needs to know the victim, and the threat makes it a black box"))
        }
        _ => None,
    }
}

fn rank_cell(
    cell: &Cell,
    setup: &Setup,
    fitted: &Fitted,
    targets: &[ItemId],
    ctx: &Ctx<'_>,
) -> Result<Rankings, TrialError> {
    setup.rank(&cell.victim, fitted, targets, cell.threat.exclude, &cell.measure, ctx)
}

fn popular_already(
    clean: &Rankings,
    targets: &[ItemId],
    labels: &[String],
    k: usize,
) -> Result<Vec<String>, TrialError> {
    let mut notes = Vec::new();
    for (&target, label) in targets.iter().zip(labels) {
        let before = crate::metrics::hit_ratio(clean, target, k)?.mean().unwrap_or(0.0);
        if before >= POPULAR_ALREADY {
            notes.push(format!(
                "target {label} is in the first {k} places of {:.0} % of users without any attack",
                100.0 * before
            ));
        }
    }
    Ok(notes)
}

/// Processor time of this process so far.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Seconds by part.
#[derive(Default)]
struct Parts(Vec<(String, f64)>);

impl Parts {
    fn timed<T>(&mut self, part: &str, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let value = work();
        let seconds = start.elapsed().as_secs_f64();
        match self.0.iter_mut().find(|(name, _)| name == part) {
            Some((_, sum)) => *sum += seconds,
            None => self.0.push((part.to_owned(), seconds)),
        }
        value
    }
}
