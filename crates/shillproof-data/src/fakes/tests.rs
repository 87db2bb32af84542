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

/// Content, then parts of the message and of the hint.
type Case<'a> = (&'a str, [&'a str; 3], &'a str);

fn refused(name: &str, data: &Dataset, cases: &[Case<'_>]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    for (content, parts, hint) in cases {
        std::fs::write(&path, content).unwrap();
        let error = read(&path, data).unwrap_err();
        for part in parts {
            assert!(error.to_string().contains(part), "{content:?}: no `{part}` in: {error}");
        }
        assert!(error.hint().is_some_and(|text| text.contains(hint)), "{content:?}: {:?}", error.hint());
    }
}

#[test]
fn wrong_tables_are_refused_with_place_and_hint() {
    let data = data(&["u", "v", "w"], ITEMS, true);
    let form = "`user,item,rating`";
    refused(
        "fakes.csv",
        &data,
        &[
            ("", ["fakes.csv: ", "an empty file", "the header"], form),
            ("user\nf\n", ["fakes.csv:1", "one column: `user`", "the header"], form),
            ("user,rating\nf,1\n", ["fakes.csv:1", "without item column", "item"], "their folder"),
            ("u 7 5\nf 7 5\n", ["fakes.csv:1", "without user column: `u`, `7`, `5`", "user"], "their folder"),
            ("user,item\nf,7\n", ["fakes.csv:1", "without a rating column", "the data has ratings"], form),
            (
                "user,item,rating\nf,8,1\n",
                ["fakes.csv:2", "the item `8`", "one of its 4 items"],
                "the nearest label is `7`",
            ),
            ("user,item,rating\nf,7,1\nu,7,1\n", ["fakes.csv:3", "a genuine user", "label of its own"], form),
            (
                "user,item,rating\nf,7,6\n",
                ["fakes.csv:2", "the rating 6", "on the scale 0.1:5:0.1"],
                "--rating-scale",
            ),
            (
                "user,item,rating\nf,7,0.15\n",
                ["fakes.csv:2", "0.15", "on the scale 0.1:5:0.1"],
                "--rating-scale",
            ),
            (
                "user,item,rating\nf,7,nan\n",
                ["fakes.csv:2", "`nan` in column 3", "a finite number"],
                "correct the row",
            ),
            (
                "user,item,rating\nf,7,1\nf,7,2\n",
                ["fakes.csv:3", "again, as on line 2", "each item once"],
                "--first-of-repeated",
            ),
            ("user,item,rating\nf,7\n", ["fakes.csv:2", "2 columns", "3 as in the header"], form),
            ("user,item,rating\n,7,1\n", ["fakes.csv:2", "an empty user", "the label of a fake user"], form),
            (
                "user,item,rating\n\"f\"x,7,1\n",
                ["fakes.csv:2", "behind the closing quote", "whole fields"],
                form,
            ),
            (
                "user,item,rating\n\"f,7,1\n",
                ["fakes.csv:2", "inside a quoted field", "a closing `\"`"],
                "double every",
            ),
            ("user,item,rating\nf\u{1},7,1\n", ["fakes.csv:2", "control character", "printable"], form),
            (
                "user,item,rating,position\nf,7,1,first\n",
                ["fakes.csv:2", "the time `first`", "whole number"],
                "correct the row",
            ),
        ],
    );
    refused(
        "fakes.tsv",
        &data,
        &[
            ("user\titem\trating\nf,7,1\n", ["fakes.tsv:2", "1 columns", "3 as in the header"], form),
            ("user\titem\trating\nf\tb,a\t1\n", ["fakes.tsv:2", "the item `b,a`", "one of"], "`a,b`"),
        ],
    );
    let header = "user_id:token\titem_id:token\trating:float";
    refused(
        "fakes.inter",
        &data,
        &[
            ("user_id:token\trating:float\nf\t1\n", ["fakes.inter:1", "without item column", "item"], form),
            (&format!("{header}\nf\t\"7\"\t1\n"), ["fakes.inter:2", "the item `\"7\"`", "one of"], "`7`"),
            (&format!("{header}\nv\t7\t1\n"), ["fakes.inter:2", "`v`, who is a genuine user", "own"], form),
            (
                &format!("{header}\nf\t7\t9\n"),
                ["fakes.inter:2", "the rating 9", "on the scale"],
                "--rating-scale",
            ),
            (
                &format!("{header}\nf\t7\t1\nf\t7\t1\n"),
                ["fakes.inter:3", "as on line 2", "once"],
                "--first-of-repeated",
            ),
            (
                &format!("{header}\ttimestamp:float\nf\t7\t1\t0.5\n"),
                ["fakes.inter:2", "the time `0.5`", "whole"],
                "correct",
            ),
        ],
    );
    let none = read(Path::new("no/such.csv"), &data).unwrap_err();
    assert!(matches!(none, DataError::Io { .. }));
}

