//! One table over the catalogue: every victim keeps the contract, refuses bad parameters, survives
//! a trip through TOML, and has a page that tells the truth about its defaults.

use serde_json::Value;
use shillproof_core::catalogue::Catalogue;
use shillproof_core::{Ctx, Feedback, FitError, FitJob, Seed};
use shillproof_testkit::contracts::victim::{Expect, check};
use shillproof_testkit::fixtures::Checkerboard;
use shillproof_victims::VictimSpec;

/// What holds for some entries only. A new entry must be added here.
fn expect(name: &str) -> Expect {
    match name {
        "popularity" => Expect { personal: false, equivariant: Some(0.0) },
        "item-knn" | "random-walk" => Expect { personal: true, equivariant: Some(0.0) },
        "nuclear-norm" => Expect { personal: true, equivariant: Some(1e-6) },
        "als" | "wrmf" | "bpr" | "neumf" | "gmf" | "mlp" | "lightgcn" | "fpmc" | "transrec" | "gru4rec"
        | "sasrec" => Expect { personal: true, equivariant: None },
        other => panic!("say in this table what is expected of `{other}`"),
    }
}

/// The form in which an entry keeps the contract, where its defaults are for data a thousand times as large.
fn on_small_data(spec: VictimSpec) -> VictimSpec {
    let steps = "negatives=1,learning_rate=0.01,epochs=80";
    let text = match spec.card().name {
        "neumf" | "mlp" => format!("{}:{steps},batch_size=64", spec.card().name),
        "gmf" => format!("gmf:{steps},batch_size=32"),
        "fpmc" | "transrec" => format!("{}:learning_rate=0.01,epochs=60,batch_size=32", spec.card().name),
        "gru4rec" => "gru4rec:factors=16,units=16,learning_rate=0.01,epochs=40,batch_size=64".to_owned(),
        "sasrec" => {
            "sasrec:factors=16,inner=32,dropout=0.1,learning_rate=0.01,epochs=40,batch_size=64".to_owned()
        }
        _ => return spec,
    };
    VictimSpec::from_inline(&text).expect("the entry has these parameters")
}

#[test]
fn every_victim_keeps_the_contract() {
    for spec in VictimSpec::all() {
        let spec = on_small_data(spec);
        let name = spec.card().name;
        eprintln!("victim {name}");
        check(spec.victim(), expect(name));
    }
}

#[test]
fn other_forms_keep_the_contract_too() {
    for text in [
        "als:center=global,factors=5",
        "nuclear-norm:center=none,regularization=3",
        "item-knn:similarity=confidence,min_support=2,neighbors=7",
        "item-knn:similarity=none",
        "wrmf:solver=adam",
        "random-walk:orientation=paper-literal",
        "bpr:item_bias=false,factors=5,epochs=200",
        "neumf:sampling=per-epoch,adam=lazy,learning_rate=0.01,epochs=80,batch_size=64,layers=[20,10]",
        "neumf:negatives=1,learning_rate=0.01,epochs=80,pretrain_epochs=40,batch_size=64,layers=[64,32,16]",
        "fpmc:factors=5,learning_rate=0.02,regularization=0,epochs=60,batch_size=64",
        "transrec:distance=l2,project=false,learning_rate=0.02,epochs=60,batch_size=64",
        "transrec:distance=l1,factors=5,learning_rate=0.02,epochs=60,batch_size=64",
        "gru4rec:factors=12,units=16,output=separate,dropout=0,learning_rate=0.01,epochs=40,batch_size=64,weight_decay=1e-5",
        "gru4rec:factors=16,units=16,training=session-parallel,loss=top1,output=separate,learning_rate=0.01,epochs=60,batch_size=32",
        "gru4rec:factors=16,units=16,training=session-parallel,loss=bpr,learning_rate=0.01,epochs=60,batch_size=16",
        "sasrec:factors=12,layers=1,heads=3,inner=12,most_items=4,norm_first=true,activation=relu,loss=bpr,dropout=0,attention_dropout=0,learning_rate=0.01,epochs=60,batch_size=32",
        "lightgcn:layers=1,penalty=squared,regularization=1e-3,factors=5,batch_size=64",
        "gmf:negatives=1,sampling=per-epoch,factors=64,learning_rate=0.01,weight_decay=1e-5,epochs=100,batch_size=64",
    ] {
        eprintln!("victim {text}");
        let spec = VictimSpec::from_inline(text).unwrap();
        check(spec.victim(), expect(spec.card().name));
    }
}

