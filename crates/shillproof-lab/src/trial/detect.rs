//! Detectors within the cells of a plan: fitted once, let loose on every attack.

use std::sync::Arc;

use shillproof_attacks::AttackSpec;
use shillproof_core::{Ctx, FakeProfiles, FittedDetector, Grant, Size, Suspicion};
use shillproof_defenses::{CoinFlipDetector, DefenseSpec, DetectorSpec};

use super::memo::Memo;
use super::{Fitted, Setup, TrialError};
use crate::detection::{Examples, OTHERS, fit, judge, suspicion, train_attacks};
use crate::metrics::{Detection, FALSE_ALARM_SHARES, Measure};
use crate::plan::{Cell, PlannedCell, Threat};
use crate::report::recipe;
use crate::store::Key;

/// Fitted detectors and what they say of clean data, shared by cells.
#[derive(Default)]
pub(super) struct Detectors {
    fitted: Memo<Box<dyn FittedDetector>>,
    clean: Memo<Suspicion>,
}

/// The fake users that a cell's attack makes for the other targets of its selection.
pub(super) type Others<'a> = &'a dyn Fn() -> Result<Vec<FakeProfiles>, TrialError>;

/// What a detector of a cell learns from.
struct Lessons<'a> {
    attacks: Vec<AttackSpec>,
    /// Whether also from what the attack makes for the other targets.
    others: bool,
    threat: Threat,
    block: usize,
    /// Whether the attacks look at the victim.
    touch: bool,
    cell: &'a Cell,
}

impl<'a> Lessons<'a> {
    /// Attacks of these names in blocks of `size`: by default the size of the cell's attack, 1 % of the genuine users where it is not `attacked`.
    fn new(
        cell: &'a Cell,
        names: &[String],
        size: Option<Size>,
        users: usize,
        attacked: bool,
    ) -> Result<Self, TrialError> {
        let attacks = train_attacks(names, attacked.then_some(&cell.attack))?;
        let block = match size {
            Some(size) => size.of(users),
            None if attacked => cell.fake_users(users),
            None => users.div_ceil(100),
        };
        // A clean fit is shared by cells of every threat: nothing of one may show in it.
        let threat = if attacked {
            Threat { target: None, size: Size::Count(block), ..cell.threat.clone() }
        } else {
            Threat::promoting(Size::Count(block))
        };
        let touch = attacks.iter().any(|attack| attack.attack().needs().victim != Grant::Hidden);
        let others = attacked && names.iter().any(|name| name == OTHERS);
        Ok(Self { attacks, others, threat, block, touch, cell })
    }

    fn key(&self, planned: &PlannedCell, detector: &DetectorSpec) -> Key {
        let touched = self.touch.then_some((&self.cell.victim, self.cell.repeat));
        let learned = (detector.detector().examples() > 0).then_some((
            &self.attacks,
            &self.threat,
            self.block,
            touched,
            self.others.then_some(&planned.shares.crafted),
        ));
        Key::of(&(&planned.shares.data, self.threat.objective, detector, learned))
    }
}

impl Detectors {
    /// The detector of a cell's defense, fitted; none where it has none. `clean` is the victim on clean data where the cell's
    /// attack is on; without it the detector is that of a clean fit.
    pub(super) fn of_defense(
        &self,
        planned: &PlannedCell,
        setup: &Setup,
        clean: Option<&Arc<Fitted>>,
        others: Others<'_>,
        ctx: &Ctx<'_>,
    ) -> Result<Option<Arc<Box<dyn FittedDetector>>>, TrialError> {
        let DefenseSpec::RemoveFlagged(defense) = &planned.cell.defense else { return Ok(None) };
        let users = setup.n_genuine();
        let (names, size) = (&defense.train_attack, defense.train_size);
        let lessons = Lessons::new(&planned.cell, names, size, users, clean.is_some())?;
        self.fit(planned, &defense.detector, &lessons, setup, clean, others, ctx)
            .map(|(_, fitted)| Some(fitted))
    }

