use std::convert::Infallible;

use super::*;
use crate::metrics::Measure;
use crate::store::{Curves, Record, Seconds, Status, Versions};

pub(crate) fn facts(name: &str) -> DatasetFacts {
    DatasetFacts {
        name: name.into(),
        checksum: format!("sum-of-{name}"),
        users: 200,
        items: 50,
        interactions: 1000,
    }
}

pub(crate) fn plan(text: &str) -> Plan {
    let spec = ExperimentSpec::parse(text, "x.toml").unwrap();
    Plan::new(&spec, &mut |dataset| Ok::<_, Infallible>(facts(&dataset.label()))).unwrap()
}

const GRID: &str = r#"
seed = 7
repeats = 2
dataset = { demo = {} }
victim = "popularity"
attack = ["none", "random", "average"]
[threat]
targets = { random = { count = 3 } }
size = [{ fraction = 0.01 }, { fraction = 0.05 }]
"#;

/// 30 cells: 3 targets x 2 repeats x (none + 2 attacks x 2 sizes).
pub(crate) fn grid() -> Plan {
    plan(GRID)
}

/// A record of `planned` with this hit ratio of its target.
pub(crate) fn record(planned: &PlannedCell, hit_ratio: f64) -> Record {
    let target = planned.cell.threat.target.map(|t| format!("t{t}"));
    Record {
        key: planned.key.clone(),
        cell: planned.cell.clone(),
        data: planned.data.clone(),
        versions: Versions::current(),
        status: Status::Done {
            targets: target.iter().cloned().collect(),
            measures: vec![Measure { metric: "hit_ratio".into(), k: Some(10), target, value: hit_ratio }],
            notes: Vec::new(),
            curves: Curves::new(),
        },
        seconds: Seconds { total: 0.25, parts: vec![("fit".into(), 0.1)], attack: 0.0 },
    }
}

#[test]
fn a_grid_has_every_combination_once_and_one_clean_cell_a_target_and_repeat() {
    let plan = grid();
    assert_eq!(plan.cells.len(), 30);
    let clean: Vec<_> = plan.cells.iter().filter(|c| c.cell.is_clean()).collect();
    assert_eq!(clean.len(), 6, "a clean cell has no size");
    let keys: BTreeSet<_> = plan.cells.iter().map(|c| &c.key).collect();
    assert_eq!(keys.len(), 30);
    let set = super::tests::plan(&GRID.replace("[threat]", "[threat]\neach = false"));
    assert_eq!(set.cells.len(), 10);
    assert!(set.cells.iter().all(|c| c.cell.threat.target.is_none()));
}

#[test]
fn a_key_says_what_the_cell_is_and_nothing_else() {
    let reordered = GRID.replace("seed = 7\nrepeats = 2\n", "repeats = 2\nseed = 7\n");
    assert_eq!(plan(&reordered).cells, grid().cells);
    let cell = &grid().cells[0];
    let text = serde_json::to_string(&cell.cell).unwrap();
    let back: Cell = serde_json::from_str(&text).unwrap();
    assert_eq!(back, cell.cell);
    assert_eq!(back.key(&cell.data.checksum), cell.key);
    assert_ne!(back.key("other data"), cell.key);
    assert_ne!(Cell { seed: 8, ..back.clone() }.key(&cell.data.checksum), cell.key);
    assert_ne!(Cell { repeat: 9, ..back }.key(&cell.data.checksum), cell.key);
}

#[test]
fn keys_are_fixed() {
    // SHA-256 of the canonical text, by Python's hashlib: a change here orphans every record ever written.
    assert_eq!(Key::of(&serde_json::json!({ "b": [1, 0.5], "a": "x" })).as_str(), PYTHON_KEY);
}

/// `hashlib.sha256(b'{"a":"x","b":[1,0.5,],}').hexdigest()[:24]`.
const PYTHON_KEY: &str = "7c97e94430600d6367811208";

