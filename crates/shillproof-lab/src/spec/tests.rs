use super::*;
use shillproof_core::Fraction;
use shillproof_core::catalogue::Catalogue;
use shillproof_data::knowledge::Noisy;

const SMALL: &str = "dataset = { demo = {} }\nvictim = \"popularity\"\nattack = { random = {} }\n";

fn parse(text: &str) -> Result<ExperimentSpec, SpecError> {
    ExperimentSpec::parse(text, "x.toml")
}

fn with(more: &str) -> ExperimentSpec {
    parse(&format!("{SMALL}{more}")).unwrap()
}

/// Line, key, problem and hint of a file that must not read.
fn wrong(text: &str) -> (usize, String, String, String) {
    match parse(text).unwrap_err() {
        SpecError::Content { place, problem, hint } => {
            (place.line, place.key, problem, hint.unwrap_or_default())
        }
        SpecError::Unreadable { .. } => unreachable!("there is no file"),
    }
}

#[test]
fn what_is_not_said_is_the_default() {
    let spec = with("");
    assert_eq!((spec.seed, spec.repeats), (0, 1));
    assert_eq!(spec.threat, ThreatAxes::default());
    assert_eq!(spec.measure.hit_ratio, [10, 50]);
    assert_eq!(spec.defense, [DefenseSpec::default()]);
    assert_eq!(spec.split, [SplitSpec::default()]);
}

#[test]
fn a_list_where_one_value_would_do_is_an_axis() {
    let spec = with(
        "[threat]\nsize = [{ fraction = 0.005 }, { count = 3 }]\nobjective = [\"promote\", \"demote\"]\nknowledge = [\"full\", { bfs = [0.1, 0.2] }]",
    );
    assert_eq!(spec.threat.size, [Size::Fraction(Fraction::new(0.005).unwrap()), Size::Count(3)]);
    assert_eq!(spec.threat.objective.len(), 2);
    let bfs = |f| KnowledgeSpec::Bfs(Fraction::new(f).unwrap());
    assert_eq!(spec.threat.knowledge, [KnowledgeSpec::Full, bfs(0.1), bfs(0.2)]);
    let spec = with("[threat]\ntargets = [{ random = { count = [1, 2] } }, { ids = [\"a\", \"b\"] }]");
    let ids = TargetSpec::Ids(vec!["a".into(), "b".into()]);
    let random = |count| TargetSpec::Random { count };
    assert_eq!(spec.threat.targets, [random(1), random(2), ids], "a list by nature stays one value");
}

#[test]
fn parameters_are_axes_too_and_the_first_varies_slowest() {
    let spec = with(
        "[[defense]]\nnone = {}\n[threat]\nknowledge = { noisy = { keep = [0.9, 0.8], perturb = [0.1, 0.2] } }",
    );
    let pairs: Vec<(f64, f64)> = spec
        .threat
        .knowledge
        .iter()
        .map(|k| match k {
            KnowledgeSpec::Noisy(Noisy { keep, perturb, .. }) => (keep.get(), perturb.get()),
            other => panic!("{other}"),
        })
        .collect();
    assert_eq!(pairs, [(0.9, 0.1), (0.9, 0.2), (0.8, 0.1), (0.8, 0.2)]);
    let spec = parse("dataset = { demo = { min_user = [0, 5] } }\nvictim = \"popularity\"\nattack = [\"none\", { bandwagon = { selected-fraction = [0.1, 0.5] } }]").unwrap();
    assert_eq!(spec.dataset.len(), 2);
    assert_eq!(spec.dataset[1].options.min_user, Some(5));
    assert_eq!(spec.attack.len(), 3);
}

#[test]
fn kebab_and_snake_case_are_one() {
    let a = with(
        "[threat]\nprofile-size = { count = 9 }\ntarget-users = { random = { count = 3 } }\nexclude = \"all_rated\"",
    );
    let b = with(
        "[threat]\nprofile_size = { count = 9 }\ntarget_users = { random = { count = 3 } }\nexclude = \"all-rated\"",
    );
    assert_eq!(a, b);
    let parse_attack = |key: &str| {
        with("").attack.len()
            + parse(&SMALL.replace("random = {}", &format!("bandwagon = {{ {key} = 0.3 }}")))
                .unwrap()
                .attack
                .len()
    };
    assert_eq!(parse_attack("selected-fraction"), parse_attack("selected_fraction"));
}

#[test]
fn files_and_commands_are_data_sets_and_victims() {
    let spec = parse("victim = [{ command = { run = \"my {train} {out}\" } }, \"popularity\"]\nattack = \"none\"\n[[dataset]]\nfile = { path = \"r.csv\", columns = \"user,item\", implicit = true, min-user = 3 }\n[[dataset]]\nml-100k = {}").unwrap();
    assert_eq!(spec.dataset[0].source, Source::File("r.csv".into()));
    assert_eq!((spec.dataset[0].data(), spec.dataset[0].label().as_str()), ("r.csv", "r.csv"));
    assert!(spec.dataset[0].options.implicit && spec.dataset[0].options.min_user == Some(3));
    assert_eq!(spec.dataset[1].source, Source::Known("ml-100k".into()));
    assert!(matches!(&spec.victim[0], VictimChoice::Command(c) if c.run == "my {train} {out}"));
    assert_eq!(spec.victim[1].card().name, "popularity");
}