    #[expect(clippy::too_many_arguments, reason = "each is another side of one situation")]
    fn fit(
        &self,
        planned: &PlannedCell,
        detector: &DetectorSpec,
        lessons: &Lessons<'_>,
        setup: &Setup,
        clean: Option<&Arc<Fitted>>,
        others: Others<'_>,
        ctx: &Ctx<'_>,
    ) -> Result<(Key, Arc<Box<dyn FittedDetector>>), TrialError> {
        let key = lessons.key(planned, detector);
        let learns = detector.detector().examples() > 0;
        let make = || {
            // All targets under evaluation, not only that of this cell: then its other cells learn from the same examples.
            let avoid = match clean {
                Some(clean) if learns => setup.targets(&lessons.threat.targets, || Ok(clean.clone()))?,
                _ => Vec::new(),
            };
            let examples = Examples {
                attacks: &lessons.attacks,
                threat: &lessons.threat,
                victim: &planned.cell.victim,
                clean: clean.map(|clean| &**clean),
                block: lessons.block,
                avoid: &avoid,
                ready: if learns && lessons.others { others()? } else { Vec::new() },
            };
            fit(detector.detector(), &examples, setup, ctx)
        };
        let fitted = self.fitted.get(&key, |_| true, make)?;
        Ok((key, fitted))
    }

    /// Lets the detectors that the cell asks for, and chance, look at its attacked data. Those that need ratings have no row where
    /// there are none.
    pub(super) fn measure(
        &self,
        planned: &PlannedCell,
        setup: &Setup,
        clean: &Arc<Fitted>,
        fakes: &FakeProfiles,
        others: Others<'_>,
        ctx: &Ctx<'_>,
    ) -> Result<Vec<Measure>, TrialError> {
        let cell = &planned.cell;
        let mut detectors = cell.measure.detectors.clone();
        if detectors.is_empty() || fakes.profiles.is_empty() {
            return Ok(Vec::new());
        }
        if !detectors.iter().any(|d| matches!(d, DetectorSpec::CoinFlip(_))) {
            detectors.insert(0, DetectorSpec::CoinFlip(CoinFlipDetector::default()));
        }
        let log = setup.log(cell.threat.objective, &cell.victim);
        let lessons = Lessons::new(cell, &cell.measure.train_attack, None, setup.n_genuine(), true)?;
        let at = ctx.at(setup.root);
        let mut rows = Vec::new();
        for detector in detectors.iter().filter(|d| log.is_explicit() || !d.needs_ratings()) {
            let (key, fitted) = self.fit(planned, detector, &lessons, setup, Some(clean), others, ctx)?;
            let before = self.clean.get(&key, |_| true, || suspicion(&**fitted, log, &at))?;
            // Chance is another one in every cell, or its mean over cells would be one draw. Where the data
            // came from must not show in it.
            let place = Key::of(&(&cell.attack, cell.threat.target, cell.threat.size, cell.repeat));
            let here = ctx.at(setup.root.child("detect").child(place.as_str()));
            let (_, found) = judge(&**fitted, log, &before, fakes, &here)?;
            rows.extend(measures(&recipe(detector), &found));
        }
        Ok(rows)
    }
}

/// Rows about one detector, its name behind a slash.
fn measures(name: &str, found: &Detection) -> Vec<Measure> {
    let mut values = vec![
        (format!("auroc/{name}"), found.auroc),
        (format!("average_precision/{name}"), found.average_precision),
        (format!("fpr/{name}"), found.fpr),
        (format!("fnr/{name}"), found.fnr),
    ];
    let recalls = FALSE_ALARM_SHARES.iter().zip(found.recall_at_fpr);
    values.extend(recalls.map(|((share, _), recall)| (format!("recall_at_fpr/{share}/{name}"), recall)));
    let row = |(metric, value): (String, Option<f64>)| {
        value.map(|value| Measure { metric, k: None, target: None, value })
    };
    values.into_iter().filter_map(row).collect()
}
