//! Whole audits on the embedded data set.

#![allow(clippy::unwrap_used)]

use std::sync::atomic::AtomicBool;

use shillproof_core::catalogue::Catalogue;
use shillproof_core::{Observer, Silent, Size};
use shillproof_data::DataOptions;
use shillproof_lab::audit::{Audit, AuditError, AuditSpec, Bench, Effort, Price, audit, page, summary};
use shillproof_lab::command::VictimChoice;
use shillproof_lab::run::RunObserver;
use shillproof_lab::spec::{DatasetSpec, Source};
use shillproof_lab::store::{Record, Store};

fn spec(victim: &str, gates: &[&str]) -> AuditSpec {
    AuditSpec {
        dataset: DatasetSpec { source: Source::Known("demo".into()), options: DataOptions::default() },
        victim: Some(VictimChoice::from_inline(victim).unwrap()),
        k: 10,
        effort: Effort::Quick,
        profile_size: Size::Count(30),
        seed: 7,
        gates: gates.iter().map(|gate| gate.parse().unwrap()).collect(),
    }
}

fn run(spec: &AuditSpec, store: &Store, jobs: usize) -> Result<Audit, AuditError> {
    audit(spec, Bench { store, jobs, observer: &Silent, cancel: &AtomicBool::new(false) })
}

const SMALL_ALS: &str = "als:factors=4,iterations=4";

/// Asks to stop after so many cells.
struct StopAfter<'a> {
    cells: std::sync::atomic::AtomicUsize,
    cancel: &'a AtomicBool,
}

impl Observer for StopAfter<'_> {}

impl RunObserver for StopAfter<'_> {
    fn ended(&self, _: &Record) {
        use std::sync::atomic::Ordering;
        if self.cells.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.cancel.store(true, Ordering::SeqCst);
        }
    }
}

#[test]
fn one_job_two_jobs_and_a_stopped_audit_find_the_same() {
    let spec = spec(SMALL_ALS, &[]);
    let folders: Vec<_> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
    let stores: Vec<_> = folders.iter().map(|f| Store::create(f.path()).unwrap()).collect();
    let one = run(&spec, &stores[0], 1).unwrap();
    let two = run(&spec, &stores[1], 2).unwrap();
    assert_eq!(one, two);

    let cancel = AtomicBool::new(false);
    let observer = StopAfter { cells: 40.into(), cancel: &cancel };
    let stopped = audit(&spec, Bench { store: &stores[2], jobs: 2, observer: &observer, cancel: &cancel });
    assert!(matches!(stopped, Err(AuditError::Cancelled(_))), "{stopped:?}");
    assert_eq!(run(&spec, &stores[2], 2).unwrap(), one);
    assert_eq!(run(&spec, &stores[2], 2).unwrap(), one, "a finished audit is read from its records");
}

#[test]
fn text_and_page_say_what_was_found() {
    let spec =
        spec(SMALL_ALS, &["hit_ratio@10 >= 0 at 1%", "hit_ratio@10 > 0.99 at 3% for bandwagon on random"]);
    let folder = tempfile::tempdir().unwrap();
    let found = run(&spec, &Store::create(folder.path()).unwrap(), 0).unwrap();

    assert_eq!(found.curves.len(), 8, "four attacks on two kinds of target");
    for curve in &found.curves {
        assert!(curve.points.windows(2).all(|pair| pair[0].fake_users < pair[1].fake_users));
        for point in &curve.points {
            assert_eq!(point.hit_ratio.n, 5);
            let [lo, hi] = point.hit_ratio.ci95.unwrap();
            assert!(lo <= point.hit_ratio.mean && point.hit_ratio.mean <= hi);
            assert!(point.hit_ratio_eligible.mean >= point.hit_ratio.mean);
            let change = point.hit_ratio.mean - curve.clean.mean;
            assert!((point.change.difference.mean - change).abs() < 1e-12);
        }
    }
    assert!(found.items.windows(2).all(|pair| pair[0].hit_ratio.mean >= pair[1].hit_ratio.mean));
    assert!(!found.gates[0].broken_by.is_empty() && found.gates[1].broken_by.is_empty());
    assert!(found.failed());

    let text = summary(&found);
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(joined.starts_with(&found.verdict()), "{text}");
    assert!(text.contains("BROKEN: hit_ratio@10 >= 0 at 1%"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let labels = ["reach", "price", "weak", "caught", "defense", "accuracy", "data"];
    for label in labels {
        assert_eq!(text.lines().filter(|line| line.starts_with(label)).count(), 1, "{label}:\n{text}");
    }

    assert_eq!(found.guarded.len(), 8, "the defense meets every attack, not only the strongest");
    assert!(
        found.caught.iter().all(|c| c.roc.windows(2).all(|pair| pair[0].caught.mean <= pair[1].caught.mean))
    );
    assert!(found.users.iter().all(|u| u.per_target.len() <= 5 && !u.per_target.is_empty()));
    let spec = shillproof_lab::spec::ExperimentSpec::parse(&found.experiment, "experiment.toml").unwrap();
    assert_eq!((spec.attack.len(), spec.threat.targets.len()), (5, 2), "the grid reads back");

    let html = page(&found, "shillproof audit demo");
    assert!(html.contains("shillproof audit demo"));
    for outside in ["src=\"http", "href=\"http", "@import", "url(http"] {
        assert!(!html.contains(outside), "the page needs no network: {outside}");
    }
    assert!(html.len() < 2 << 20, "{} bytes", html.len());
    let json = serde_json::to_string(&found).unwrap();
    assert_eq!(serde_json::from_str::<Audit>(&json).unwrap(), found);
}

#[test]
fn a_wider_reach_never_costs_less() {
    let folder = tempfile::tempdir().unwrap();
    let found = run(&spec("popularity", &[]), &Store::create(folder.path()).unwrap(), 0).unwrap();
    for kind in ["random", "unpopular"] {
        let prices: Vec<_> = found.prices.iter().filter(|price| price.kind == kind).collect();
        let smallest = |price: &Price| match *price {
            Price::Found { fake_users, surely_below, .. } => {
                assert!(surely_below < fake_users || fake_users == 0, "{price:?}");
                fake_users
            }
            Price::NotReached { cap, .. } => {
                assert_eq!(cap, 200, "a fifth of the users");
                cap + 1
            }
        };
        let smallest: Vec<usize> = prices.iter().map(|price| smallest(&price.price)).collect();
        assert_eq!(smallest.len(), 3);
        assert!(smallest.is_sorted() && smallest[0] > 10, "{smallest:?}");
    }
}

#[test]
fn a_gate_that_looks_at_nothing_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(folder.path()).unwrap();
    for gate in
        ["hit_ratio@10 > 0.5 at 1% for loki", "hit_ratio@50 > 0.5 at 1%", "hit_ratio@10 > 0.5 at 1% on hats"]
    {
        let error = run(&spec("popularity", &[gate]), &store, 1).unwrap_err();
        assert!(matches!(error, AuditError::IdleGate { .. }), "{gate}: {error}");
        assert!(error.hint().unwrap().contains("bandwagon"));
    }
}