#[test]
fn default_to_toml_and_back_is_identity() {
    for spec in VictimSpec::all() {
        let name = spec.card().name;
        let text = toml::to_string(&spec).unwrap();
        assert!(text.trim_start().starts_with(&format!("[{name}]")), "the key is not the name: {text}");
        assert_eq!(toml::from_str::<VictimSpec>(&text).unwrap(), spec);
        assert_eq!(VictimSpec::from_inline(name).unwrap(), spec);
        let unknown = toml::from_str::<VictimSpec>(&format!("[{name}]\nfaktors = 3")).unwrap_err();
        assert!(unknown.to_string().contains("unknown field"), "{unknown}");
    }
}

/// Counts that may be zero and penalties that may be left out.
const MAY_BE_ZERO: &[&str] = &["power_iterations", "pretrain_epochs"];

#[test]
fn numbers_out_of_range_are_refused_by_name() {
    let board = Checkerboard { users: 8, items: 6 };
    for spec in VictimSpec::all() {
        let name = spec.card().name;
        let train =
            if spec.victim().feedback() == Feedback::Explicit { board.explicit() } else { board.implicit() };
        for (field, default) in spec.parameters() {
            if !(default.is_number() || default.is_null()) {
                continue;
            }
            for bad in ["nan", "inf", "-1.0", "-1", "0"] {
                // A value that the type itself refuses never reaches the fit.
                let Ok(spec) = toml::from_str::<VictimSpec>(&format!("[{name}]\n{field} = {bad}")) else {
                    continue;
                };
                let result = spec.victim().fit(&FitJob::new(&train), &Ctx::new(Seed::new(1)));
                let zero_is_fine = bad == "0" && (!default.is_u64() || MAY_BE_ZERO.contains(&field.as_str()));
                match result {
                    Err(FitError::Parameter { name: refused, .. }) => {
                        assert_eq!(refused, field, "{name}: {field} = {bad} blames another field");
                    }
                    _ => assert!(zero_is_fine, "{name}: {field} = {bad} was taken"),
                }
            }
        }
    }
}

#[test]
fn the_page_tells_the_defaults() {
    for spec in VictimSpec::all() {
        let card = spec.card();
        for section in
            ["What it does", "Method", "Parameters", "Differences from the paper", "Cost", "References"]
        {
            assert!(card.doc.contains(&format!("\n## {section}\n")), "{}: no section {section}", card.name);
        }
        let mut documented: Vec<(String, String)> = card
            .doc
            .lines()
            .skip_while(|line| *line != "## Parameters")
            .skip(1)
            .take_while(|line| !line.starts_with("## "))
            .filter(|line| line.starts_with("| `"))
            .map(|line| {
                let cells: Vec<&str> = line.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
                assert_eq!(cells.len(), 6, "{}: `{line}` has not four cells", card.name);
                (cells[1].to_owned(), shortest(cells[2]))
            })
            .collect();
        let mut actual: Vec<(String, String)> =
            spec.parameters().into_iter().map(|(name, value)| (name, as_written(&value))).collect();
        documented.sort();
        actual.sort();
        assert_eq!(documented, actual, "page of {}", card.name);
    }
}

/// A default as a page may write it: numbers in any form, bare words, `none`.
fn as_written(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        other => shortest(&other.to_string()),
    }
}

/// Numbers in the shortest form that is the same `f32`; other text as it is.
fn shortest(text: &str) -> String {
    text.parse::<f32>().map_or_else(|_| text.to_owned(), |number| number.to_string())
}
