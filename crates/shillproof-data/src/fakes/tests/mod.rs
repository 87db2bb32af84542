mod refused;

use proptest::prelude::*;
use shillproof_core::{Interactions, Profile, RatingScale, Seed, Triples};

use super::*;
use crate::split::SplitSpec;

/// Rows of `users`, each with one of the `items` in turn.
fn data(users: &[&str], items: [&str; 4], explicit: bool) -> Dataset {
    let (users, items) = (Labels::sorted(users), Labels::sorted(items));
    let triples = Triples {
        users: (0..users.len() as u32).collect(),
        items: (0..users.len() as u32).map(|u| u % 4).collect(),
        ratings: explicit.then(|| vec![0.1; users.len()]),
        times: None,
    };
    let scale = explicit.then(|| RatingScale::new(0.1, 5.0, 0.1).unwrap());
    let interactions = Interactions::from_triples(users.len(), items.len(), triples, scale).unwrap();
    Dataset::new("genuine".into(), users, items, interactions)
}

const ITEMS: [&str; 4] = ["a,b", "x \"y\"", "7", "::"];
const ITEMS_WITHOUT_BLANKS: [&str; 4] = ["a,b", "\"x\"y", "7", "::"];
const FAKES: [&str; 6] = ["fake-0001", "7", "007", "\"ü,", "{", "user_id:token"];

fn read(path: &Path, data: &Dataset) -> Result<FakeUsers, DataError> {
    FakeUsers::read(path, data, &FakesOptions::default())
}

fn round_trip(users: &FakeUsers, format: FakesFormat, data: &Dataset) -> FakeUsers {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("poison");
    users.save(&path, format, data, None).unwrap();
    read(&path, data).unwrap()
}

proptest! {
    #[test]
    fn every_format_keeps_labels_profiles_order_and_ratings_to_the_last_bit(
        labels in prop::sample::subsequence(FAKES.to_vec(), 0..=6),
        profiles in prop::collection::vec(
            prop::sample::subsequence(vec![0u32, 1, 2, 3], 0..=4).prop_shuffle().prop_flat_map(|items| {
                let n = items.len();
                (Just(items), prop::collection::vec(0usize..50, n))
            }),
            6,
        ),
        targets in prop::sample::subsequence(vec![3u32, 1, 0], 0..=3),
        ordered: bool,
        explicit: bool,
        format in prop::sample::select(FakesFormat::ALL.to_vec()),
    ) {
        let arlib = format == FakesFormat::Arlib;
        let ordered = ordered && !arlib;
        let data = data(&["u", "v", "w"], if arlib { ITEMS_WITHOUT_BLANKS } else { ITEMS }, explicit);
        let level: Vec<f32> = RatingScale::new(0.1, 5.0, 0.1).unwrap().levels().collect();
        let labels: Vec<String> = Labels::sorted(labels).iter().map(str::to_owned).collect();
        let entries = |(items, levels): (Vec<u32>, Vec<usize>)| -> Vec<(ItemId, f32)> {
            let rating = |l: usize| if explicit { level[l] } else { 1.0 };
            items.into_iter().zip(levels).map(|(i, l)| (ItemId(i), rating(l))).collect()
        };
        let mut profiles: Vec<Profile> =
            profiles.into_iter().take(labels.len()).map(|p| Profile { entries: entries(p) }).collect();
        if arlib {
            profiles.iter_mut().filter(|p| p.entries.is_empty()).for_each(|p| p.entries.push((ItemId(2), 1.0)));
        }
        let targets = if format == FakesFormat::Json { targets.into_iter().map(ItemId).collect() } else { Vec::new() };
        let fakes = FakeProfiles { profiles, ordered, queries: 0 };
        let users = FakeUsers { labels, fakes, targets, notes: Vec::new() };
        prop_assert_eq!(round_trip(&users, format, &data), users);
    }

    #[test]
    fn whatever_stands_in_a_file_there_is_no_panic(
        text in "[\\[\\]{}\",:a-c0-9 \t\n.]{0,80}",
        name in prop::sample::select(vec!["f.csv", "f.inter", "f.json", "poison/train.txt"]),
        explicit: bool,
    ) {
        let data = data(&["a", "b", "c"], ["1", "2", "3", "4"], explicit);
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("poison")).unwrap();
        std::fs::write(folder.path().join(name), text).unwrap();
        if let Err(error) = read(&folder.path().join(name.split('/').next().unwrap()), &data) {
            prop_assert!(error.hint().is_some_and(|hint| !hint.is_empty()), "{}", error);
        }
    }
}

