use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use shillproof_core::Silent;

use super::work::{Shared, with_causes};
use super::*;
use crate::plan::tests::{grid, record};
use crate::store::{Record, Seconds, Status};

static GO: AtomicBool = AtomicBool::new(false);

/// Answers from the cell alone; every seventh cell goes wrong in one way or another.
#[derive(Default)]
struct Toy {
    calls: AtomicUsize,
    released: Mutex<Vec<Key>>,
    healed: bool,
}

fn number_of(key: &Key) -> u64 {
    u64::from_str_radix(&key.as_str()[..8], 16).unwrap()
}

impl Executor for Toy {
    fn execute(&self, planned: &PlannedCell, ctx: &Ctx<'_>) -> Result<Outcome, ExecuteError> {
        ctx.check()?;
        self.calls.fetch_add(1, Ordering::SeqCst);
        let number = number_of(&planned.key);
        match number % 7 {
            0 if !self.healed => panic!("cell {number} is cursed"),
            1 if !self.healed => Err(ExecuteError::Failed("the machine hiccuped".into())),
            2 => Ok(Outcome::Skipped { reason: "no such thing".into() }),
            _ => {
                ctx.observer.note("the data is small");
                let record = record(planned, number as f64 / 3.0);
                let Status::Done { targets, measures, notes, curves } = record.status else { unreachable!() };
                Ok(Outcome::Done { targets, measures, notes, curves, seconds: Seconds::default() })
            }
        }
    }

    fn release(&self, shared: &Key) {
        self.released.lock().unwrap().push(shared.clone());
    }
}

fn jobs(jobs: usize) -> RunOptions {
    RunOptions { jobs, ..RunOptions::default() }
}

fn comparable(store: &Store) -> Vec<Record> {
    store.load().unwrap().records.iter().map(Record::comparable).collect()
}

#[test]
fn one_job_and_two_leave_the_same_records_and_nothing_stops_the_grid() {
    let folder = tempfile::tempdir().unwrap();
    let plan = grid();
    let mut all = Vec::new();
    for n in [1, 2, 5] {
        let store = Store::create(&folder.path().join(n.to_string())).unwrap();
        let toy = Toy::default();
        let summary = run(&plan, &toy, &store, &jobs(n), &Silent, &GO).unwrap();
        assert_eq!(summary.done + summary.skipped + summary.failed, 30);
        assert!(summary.failed >= 2 && summary.skipped >= 1 && summary.left == 0, "{summary:?}");
        assert_eq!(store.spec().unwrap(), Some(plan.text.clone()));
        all.push(comparable(&store));
        let mut released = toy.released.into_inner().unwrap();
        released.sort();
        let shared: std::collections::BTreeSet<Key> =
            plan.cells.iter().flat_map(Shared::keys).cloned().collect();
        assert_eq!(released, shared.into_iter().collect::<Vec<_>>(), "each shared piece is released once");
    }
    assert_eq!(all[0], all[1]);
    assert_eq!(all[0], all[2]);
    let error = |text: &str| {
        all[0].iter().any(|r| matches!(&r.status, Status::Failed { error } if error.contains(text)))
    };
    assert!(error("panicked: cell") && error("the machine hiccuped"));
}

#[test]
fn a_rerun_tries_what_failed_and_leaves_the_rest_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(folder.path()).unwrap();
    let plan = grid();
    let first = run(&plan, &Toy::default(), &store, &jobs(2), &Silent, &GO).unwrap();
    let healed = Toy { healed: true, ..Toy::default() };
    let second = run(&plan, &healed, &store, &jobs(2), &Silent, &GO).unwrap();
    assert_eq!(
        second,
        RunSummary { kept: first.done + first.skipped, done: first.failed, ..RunSummary::default() }
    );
    assert_eq!(healed.calls.into_inner(), first.failed);
    let third = run(&plan, &Toy::default(), &store, &jobs(1), &Silent, &GO).unwrap();
    assert_eq!(third, RunSummary { kept: 30, ..RunSummary::default() });
}

#[test]
fn a_stopped_run_keeps_what_ended_and_the_next_one_does_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, stopped) = (folder.path().join("whole"), folder.path().join("stopped"));
    let (whole, stopped) = (Store::create(&whole).unwrap(), Store::create(&stopped).unwrap());
    let plan = grid();
    run(&plan, &Toy::default(), &whole, &jobs(1), &Silent, &GO).unwrap();
    let cancel = AtomicBool::new(false);
    let toy = Stopping { toy: Toy::default(), after: 9, cancel: &cancel };
    let summary = run(&plan, &toy, &stopped, &jobs(2), &Silent, &cancel).unwrap();
    let ended = summary.done + summary.skipped + summary.failed;
    assert!((8..=11).contains(&ended), "{summary:?}");
    assert_eq!(summary.left, 30 - ended);
    assert_eq!(stopped.load().unwrap().records.len(), ended);
    run(&plan, &Toy::default(), &stopped, &jobs(2), &Silent, &GO).unwrap();
    assert_eq!(comparable(&stopped), comparable(&whole));
}