#[test]
fn wrong_json_is_refused_with_place_and_hint() {
    let implicit = data(&["u", "v", "w"], ITEMS, false);
    let form = "docs/formats.md";
    refused(
        "fakes.json",
        &implicit,
        &[
            ("{\"f\": [\n7,", ["fakes.json:2", "no JSON", "one JSON value"], form),
            ("{\"f\": [7]} x", ["fakes.json:1", "no JSON (trailing", "one JSON value"], form),
            ("{\"f\":\n7}", ["fakes.json:2", "found `7`", "a list of items"], form),
            ("[7, 7]", ["fakes.json:1", "found `7`", "a list of items"], form),
            ("{\"fake_users\": 3}", ["fakes.json:1", "found `3`", "an object from users to lists"], form),
            (
                "{\"f\": [\n7,\n8]}",
                ["fakes.json:3", "the item `8`", "one of its 4 items"],
                "the nearest label is `7`",
            ),
            ("{\"f\": [7.0]}", ["fakes.json:1", "the item `7.0`", "one of"], "to the letter"),
            ("{\"f\": [null]}", ["fakes.json:1", "found `null`", "a string or a number"], form),
            ("{\"f\": [7],\n\"u\": [7]}", ["fakes.json:2", "`u`, who is a genuine user", "own"], form),
            ("{\"f\": [7],\n\"f\": []}", ["fakes.json:2", "`f` for the second time", "once"], form),
            (
                "{\"f\": [7,\n\"7\"]}",
                ["fakes.json:2", "again, as on line 1", "each item once"],
                "--first-of-repeated",
            ),
            ("{\"\": [7]}", ["fakes.json:1", "an empty user", "the label"], form),
            (
                "{\"fake_users\": {}, \"target_items\": [8]}",
                ["fakes.json:1", "the item `8`", "one of"],
                "`7`",
            ),
            ("{\"fake_users\": {}, \"ordered\": 1}", ["fakes.json:1", "found `1`", "true or false"], form),
        ],
    );
    let explicit = data(&["u", "v", "w"], ITEMS, true);
    refused(
        "fakes.json",
        &explicit,
        &[
            ("{\"f\": [7]}", ["fakes.json:1", "without `ratings`", "the data has ratings"], "--implicit"),
            (
                "{\"fake_users\": {\"f\": [7]}, \"ratings\": {}}",
                ["fakes.json:1", "0 ratings for 1 items of `f`", "one rating"],
                form,
            ),
            (
                "{\"fake_users\": [[7]], \"ratings\": [[1, 1]]}",
                ["fakes.json:1", "2 ratings for 1 items", "one"],
                form,
            ),
            (
                "{\"fake_users\": [[7]], \"ratings\": [[9]]}",
                ["fakes.json:1", "the rating 9", "scale"],
                "--rating-scale",
            ),
            (
                "{\"fake_users\": [[7]], \"ratings\": [[\"1\"]]}",
                ["fakes.json:1", "rating `\"1\"`", "finite"],
                "correct",
            ),
            (
                "{\"fake_users\": {}, \"ratings\": {\"g\": []}}",
                ["fakes.json:1", "ratings of `g`", "in this file"],
                form,
            ),
        ],
    );
}