#[test]
fn labels_are_widened_and_never_genuine() {
    let data = data(&["fake-0002", "b"], ITEMS, true);
    assert_eq!(fake_labels(1, &data.users), ["fake-0001"]);
    assert_eq!(fake_labels(2, &data.users), ["fake-fake-0001", "fake-fake-0002"]);
    let many = fake_labels(10_000, &data.users);
    assert_eq!((many[0].as_str(), many[9_999].as_str()), ("fake-00001", "fake-10000"));
    assert!(many.is_sorted());
}

#[test]
fn a_folder_with_held_out_rows_is_the_whole_data() {
    let data = crate::demo();
    let fakes = FakeProfiles {
        profiles: vec![Profile { entries: vec![(ItemId(5), 5.0), (ItemId(3), 1.0)] }; 2],
        ..FakeProfiles::default()
    };
    let users = FakeUsers::new(fakes, &data);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("poison");
    for split in ["none", "leave-one-out", "ratio:0.8:0.1:0.1"] {
        let parts = split.parse::<SplitSpec>().unwrap().split_dataset(&data, Seed::new(3)).unwrap();
        users.save(&path, FakesFormat::Arlib, &data, Some(&parts)).unwrap();
        assert_eq!(read(&path, &data).unwrap(), users, "{split}");
        let lines = |name| std::fs::read_to_string(path.join(name)).unwrap().lines().count();
        assert_eq!(lines("train.txt"), parts.train.len() + 4);
        assert_eq!(lines("val.txt"), parts.valid.as_ref().map_or(0, Interactions::len));
        assert_eq!(lines("test.txt"), parts.test.as_ref().map_or(0, Interactions::len));
        // Whoever has only the training part may call it DATA.
        let train = Dataset::new("train".into(), data.users.clone(), data.items.clone(), parts.train);
        assert_eq!(read(&path, &train).unwrap(), users, "{split}");
        std::fs::remove_dir_all(&path).unwrap();
        // An empty folder is as good as none.
        std::fs::create_dir(&path).unwrap();
    }
}

#[test]
fn other_tools_files_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f");
    let read = |text: &str, data: &Dataset| {
        std::fs::write(&path, text).unwrap();
        read(&path, data).unwrap()
    };
    let implicit = data(&["u", "v"], ["1", "2", "3", "4"], false);
    let items = |users: &FakeUsers| -> Vec<Vec<u32>> {
        let own =
            |p: &Profile| p.entries.iter().map(|&(i, _)| implicit.items.get(i.0).parse().unwrap()).collect();
        users.fakes.profiles.iter().map(own).collect()
    };
    // VAT; numbers as LoRec has them; users alone; no users' names at all.
    let vat = read(
        "{\"target_items\": [\"3\"], \"fake_users\": {\"b\": [\"3\", \"1\"], \"a\": [\"2\"]}}",
        &implicit,
    );
    assert_eq!((items(&vat), vat.labels), (vec![vec![2], vec![3, 1]], vec!["a".into(), "b".into()]));
    assert_eq!(vat.targets, [ItemId(2)]);
    let lorec = read("{\"user_data\": {\"b\": [3, 1]}, \"target_item\": [3]}", &implicit);
    assert_eq!((items(&lorec), lorec.targets), (vec![vec![3, 1]], vec![ItemId(2)]));
    assert!(!lorec.fakes.ordered, "this data has no order");
    assert_eq!(items(&read("{\"b\": [3], \"c\": []}", &implicit)), [vec![3], vec![]]);
    assert_eq!(read("[[3, 1], [2]]", &implicit).labels, ["fake-0001", "fake-0002"]);
    // RecBole, columns in another order, a typed header without ratings, times that are no positions.
    let inter = read(
        "item_id:token\tlabel:float\ttimestamp:float\tuser_id:token\n3\t1\t99.0\tf\n1\t1\t7\tf\n",
        &implicit,
    );
    assert_eq!((items(&inter), inter.fakes.ordered), (vec![vec![1, 3]], true));
    // Other separators, and ratings where the data has none.
    assert_eq!(items(&read("user_id;item_id;rating\n\"f\";3;5\n", &implicit)), [[3]]);
    std::fs::write(&path, "user,item,rating\nf,3,-1\n").unwrap();
    assert!(read_fakes(&path, &implicit).unwrap_err().to_string().contains("a positive rating"));
}

