//! A log of one's own with times: next-item recommenders, and attacks on them.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::place::Place;

/// Users who walk along a ring of items, each from an own place on; a step in four is a jump.
fn place() -> Place {
    let mut lines = vec!["user,item,timestamp\n".to_owned()];
    for user in 0..40u32 {
        let (mut at, mut seen) = (user * 7 % 24, Vec::new());
        for step in 0..8u32 {
            at = (at + if step % 4 == 3 { 5 + user % 3 } else { 1 }) % 24;
            if !seen.contains(&at) {
                seen.push(at);
                lines.push(format!("u{user},i{at},{}\n", 1_600_000_000 + 90_000 * user + 600 * step));
            }
        }
    }
    let place = Place::new();
    place.write("log.csv", &lines.concat());
    place
}

#[test]
fn an_audit_of_a_next_item_recommender_at_a_glance() {
    let place = place();
    let audit = "audit log.csv --victim gru4rec:epochs=3,factors=8,units=8 --effort glance --k 3 --profile-size 6 --out audit";
    let text = place.ok(audit).stdout;
    assert!(text.contains("gru4rec") && text.lines().any(|line| line.starts_with("caught")), "{text}");
    assert!(place.read("audit/audit.html").contains("No price was searched"));
    let json = place.json(&format!("{audit} --format json"));
    let curves = json["curves"].as_array().unwrap();
    // Two attacks on two kinds of target, at one size.
    assert_eq!(curves.len(), 4, "{json}");
    assert!(curves.iter().all(|curve| curve["points"].as_array().unwrap().len() == 1));
    let trainings = json["trainings"].as_u64().unwrap();
    assert!((9..=20).contains(&trainings), "{trainings}");
    assert!(json["warnings"].to_string().contains("no price is searched"), "{json}");
    assert!(json["prices"].as_array().unwrap().is_empty());
    assert!(!json["caught"].as_array().unwrap().is_empty(), "{json}");
}

#[test]
fn fake_users_get_times_that_keep_their_order() {
    let place = place();
    let craft =
        "craft log.csv --attack random:shape=sequence --targets random:2 --size 6 --profile-size 5 --seed 3";
    place.json(&format!("{craft} --out plain.csv"));
    let sequences = |name: &str, column: usize| {
        let mut rows: BTreeMap<String, Vec<(i64, String)>> = BTreeMap::new();
        for line in place.read(name).lines().skip(1) {
            let fields: Vec<&str> = line.split(',').collect();
            let time = fields[column].parse().unwrap();
            rows.entry(fields[0].into()).or_default().push((time, fields[1].into()));
        }
        for row in rows.values_mut() {
            row.sort();
        }
        rows
    };
    let items = |rows: &BTreeMap<String, Vec<(i64, String)>>| -> Vec<Vec<String>> {
        rows.values().map(|row| row.iter().map(|(_, item)| item.clone()).collect()).collect()
    };
    let plain = sequences("plain.csv", 3);
    for policy in ["uniform", "burst", "drip"] {
        place.json(&format!("{craft} --timestamps {policy} --out {policy}.csv"));
        assert!(place.read(&format!("{policy}.csv")).starts_with("user,item,timestamp\n"), "{policy}");
        let timed = sequences(&format!("{policy}.csv"), 2);
        assert_eq!(items(&timed), items(&plain), "{policy}");
        let times: Vec<i64> = timed.values().flatten().map(|(time, _)| *time).collect();
        let (low, high) = (*times.iter().min().unwrap(), *times.iter().max().unwrap());
        assert!(1_600_000_000 <= low && high <= 1_600_000_000 + 90_000 * 40, "{policy}: {low} {high}");
        assert_eq!(high - low < 40_000, policy == "burst", "{policy}: {low} {high}");
        // What is measured depends on the order alone.
        let measure = |fakes: &str| {
            let line = "--victim fpmc:epochs=5,factors=4 --targets random:2 --seed 3 --k 3";
            place.json(&format!("measure log.csv --fakes {fakes} {line}"))["hit_ratio"].clone()
        };
        assert_eq!(measure(&format!("{policy}.csv")), measure("plain.csv"), "{policy}");
    }
    place.fails(&format!("{craft} --timestamps often --out x.csv"), &["uniform", "burst", "drip"]);
    place.write("unordered.csv", "user,item\na,x\nb,y\nc,x\n");
    place.fails(
        "craft unordered.csv --attack random --targets ids:x --size 1 --profile-size 1 --timestamps drip --out x.csv",
        &["no times", "--columns"],
    );
}

#[test]
fn several_surrogates_are_one_simulator_and_only_where_there_is_one() {
    let place = place();
    let craft = "craft log.csv --black-box bpr:epochs=5,factors=4 --queries 5% --targets random:2 --size 3 --profile-size 4 --out f.csv";
    let several = "fpmc:epochs=5,factors=4,transrec:epochs=5,factors=4";
    let loki = "--attack 'loki:agent={episodes=100,update_every=1},groups=3,depth=20,repeats=1'";
    place.json(&format!("{craft} {loki} --surrogate {several}"));
    let together = place.read("f.csv");
    let named = "--attack 'loki:agent={episodes=100,update_every=1},groups=3,depth=20,repeats=1,models=[{fpmc={epochs=5,factors=4}},{transrec={epochs=5,factors=4}}]'";
    place.json(&format!("{craft} {named}"));
    assert_eq!(together, place.read("f.csv"));
    place.json(&format!("{craft} {loki} --surrogate fpmc:epochs=5,factors=4"));
    assert_ne!(together, place.read("f.csv"));
    place.fails(&format!("{craft} {named} --surrogate {several}"), &["`models`", "of the attack's own"]);
    place.fails(
        &format!("{craft} --attack covis:form=sequence --surrogate {several}"),
        &["`covis` trains one surrogate", "2 together", "loki"],
    );
    place.write(
        "grid.toml",
        "[dataset]\nfile = { path = \"log.csv\" }\n[victim]\nbpr = { epochs = 5, factors = 4 }\n[attack]\nloki = { agent = { episodes = 100, update_every = 1 }, groups = 3, depth = 20, repeats = 1 }\n[threat]\ntargets = { random = { count = 2 } }\neach = false\nsize = { count = 3 }\nprofile_size = { count = 4 }\nblack_box = { queries = 0.05 }\nsurrogate = [\"item-knn\", { together = [{ fpmc = { epochs = 5, factors = 4 } }, { transrec = { epochs = 5, factors = 4 } }] }]\n",
    );
    let plan = place.json("plan grid.toml --format json");
    let cells = plan["cells"].as_array().unwrap();
    let models = |cell: &Value| cell["cell"]["threat"]["surrogate"]["together"].as_array().map(Vec::len);
    assert_eq!(cells.iter().filter_map(models).collect::<Vec<_>>(), [2], "{plan}");
    let key = cells.iter().find(|cell| models(cell).is_some()).unwrap()["key"].as_str().unwrap();
    place.ok(&format!("run grid.toml --out r --only {key}"));
    let record: Value = serde_json::from_str(&place.read(&format!("r/records/{key}.json"))).unwrap();
    let curve = record["record"]["curves"]["loki_reward"].as_array().unwrap();
    assert_eq!(curve.len(), 100, "one point an episode: {record}");
    assert!(curve.iter().all(Value::is_number));
}
