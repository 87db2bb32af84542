//! A grid survives `kill -9` at any moment: nothing is lost, nothing is counted twice, and the
//! records are those of a run that nobody disturbed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use shillproof_core::{Ctx, Seed, Silent};
use shillproof_lab::metrics::Measure;
use shillproof_lab::plan::{DatasetFacts, Plan, PlannedCell};
use shillproof_lab::run::{ExecuteError, Executor, Outcome, RunOptions, run};
use shillproof_lab::spec::ExperimentSpec;
use shillproof_lab::store::{Curves, Record, Seconds, Store};
use shillproof_lab::trial::Trials;

const FOLDER: &str = "SHILLPROOF_TEST_RESUME_FOLDER";

/// 252 cells.
const GRID: &str = r#"
seed = 7
repeats = 3
dataset = { demo = {} }
victim = "popularity"
attack = ["none", "random", "average", "bandwagon"]
[threat]
targets = { random = { count = 12 } }
size = [{ fraction = 0.01 }, { fraction = 0.05 }]
"#;

fn plan() -> Plan {
    let facts = DatasetFacts {
        name: "demo".into(),
        checksum: "sum".into(),
        users: 200,
        items: 50,
        interactions: 1000,
    };
    let spec = ExperimentSpec::parse(GRID, "grid.toml").unwrap();
    Plan::new(&spec, &mut |_| Ok::<_, Infallible>(facts.clone())).unwrap()
}

/// Computes a number from the cell, and takes a while.
struct Toy {
    pause: Duration,
}

impl Executor for Toy {
    fn execute(&self, planned: &PlannedCell, ctx: &Ctx<'_>) -> Result<Outcome, ExecuteError> {
        ctx.check()?;
        std::thread::sleep(self.pause);
        let value = ctx.seed.child(planned.key.as_str()).value() as f64 / 3.0;
        // Large enough for a write to be caught in the middle.
        let measures = (0..300)
            .map(|k| Measure {
                metric: "hit_ratio".into(),
                k: Some(k),
                target: Some("t".into()),
                value: value + k as f64,
            })
            .collect();
        Ok(Outcome::Done {
            targets: vec!["t".into()],
            measures,
            notes: Vec::new(),
            curves: Curves::new(),
            seconds: Seconds::default(),
        })
    }
}

fn run_all(folder: &Path, jobs: usize, pause: Duration) {
    let store = Store::create(folder).unwrap();
    let options = RunOptions { jobs, ..RunOptions::default() };
    run(&plan(), &Toy { pause }, &store, &options, &Silent, &AtomicBool::new(false)).unwrap();
}

/// Runs the whole grid in the folder that the environment names: the process that the tests kill.
#[test]
#[ignore = "started by the other tests, in a process of its own"]
fn child() {
    let folder = PathBuf::from(std::env::var_os(FOLDER).expect("a folder"));
    run_all(&folder, 2, Duration::from_millis(2));
}

fn start(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// Bytes of every record, by file name, without the part that timing changes.
fn records(folder: &Path) -> Vec<Record> {
    let loaded = Store::open(folder).unwrap().load().unwrap();
    assert_eq!(loaded.warnings, [] as [String; 0], "no record is torn");
    loaded.records.iter().map(Record::comparable).collect()
}

fn count(folder: &Path) -> usize {
    let is_record = |name: &std::ffi::OsStr| Path::new(name).extension().is_some_and(|e| e == "json");
    std::fs::read_dir(folder.join("records"))
        .map_or(0, |d| d.filter(|e| is_record(&e.as_ref().unwrap().file_name())).count())
}

#[test]
fn killed_again_and_again_a_grid_ends_as_if_nobody_had_touched_it() {
    let folder = tempfile::tempdir().unwrap();
    let (calm, killed) = (folder.path().join("calm"), folder.path().join("killed"));
    run_all(&calm, 1, Duration::ZERO);
    let expected = records(&calm);
    assert_eq!(expected.len(), plan().cells.len());
    let (mut kills, mut before) = (0, 0);
    for round in 0.. {
        let mut child = start(&killed);
        // Dies somewhere within the next cells, at a moment drawn anew each round.
        let patience = Duration::from_micros(Seed::new(99).index(round).value() % 60_000);
        let begun = Instant::now();
        while count(&killed) == before && child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < Duration::from_mins(1), "the child does nothing");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(patience);
        if child.try_wait().unwrap().is_some_and(|status| status.success()) {
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        let now = records(&killed);
        assert!(now.len() >= before, "a finished cell was lost");
        assert!(now.iter().all(|r| expected.contains(r)), "half a cell was counted");
        before = now.len();
        assert!(kills < 200, "no end in sight");
    }
    assert!(kills >= 3, "the grid was done before it could be killed: {kills}");
    assert_eq!(records(&killed), expected);
}

#[test]
fn two_processes_in_one_folder_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let (calm, shared) = (folder.path().join("calm"), folder.path().join("shared"));
    run_all(&calm, 2, Duration::ZERO);
    let children = [start(&shared), start(&shared)];
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(records(&shared), records(&calm));
}

/// Four hours of crafting, stopped after a moment.
const LONG: &str = r#"
dataset = { demo = {} }
victim = "popularity"
attack = { loki = { models = [{ bpr = { factors = 2, epochs = 1 } }], depth = 5, agent = { episodes = 10_000_000 } } }
[threat]
each = false
targets = { random = { count = 2 } }
size = { fraction = 0.01 }
black_box = { queries = 0.001 }
surrogate = "popularity"
"#;

#[test]
fn a_stop_in_the_middle_of_crafting_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let (store, trials) = (Store::create(folder.path()).unwrap(), Trials::default());
    let spec = ExperimentSpec::parse(LONG, "long.toml").unwrap();
    let plan = Plan::new(&spec, &mut |dataset| trials.facts(dataset)).unwrap();
    let stop = AtomicBool::new(false);
    let summary = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_secs(2));
            stop.store(true, Ordering::Relaxed);
        });
        run(&plan, &trials, &store, &RunOptions::default(), &Silent, &stop).unwrap()
    });
    assert_eq!((summary.failed, summary.left), (0, 1), "{summary:?}");
    assert_eq!(store.load().unwrap().records.len(), 0);
}