#[test]
fn packed_files_are_read() {
    use std::io::Write as _;
    let data = data(&["u", "v"], ITEMS, true);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.json.gz");
    let mut out =
        flate2::write::GzEncoder::new(std::fs::File::create(&path).unwrap(), flate2::Compression::fast());
    let long = " ".repeat(200_000);
    write!(out, " \n{{\"fake_users\": [[\"::\"]],{long} \"ratings\": [[5]]}}").unwrap();
    out.finish().unwrap();
    assert_eq!(read(&path, &data).unwrap().fakes.profiles[0].entries[0].1, 5.0);
}

#[test]
fn items_of_other_names_and_repeated_ones_are_asked_for() {
    let data = data(&["u", "v"], ["10", "20", "30", "b c"], false);
    let folder = tempfile::tempdir().unwrap();
    let (fakes, map) = (folder.path().join("f.json"), folder.path().join("items.txt"));
    std::fs::write(&fakes, "{\"f\": [0, 3, 0]}").unwrap();
    let with = |text: &str| {
        std::fs::write(&map, text).unwrap();
        let item_map = Some(ItemMap::read(&map)?);
        FakeUsers::read(&fakes, &data, &FakesOptions { item_map, first_of_repeated: true })
    };
    for text in
        ["30\n20\n10\nb c\n", "org_id remap_id\n30 0\nb c 3\n", "org_id remap_id\r\n30\t0\r\nb c\t3\r\n"]
    {
        let read = with(text).unwrap();
        let entries: Vec<u32> = read.fakes.profiles[0].entries.iter().map(|(item, _)| item.0).collect();
        assert_eq!(entries, [2, 3], "{text}");
        assert!(read.notes[0].starts_with("1 rows repeat an item"), "{:?}", read.notes);
    }
    for (text, parts) in [
        ("30\n20\n", ["f.json:1", "the item `3`, which is not in the map", "one of its 2 ids"]),
        ("30\n20\n10\n40\n", ["f.json:1", "the item `40`", "one of its 4 items"]),
        ("org_id remap_id\n30\n", ["items.txt:2", "one column: `30`", "a label and its id"]),
        ("org_id remap_id\n30 0\n20 0\n", ["items.txt:3", "an id for the second time", "one label a line"]),
    ] {
        let error = with(text).unwrap_err();
        for part in parts {
            assert!(error.to_string().contains(part), "{text:?}: no `{part}` in: {error}");
        }
        assert!(error.hint().is_some_and(|hint| !hint.is_empty()));
    }
}

#[test]
fn the_name_of_a_file_says_its_format() {
    let folder = tempfile::tempdir().unwrap();
    for (name, format) in [
        ("f.csv", FakesFormat::Csv),
        ("f.txt", FakesFormat::Csv),
        ("f", FakesFormat::Csv),
        ("f.TSV", FakesFormat::Tsv),
        ("a.b/f.inter", FakesFormat::Inter),
        ("f.json", FakesFormat::Json),
        ("f.json/", FakesFormat::Arlib),
        (folder.path().to_str().unwrap(), FakesFormat::Arlib),
    ] {
        assert_eq!(FakesFormat::of_name(Path::new(name)), format, "{name}");
    }
    for format in FakesFormat::ALL {
        assert_eq!(format.name().parse::<FakesFormat>().unwrap(), format);
    }
    let error = "cvs".parse::<FakesFormat>().unwrap_err();
    assert!(error.to_string().contains("`cvs`") && error.hint().is_some());
}