#[test]
fn unknown_keys_and_names_say_where_and_what_is_near() {
    let (line, key, problem, hint) = wrong(&format!("{SMALL}sede = 3"));
    assert_eq!(
        (line, key.as_str(), problem.as_str(), hint.as_str()),
        (4, "", "unknown key `sede`", "did you mean `seed`?")
    );
    let (line, key, problem, hint) = wrong(&format!("{SMALL}[threat]\nsise = 3"));
    assert_eq!((line, key.as_str()), (5, "threat"));
    assert_eq!((problem.as_str(), hint.as_str()), ("unknown key `sise`", "did you mean `size`?"));
    let (line, key, problem, hint) =
        wrong("dataset = { demo = {} }\nvictim = \"populrity\"\nattack = \"none\"");
    assert_eq!(
        (line, key.as_str(), problem.as_str(), hint.as_str()),
        (2, "victim", "unknown name `populrity`", "did you mean `popularity`?")
    );
    let (line, key, _, hint) = wrong(
        "dataset = { demo = {} }\nvictim = \"popularity\"\n[[attack]]\nnone = {}\n[[attack]]\nbandwagon = { selected = 0.1 }",
    );
    assert_eq!((line, key.as_str()), (6, "attack[1].bandwagon"));
    assert!(hint.contains("selected_fraction"), "{hint}");
    let (_, key, problem, _) =
        wrong("dataset = { demo = { min_usr = 1 } }\nvictim = \"popularity\"\nattack = \"none\"");
    assert_eq!((key.as_str(), problem.as_str()), ("dataset.demo", "unknown key `min_usr`"));
}

#[test]
fn wrong_values_say_where() {
    let (line, key, problem, _) = wrong(&format!("{SMALL}[threat]\nsize = {{ fraction = nan }}"));
    assert_eq!((line, key.as_str()), (5, "threat.size.fraction"), "{problem}");
    let (line, key, problem, _) = wrong(&format!("{SMALL}repeats = \"many\""));
    assert_eq!((line, key.as_str()), (4, "repeats"));
    assert!(problem.contains("string \"many\"") && problem.contains("u64"), "{problem}");
    assert_eq!(wrong(&format!("{SMALL}repeats = 0")).2, "is 0, expected at least 1");
    assert_eq!(wrong(&format!("{SMALL}repeats = []")).2, "invalid type: sequence, expected u64");
    assert_eq!(wrong(&format!("{SMALL}[threat]\nsize = []")).2, "this list is empty");
    assert!(wrong(&format!("{SMALL}[measure]\nhit_ratio = []")).2.contains("at least 1"));
    assert!(wrong(&format!("{SMALL}[measure]\nhit_ratio = [0]")).2.contains("at least 1"));
    assert_eq!(wrong("victim = \"popularity\"\nattack = \"none\"").2, "missing key `dataset`");
    assert_eq!(
        wrong("dataset = { file = {} }\nvictim = \"popularity\"\nattack = \"none\"").2,
        "missing key `path`"
    );
    assert!(wrong("seed = \n").2.len() > 3);
    assert_eq!(wrong("a = 1\na = 2").0, 2);
    assert!(
        wrong(&format!("{SMALL}[threat]\ntargets = {{ file = \"/no/such/file\" }}"))
            .2
            .contains("/no/such/file")
    );
}

#[test]
fn labels_in_a_file_become_part_of_the_experiment() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, "\u{feff}12\r\n\nabc\n".as_bytes()).unwrap();
    let path = file.path().display();
    let spec =
        with(&format!("[threat]\ntargets = {{ file = '{path}' }}\ntarget_users = {{ file = '{path}' }}"));
    let labels = vec!["12".to_owned(), "abc".to_owned()];
    assert_eq!(spec.threat.targets, [TargetSpec::Ids(labels.clone())]);
    assert_eq!(spec.threat.target_users, [AudienceSpec::Ids(labels)]);
}

#[test]
fn the_resolved_file_reads_back_to_the_same_for_every_entry_of_every_catalogue() {
    let mut spec = with(
        "seed = 7\nrepeats = 3\n[threat]\nsize = [{ fraction = 0.005 }, { count = 9 }]\nblack_box = { queries = 0.02 }\nsurrogate = \"popularity\"\ntargets = [{ band = { low = 20, high = 40, count = 3 } }, { near = { value = 0.8, count = 2 } }]\nknowledge = { noisy = {} }",
    );
    spec.attack = AttackSpec::all();
    spec.victim = VictimChoice::all();
    spec.dataset.push(DatasetSpec {
        source: Source::File("a b.csv".into()),
        options: shillproof_data::DataOptions { min_rating: Some(0.1), ..Default::default() },
    });
    spec.seed = u64::MAX;
    let text = spec.to_toml();
    assert_eq!(parse(&text).unwrap(), spec, "{text}");
    assert!(text.contains("min_rating = 0.1\n"), "{text}");
}

#[test]
fn the_example_of_the_project_reads() {
    let text = include_str!("../../../../examples/experiment.toml");
    let spec = ExperimentSpec::parse(text, "examples/experiment.toml").unwrap();
    assert!(spec.attack.len() >= 3 && spec.threat.size.len() == 3 && spec.repeats == 3);
}

#[test]
fn the_schema_names_every_key() {
    let schema = schema();
    let keys = |value: &serde_json::Value| {
        value["properties"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    let spec = serde_json::to_value(with("")).unwrap();
    let mut fields: Vec<String> = spec.as_object().unwrap().keys().cloned().collect();
    let mut named = keys(&schema);
    fields.sort();
    named.sort();
    assert_eq!(fields, named);
    let mut fields: Vec<String> = spec["threat"].as_object().unwrap().keys().cloned().collect();
    let mut named = keys(&schema["properties"]["threat"]);
    fields.sort();
    named.sort();
    assert_eq!(fields, named);
    let text = schema.to_string();
    assert!(text.contains("\"VictimSpec\"") && text.contains("selected_fraction"));
    assert!(text.matches("#/$defs/").count() > 5 && !text.contains("#/definitions/"));
}