#[test]
fn wrong_folders_are_refused_with_place_and_hint() {
    let data = data(&["u", "v"], ["1", "2", "3", "4"], true);
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let refused = |parts: [&str; 3], hint: &str| {
        let error = read(folder.path(), &data).unwrap_err();
        for part in parts {
            assert!(error.to_string().contains(part), "no `{part}` in: {error}");
        }
        assert!(error.hint().is_some_and(|text| text.contains(hint)), "{:?}", error.hint());
    };
    refused(["a folder without `train.txt`", "val.txt", "test.txt"], "docs/formats.md");
    let genuine = "u 1 0.1\nv 2 0.1\n";
    let whole = "the 2 interactions of genuine in `train.txt`";
    for (train, parts, hint) in [
        (
            "f 1 1\n",
            [
                "train.txt: ",
                "0 rows of users of genuine: 0 are not in genuine; 2 of genuine are missing",
                whole,
            ],
            "filtered alike",
        ),
        ("u 1 0.1\n", ["train.txt: ", "1 rows", "1 of genuine are missing"], "DATA"),
        (
            "u 1 1.0\nv 2 0.1\n",
            ["train.txt:1", "the first is u 1 rated 1, in genuine 0.1", whole],
            "--implicit",
        ),
        (
            "u 1 0.1\nv 2 0.1\nu 2 1\nu 77 1\n",
            ["train.txt:3", "2 are not in genuine, the first is u 2", "0 of genuine"],
            "DATA",
        ),
        ("u 1 0.1\nv 2\n", ["train.txt:2", "2 columns in `v 2`", "`user item rating`"], "docs/formats.md"),
        ("u 1 0.1\nv 2 x\n", ["train.txt:2", "the rating `x` in column 3", "finite"], "correct"),
        (
            &format!("{genuine}f 5 1\n"),
            ["train.txt:3", "the item `5`", "one of its 4 items"],
            "the nearest label is",
        ),
        (&format!("{genuine}f 1 9\n"), ["train.txt:3", "the rating 9", "on the scale"], "--rating-scale"),
        (
            &format!("{genuine}f 1 1\nf 1 2\n"),
            ["train.txt:4", "as on line 3", "each item once"],
            "--first-of-repeated",
        ),
    ] {
        write("train.txt", train);
        refused(parts, hint);
    }
    write("train.txt", &format!("{genuine}f 1 1\n"));
    write("val.txt", "f 2 1\n");
    refused(["val.txt:1", "`f`, who is a fake user", "must not be poisoned"], "train.txt");
    write("train.txt", "u 1 0.1\nf 1 1\n");
    write("val.txt", "\nw 2 0.1\n");
    refused(["val.txt:2", "the first is the user `w`", "1 of genuine are missing"], "DATA");
}

#[test]
fn what_a_format_cannot_hold_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused =
        |users: &FakeUsers, data: &Dataset, format: FakesFormat, path: &str, what: &str, hint: &str| {
            let error = users.save(&folder.path().join(path), format, data, None).unwrap_err();
            assert!(error.to_string().contains(what), "{error}");
            assert!(error.hint().is_some_and(|text| text.contains(hint)), "{:?}", error.hint());
        };
    let entries =
        |list: &[(u32, f32)]| Profile { entries: list.iter().map(|&(i, r)| (ItemId(i), r)).collect() };
    let users = |list: &[(u32, f32)], ordered| FakeUsers {
        labels: vec!["f".into()],
        fakes: FakeProfiles { profiles: vec![entries(list)], ordered, queries: 0 },
        ..FakeUsers::default()
    };
    let plain = data(&["u", "v"], ITEMS_WITHOUT_BLANKS, true);
    let (good, arlib) = (users(&[(0, 1.0)], false), FakesFormat::Arlib);
    refused(
        &good,
        &data(&["u", "v"], ITEMS, true),
        arlib,
        "out",
        "the label `x \"y\"` for ARLib",
        "--as inter",
    );
    refused(
        &good,
        &data(&["u", "v\u{2003}w"], ITEMS_WITHOUT_BLANKS, true),
        arlib,
        "out",
        "cut at blanks",
        "--as json",
    );
    refused(&users(&[(0, 1.0)], true), &plain, arlib, "out", "profiles in order", "--as inter");
    refused(&users(&[], false), &plain, arlib, "out", "`f` for ARLib: a user without items", "csv");
    std::fs::create_dir(folder.path().join("full")).unwrap();
    std::fs::write(folder.path().join("full/train.txt"), "mine").unwrap();
    refused(&good, &plain, arlib, "full", "the folder is not empty", "new folder");
    for format in FakesFormat::ALL {
        refused(&users(&[(4, 1.0)], false), &plain, format, "out", "item number 4", "items of the data");
        refused(&users(&[(0, f32::NAN)], false), &plain, format, "out", "rating NaN", "finite ratings");
        let named = |label: &str| FakeUsers { labels: vec![label.into()], ..good.clone() };
        refused(&named("a\tb"), &plain, format, "out", "a control character", "printable");
        refused(&named(" "), &plain, format, "out", "it is blank", "printable");
    }
    let left: Vec<_> = folder.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["full"], "nothing else was written");
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
    assert!(lorec.fakes.ordered, "a list has an order");
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