/// Asks to stop while its `after`-th cell runs.
struct Stopping<'a> {
    toy: Toy,
    after: usize,
    cancel: &'a AtomicBool,
}

impl Executor for Stopping<'_> {
    fn execute(&self, planned: &PlannedCell, ctx: &Ctx<'_>) -> Result<Outcome, ExecuteError> {
        if self.toy.calls.load(Ordering::SeqCst) + 1 >= self.after {
            self.cancel.store(true, Ordering::SeqCst);
        }
        self.toy.execute(planned, ctx)
    }
}

#[test]
fn shards_and_single_cells_merge_to_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let plan = grid();
    let at = |name: &str| folder.path().join(name);
    let whole = Store::create(&at("whole")).unwrap();
    run(&plan, &Toy::default(), &whole, &jobs(1), &Silent, &GO).unwrap();
    let mut parts = Vec::new();
    for i in 1..=3 {
        let part = at(&i.to_string());
        let options = RunOptions { shard: Some(format!("{i}/3").parse().unwrap()), ..jobs(1) };
        run(&plan, &Toy::default(), &Store::create(&part).unwrap(), &options, &Silent, &GO).unwrap();
        parts.push(part);
    }
    let again = at("again");
    let options = RunOptions { only: vec![plan.cells[3].key.clone(), plan.cells[20].key.clone()], ..jobs(1) };
    let few = run(&plan, &Toy::default(), &Store::create(&again).unwrap(), &options, &Silent, &GO).unwrap();
    assert_eq!(few.done + few.skipped + few.failed, 2);
    parts.push(again);
    let sources: Vec<_> = parts.iter().map(std::path::PathBuf::as_path).collect();
    crate::store::merge(&sources, &at("merged")).unwrap();
    assert_eq!(comparable(&Store::open(&at("merged")).unwrap()), comparable(&whole));
    let unknown = RunOptions { only: vec![Key::of(&1)], ..jobs(1) };
    let error = run(&plan, &Toy::default(), &whole, &unknown, &Silent, &GO).unwrap_err();
    assert!(matches!(error, RunError::Plan(_)) && error.hint().is_some());
}

#[test]
fn a_measure_that_is_no_number_is_a_failure() {
    struct Nan;
    impl Executor for Nan {
        fn execute(&self, planned: &PlannedCell, _: &Ctx<'_>) -> Result<Outcome, ExecuteError> {
            let Status::Done { targets, measures, notes, curves } = record(planned, f64::NAN).status else {
                unreachable!()
            };
            Ok(Outcome::Done { targets, measures, notes, curves, seconds: Seconds::default() })
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(folder.path()).unwrap();
    let summary = run(&grid(), &Nan, &store, &jobs(2), &Silent, &GO).unwrap();
    assert_eq!(summary.failed, 30);
    let first = &store.load().unwrap().records[0];
    assert_eq!(first.status, Status::Failed { error: "measure hit_ratio is NaN".into() });
}

#[test]
fn a_disk_that_refuses_ends_the_run_with_an_error() {
    struct Breaking<'a>(&'a std::path::Path);
    impl Executor for Breaking<'_> {
        fn execute(&self, planned: &PlannedCell, ctx: &Ctx<'_>) -> Result<Outcome, ExecuteError> {
            let _ = std::fs::remove_dir_all(self.0);
            Toy { healed: true, ..Toy::default() }.execute(planned, ctx)
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(folder.path()).unwrap();
    let records = folder.path().join("records");
    let error = run(&grid(), &Breaking(&records), &store, &jobs(1), &Silent, &GO).unwrap_err();
    assert!(matches!(error, RunError::Store(StoreError::Io { action: "write", .. })), "{error}");
}

#[test]
fn causes_are_told_once() {
    #[derive(Debug, Error)]
    #[error("cannot fit")]
    struct Outer(#[source] Inner);
    #[derive(Debug, Error)]
    #[error("it diverged")]
    struct Inner;
    #[derive(Debug, Error)]
    #[error("stopped: {0}")]
    struct Telling(#[source] Inner);
    assert_eq!(with_causes(&Outer(Inner)), "cannot fit: it diverged");
    assert_eq!(with_causes(&Telling(Inner)), "stopped: it diverged");
}