#[test]
fn cells_share_what_they_can() {
    let plan = grid();
    let of = |attack: &str, repeat: u64, target: usize| -> Vec<&PlannedCell> {
        let is = |c: &&PlannedCell| {
            c.cell.attack_name() == attack && c.cell.repeat == repeat && c.cell.threat.target == Some(target)
        };
        plan.cells.iter().filter(is).collect()
    };
    let (small, large) = (of("random", 0, 0)[0], of("random", 0, 0)[1]);
    assert_eq!(small.shares, large.shares, "sizes share their fakes");
    assert_eq!(small.shares.craft_size, 10, "crafted once, at 5 % of 200 users");
    let (a, b) = (&of("random", 0, 0)[0].shares, &of("random", 1, 0)[0].shares);
    assert_eq!((&a.data, &a.crafted), (&b.data, &b.crafted), "repeats share data and fakes");
    assert_ne!(a.clean_fit, b.clean_fit, "and not the victim's seed");
    assert_ne!(a.crafted, of("random", 0, 1)[0].shares.crafted);
    assert_ne!(a.crafted, of("average", 0, 0)[0].shares.crafted);
    assert_eq!(a.clean_fit, of("none", 0, 2)[0].shares.clean_fit);
    assert_eq!(of("none", 0, 0)[0].shares.crafted, None);
    // Cells of one clean fit stand together.
    let mut runs: Vec<_> = plan.cells.iter().map(|c| &c.shares.clean_fit).collect();
    runs.dedup();
    assert_eq!(runs.len(), 2);
    assert!(large.cost > small.cost && small.cost > of("none", 0, 0)[0].cost);
}

#[test]
fn shards_are_disjoint_and_complete_and_only_picks() {
    let plan = grid();
    let mut all = Vec::new();
    for i in 1..=4 {
        let shard: Shard = format!("{i}/4").parse().unwrap();
        let part: Vec<Key> = plan.select(Some(shard), &[]).unwrap().iter().map(|c| c.key.clone()).collect();
        assert!((7..=8).contains(&part.len()), "shards are even");
        all.extend(part);
    }
    assert_eq!(all.len(), plan.cells.len());
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    let one = plan.select(None, &[all[3].clone()]).unwrap();
    assert_eq!(one.len(), 1);
    let unknown = Key::of(&"nothing");
    let error = plan.select(None, std::slice::from_ref(&unknown)).unwrap_err();
    assert_eq!(error, PlanError::UnknownKey(unknown));
    assert!(error.hint().unwrap().contains("plan"));
}

#[test]
fn nonsense_is_no_shard() {
    for text in ["", "1", "0/3", "4/3", "1/0", "a/b", "-1/2", "1/2/3"] {
        assert!(text.parse::<Shard>().is_err(), "{text}");
    }
    assert_eq!("2/3".parse::<Shard>().unwrap().to_string(), "2/3");
}

#[test]
fn bug_5_a_clean_fit_is_shared_only_by_equal_parameters_seeds_and_data() {
    let clean_fits = |text: &str| {
        let plan = plan(text);
        let keys: std::collections::BTreeSet<_> =
            plan.cells.iter().map(|c| c.shares.clean_fit.clone()).collect();
        (plan.cells.len(), keys)
    };
    let text = |seed: u64, data: &str| {
        format!(
            "seed = {seed}\nrepeats = 2\ndataset = {{ {data} = {{}} }}\nvictim = {{ als = {{ factors = [4, 8] }} }}\nattack = [\"none\", \"random\"]"
        )
    };
    let (cells, keys) = clean_fits(&text(1, "demo"));
    assert!(cells > keys.len(), "attacks and targets share a fit");
    assert_eq!(keys.len(), 4, "two sets of parameters, two repeats");
    for other in [text(2, "demo"), text(1, "ml-100k")] {
        assert!(clean_fits(&other).1.is_disjoint(&keys), "{other}");
    }
}
